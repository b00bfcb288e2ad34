#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# The module comes and goes while programs use it: it stays as long as there are sockets, and goes
# as soon as there are none, whatever was under way. Needs the module's file at /homa/homa.ko.
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: unload.sh [ROUNDS]   (5)"
	exit 0
	;;
esac
rounds=${1:-5}

loaded() { grep -q '^homa ' /proc/modules; }

# unloads NAME: within two seconds, for packets that are still under way.
unloads() {
	for i in $(seq 40); do
		rmmod homa >/tmp/rmmod 2>&1
		loaded || break
		usleep 50000
	done
	loaded && status=1 || status=0
	report $status "$1" /tmp/rmmod || finish
	[ "$i" = 1 ] || echo "# at try $i"
}

loads() {
	check "$1" insmod /homa/homa.ko || finish
}

loaded || loads "the module loads"
ip netns add a
ip netns add b
ip -n a link add va type veth peer name vb netns b
for space in a b; do
	ip -n $space link set lo up
	ip -n $space link set v$space up
done
ip -n a address add 10.9.0.1/24 dev va
ip -n b address add 10.9.0.2/24 dev vb
# Packets stay on their way for a while.
ip netns exec a tc qdisc add dev va root netem limit 100000 delay 20ms 5ms
ip netns exec b tc qdisc add dev vb root netem limit 100000 delay 20ms 5ms

for round in $(seq "$rounds"); do
	start /tmp/here stress --server --port 4600
	start /tmp/there ip netns exec b stress --server
	stress --server-addr 127.0.0.1 --port 4600 --clients 4 --rpcs 100000 --seconds 600 \
		>/dev/null 2>&1 &
	servers="$servers $!"
	ip netns exec a stress --server-addr 10.9.0.2 --clients 4 --rpcs 100000 --seconds 600 \
		>/dev/null 2>&1 &
	servers="$servers $!"
	sleep 1
	rmmod homa 2>/dev/null
	loaded
	report $? "round $round: the module stays while it is used"
	stop_all
	unloads "round $round: it goes when its users are killed"
	loads "round $round: and comes again"
done
check "RPCs work after it" sizes --sizes 1,1000,100000,1000000

# With every setting that hooks into something else.
for setting in hijack_tcp=1 gro_policy=0 gso_force_software=1; do
	sysctl -q -w net.homa.$setting
done
check "RPCs work with all hooks in place" sizes --sizes 1,1000,100000
unloads "the module goes with all hooks in place"
loads "and comes again, for the next test"
finish
