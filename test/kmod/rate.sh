#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# The rate of the link: as the device says, unless it was set. For a machine with a device that says
# 1000 Mbit/s, on two nodes; or, as the argument says, with one whose rate is only a label.
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: rate.sh [label]   tests that link_mbps follows the device"
	exit 0
	;;
esac

link_mbps() {
	sysctl -n net.homa.link_mbps >/tmp/rate
	[ "$(cat /tmp/rate)" = "$1" ]
}

# becomes RATE NAME
becomes() {
	for i in $(seq 20); do
		link_mbps "$1" && break
		usleep 100000
	done
	link_mbps "$1"
	report $? "$2" /tmp/rate
}

if [ "$NODE" = 1 ] && [ "${1:-}" = label ]; then
	ip link set eth0 down
	ip link set eth0 up
	sleep 2
	grep -q '^1000$' /sys/class/net/eth0/speed
	report $? "the device says 1000" /sys/class/net/eth0/speed
	becomes 25000 "link_mbps is the default all the same"
	finish
fi
if [ "$NODE" = 1 ]; then
	becomes 1000 "link_mbps is the device's rate"
	sysctl -q -w net.homa.link_mbps=500
	ip link set eth0 down
	ip link set eth0 up
	sleep 1
	becomes 500 "what was set stays"
	ip netns add a
	ip netns exec a sysctl -n net.homa.link_mbps >/tmp/rate
	grep -q '^25000$' /tmp/rate
	report $? "a namespace without devices has the default" /tmp/rate
	ip netns delete a
	finish
fi
