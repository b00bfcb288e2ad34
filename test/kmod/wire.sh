#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Machines on links of a known rate, which the emulator can carry: what their devices say (speed=N
# in the plan). Each machine limits what it sends and what it receives to that rate, as the ports of a
# switch with eight strict priorities would:
#
#	Homa -> eth0: token bucket ==== wire ==== eth0 -> ifb0: token bucket over eight queues -> Homa
set -u
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<-END
	Usage: wire.sh load [RATE]   W4 at 80% of every link, all to all; RATE in Mbit/s
	       wire.sh srpt          short messages overtake 20 long ones to node 1
	       wire.sh fifo          and do not when told not to
	       wire.sh priorities    packets carry the priorities that the core chose
	For two or more nodes.
	END
}

rate=${2:-$(cat /sys/class/net/eth0/speed 2>/dev/null)}
limit=60 # seconds, for any one program
busy=
[ "$KERNEL" != debug ] || limit=300 busy=--busy # which has other things to do than to be in time

# A switch's port towards us. GRO would make one packet of several, with different priorities.
lay_port() {
	modprobe ifb numifbs=0 2>/dev/null
	ethtool -K eth0 gro off
	ip link add ifb0 txqueuelen 10000 type ifb && ip link set ifb0 up || return 1
	tc qdisc add dev eth0 ingress
	tc filter add dev eth0 parent ffff: protocol all matchall \
		action mirred egress redirect dev ifb0 || return 1
	tc qdisc add dev ifb0 root handle 1: tbf rate "$rate"mbit burst 5kb limit 20mb overhead 24 &&
		tc qdisc add dev ifb0 parent 1:1 handle 2: prio bands 8 || return 1
	# Who asks for our link address is answered whatever the load, as with ARP.
	tc filter add dev ifb0 parent 2: prio 1 protocol ipv6 \
		u32 match ip6 protocol 58 0xff flowid 2:1 || return 1
	for p in 0 1 2 3 4 5 6 7; do
		class=$(printf 0x%02x $((p << 5)))
		tc filter add dev ifb0 parent 2: prio 2 protocol ip \
			u32 match ip tos "$class" 0xe0 flowid 2:$((8 - p)) &&
			tc filter add dev ifb0 parent 2: prio 3 protocol ipv6 \
				u32 match ip6 priority "$class" 0xe0 flowid 2:$((8 - p)) || return 1
	done
}

take_down() {
	tc qdisc del dev eth0 root
	tc qdisc del dev eth0 ingress
	ip link del ifb0
	ethtool -K eth0 gro on
} 2>/dev/null

# Also, what goes with such a link: times are by default those of one a thousand times as fast, on
# which a packet that waits for so long would be lost. Timers of slow machines are late, which the
# device bridges with what it has been given.
lay() {
	take_down # what a test before this one left
	tc qdisc add dev eth0 root handle 1: tbf rate "$rate"mbit burst 5kb limit 2mb overhead 24 &&
		lay_port || return 1
	sysctl -q -w net.homa.history_ticks=1000000 net.homa.timeout_resends=10 \
		net.homa.resend_ticks=5000 net.homa.resend_interval=5000 \
		net.homa.request_ack_ticks=500 net.homa.max_nic_queue_usecs=2000 || return 1
	# Four of these on two processors answer ARP later than three requests, a second each.
	[ "$KERNEL" != debug ] || sysctl -q -w net.ipv4.neigh.eth0.mcast_solicit=30 \
		net.ipv4.neigh.eth0.ucast_solicit=30
}

# The addresses of all other nodes, with commas.
others() {
	list=
	for n in $(seq "$NODES"); do
		[ "$n" = "$NODE" ] || list=$list,10.0.0.$n
	done
	echo "${list#,}"
}

followed() {
	for _ in $(seq 20); do
		[ "$(sysctl -n net.homa.link_mbps)" = "$rate" ] && return 0
		usleep 100000
	done
	return 1
}

# tested FILE: what a program said is what we say, its plan excepted.
tested() {
	grep -v '^1\.\.' "$1"
	oks=$(grep -c '^ok ' "$1")
	fails=$(grep -c '^not ok ' "$1")
	count=$((count + oks + fails))
	failed=$((failed + fails))
	grep -q '^1\.\.' "$1" || report 1 "$1 is complete"
}

show_wire() {
	tc -s qdisc show dev eth0
	tc -s qdisc show dev ifb0
}

