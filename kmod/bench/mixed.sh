#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Round trips of 100-byte messages while messages of 500,000 bytes load the same 200 Mbit/s links both
# ways. The links' queues are plain FIFOs: what keeps them short is the transport.
. ./lib.sh
rate=200
for n in a b; do
	ip netns exec $n tc qdisc add dev eth0 root tbf rate ${rate}mbit burst 10kb limit 100kb
	ip netns exec $n sh -c "echo $rate >/proc/sys/net/homa/link_mbps"
done
# Homa first: what TCP leaves in the queues lasts.
for transport in homa tcp; do
	loads=
	for _ in 1 2; do
		client $transport 500000 100000 load >/dev/null &
		loads="$loads $!"
	done
	sleep 1
	client $transport 100 1000 $transport
	kill $loads
	sleep 1
done >"$OUT/mixed"
killall pair
[ "$(wc -l <"$OUT/mixed")" = 2 ]
