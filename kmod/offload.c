// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Batches of packets; see offload.h.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/string.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/protocol.h>

#include "compat.h"
#include "cut.h"
#include "net.h"
#include "offload.h"

#define LAST_GATHERED_MS 10	/* time packets are gathered at most */
#define LONGEST 65535	/* bytes of an IP packet */

static bool leaving;		/* the module is */

/* Cutting. */

/* Drivers of NICs that cut whatever they are told is TCP, by its header's length alone. */
static const char *const cutters[] = { "mlx4_core", "mlx5_core" };

bool homa_offload_cuts(const struct net_device *dev)
{
	const struct device *parent = dev->dev.parent;

	if (!(dev->features & NETIF_F_TSO) || !parent || !parent->driver)
		return false;
	return match_string(cutters, ARRAY_SIZE(cutters), parent->driver->name) >= 0;
}

static struct sk_buff *segment_list(struct sk_buff *skb, netdev_features_t features)
{
	u32 ip_header = skb_transport_header(skb) - skb_network_header(skb);
	struct sk_buff *segments, *at;

	segments = skb_segment_list(skb, features, skb_mac_header_len(skb));
	if (IS_ERR(segments))
		return segments;
	/* Whatever a router has done to the first one's IP header. The caller sets lengths. */
	for (at = segments->next; at; at = at->next)
		memcpy(skb_network_header(at), skb_network_header(segments), ip_header);
	return segments;
}

static struct sk_buff *segment_data(struct sk_buff *skb, netdev_features_t features)
{
	if (!pskb_may_pull(skb, HOMA_DATA_HEADER - HOMA_SEG_HEADER) ||
	    !homa_wire_interleaved(skb->data) || skb_shinfo(skb)->gso_size <= HOMA_SEG_HEADER)
		return ERR_PTR(-EINVAL);
	if (skb_has_frag_list(skb) && skb_linearize(skb))
		return ERR_PTR(-ENOMEM);
	/* Each segment gets a copy of what comes before the first segment header. */
	__skb_pull(skb, HOMA_DATA_HEADER - HOMA_SEG_HEADER);
	if (skb->len <= skb_shinfo(skb)->gso_size)
		return ERR_PTR(-EINVAL);
	return homa_cut_fits(skb, features) ? homa_cut(skb) : skb_segment(skb, features);
}

/* Others may have put the rest of a packet into a list of frags, too, but not call it that. */
static bool is_list(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST && skb_has_frag_list(skb);
}

static struct sk_buff *segment(struct sk_buff *skb, netdev_features_t features)
{
	if (is_list(skb))
		return segment_list(skb, features);
	/* There is no checksum to compute, though a guest's driver may not say so. */
	if (skb->ip_summed == CHECKSUM_NONE)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return segment_data(skb, features | NETIF_F_HW_CSUM);
}

/* Received batches. */

static struct sk_buff *split_list(struct sk_buff *skb)
{
	struct sk_buff *at, *next, **tail = &skb->next;

	/* Others that have a clone walk the same list. */
	if (skb_unclone(skb, GFP_ATOMIC)) {
		kfree_skb(skb);
		return NULL;
	}
	next = skb_shinfo(skb)->frag_list;
	skb_shinfo(skb)->frag_list = NULL;
	skb_gso_reset(skb);
	while (next) {
		at = next;
		next = at->next;
		skb->len -= at->len;
		skb->data_len -= at->len;
		skb->truesize -= at->truesize;
		if (skb_shared(at)) {
			struct sk_buff *own = skb_clone(at, GFP_ATOMIC);

			consume_skb(at);
			if (!own)
				continue;
			at = own;
		}
		/* As IP would have left it, for ICMP. */
		memset(at->cb, 0, sizeof(at->cb));
		at->dev = skb->dev;
		at->skb_iif = skb->skb_iif;
		if (skb_dst(skb)) {
			skb_dst_drop(at);
			skb_dst_set_noref(at, skb_dst(skb));
		}
		*tail = at;
		tail = &at->next;
	}
	*tail = NULL;
	return skb;
}

static struct sk_buff *split_data(struct sk_buff *skb)
{
	struct sk_buff *segments, *at;

	if (!skb_mac_header_was_set(skb))
		skb->mac_header = skb->network_header;
	__skb_push(skb, -skb_mac_offset(skb));
	/* With the promise that someone computes checksums; nobody does, Homa has none. */
	segments = __skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM, false);
	if (IS_ERR_OR_NULL(segments)) {
		kfree_skb(skb);
		return NULL;
	}
	consume_skb(skb);
	for (at = segments; at; at = at->next)
		__skb_pull(at, skb_transport_offset(at));
	return segments;
}

struct sk_buff *homa_offload_split(struct sk_buff *skb)
{
	homa_count(homa_net(dev_net(skb->dev)), packet_batches);
	if (is_list(skb))
		return split_list(skb);
	if (pskb_may_pull(skb, HOMA_DATA_HEADER) && homa_wire_interleaved(skb->data)) {
		/* Our own, nobody else makes this type: segment headers are as they should be. */
		if (skb_shinfo(skb)->gso_type == SKB_GSO_FRAGLIST)
			return skb;
		return split_data(skb);
	}
	/* Whatever it was meant to be cut into. */
	skb_gso_reset(skb);
	return skb;
}

