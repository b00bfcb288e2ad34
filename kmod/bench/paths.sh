#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Homa beside TCP on the paths within one machine: lo, a veth pair, and a bridge; there also with
# hosts that must cut batches into packets, and with veths that merge these again (GRO).
. ./lib.sh
. ./sizes.sh
ip -n a link add eth1 type veth peer name eth1 netns b
for n in a:1 b:2; do
	ip -n ${n%:*} address add 10.0.1.${n#*:}/24 dev eth1
	ip -n ${n%:*} link set dev eth1 up
done

# bridge_has SETTING on|off
bridge_has() {
	for link in a/eth0 b/eth0 sw/toa sw/tob; do
		ip netns exec ${link%/*} ethtool -K ${link#*/} "$@" || exit 1
	done
	sleep 1
}

bridge_has gro off
{
	compare_sizes loopback 127.0.0.1 3 ip netns exec b
	compare_sizes veth 10.0.1.2 3 ip netns exec a
	compare_sizes bridge 10.0.0.2 3 ip netns exec a
	bridge_has tso off
	bridge_has tx-gso-list off
	compare_sizes bridge-packets 10.0.0.2 3 ip netns exec a
	bridge_has gro on
	compare_sizes bridge-gro 10.0.0.2 3 ip netns exec a
} >"$OUT/paths"
killall pair
[ "$(wc -l <"$OUT/paths")" = 150 ]
