#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Processors come and go while RPCs are under way: what the module keeps for each of them, and the
# work that waits there, must not be lost. Needs four.
#
#	 namespace a			 namespace b
#	 va 10.9.0.1, fd09::1 ========== vb 10.9.0.2, fd09::2
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: hotplug.sh   takes processors offline and online while RPCs are under way"
	exit 0
	;;
esac

in_a="ip netns exec a"
in_b="ip netns exec b"
load="--clients 6 --rpcs 150 --window 40"
[ "$KERNEL" != debug ] || load="--clients 4 --rpcs 60 --window 20"

# What kernels say of themselves while a processor goes whose softirqs were left to a thread of its
# own, and when one comes for which an interrupt of the emulator's waits.
cat >"$OUT/allowed-messages" <<END
NOHZ tick-stop error: local softirq work is pending
APIC: Stale IRR:
END

# The first one often has to stay.
cpus=$(ls -d /sys/devices/system/cpu/cpu[1-9]*)

# turn 0|1 CPU: offline or online; the kernel may be too busy for a moment.
turn() {
	for try in $(seq 20); do
		echo "$1" >"$2/online" 2>/dev/null && return
		usleep 50000
	done
	echo "$2: $(cat "$2/online") instead of $1" >>/tmp/refused
}

# Until /tmp/over is there: all go one by one, until the first is alone, and come back.
come_and_go() {
	rounds=0
	while [ ! -f /tmp/over ]; do
		for direction in 0 1; do
			for cpu in $cpus; do
				turn $direction "$cpu"
				usleep 30000
			done
		done
		rounds=$((rounds + 1))
		echo $rounds >/tmp/rounds
	done
}

# during NAME COMMAND...: the command must succeed while processors come and go.
during() {
	name=$1
	shift
	rm -f /tmp/over /tmp/refused /tmp/rounds
	: >/tmp/refused
	echo 0 >/tmp/rounds
	come_and_go &
	changer=$!
	check "$name" "$@"
	touch /tmp/over
	wait $changer
	echo "# $name: all processors went and came $(cat /tmp/rounds) times"
	[ "$(cat /tmp/rounds)" -gt 0 ] && [ ! -s /tmp/refused ]
	report $? "$name: processors went and came" /tmp/refused
}

# packets: DATA packets that b has counted on all processors, those that are offline included
packets() {
	$in_b cat /proc/net/homa_metrics |
		awk '$1 == "packets_rcvd_DATA" { sum += $2 } END { print sum + 0 }'
}

[ "$(echo "$cpus" | wc -l)" -ge 3 ] || report 1 "there are four processors"
ip netns add a
ip netns add b
ip -n a link add va type veth peer name vb netns b
for end in a:1 b:2; do
	space=${end%:*}
	ip -n $space address add "10.9.0.${end#*:}/24" dev v$space
	ip -n $space address add "fd09::${end#*:}/64" dev v$space nodad
	ip -n $space link set lo up
	ip -n $space link set v$space up
	ip netns exec $space ethtool -K v$space gro on >/dev/null 2>&1
done
for i in $(seq 50); do
	$in_a ping -c 1 -W 1 10.9.0.2 >/dev/null 2>&1 && break
	usleep 100000
done

during "within one host" stress $load
start /tmp/server $in_b stress --server
during "between hosts, IPv4" $in_a stress --server-addr 10.9.0.2 $load
during "between hosts, IPv6" $in_a stress --server-addr fd09::2 $load
# Where packets are handed from processor to processor: to the listed ones, then to any.
for space in a b; do
	ip netns exec $space sysctl -q -w net.homa.gro_policy=122 \
		"net.homa.gen3_softirq_cores=0 2 3 1 1 2 3 0 2 3 0 1 3 2 1 0" ||
		report 1 "net.homa.gro_policy in namespace $space"
done
during "between hosts, packets move" $in_a stress --server-addr 10.9.0.2 $load
stop "each request ran at most once" /tmp/server

before=$(packets)
for cpu in $cpus; do
	turn 0 "$cpu"
done
echo "$before packets before, $(packets) after" >/tmp/why
[ "$before" -gt 0 ] && [ "$(packets)" = "$before" ]
report $? "what processors have counted stays when they go" /tmp/why
start /tmp/server $in_b sizes --server
check "RPCs work on the last one" $in_a sizes --server-addr 10.9.0.2 --sizes 1,1000,100000,1000000
stop_all
rmmod homa 2>/tmp/why
for i in $(seq 40); do
	[ -d /sys/module/homa ] || break
	usleep 50000
	rmmod homa 2>/tmp/why
done
[ ! -d /sys/module/homa ]
report $? "the module goes while processors are offline" /tmp/why
check "and comes" insmod /homa/homa.ko
for cpu in $cpus; do
	turn 1 "$cpu"
done
[ "$(cat /sys/devices/system/cpu/online)" = "$(cat /sys/devices/system/cpu/possible)" ]
report $? "all processors are back"
check "RPCs work on all" stress --clients 4 --rpcs 50 --window 10
for space in a b; do
	ip netns delete $space
done
finish
