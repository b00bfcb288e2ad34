// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Homa disguised as TCP; see hijack.h.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/tcp.h>
#include <net/addrconf.h>
#include <net/ip6_checksum.h>
#include <net/route.h>
#include <net/tcp.h>

#include "hijack.h"
#include "out.h"

/* Sending. */

void homa_hijack_batch(struct sk_buff *skb, u32 size, bool ipv4)
{
	struct skb_shared_info *info = skb_shinfo(skb);

	homa_wire_use_sequence(skb->data);
	info->gso_size = size;
	info->gso_segs = DIV_ROUND_UP(skb->len - HOMA_DATA_HEADER, size);
	info->gso_type = ipv4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
}

void homa_hijack_disguise(struct sk_buff *skb, bool ipv4)
{
	u32 length = skb->len - homa_ip_header(ipv4);
	struct tcphdr *tcp = tcp_hdr(skb);

	homa_wire_disguise((u8 *)tcp);
	if (ipv4) {
		ip_hdr(skb)->protocol = IPPROTO_TCP;
		tcp->check = ~tcp_v4_check(length, ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, 0);
	} else {
		ipv6_hdr(skb)->nexthdr = IPPROTO_TCP;
		tcp->check = ~tcp_v6_check(length, &ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr,
					   0);
	}
	/* The device adds the rest of it, or the kernel does for a device that cannot. */
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

/* Receiving. */

/* The TCP header at @offset of a packet if it is a disguised Homa header. */
static bool disguised(const struct sk_buff *skb, u32 offset)
{
	struct tcphdr copy;
	const struct tcphdr *tcp = skb_header_pointer(skb, offset, sizeof(copy), &copy);

	return tcp && homa_wire_disguised((const u8 *)tcp);
}

/* Whatever the sender had the network do for a TCP packet is done with. */
static void forget_tcp(struct sk_buff *skb)
{
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
}

/* An IP header's checksum stays right, and so does the sum over all of the header. */
static void reveal(struct iphdr *ip)
{
	__be16 *word = (__be16 *)&ip->ttl, old = *word;

	BUILD_BUG_ON(offsetof(struct iphdr, protocol) != offsetof(struct iphdr, ttl) + 1);
	ip->protocol = IPPROTO_HOMA;
	csum_replace2(&ip->check, old, *word);
}

/* An ICMP error about a packet that this host sent. */
static unsigned int icmp_in(struct sk_buff *skb, u32 offset)
{
	u32 inner = offset + sizeof(struct icmphdr);
	const struct icmphdr *icmp;
	struct icmphdr icmp_copy;
	const struct iphdr *ip;
	struct iphdr ip_copy;

	icmp = skb_header_pointer(skb, offset, sizeof(icmp_copy), &icmp_copy);
	if (!icmp || icmp->type != ICMP_DEST_UNREACH)
		return NF_ACCEPT;
	ip = skb_header_pointer(skb, inner, sizeof(ip_copy), &ip_copy);
	if (!ip || ip->protocol != IPPROTO_TCP || !disguised(skb, inner + ip->ihl * 4))
		return NF_ACCEPT;
	if (skb_ensure_writable(skb, inner + sizeof(*ip)))
		return NF_DROP;
	/* What ICMP's own checksum covers adds up to the same. */
	reveal((struct iphdr *)(skb->data + inner));
	return NF_ACCEPT;
}

static unsigned int ipv4_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	u32 length = ip->ihl * 4;

	if (likely(ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_ICMP))
		return NF_ACCEPT;
	if (ip_is_fragment(ip))
		return NF_ACCEPT;
	if (ip->protocol == IPPROTO_TCP && !disguised(skb, length))
		return NF_ACCEPT;
	if (inet_addr_type_dev_table(state->net, skb->dev, ip->daddr) != RTN_LOCAL)
		return NF_ACCEPT;
	if (ip->protocol == IPPROTO_ICMP)
		return icmp_in(skb, length);
	if (skb_ensure_writable(skb, length))
		return NF_DROP;
	reveal(ip_hdr(skb));
	forget_tcp(skb);
	return NF_ACCEPT;
}

/* Likewise for IPv6, whose header has no checksum, so that ICMP's must change. */
static unsigned int icmpv6_in(struct sk_buff *skb, u32 offset)
{
	u32 inner = offset + sizeof(struct icmp6hdr);
	const struct icmp6hdr *icmp;
	struct icmp6hdr icmp_copy;
	const struct ipv6hdr *ip;
	struct ipv6hdr ip_copy;
	__be16 *word, old;

	icmp = skb_header_pointer(skb, offset, sizeof(icmp_copy), &icmp_copy);
	if (!icmp || (icmp->icmp6_type != ICMPV6_DEST_UNREACH &&
		      icmp->icmp6_type != ICMPV6_PKT_TOOBIG))
		return NF_ACCEPT;
	ip = skb_header_pointer(skb, inner, sizeof(ip_copy), &ip_copy);
	if (!ip || ip->nexthdr != IPPROTO_TCP || !disguised(skb, inner + sizeof(*ip)))
		return NF_ACCEPT;
	if (skb_ensure_writable(skb, inner + sizeof(*ip)))
		return NF_DROP;
	BUILD_BUG_ON(offsetof(struct ipv6hdr, hop_limit) != offsetof(struct ipv6hdr, nexthdr) + 1);
	word = (__be16 *)(skb->data + inner + offsetof(struct ipv6hdr, nexthdr));
	old = *word;
	((struct ipv6hdr *)(skb->data + inner))->nexthdr = IPPROTO_HOMA;
	csum_replace2(&((struct icmp6hdr *)(skb->data + offset))->icmp6_cksum, old, *word);
	return NF_ACCEPT;
}

static unsigned int ipv6_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);

	if (likely(ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_ICMPV6))
		return NF_ACCEPT;
	if (ip->nexthdr == IPPROTO_TCP && !disguised(skb, sizeof(*ip)))
		return NF_ACCEPT;
	/* Of this host, and of the VRF that it came by, or outside of all. */
	if (!ipv6_chk_addr_and_flags(state->net, &ip->daddr, skb->dev, true, 0, IFA_F_TENTATIVE))
		return NF_ACCEPT;
	if (ip->nexthdr == IPPROTO_ICMPV6)
		return icmpv6_in(skb, sizeof(*ip));
	if (skb_ensure_writable(skb, sizeof(*ip)))
		return NF_DROP;
	ipv6_hdr(skb)->nexthdr = IPPROTO_HOMA;
	forget_tcp(skb);
	return NF_ACCEPT;
}

static const struct nf_hook_ops hooks[] = {
	{
		.hook = ipv4_in,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_FIRST,
	},
	{
		.hook = ipv6_in,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_FIRST,
	},
};

int homa_hijack_init(struct homa_net *hnet)
{
	return nf_register_net_hooks(hnet->net, hooks, ARRAY_SIZE(hooks));
}

void homa_hijack_exit(struct homa_net *hnet)
{
	nf_unregister_net_hooks(hnet->net, hooks, ARRAY_SIZE(hooks));
}
