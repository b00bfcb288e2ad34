#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Round trips between two machines, by the kind of network device the plan gives them. Arguments:
# settings for ethtool -K.
[ $# = 0 ] || ethtool -K eth0 "$@" || exit 1
if [ "$NODE" = 2 ]; then
	for transport in homa tcp; do
		pair server $transport 100 &
	done
	barrier ready || exit 1
	barrier "done"
	killall pair
	exit 0
fi
barrier ready || exit 1
sleep 1
for size in 100 1400 10000 500000 1000000; do
	count=$((size < 20000 ? 200 : 20))
	for transport in tcp homa; do
		pair client $transport 10.0.0.2 100 $size $count $transport
	done
done >"$OUT/wire"
barrier "done"
[ "$(wc -l <"$OUT/wire")" = 10 ]
