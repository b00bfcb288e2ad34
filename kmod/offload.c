// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Batches of packets; see offload.h.
 */
#include <net/protocol.h>

#include "compat.h"
#include "homa.h"
#include "offload.h"

/* What out.c batched, or GRO did, becomes single packets again. */
static struct sk_buff *segment(struct sk_buff *skb, netdev_features_t features)
{
	if (!(skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST))
		return ERR_PTR(-EPROTONOSUPPORT);
	return skb_segment_list(skb, features, skb_mac_header_len(skb));
}

static const struct net_offload offload = {
	.callbacks = {
		.gso_segment = segment,
	},
};

int homa_offload_init(void)
{
	int err = inet_add_offload(&offload, IPPROTO_HOMA);

	if (err)
		return err;
	err = inet6_add_offload(&offload, IPPROTO_HOMA);
	if (err)
		inet_del_offload(&offload, IPPROTO_HOMA);
	return err;
}

void homa_offload_exit(void)
{
	inet6_del_offload(&offload, IPPROTO_HOMA);
	inet_del_offload(&offload, IPPROTO_HOMA);
	synchronize_net();
}
