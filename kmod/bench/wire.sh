#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Homa beside TCP between two machines, by the kind of network device the plan gives them. Arguments:
# settings for ethtool -K; words with a dot are sysctls.
. ./sizes.sh
while [ $# != 0 ]; do
	case $1 in
	*.*) sysctl -q -w "$1" || exit 1 ;;
	*) ethtool -K eth0 "$1" "$2" || exit 1; shift ;;
	esac
	shift
done
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
(compare_sizes "$TEST" 10.0.0.2 9) >"$OUT/wire"
barrier "done"
[ "$(wc -l <"$OUT/wire")" = 30 ]
