#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Batches of packets: that GRO makes them where it should, that they survive bridges and routers, and
# that those in the format of other implementations are understood.
#
#	 namespace a			 namespace b
#	 va 10.9.0.1, fd09::1 ========== vb 10.9.0.2, fd09::2
#
#	 namespace a	 namespace c	 namespace b		as bridge: same addresses; as router:
#	 va ============ ca	cb ===== vb			a 10.9.0.1, c .2, c 10.9.1.1, b .2
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: gro.sh   tests batches of received packets"
	exit 0
	;;
esac

in_a="ip netns exec a"
in_b="ip netns exec b"
in_c="ip netns exec c"
loads="--sizes 100,1400,10000,100000,500000 --outstanding 8"
# Packets come one by one here: a kernel that checks everything must not get more than a veth holds.
[ "$KERNEL" != debug ] || loads="--sizes 1,100,1400,10000,100000 --outstanding 2"

# up NAMESPACE LINK [NET HOST]
up() {
	[ $# = 2 ] || {
		ip -n "$1" address add "10.9.$3.$4/24" dev "$2"
		ip -n "$1" address add "fd09:$3::$4/64" dev "$2" nodad
	}
	ip -n "$1" link set lo up
	ip -n "$1" link set "$2" up
}

direct() {
	ip netns add a
	ip netns add b
	ip -n a link add va type veth peer name vb netns b
	up a va 0 1
	up b vb 0 2
	gro a va b vb
	gro b vb a va
	reached 10.9.0.2 fd09:0::2
}

between() {
	for space in a b c; do
		ip netns add $space
	done
	ip -n a link add va type veth peer name ca netns c
	ip -n b link add vb type veth peer name cb netns c
	gro c ca a va
	gro c cb b vb
}

bridge() {
	between
	ip -n c link add name br0 type bridge
	ip -n c link set ca master br0
	ip -n c link set cb master br0
	up c br0
	up c ca
	up c cb
	up a va 0 1
	up b vb 0 2
	reached 10.9.0.2 fd09:0::2
}

router() {
	between
	up c ca 0 2
	up c cb 1 1
	up a va 0 1
	up b vb 1 2
	ip -n a route add default via 10.9.0.2
	ip -n b route add default via 10.9.1.1
	ip -n a -6 route add default via fd09:0::2
	ip -n b -6 route add default via fd09:1::1
	$in_c sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	reached 10.9.1.2 fd09:1::2
}

# reached ADDRESS...: from a. The machine may be slow, so peers are given time.
reached() {
	set_in "$(ip netns list | cut -d' ' -f1)" timeout_resends=100
	for to in "$@"; do
		for i in $(seq 50); do
			$in_a ping -c 1 -W 1 $to >/dev/null 2>&1 && break
			usleep 100000
		done
	done
}

# set_in "NAMESPACE..." NAME=VALUE...
set_in() {
	spaces=$1
	shift
	for space in $spaces; do
		for setting in "$@"; do
			ip netns exec $space sysctl -q -w "net.homa.$setting" ||
				report 1 "net.homa.$setting"
		done
	done
}

remove() {
	stop_all
	for space in a b c; do
		ip netns delete $space 2>/dev/null
	done
}

# gro NAMESPACE LINK: for what comes from PEER-NAMESPACE PEER, which must not be able to send batches.
gro() {
	ip netns exec "$1" ethtool -K "$2" gro on >/dev/null 2>&1
	ip netns exec "$3" ethtool -K "$4" tso off >/dev/null 2>&1
}

# metric NAMESPACE NAME: over all cores
metric() {
	ip netns exec "$1" cat /proc/net/homa_metrics |
		awk -v name="$2" '$1 == name { sum += $2 } END { print sum + 0 }'
}

# value NAME: of what wire-watch said
value() { awk -v name="$1" '$1 == name { print $2 }' /tmp/watch; }

# serve: an echo server in c as well, so that its namespace takes part
serve() {
	start /tmp/sizes $in_b sizes --server
	$in_c server 4900 >/dev/null 2>&1 &
	servers="$servers $!"
}

# true_that NAME CONDITION...: as for test
true_that() {
	name=$1
	shift
	echo "not: $*" >/tmp/why
	test "$@"
	report $? "$name" /tmp/why
}