offer_load() {
	start "$OUT/server" load --server
	barrier serving || return 1
	before=$(sed -n 's/^cpu  *//p' /proc/stat)
	load --to "$(others)" --mbps "$rate" --seconds "$1" --limit "$limit" --node "$NODE" --seed 3 \
		--table "$OUT/slowdown.tsv" $busy >"$OUT/client" 2>&1
	echo "$before" >"$OUT/cpu"
	sed -n 's/^cpu  *//p' /proc/stat >>"$OUT/cpu"
	tested "$OUT/client"
	barrier clients || return 1
	show_wire >"$OUT/wire"
	kill -TERM $server
	wait $server
	servers=
	tested "$OUT/server"
}

# overtake LEAST MOST SHORT SIZE: 20 messages of SIZE bytes from all nodes but the first, then one or
# two short ones from the second.
overtake() {
	least=$1 most=$2 wanted=$3 size=$4
	if [ "$NODE" = 1 ]; then
		srpt --server 20 --shorts "$wanted" --least "$least" --most "$most" \
			--seconds "$limit" >"$OUT/server.$least" 2>&1 &
		server=$!
		servers=$server
		sleep 1
		barrier "serving $least" || return 1
		barrier "long $least" || return 1
		wait $server
		servers=
		tested "$OUT/server.$least"
	else
		senders=$((NODES - 1))
		mine=$((20 / senders + (NODE - 2 < 20 % senders)))
		shorts=
		[ "$NODE" != 2 ] || shorts="--short 5000"
		[ "$NODE" != 2 ] || [ "$wanted" = 1 ] || shorts="$shorts --short 60000"
		barrier "serving $least" || return 1
		srpt --to 10.0.0.1 --long $mine --size "$size" --seconds "$limit" \
			--then "barrier 'long $least'" $shorts >"$OUT/client.$least" 2>&1
		tested "$OUT/client.$least"
	fi
	barrier "done $least"
}

# In the order they were sent in, without grants or priorities.
fifo() {
	sysctl -q -w net.homa.pacer_fifo_fraction=1000 net.homa.unsched_bytes=1000000 \
		net.homa.num_priorities=1
}

first="0 0 0 0 1000000 20000 5000 500"
second="0 0 1000000 100000 30000 10000 3000 300"

# traffic: from all others to the first node, over IPv4 and IPv6 at the same time.
traffic() {
	barrier "begin $1" || return 1
	if [ "$NODE" != 1 ]; then
		for to in 10.0.0.1 fd00::1; do
			stress --server-addr $to --clients 1 --rpcs 30 --window 15 --max-size 300000 \
				--seconds "$limit" >"$OUT/client.$1.$to" 2>&1 &
		done
		wait
		tested "$OUT/client.$1.10.0.0.1"
		tested "$OUT/client.$1.fd00::1"
	fi
	barrier "end $1"
}

compare_priorities() {
	defaults=$(sysctl -n net.homa.unsched_cutoffs)
	# Small windows keep more messages waiting for grants at a time.
	sysctl -q -w net.homa.cutoff_interval=0 net.homa.window=15000
	if [ "$NODE" = 1 ]; then
		stress --server >"$OUT/server" 2>&1 &
		server=$!
		sysctl -q -w net.homa.unsched_cutoffs="$first"
		priorities eth0 --cutoffs "$defaults" --told "$first" --told "$second" --levels 2 \
			--resends >"$OUT/priorities" 2>&1 &
		watcher=$!
		servers="$server $watcher"
		sleep 1
	fi
	traffic first || return 1
	[ "$NODE" != 1 ] || sysctl -q -w net.homa.unsched_cutoffs="$second"
	traffic second || return 1
	# And where packets are lost on their way to the first one.
	sysctl -q -w net.homa.resend_ticks=100 net.homa.resend_interval=100 \
		net.homa.timeout_resends=100
	[ "$NODE" = 1 ] || tc qdisc add dev eth0 parent 1:1 handle 3: netem limit 10000 loss 2%
	traffic loss || return 1
	[ "$NODE" = 1 ] || return 0
	kill -TERM $watcher $server
	wait $watcher
	wait $server
	servers=
	tested "$OUT/priorities"
	tested "$OUT/server"
}

case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
load | srpt | fifo | priorities) ;;
*)
	usage >&2
	exit 2
	;;
esac
lay >/tmp/lay 2>&1
report $? "the link has a rate" /tmp/lay
[ -z "${2:-}" ] || sysctl -q -w net.homa.link_mbps="$rate"
followed
report $? "which Homa knows"
case $1 in
load) offer_load 5 ;;
srpt) overtake 1 3 2 500000 ;;
fifo) fifo && overtake 10 30 1 250000 ;;
priorities) compare_priorities ;;
esac || report 1 "$1 runs to its end"
take_down
finish
