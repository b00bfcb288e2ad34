// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * The rate of a host's link; see rate.h. Devices are asked by a work item, since some kernels tell
 * of a device's changes while they hold the lock that asking it takes.
 */
#include <linux/device.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>

#include "rate.h"
#include "sysctl.h"

/*
 * Drivers of emulated devices whose rate is a label: there is no link, and packets go as fast as
 * the host's processors take them. To send at that rate would be to send in small batches, slowly.
 */
static const char *const labelled[] = { "vmxnet3" };

static bool has_link(const struct net_device *dev)
{
	const struct device *parent = dev->dev.parent;

	if (!parent)
		return false;
	return !parent->driver ||
	       match_string(labelled, ARRAY_SIZE(labelled), parent->driver->name) < 0;
}

/* Mbit/s, or 0 when it is not known. rtnl is held. */
static u32 rate_of(struct net_device *dev)
{
	struct ethtool_link_ksettings settings;

	if (!has_link(dev) || !netif_running(dev) || !netif_carrier_ok(dev) ||
	    __ethtool_get_link_ksettings(dev, &settings) ||
	    settings.base.speed == (u32)SPEED_UNKNOWN)
		return 0;
	return settings.base.speed;
}

static void look(struct work_struct *work)
{
	struct homa_net *hnet = container_of(work, struct homa_net, link_work);
	struct net_device *dev;
	u32 rate = 0;

	rtnl_lock();
	for_each_netdev(hnet->net, dev)
		rate = max(rate, rate_of(dev));
	rtnl_unlock();
	if (rate)
		homa_sysctl_found_link(hnet, rate);
}

static int changed(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	if (dev->dev.parent && (event == NETDEV_UP || event == NETDEV_DOWN ||
				event == NETDEV_CHANGE))
		schedule_work(&homa_net(dev_net(dev))->link_work);
	return NOTIFY_DONE;
}

static struct notifier_block block = { .notifier_call = changed };

int homa_rate_init(void)
{
	return register_netdevice_notifier(&block);
}

void homa_rate_exit(void)
{
	unregister_netdevice_notifier(&block);
}

void homa_rate_net_init(struct homa_net *hnet)
{
	INIT_WORK(&hnet->link_work, look);
}

void homa_rate_net_exit(struct homa_net *hnet)
{
	cancel_work_sync(&hnet->link_work);
}