# run NAME [ADDRESS4 ADDRESS6]
run() {
	check "$1, IPv4" $in_a sizes --server-addr "${2:-10.9.0.2}" $loads
	check "$1, IPv6" $in_a sizes --server-addr "${3:-fd09:0::2}" $loads
}

# What GRO does in b with what a sends.
direct
start /tmp/sizes $in_b sizes --server
# So that only GRO makes batches.
set_in "a b" max_gso_size=0 max_batch=0
before=$(metric b packet_batches)
run "received in batches"
true_that "packets were gathered" "$(metric b packet_batches)" -gt "$before"
true_that "short messages did not wait" "$(metric b gro_data_bypasses)" -gt 0
true_that "grants did not wait" "$(metric a gro_grant_bypasses)" -gt 0
set_in "a b" gro_policy=0
data=$(metric b gro_data_bypasses) grants=$(metric a gro_grant_bypasses)
run "with gro_policy 0"
true_that "then short messages may wait" "$(metric b gro_data_bypasses)" -eq "$data"
true_that "and so may grants" "$(metric a gro_grant_bypasses)" -eq "$grants"
set_in "a b" max_gro_skbs=1
before=$(metric b packet_batches)
run "with max_gro_skbs 1"
true_that "then nothing is gathered" "$(metric b packet_batches)" -eq "$before"
check_says "a port that nobody serves is told" "Transport endpoint is not connected" \
	$in_a client 10.9.0.2 4001
remove

# Batches that c gathers, or a makes, pass through its bridge.
bridge
serve
for lists in on off; do
	$in_c ethtool -K cb tx-gso-list $lists >/dev/null 2>&1
	$in_c ethtool -K ca tx-gso-list $lists >/dev/null 2>&1
	for size in 0 20000; do
		set_in "a b" max_gso_size=$size max_batch=$size
		start /tmp/watch $in_b wire-watch vb
		run "bridge, lists $lists, max_gso_size $size"
		stop "packets were watched" /tmp/watch
		echo "# longest packet to b: $(value longest)"
		if [ $lists = on ]; then
			true_that "batches come through whole" "$(value longest)" -gt 1500
		else
			true_that "batches are cut for a link that knows none" \
				"$(value longest)" -le 1500
		fi
	done
done
remove

# And through a router, which changes their headers.
router
serve
for lists in on off; do
	$in_c ethtool -K cb tx-gso-list $lists >/dev/null 2>&1
	start /tmp/watch $in_b wire-watch vb
	run "router, lists $lists" 10.9.1.2 fd09:1::2
	stop "packets were watched" /tmp/watch
	true_that "every packet has passed one router" "$(value least_ttl)" -eq 63
done
remove

# Other implementations' batches, that come as they are and cut in software.
bridge
modprobe tun 2>/dev/null
$in_c ip tuntap add dev t0 mode tap vnet_hdr
ip -n c address add 10.9.7.1/24 dev t0
up c t0
ip -n c neighbour add 10.9.7.2 lladdr 02:00:00:00:00:77 dev t0
$in_c server 4900 >/dev/null 2>&1 &
servers="$servers $!"
$in_b server 4900 >/dev/null 2>&1 &
servers="$servers $!"
sleep 1
mac=$(ip netns exec c cat /sys/class/net/t0/address)
for form in interleaved disguised; do
	check "to this host: $form" $in_c tap-batch t0 "$mac" 10.9.7.2 10.9.7.1 4900 $form
done
ip -n c address flush dev t0
ip -n c link set t0 master br0
ip -n b address add 10.9.7.1/24 dev vb
ip -n b neighbour add 10.9.7.2 lladdr 02:00:00:00:00:77 dev vb
mac=$(ip netns exec b cat /sys/class/net/vb/address)
for form in interleaved disguised; do
	start /tmp/watch $in_b wire-watch vb
	check "through a bridge: $form" $in_c tap-batch t0 "$mac" 10.9.7.2 10.9.7.1 4900 $form
	stop "packets were watched" /tmp/watch
	[ $form = disguised ] || true_that "cut on the way" "$(value longest)" -le 1500
done
remove
finish
