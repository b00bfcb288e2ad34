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
	echo "Usage: gro.sh [cores]"
	echo "Tests batches of received packets; with 'cores', on which core they are handled: needs four"
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

# reached ADDRESS...: from a
reached() {
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

# on CORE NAME: that core's counter in b
on() {
	$in_b cat /proc/net/homa_metrics |
		awk -v core="$1" -v name="$2" '
		$1 == "core" { here = $2 == core } here && $1 == name { print $2 }'
}

# elsewhere: packets and batches handled in b by cores on which nothing runs
elsewhere() { echo $(($(on 2 softirq_calls) + $(on 3 softirq_calls))); }

# pinned NAME: echo messages in both versions of IP; client and server have a core each.
pinned() {
	for to in 10.9.0.2 fd09:0::2; do
		check "$1, $to" $in_a taskset 1 sizes --server-addr $to $loads
	done
}

# moves NAME COUNTER CORE...: those cores handle batches, and the counter grows
moves() {
	title=$1 counter=$2
	shift 2
	was=$(metric b "$counter")
	for core in "$@"; do
		eval "was_$core=$(on "$core" softirq_calls)"
	done
	pinned "$title"
	true_that "$title: $counter counts batches" "$(metric b "$counter")" -gt "$was"
	for core in "$@"; do
		true_that "$title: core $core handles some" \
			"$(on "$core" softirq_calls)" -gt "$(eval "echo \$was_$core")"
	done
}

# refuses LISTS
refuses() {
	was=$($in_b cat /proc/sys/net/homa/gen3_softirq_cores)
	if $in_b sh -c "echo '$1' >/proc/sys/net/homa/gen3_softirq_cores" 2>/dev/null; then
		echo "it took '$1'"
		return 1
	fi
	[ "$was" = "$($in_b cat /proc/sys/net/homa/gen3_softirq_cores)" ]
}

lists() { [ "$($in_b cat /proc/sys/net/homa/gen3_softirq_cores | tr '\t' ' ')" = "$1" ]; }

# Client on core 0, where its packets come to the server's namespace; server on core 1.
if [ "${1:-}" = cores ]; then
	# A timer of the module, too, works where it was started: on an idle core, the kernel would
	# have it work on some other one, and what it sends is received there.
	sysctl -q -w kernel.timer_migration=0 || report 1 "kernel.timer_migration"
	direct
	start /tmp/sizes $in_b taskset 2 sizes --server
	pinned "by default"
	true_that "by default, packets stay on the core they come to" "$(elsewhere)" -eq 0
	check "no core has a list" lists "0 -1 -1 -1 1 -1 -1 -1 2 -1 -1 -1 3 -1 -1 -1"
	for bad in "0 2 3" "4 1 -1 -1" "-1 1 -1 -1" "0 2 4 -1" "0 -2 -1 -1" "0 2 -1 -1 1" "x"; do
		check "no list is: $bad" refuses "$bad"
	done
	set_in b "gen3_softirq_cores=0 2 -1 -1"
	check "a list is taken, and others stay" lists \
		"0 2 -1 -1 1 -1 -1 -1 2 -1 -1 -1 3 -1 -1 -1"
	moves "with a list of one" gen3_handoffs 2
	true_that "it is the first one" "$(metric b gen3_alt_handoffs)" -eq 0
	idle=$(on 3 softirq_calls) busy=$(on 2 softirq_calls)
	echo "# $idle batches on that core, $busy on the one in the list"
	true_that "a core that is in no list has nothing to do" "$idle" -eq 0
	set_in b "gen3_softirq_cores=0 2 3 -1 1 3 2 -1" gro_busy_usecs=1000000
	moves "with lists of two busy ones" gen3_alt_handoffs 2 3
	set_in b gro_busy_usecs=0
	moves "when only what waits makes a core busy" gen3_handoffs 2
	set_in b gro_policy=80
	was=$(elsewhere)
	pinned "without bits 8 and 32"
	true_that "lists have no effect" "$(elsewhere)" -eq "$was"
	set_in b gro_policy=90 gro_busy_usecs=5
	moves "with bit 8" gen2_handoffs 2
	set_in b gro_policy=88
	single=$(metric b gen2_handoffs)
	check "packets that come alone move without bit 2" \
		$in_a taskset 1 sizes --server-addr 10.9.0.2 --sizes 1500 --outstanding 1
	true_that "and are counted" "$(metric b gen2_handoffs)" -gt "$single"
	set_in b gro_policy=90
	single=$(metric b gen2_handoffs)
	check "but not with it" \
		$in_a taskset 1 sizes --server-addr 10.9.0.2 --sizes 100 --outstanding 1
	true_that "they are not counted" "$(metric b gen2_handoffs)" -eq "$single"
	set_in "a b" gro_policy=122 "gen3_softirq_cores=0 2 3 1 1 2 3 0 2 3 0 1 3 2 1 0"
	check "every core works for every other" $in_a sizes --server-addr 10.9.0.2 $loads
	true_that "no request was lost between two cores" \
		"$(metric b server_cant_create_rpcs)" -eq 0

	sysctl -q -w kernel.timer_migration=1

	# Namespaces and the module go while batches wait on other cores.
	for round in 1 2 3; do
		start /tmp/stress $in_b stress --server --port 4600
		$in_a stress --server-addr 10.9.0.2 --port 4600 --clients 4 --rpcs 1000000 \
			--seconds 600 >/dev/null 2>&1 &
		servers="$servers $!"
		sleep 1
		if [ $round = 2 ]; then
			ip -n b link set vb down
			ip -n b link set vb up
		fi
		stop_all
		[ $round != 3 ] || ip netns delete b
	done
	for i in $(seq 40); do
		rmmod homa 2>/tmp/why && break
		usleep 50000
	done
	[ ! -d /sys/module/homa ]
	report $? "the module goes under load" /tmp/why
	insmod /homa/homa.ko
	remove
	finish
fi

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
for form in interleaved unchecked disguised; do
	check "to this host: $form" $in_c tap-batch t0 "$mac" 10.9.7.2 10.9.7.1 4900 $form
done
ip -n c address flush dev t0
ip -n c link set t0 master br0
ip -n b address add 10.9.7.1/24 dev vb
ip -n b neighbour add 10.9.7.2 lladdr 02:00:00:00:00:77 dev vb
mac=$(ip netns exec b cat /sys/class/net/vb/address)
for form in interleaved unchecked disguised; do
	start /tmp/watch $in_b wire-watch vb
	check "through a bridge: $form" $in_c tap-batch t0 "$mac" 10.9.7.2 10.9.7.1 4900 $form
	stop "packets were watched" /tmp/watch
	[ $form = disguised ] || true_that "cut on the way" "$(value longest)" -le 1500
done
remove
finish
