#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Two machines on one wire, by the kind of network device that the plan gives them: messages of all
# lengths from one to the other, alone and several at once. Arguments: settings for ethtool -K; words
# with a dot are sysctls. With hijack_tcp, batches must arrive as they were sent.

hijack=0
while [ $# != 0 ]; do
	case $1 in
	net.homa.hijack_tcp=1) sysctl -q -w "$1" || exit 1; hijack=1 ;;
	*.*) sysctl -q -w "$1" || exit 1 ;;
	*) ethtool -K eth0 "$1" "$2" || exit 1; shift ;;
	esac
	shift
done
if [ "$NODE" = 2 ]; then
	sizes --server --port 4100 &
	barrier ready || exit 1
	barrier "done"
	kill %1
	exit 0
fi
barrier ready || exit 1
sleep 1
sizes --server-addr 10.0.0.2 --port 4100 --sizes 100,1400,10000,500000,1000000 --outstanding 8
status=$?
# 3 MB came: two thousand packets if something cuts batches.
if [ $hijack = 1 ]; then
	calls=$(awk '$1 == "softirq_calls" { n += $2 } END { print n }' /proc/net/homa_metrics)
	if [ "$calls" -gt 0 ] && [ "$calls" -lt 1000 ]; then
		echo "ok - batches pass whole ($calls packets)"
	else
		echo "not ok - batches pass whole ($calls packets)"
		status=1
	fi
	echo 1..1
fi
barrier "done"
exit $status
