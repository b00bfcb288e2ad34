#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# The queueing discipline: TCP and Homa over a link that is slow where nothing tells them so.
#
#	 namespace a		 namespace c			 namespace b
#	 va 10.9.0.1 ========== ca (bridge) cb, 20 Mbit/s ===== vb 10.9.0.2
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: qdisc.sh   tests TCP and Homa over one link with the queueing discipline homa"
	exit 0
	;;
esac

in_a="ip netns exec a"
in_b="ip netns exec b"
# A kernel that checks all it does fills no link of 20 Mbit/s on an emulated core.
slow=1
[ "$KERNEL" != debug ] || slow=5
rate=$((20 / slow)) # Mbit/s that the transmit queue knows of; the link has a bit more

for space in a b c; do
	ip netns add $space
	ip -n $space link set lo up
done
ip -n a link add va type veth peer name ca netns c
ip -n b link add vb type veth peer name cb netns c
ip -n c link add name br0 type bridge
for link in ca cb; do
	ip -n c link set $link master br0
	ip -n c link set $link up
done
ip -n c link set br0 up
ip -n a address add 10.9.0.1/24 dev va
ip -n b address add 10.9.0.2/24 dev vb
ip -n a link set va up
ip -n b link set vb up
for i in $(seq 50); do
	$in_a ping -c 1 -W 1 10.9.0.2 >/dev/null 2>&1 && break
	usleep 100000
done
ip netns exec c tc qdisc add dev cb root tbf rate $((rate * 110 / 100))mbit burst 10k limit 80k ||
	report 1 "a slow link"

true_that() {
	name=$1
	shift
	echo "not: $*" >/tmp/why
	test "$@"
	report $? "$name" /tmp/why
}

metric() {
	$in_a cat /proc/net/homa_metrics |
		awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }'
}

homa() { $in_a sysctl -q -w "net.homa.$1" || report 1 "net.homa.$1"; }

# Bytes that TCP has got through: the sink writes what it gets.
tcp_bytes() { wc -c </tmp/sink; }

# In hundredths of a second: under emulation, sleeping takes longer than it says.
now() { sed 's/ .*//; s/\.//' /proc/uptime; }

# tcp_starts PORT: the listener's input must stay open, or it ends.
mkfifo /tmp/open
tcp_starts() {
	$in_b nc -l -p "$1" <>/tmp/open >/tmp/sink &
	servers="$servers $!"
	usleep 300000
	$in_a nc 10.9.0.2 "$1" </dev/zero >/dev/null 2>&1 &
	servers="$servers $!"
	sleep 2
}

# median: of what client prints, in us
median() { awk '{ print int($5) }' "$1" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] + 0 }'; }

short_rpcs() {
	$in_a client 10.9.0.2 4000 100 40 >/tmp/rpcs 2>&1
	report $? "$1" /tmp/rpcs
	time=$(median /tmp/rpcs)
	echo "# $1: $time us"
}

$in_b server 4000 >/dev/null 2>&1 &
servers="$servers $!"
usleep 300000
# Timers under emulation are late by more than what usually waits in a NIC.
homa link_mbps=$rate
homa max_nic_queue_usecs=$((1000 * slow))

short_rpcs "short RPCs on an idle link"
tcp_starts 5000
short_rpcs "short RPCs beside TCP, without the discipline"
without=$time
check "the discipline is there" $in_a tc qdisc add dev va root homa
$in_a tc qdisc show dev va >/tmp/why
grep -q 'qdisc homa' /tmp/why
report $? "and shown" /tmp/why
sleep 2
short_rpcs "short RPCs beside TCP, with the discipline"
true_that "they take less than a fifth of the time" $((time * 5)) -lt "$without"
before=$(tcp_bytes) start=$(now)
sleep 3
mbps=$((($(tcp_bytes) - before) * 8 / (($(now) - start) * 10000)))
echo "# TCP alone: $mbps Mbit/s"
true_that "TCP alone has the link" $mbps -ge $((rate / 2))
true_that "and not more than it" $mbps -le $rate
true_that "packets were held back" "$(metric pacer_tcp_packets)" -gt 0

# homa_share.
start /tmp/sink-homa $in_b stress --server --port 4300
for share in 20 80; do
	homa homa_share=$share
	$in_a stress --server-addr 10.9.0.2 --port 4300 --clients 2 --window 8 --min-size 200000 \
		--rpcs 100000 --seconds 600 >/dev/null 2>&1 &
	load=$!
	sleep 2
	before=$(tcp_bytes) homa_before=$(metric pacer_bytes)
	sleep 5
	tcp=$(($(tcp_bytes) - before)) own=$(($(metric pacer_bytes) - homa_before))
	kill -9 $load
	wait $load 2>/dev/null
	percent=$((100 * own / (own + tcp + 1)))
	echo "# homa_share $share: Homa $((own / 1000)) kB, TCP $((tcp / 1000)) kB, $percent percent"
	true_that "with homa_share $share, Homa gets about as much" $percent -ge $((share - 20))
	true_that "and TCP the rest" $percent -le $((share + 20))
	sleep 2
done

# It comes and goes under load, and in other places of a tree.
for i in 1 2 3; do
	if ! { $in_a tc qdisc del dev va root && $in_a tc qdisc add dev va root homa; }; then
		report 1 "the discipline comes and goes"
	fi
done
check "the device goes down" ip -n a link set va down
check "and up" ip -n a link set va up
check "and has another queue length" ip -n a link set va txqueuelen 5
check "its own queue length again" ip -n a link set va txqueuelen 1000
check "below another discipline" $in_a tc qdisc replace dev va root handle 1: tbf \
	rate 1gbit burst 100k limit 500k
check "in place of its queue" $in_a tc qdisc add dev va parent 1:1 homa
usleep 500000
check "RPCs go on" $in_a client 10.9.0.2 4000 10000 3
tcp_starts 5001
true_that "and so does TCP" "$(tcp_bytes)" -gt 100000
check_says "options are refused" "." $in_a tc qdisc replace dev va root homa limit 5
check "it goes" $in_a tc qdisc del dev va root
stop_all
rm -f /tmp/sink
# A connection whose last packets were in the discipline ends when TCP sends them again; until then,
# it would keep its namespace, and what belongs to that.
for i in $(seq 200); do
	# Those that only wait for late packets (06) keep nothing.
	left=$(for space in "$in_a" "$in_b"; do
		$space cat /proc/net/tcp /proc/net/tcp6
	done | awk '$1 != "sl" && $4 != "06"')
	[ -n "$left" ] || break
	usleep 100000
done
echo "# TCP connections were gone after $i looks"
for space in a b c; do
	ip netns delete $space
done
finish
