#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# RPCs between network namespaces of one machine, over a wire that does what real ones do.
#
#	 namespace a			 namespace b		as "veth"
#	 va 10.9.0.1, fd09::1 ========== vb 10.9.0.2, fd09::2
#
#	 namespace a	 namespace c	 namespace b		as "bridge"
#	 va ============ ca (bridge) cb ============ vb		same addresses
#
#	 namespace a			 namespace b		as "two"
#	 va 10.9.0.1 =================== vb 10.9.0.2
#	 namespace d
#	 vd 10.9.1.1 =================== ve 10.9.1.2
#
#	 namespace a			 namespace b		as "twins"
#	 va 10.9.0.1, fd09::1 ========== vb 10.9.0.2, fd09::2
#	 				 namespace d
#	 vd ============================ ve the same addresses
set -u
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<-END
	Usage: netns.sh CASE...
	  veth       all lengths and many RPCs over a plain wire
	  offloads   the same with segmentation and merging on and off
	  mtu        packets of 1280 and 9000 bytes
	  shrink     packets that become a few bytes shorter in the middle of messages
	  hijack     Homa disguised as TCP
	  loss N     a wire that loses N percent of the packets each way
	  duplicate  one that sends packets twice
	  reorder    one on which packets overtake each other
	  corrupt    one that changes bits
	  bridge     through a bridge
	  ids        two clients that number their RPCs alike
	  dead       hosts that are not there, or no longer
	  reboot     a server's host that loses all it knew
	  packets    malformed packets over the wire
	  policy     IPsec policies that keep Homa out
	  links      two links with the same link-local addresses; SO_BINDTODEVICE
	  router     a router to where packets must be shorter
	  vrf        a VRF with the same addresses as outside of it
	END
}

# Not functions: in the background, they would be a shell around what is to be killed.
in_a="ip netns exec a"
in_b="ip netns exec b"
in_c="ip netns exec c"
in_d="ip netns exec d"

# addresses NAMESPACE LINK NET HOST
addresses() {
	ip -n "$1" address add "10.9.$3.$4/24" dev "$2"
	ip -n "$1" address add "fd09:$3::$4/64" dev "$2" nodad
	ip -n "$1" link set lo up
	ip -n "$1" link set "$2" up
}

make_veth() {
	ip netns add a
	ip netns add b
	ip -n a link add va address 02:00:00:00:00:0a type veth peer name vb netns b \
		address 02:00:00:00:00:0b
	addresses a va 0 1
	addresses b vb 0 2
	settled
}

make_bridge() {
	ip netns add a
	ip netns add b
	ip netns add c
	ip -n a link add va type veth peer name ca netns c
	ip -n b link add vb type veth peer name cb netns c
	ip -n c link add hub type bridge
	for link in ca cb; do
		ip -n c link set $link master hub
		ip -n c link set $link up
	done
	ip -n c link set hub up
	addresses a va 0 1
	addresses b vb 0 2
	settled
}

# Two hosts with the same addresses, also link-local ones; for the second one, a's link is in no
# net yet.
make_twins() {
	make_veth
	ip netns add d
	ip -n a link add vd address 02:00:00:00:00:1a type veth peer name ve netns d \
		address 02:00:00:00:00:1b
	addresses d ve 0 2
	ip -n b address add fe80::2/64 dev vb nodad
	ip -n d address add fe80::2/64 dev ve nodad
	ip -n a link set vd up
}

# make_behind ROUTER: namespace c, on a link with shorter packets behind that namespace
make_behind() {
	ip netns add c
	ip -n "$1" link add vg mtu 1300 type veth peer name vc mtu 1300 netns c
	addresses "$1" vg 2 1
	addresses c vc 2 2
	ip netns exec "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n c route add default via 10.9.2.1
	ip -n c route add default via fd09:2::1
	sleep 2 # the router's link-local address becomes usable
}

# Until both neighbours know each other.
settled() {
	for i in $(seq 50); do
		$in_a ping -c 1 -W 1 10.9.0.2 >/dev/null 2>&1 &&
			$in_a ping -c 1 -W 1 fd09:0::2 >/dev/null 2>&1 && return
		usleep 100000
	done
	report 1 "the namespaces reach each other"
	finish
}

remove() {
	stop_all
	for space in a b c d; do
		ip netns delete $space 2>/dev/null
	done
}

