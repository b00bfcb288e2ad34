#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Homa disguised as TCP: what is on the wire, and that everything behind it still knows Homa.
#
#	 namespace a			 namespace c			 namespace b
#	 va 10.9.0.1, fd09:0::1 ======== ca 10.9.0.2	cb 10.9.1.1 ==== vb 10.9.1.2, fd09:1::2
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: hijack.sh   tests Homa disguised as TCP"
	exit 0
	;;
esac

in_a="ip netns exec a"
in_b="ip netns exec b"
in_c="ip netns exec c"
loads="--sizes 1,100,1400,10000,100000,500000 --outstanding 4"
# Packets come one by one here: a kernel that checks everything must not get more than a veth holds.
[ "$KERNEL" != debug ] || loads="--sizes 1,100,1400,10000,100000 --outstanding 2"

for space in a b c; do
	ip netns add $space
	ip -n $space link set lo up
done
ip -n a link add va type veth peer name ca netns c
ip -n b link add vb type veth peer name cb netns c
for link in "a va 0 1" "c ca 0 2" "c cb 1 1" "b vb 1 2"; do
	set -- $link
	ip -n $1 address add 10.9.$3.$4/24 dev $2
	ip -n $1 address add fd09:$3::$4/64 dev $2 nodad
	ip -n $1 link set $2 up
done
ip -n a route add default via 10.9.0.2
ip -n b route add default via 10.9.1.1
ip -n a -6 route add default via fd09:0::2
ip -n b -6 route add default via fd09:1::1
$in_c sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

# Until the namespaces reach each other.
for to in 10.9.1.2 fd09:1::2; do
	for i in $(seq 50); do
		$in_a ping -c 1 -W 1 $to >/dev/null 2>&1 && break
		usleep 100000
	done
done

value() { awk -v name="$1" '$1 == name { print $2 }' /tmp/watch; }

true_that() {
	name=$1
	shift
	echo "not: $*" >/tmp/why
	test "$@"
	report $? "$name" /tmp/why
}

# set_in NAMESPACE NAME=VALUE...
set_in() {
	space=$1
	shift
	for setting in "$@"; do
		ip netns exec $space sysctl -q -w "net.homa.$setting" || report 1 "net.homa.$setting"
	done
}

# run NAME: RPCs from a to b while what comes to b is watched
run() {
	start /tmp/watch $in_b wire-watch vb
	check "$1, IPv4" $in_a sizes --server-addr 10.9.1.2 $loads
	check "$1, IPv6" $in_a sizes --server-addr fd09:1::2 $loads
	stop "packets were watched" /tmp/watch
	sed 's/^/# /' /tmp/watch | tr '\n' ' '
	echo
}

for space in a b c; do
	set_in $space max_gso_size=0 max_batch=0
done
start /tmp/sizes $in_b sizes --server
# The router has a Homa socket, and must forward what is not for it as it is.
$in_c server 4900 >/dev/null 2>&1 &
servers="$servers $!"

run "by default"
true_that "Homa packets are plain" "$(value disguised)" -eq 0
true_that "there are some" "$(value plain)" -gt 0

set_in a hijack_tcp=1
run "one side disguised"
true_that "all that it sends is disguised" "$(value plain)" -eq 0
true_that "there is some" "$(value disguised)" -gt 0

set_in b hijack_tcp=1
run "both disguised"
true_that "all is disguised" "$(value plain)" -eq 0

$in_c ethtool -K cb tx off >/dev/null 2>&1
run "with checksums in software"
true_that "each packet has one" "$(value unfinished)" -eq 0
true_that "and it is right" "$(value bad_checksum)" -eq 0
true_that "single packets say their offset twice" "$(value in_sequence)" -eq 0
$in_c ethtool -K cb tx on >/dev/null 2>&1

set_in a max_gso_size=20000
set_in b max_gso_size=20000
run "in batches"
true_that "batches pass a link that cuts none" "$(value longest)" -gt 1500
true_that "their offset is the sequence number" "$(value in_sequence)" -gt 0
for link in "a va" "c ca" "c cb" "b vb"; do
	set -- $link
	ip netns exec $1 ethtool -K $2 tso off tx off >/dev/null 2>&1
done
run "in batches cut in software"
true_that "no packet is too long" "$(value longest)" -le 1500
true_that "each has its checksum" "$(value bad_checksum)" -eq 0
set_in a gso_force_software=1
run "in packets"
true_that "no packet is too long" "$(value longest)" -le 1500
true_that "single packets say their offset twice" "$(value in_sequence)" -eq 0
set_in a gso_force_software=0

for link in "a va" "b vb"; do
	set -- $link
	ip netns exec $1 ethtool -K $2 gro on >/dev/null 2>&1
done
run "with GRO"

# ICMP errors are about Homa again. Each is to be sent: RPCs do not wait for long.
$in_c sysctl -q -w net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
check_says "a port that nobody serves" "Transport endpoint is not connected" \
	$in_a client 10.9.1.2 4001
check_says "a port that nobody serves, IPv6" "Transport endpoint is not connected" \
	$in_a client fd09:1::2 4001
ip -n c route add unreachable 10.9.8.0/24
ip -n c -6 route add unreachable fd09:8::/64
check_says "a router that knows no way" "No route to host" $in_a client 10.9.8.1 4000
check_says "a router that knows no way, IPv6" "No route to host" $in_a client fd09:8::1 4000
ip -n c link set cb mtu 1400
ip -n c link set ca mtu 1500
ip -n b link set vb mtu 1400
check "a router whose links carry less than the sender's" $in_a sizes --server-addr 10.9.1.2 \
	--sizes 100,10000,100000
check "a router whose links carry less than the sender's, IPv6" \
	$in_a sizes --server-addr fd09:1::2 --sizes 100,10000,100000
ip -n c link set cb mtu 1500
ip -n b link set vb mtu 1500

# TCP is none of our business.
mkfifo /tmp/open	# or the listener ends at once
$in_b nc -l -p 5000 <>/tmp/open >/tmp/got &
servers="$servers $!"
usleep 300000
head -c 1000000 /dev/urandom >/tmp/sent
$in_a nc 10.9.1.2 5000 </tmp/sent &
servers="$servers $!"
for i in $(seq 50); do
	cmp -s /tmp/sent /tmp/got && break
	usleep 100000
done
check "TCP goes on beside it" cmp /tmp/sent /tmp/got
rm -f /tmp/sent

# On one host.
set_in c hijack_tcp=1
check "on one host" $in_c client 127.0.0.1 4900 100000 5
check "on one host, IPv6" $in_c client ::1 4900 100000 5

set_in a hijack_tcp=0
set_in b hijack_tcp=0
run "undisguised again"
true_that "Homa packets are plain" "$(value disguised)" -eq 0
stop_all
rm -f /tmp/got
for space in a b c; do
	ip netns delete $space
done
finish
