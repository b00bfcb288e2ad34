#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Two machines on one wire, by the kind of network device that the plan gives them: messages of all
# lengths from one to the other, alone and several at once. Arguments: settings for ethtool -K.

[ $# = 0 ] || ethtool -K eth0 "$@" || exit 1
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
barrier "done"
exit $status