# netem SETTINGS...: both ways.
netem() {
	for side in a b; do
		# A change would keep the settings that it does not name.
		ip netns exec $side tc qdisc delete dev v$side root 2>/dev/null
		ip netns exec $side tc qdisc add dev v$side root netem limit 100000 "$@" ||
			report 1 "netem $* in namespace $side"
	done
}

# lengths NAME [OPTIONS OF SIZES]
lengths() {
	what=$1
	shift
	start /tmp/sizes $in_b sizes --server
	check "$what: all lengths over IPv4" $in_a sizes --server-addr 10.9.0.2 "$@"
	check "$what: all lengths over IPv6" $in_a sizes --server-addr fd09:0::2 "$@"
	stop_all
}

# many NAME [OPTIONS OF STRESS]
many() {
	what=$1
	shift
	start /tmp/stress $in_b stress --server "$@"
	check "$what: many RPCs over IPv4" $in_a stress --server-addr 10.9.0.2 "$@" || counters
	check "$what: many RPCs over IPv6" $in_a stress --server-addr fd09:0::2 "$@" || counters
	stop "$what: each ran at most once" /tmp/stress
}

# What was lost and sent again, to explain a failure.
counters() {
	for space in a b; do
		ip netns exec $space cat /proc/net/homa_metrics |
			grep -E 'resent|timeouts|_(DATA|GRANT|RESEND|BUSY|RPC_UNKNOWN) ' |
			sed "s/^/# $space: /"
	done
}

few="--sizes 1,100,1400,1424,1425,10000,39999,65536,65537,200000,1000000 --outstanding 4"
some="--clients 4 --rpcs 60 --window 15 --max-size 100000"

case_veth() {
	make_veth
	lengths "veth"
	many "veth" --clients 6 --rpcs 150 --window 50
}

case_offloads() {
	make_veth
	for gro in on off; do
		$in_a ethtool -K va gro $gro >/dev/null 2>&1
		$in_b ethtool -K vb gro $gro >/dev/null 2>&1
		for tso in on off; do
			$in_a ethtool -K va tso $tso >/dev/null 2>&1
			$in_b ethtool -K vb tso $tso >/dev/null 2>&1
			for software in 0 1; do
				for space in a b; do
					ip netns exec $space sysctl -q -w \
						net.homa.max_gso_size=20000 \
						net.homa.gso_force_software=$software ||
						report 1 "net.homa in namespace $space"
				done
				lengths "gro $gro, tso $tso, gso_force_software $software" $few
			done
		done
	done
	$in_a ethtool -K va sg off tx off >/dev/null 2>&1
	$in_b ethtool -K vb sg off tx off >/dev/null 2>&1
	lengths "without scatter/gather and checksums" $few
}

case_mtu() {
	make_veth
	for mtu in 9000 1280; do
		ip -n a link set va mtu $mtu
		ip -n b link set vb mtu $mtu
		lengths "mtu $mtu" --mtu $mtu --outstanding 1
	done
}

case_shrink() {
	make_veth
	$in_b server 4000 >/dev/null 2>&1 &
	servers=$!
	for disguise in 0 1; do
		for space in a b; do
			ip netns exec $space sysctl -q -w net.homa.hijack_tcp=$disguise ||
				report 1 "hijack_tcp in namespace $space"
		done
		ip -n a link set va mtu 1500
		ip -n b link set vb mtu 1500
		check "packets of 1500 bytes, disguised $disguise" $in_a client 10.9.0.2 4000 100000
		netem rate 10mbit
		$in_a client 10.9.0.2 4000 1000000 2 >/tmp/client 2>&1 &
		client=$!
		usleep 700000
		# Less than the length of an IP header: data alone would still go into one packet.
		ip -n a link set va mtu 1490
		ip -n b link set vb mtu 1490
		wait $client
		report $? "packets of 1490 bytes in the middle of a message, disguised $disguise" \
			/tmp/client
		netem rate 1gbit
	done
}

case_hijack() {
	make_veth
	$in_a sysctl -q -w net.homa.hijack_tcp=1 || report 1 "hijack_tcp in namespace a"
	lengths "one side disguised" $few
	$in_b sysctl -q -w net.homa.hijack_tcp=1 || report 1 "hijack_tcp in namespace b"
	lengths "both sides disguised" $few
	$in_a sysctl -q -w net.homa.max_gso_size=20000
	$in_b sysctl -q -w net.homa.max_gso_size=20000
	lengths "both sides disguised, in batches" $few
	many "disguised" $some
}