/* Gathering. */

/* May a packet wait for others to be handed on with? */
static bool may_wait(struct homa_net *hnet, struct sk_buff *skb)
{
	u32 policy = READ_ONCE(hnet->shell.gro_policy), at = skb_gro_offset(skb);
	const u8 *header = skb_gro_header(skb, at + HOMA_COMMON_HEADER, at);

	if (!header)
		return false;
	if (homa_wire_type(header) == HOMA_GRANT && policy & HOMA_GRO_GRANT_BYPASS) {
		homa_count(hnet, gro_grant_bypasses);
		return false;
	}
	if (homa_wire_type(header) != HOMA_DATA || !(policy & HOMA_GRO_SHORT_BYPASS))
		return true;
	header = skb_gro_header(skb, at + HOMA_DATA_HEADER, at);
	if (!header)
		return false;
	if (!homa_wire_whole(header, skb_gro_len(skb)))
		return true;
	homa_count(hnet, gro_data_bypasses);
	return false;
}

static u8 priority_of(const void *ip)
{
	return *(u8 *)ip >> 4 == 4 ? ((struct iphdr *)ip)->tos
				   : ip6_tclass(ip6_flowinfo((struct ipv6hdr *)ip));
}

/* Add a packet to a batch. What GRO itself has for this is not for modules. */
static bool append(struct sk_buff *batch, struct sk_buff *skb)
{
	/* With the header of ours, which is read next. */
	if (!pskb_may_pull(skb, min(skb->len, skb_gro_offset(skb) + HOMA_DATA_HEADER)))
		return false;
	skb_orphan(skb);
	if (NAPI_GRO_CB(batch)->last == batch)
		skb_shinfo(batch)->frag_list = skb;
	else
		NAPI_GRO_CB(batch)->last->next = skb;
	skb_pull(skb, skb_gro_offset(skb));
	NAPI_GRO_CB(batch)->last = skb;
	NAPI_GRO_CB(batch)->count++;
	NAPI_GRO_CB(skb)->same_flow = 1;
	batch->len += skb->len;
	batch->data_len += skb->len;
	batch->truesize += skb->truesize;
	/* A forwarder wants to know the longest one. */
	skb_shinfo(batch)->gso_size = max_t(u32, skb_shinfo(batch)->gso_size, skb->len);
	return true;
}

static struct sk_buff *gather(struct list_head *head, struct sk_buff *skb)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));
	u32 ip_header = skb_gro_offset(skb) - skb_network_offset(skb);
	const void *ip = skb_gro_network_header(skb);
	struct sk_buff *batch;

	if (NAPI_GRO_CB(skb)->flush || NAPI_GRO_CB(skb)->encap_mark || skb_is_gso(skb) ||
	    READ_ONCE(leaving) || !READ_ONCE(hnet->active) || skb->ip_summed == CHECKSUM_PARTIAL ||
	    ip_header > sizeof(struct ipv6hdr) || !may_wait(hnet, skb))
		goto alone;
	list_for_each_entry(batch, head, list) {
		if (!NAPI_GRO_CB(batch)->same_flow)
			continue;
		if (priority_of(skb_network_header(batch)) != priority_of(ip)) {
			NAPI_GRO_CB(batch)->same_flow = 0;
			continue;
		}
		if (NAPI_GRO_CB(batch)->count >= READ_ONCE(hnet->shell.max_gro_skbs) ||
		    batch->len + skb->len > LONGEST)
			return batch;
		if (append(batch, skb))
			return NULL;
		break;
	}
	if (list_entry_is_head(batch, head, list))
		return NULL;
alone:
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

static int gathered(struct sk_buff *skb, int offset)
{
	skb_shinfo(skb)->gso_type = SKB_GSO_FRAGLIST;
	skb_shinfo(skb)->gso_segs = NAPI_GRO_CB(skb)->count;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return 0;
}

static const struct net_offload offload = {
	.callbacks = {
		.gso_segment = segment,
		.gro_receive = gather,
		.gro_complete = gathered,
	},
};

int homa_offload_init(void)
{
	int err;

	homa_cut_init();
	err = inet_add_offload(&offload, IPPROTO_HOMA);

	if (err)
		return err;
	err = inet6_add_offload(&offload, IPPROTO_HOMA);
	if (err)
		inet_del_offload(&offload, IPPROTO_HOMA);
	return err;
}

void homa_offload_exit(void)
{
	/*
	 * GRO needs us to hand on what it gathered: no more of that, and what there is goes on when
	 * a poll ends, or soon after it on devices that are told to put that off.
	 */
	WRITE_ONCE(leaving, true);
	synchronize_net();
	msleep(LAST_GATHERED_MS);
	inet6_del_offload(&offload, IPPROTO_HOMA);
	inet_del_offload(&offload, IPPROTO_HOMA);
	synchronize_net();
	homa_cut_exit();
}