# case_loss PERCENT
case_loss() {
	make_veth
	netem loss "$1%"
	lengths "loss $1%" $few
	many "loss $1%" $some
}

case_duplicate() {
	make_veth
	netem duplicate 5%
	lengths "duplicate 5%" $few
	many "duplicate 5%" $some
}

case_reorder() {
	make_veth
	netem delay 1ms reorder 25%
	lengths "reorder 25%" $few
	many "reorder 25%" $some
}

case_corrupt() {
	make_veth
	netem corrupt 1%
	many "corrupt 1%" $some --corrupt-ok --timeouts-ok 100
	netem loss 0%
	lengths "after corruption" $few
}

case_bridge() {
	make_bridge
	lengths "bridge" $few
	many "bridge" $some
	for link in ca cb; do
		$in_c ethtool -K $link gro on >/dev/null 2>&1
	done
	lengths "bridge with gro" $few
	many "bridge with gro" $some
}

case_ids() {
	make_veth
	ip netns add d
	ip -n d link add vd type veth peer name ve netns b
	addresses d vd 1 1
	addresses b ve 1 2
	for space in a d; do
		# a file that can only be written, which the sysctl program does not know; 2^62
		check "the next id in namespace $space is set" ip netns exec $space \
			sh -c "echo 4611686018427387904 >/proc/sys/net/homa/next_id"
	done
	start /tmp/stress $in_b stress --server
	$in_d stress --server-addr 10.9.1.2 $some --clients 1 >/tmp/other 2>&1 &
	other=$!
	check "one of two clients with the same ids" $in_a stress --server-addr 10.9.0.2 $some \
		--clients 1
	wait $other
	report $? "the other one" /tmp/other
	stop "each request ran at most once" /tmp/stress
}

case_dead() {
	make_veth
	$in_b server 4000 >/tmp/server 2>&1 &
	servers=$!
	for i in $(seq 20); do
		$in_a client 10.9.0.2 4000 >/dev/null 2>&1 && break
		usleep 100000
	done
	check "a server answers" $in_a client 10.9.0.2 4000 1000 10
	check_says "a port that nobody serves" "Transport endpoint is not connected" \
		$in_a client 10.9.0.2 4001
	check_says "over IPv6, too" "Transport endpoint is not connected" \
		$in_a client fd09:0::2 4001
	check_says "a net to which there is no way" "Network is unreachable|No route to host" \
		$in_a client 198.51.100.1 4000
	check_says "over IPv6, too" "Network is unreachable|No route to host|Permission denied" \
		$in_a client 2001:db8::1 4000
	check_says "a host that is not there" "No route to host|timed out" \
		$in_a client 10.9.0.77 4000
	check_says "over IPv6, too" "No route to host|timed out" $in_a client fd09:0::77 4000
	netem loss 100%
	check_says "a host that has fallen silent" "timed out|No route to host" \
		$in_a client 10.9.0.2 4000
	check_says "in the middle of a message, too" "timed out|No route to host" \
		$in_a client 10.9.0.2 4000 1000000
	netem loss 0%
	check "and speaks again" $in_a client 10.9.0.2 4000 500000 3
}

case_reboot() {
	make_veth
	$in_b server 4000 >/dev/null 2>&1 &
	servers=$!
	usleep 500000
	$in_a client 10.9.0.2 4000 1000000 10000 >/tmp/client 2>&1 &
	long=$!
	sleep 1
	stop_all
	ip netns delete b
	# The wire is gone with its end; the client's address must stay for its RPC to go on.
	ip netns add b
	for i in $(seq 50); do
		ip -n a link add va address 02:00:00:00:00:0a type veth peer name vb netns b \
			address 02:00:00:00:00:0b 2>/dev/null && break
		usleep 100000
	done
	addresses a va 0 1
	addresses b vb 0 2
	$in_b server 4000 >/dev/null 2>&1 &
	servers=$!
	usleep 500000
	check "a host that lost its memory serves the clients of before" \
		$in_a client 10.9.0.2 4000 100000 10
	kill -9 $long 2>/dev/null
	wait $long
	tail -n 1 /tmp/client | sed 's/^/# the client meanwhile: /'
}

case_packets() {
	make_veth
	$in_b server 4400 >/dev/null 2>&1 &
	servers=$!
	for gro in on off; do
		$in_b ethtool -K vb gro $gro >/dev/null 2>&1
		check "malformed packets over the wire, gro $gro" $in_a fuzz-packets --seconds 3 \
			--interface va --mac 02:00:00:00:00:0b --to 10.9.0.2
		check "a server works after it" $in_a client 10.9.0.2 4400 1000 10
		check "and for long messages" $in_a client 10.9.0.2 4400 500000 2
	done
}

case_policy() {
	make_veth
	$in_b server 4000 >/dev/null 2>&1 &
	servers=$!
	usleep 500000
	for address in 10.9.0. fd09:0::; do
		check "over ${address}2, without a policy" $in_a client ${address}2 4000 1000 2
		check "a policy is set" ip -n b xfrm policy add src ${address}1 dst ${address}2 \
			proto 146 dir in action block
		check_says "with one that blocks Homa" "timed out" $in_a client ${address}2 4000
		check "and is deleted" ip -n b xfrm policy delete src ${address}1 dst ${address}2 \
			proto 146 dir in
		check "then it works again" $in_a client ${address}2 4000 1000 2
		check "packets are wrapped by IPsec" wrap ${address}1 ${address}2
		check "and RPCs go through that, too" $in_a client ${address}2 4000 100000 20
		unwrap
	done
}

# wrap A B: all between these addresses goes as ESP, without secrets.
wrap() {
	for space in a b; do
		ip -n $space xfrm state add src $1 dst $2 proto esp spi 1 mode transport \
			enc "ecb(cipher_null)" "" auth digest_null "" || return 1
		ip -n $space xfrm state add src $2 dst $1 proto esp spi 2 mode transport \
			enc "ecb(cipher_null)" "" auth digest_null "" || return 1
	done
	ip -n a xfrm policy add src $1 dst $2 dir out tmpl proto esp mode transport &&
		ip -n b xfrm policy add src $2 dst $1 dir out tmpl proto esp mode transport
}

unwrap() {
	for space in a b; do
		ip -n $space xfrm policy flush
		ip -n $space xfrm state flush
	done
}

# answers NAME WHO COMMAND...: it must succeed and print who has answered.
answers() {
	name=$1 who=$2
	shift 2
	"$@" >/tmp/check.out 2>&1 && [ "$(cat /tmp/check.out)" = "$who" ]
	report $? "$name" /tmp/check.out
}

case_links() {
	make_twins
	for address in 10.9.0.2 fd09:0::2; do
		check_says "$address, where no program has had a socket yet" \
			"Transport endpoint is not connected" $in_a zones ask $address 4000
	done
	start /tmp/b $in_b zones serve b 4000
	start /tmp/d $in_d zones serve d 4000
	sleep 2 # link-local addresses become usable
	answers "a link-local address on the first link" b $in_a zones ask fe80::2%va 4000
	answers "the same on the second one" d $in_a zones ask fe80::2%vd 4000
	answers "and again on the first one" b $in_a zones ask fe80::2%va 4000
	$in_d server 4900 >/dev/null 2>&1 &
	servers="$servers $!"
	sleep 0.5
	check "the example asks there, too" $in_a client fe80::2%vd 4900
	check_says "but not on a link that is not there" "vx: no link" \
		$in_a client fe80::2%vx 4900
	check_says "without a link" "Invalid argument" $in_a zones ask fe80::2 4000
	answers "on the link that the socket is bound to" d $in_a zones -d vd ask fe80::2 4000
	answers "named, too" d $in_a zones -d vd ask fe80::2%vd 4000
	check_says "but on another one" "Invalid argument" $in_a zones -d va ask fe80::2%vd 4000
	check_says "a port that nobody serves" "Transport endpoint is not connected" \
		$in_a zones ask fe80::2%vd 4001
	for address in 10.9.0.2 fd09:0::2; do
		answers "$address through the device of its route" b \
			$in_a zones -d va ask $address 4000
		check_says "$address through another device" "Network is unreachable" \
			$in_a zones -d vd ask $address 4000
	done
	start /tmp/bound $in_b zones -d vb serve bound 4002
	answers "a server that is bound to the link" bound $in_a zones ask 10.9.0.2 4002
	start /tmp/other $in_b zones -d lo serve other 4003
	check_says "one that is bound to another" "Transport endpoint is not connected" \
		$in_a zones ask 10.9.0.2 4003
	answers "and is asked there" other $in_b zones ask 127.0.0.1 4003
}

case_router() {
	make_veth
	make_behind b
	ip -n a route add 10.9.2.0/24 via 10.9.0.2
	ip -n a route add fd09:2::/64 via fd09:0::2
	start /tmp/c $in_c zones serve c 4000
	for disguise in 0 1; do
		for space in a c; do
			ip netns exec $space sysctl -q -w net.homa.hijack_tcp=$disguise
		done
		for address in 10.9.2.2 fd09:2::2; do
			answers "$address, where packets must be shorter, disguised $disguise" c \
				$in_a zones ask $address 4000
			ip -n a route flush cache
			ip -n a -6 route flush cache
		done
	done
}

case_vrf() {
	make_twins
	ip -n a link add red type vrf table 10
	ip -n a link set red up
	ip -n a link set vd master red
	addresses a vd 0 1
	start /tmp/b $in_b zones serve b 4000
	start /tmp/d $in_d zones serve d 4000
	sleep 2 # link-local addresses become usable
	for address in 10.9.0.2 fd09:0::2; do
		answers "$address outside of the VRF" b $in_a zones ask $address 4000
		answers "$address within it" d $in_a zones -d red ask $address 4000
		answers "$address through a link of it" d $in_a zones -d vd ask $address 4000
		check_says "a port of $address within it that nobody serves" \
			"Transport endpoint is not connected" \
			$in_a zones -d red ask $address 4001
	done
	answers "a link-local address within it" d $in_a zones ask fe80::2%vd 4000
	answers "for a socket that is bound to it" d $in_a zones -d red ask fe80::2%vd 4000
	check_says "an address outside of it" "Network is unreachable" \
		$in_a zones -d red ask 127.0.0.1 4000
	start /tmp/a $in_a zones serve a 4000
	start /tmp/red $in_a zones -d red serve red 4001
	for address in 10.9.0.1 fd09:0::1; do
		answers "a server outside, asked for $address from outside" a \
			$in_b zones ask $address 4000
		check_says "and from within" "Transport endpoint is not connected" \
			$in_d zones ask $address 4000
		answers "a server within, asked for $address from within" red \
			$in_d zones ask $address 4001
		check_says "and from outside" "Transport endpoint is not connected" \
			$in_b zones ask $address 4001
	done
	# An address that is no other link's.
	ip -n a address add 10.9.9.1/32 dev vd
	for device in red vd; do
		answers "the host's own address within it, for a socket bound to $device" red \
			$in_a zones -d $device ask 10.9.9.1 4001
	done

	make_behind d
	ip -n a route add 10.9.2.0/24 via 10.9.0.2 vrf red
	ip -n a route add fd09:2::/64 via fd09:0::2 vrf red
	start /tmp/c $in_c zones serve c 4000
	for address in 10.9.2.2 fd09:2::2; do
		answers "$address within it, to where packets must be shorter" c \
			$in_a zones -d red ask $address 4000
	done

	ip -n a address add fd09:9::1/128 dev vd nodad
	ip -n d route add fd09:9::1 via fd09:0::1
	ip -n d route add 10.9.9.1 via 10.9.0.1
	for space in a b d; do
		ip netns exec $space sysctl -q -w net.homa.hijack_tcp=1
	done
	for address in 10.9.0.2 fd09:0::2; do
		answers "$address within it, disguised as TCP" d $in_a zones -d red ask $address 4000
		answers "$address outside of it, disguised as TCP" b $in_a zones ask $address 4000
	done
	for address in 10.9.9.1 fd09:9::1; do
		answers "$address that is only within it, disguised as TCP" red \
			$in_d zones ask $address 4001
	done

	# Not to where others get without it.
	for address in 10.9.0.2 fd09:0::2; do
		ip -n a link add green type vrf table 11
		ip -n a link set green up
		check_says "$address, for a socket whose VRF is gone" "Network is unreachable" \
			sh -c "{ sleep 1; ip -n a link del green; echo; } |
				$in_a zones -d green late $address 4000"
	done
}

[ $# -gt 0 ] || {
	usage >&2
	exit 2
}
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	loss)
		[ $# -gt 1 ] || {
			echo "netns.sh: loss needs a number of percent" >&2
			exit 2
		}
		case_loss "$2"
		shift
		;;
	veth | offloads | mtu | shrink | hijack | duplicate | reorder | corrupt | bridge | ids | \
		dead | reboot | packets | policy | links | router | vrf)
		"case_$1"
		;;
	*)
		echo "netns.sh: no case $1" >&2
		usage >&2
		exit 2
		;;
	esac
	remove
	shift
done
finish
