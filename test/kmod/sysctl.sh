#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Parameters below /proc/sys/net/homa, counters in /proc/net/homa_metrics and tracepoints, as those
# who administer a host see them. Takes network namespaces a, b and c.
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: sysctl.sh"
	exit 0
	;;
esac

files=/proc/sys/net/homa
events=/sys/kernel/tracing/events/homa

# What the public implementation has, too, with its defaults.
public='action 0
bpage_lease_usecs 10000
cutoff_version 1
defer_min_bytes 1000
fifo_grant_increment 50000
flags 0
grant_fifo_fraction 50
gro_busy_usecs 5
gro_policy 114
gso_force_software 0
hijack_tcp 0
homa_share 50
link_mbps 25000
max_gro_skbs 20
max_gso_size 0
max_incoming 400000
max_link_usage 99
max_nic_queue_usecs 40
max_overcommit 8
max_sched_prio 3
num_priorities 8
pacer_fifo_fraction 50
peer_gc_threshold 5000
peer_idle_secs_max 120
peer_idle_secs_min 10
peer_net_max 10000
poll_usecs 50
priority_map 0 1 2 3 4 5 6 7
request_ack_ticks 2
resend_interval 5
resend_ticks 5
timeout_resends 5
timeout_ticks 100
unsched_bytes 40000
unsched_cutoffs 0 0 0 0 1000000 15000 2800 200
verbose 0
window 0
wmem_max 100000000'

get() {
	tr '\t' ' ' <$files/"$1" 2>/dev/null
}

put() {
	echo "$2" 2>/dev/null >$files/"$1"
}

# is NAME VALUE
is() {
	echo "$1 is '$(get "$1")', not '$2'"
	[ "$(get "$1")" = "$2" ]
}

# takes NAME VALUE: it can be written, and says so after it.
takes() {
	put "$1" "$2" && is "$1" "$2"
}

# refuses NAME VALUE: it cannot, and nothing changes.
refuses() {
	was=$(get "$1")
	if put "$1" "$2"; then
		echo "$1 took $2"
		return 1
	fi
	is "$1" "$was"
}

# at NAMESPACE FUNCTION...
at() {
	space=$1
	shift
	ip netns exec "$space" "$self" --call "$@"
}

# sum NAME: over all cores.
sum() {
	awk -v name="$1" '$1 == name { sum += $2; found = 1 }
		END { if (!found) sum = "absent"; print sum }' /proc/net/homa_metrics
}

# counted NAME VALUE
counted() {
	echo "$1 is $(sum "$1"), not $2"
	[ "$(sum "$1")" = "$2" ]
}

# all_defaults: of those in $public
all_defaults() {
	bad=0
	echo "$public" >/tmp/public
	while read -r file value; do
		is "$file" "$value" >/tmp/is || {
			cat /tmp/is
			bad=1
		}
	done </tmp/public
	return $bad
}

# out_of_range: no file with one number takes what is below 0 or above 32 bits, or is no number.
out_of_range() {
	bad=0
	for file in "$files"/*; do
		file=${file##*/}
		case $file in
		next_id | action) continue ;;
		esac
		for value in -1 4294967296 x; do
			refuses "$file" $value >/tmp/is || {
				cat /tmp/is
				bad=1
			}
		done
	done
	return $bad
}

# format: each line has a name, a number and a meaning; a name stands once per core.
format() {
	awk '
	$1 == "core" { core = $2; cores++ }
	NF < 3 || $2 !~ /^[0-9]+$/ || seen[core, $1]++ { print; bad = 1 }
	END { exit bad || !cores }' /proc/net/homa_metrics
}

cores() {
	[ "$(grep -c '^core ' /proc/net/homa_metrics)" = "$(grep -c '^processor' /proc/cpuinfo)" ]
}

# histogram: lengths 64 to 4096 by 64, and 5120 to 131072 by 1024.
histogram() {
	{
		seq 64 64 4096
		seq 5120 1024 131072
	} >/tmp/want
	awk '$1 == "core" { if (cores++) exit } sub(/^msg_bytes_/, "") { print $1 }' \
		/proc/net/homa_metrics >/tmp/have
	cmp /tmp/want /tmp/have
}

# sums_to EXPRESSION VALUE: of all whose name matches.
sums_to() {
	value=$(awk -v name="$1" '$1 ~ name { sum += $2 } END { print sum + 0 }' \
		/proc/net/homa_metrics)
	echo "those that match $1 sum to $value, not $2"
	[ "$value" = "$2" ]
}

# grew NAME COMMAND...: the command makes a counter grow.
grew() {
	counter=$1
	before=$(sum "$counter")
	shift
	"$@" || return 1
	echo "$counter was $before, is $(sum "$counter")"
	[ "$(sum "$counter")" -gt "$before" ]
}

# stayed NAME COMMAND...
stayed() {
	counter=$1
	before=$(sum "$counter")
	shift
	"$@" || return 1
	echo "$counter was $before, is $(sum "$counter")"
	[ "$(sum "$counter")" = "$before" ]
}

# The namespace's root may write, whoever that is outside of it.
own_root() {
	# shellcheck disable=SC2016  # for the inner shell to expand
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user --net \
		sh -c 'echo 9 >$0/resend_ticks && [ "$(cat $0/resend_ticks)" = 9 ]' $files
}

# But give the whole machine no other limits of memory.
own_limits() {
	# shellcheck disable=SC2016  # for the inner shell to expand
	setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --map-root-user --net \
		sh -c 'for name in peer_net_max max_rpcs_per_peer max_served_rpcs wmem_max skb_page_pool_min_kb; do
			echo 100 >$0/$name && [ "$(cat $0/$name)" = 100 ] || exit 1
			! echo 200000000 >$0/$name 2>/dev/null || exit 1
			! echo 999999 >$0/peer_net_max 2>/dev/null || exit 1
		done' $files
}

nobody_writes() {
	! setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "echo 9 >$files/resend_ticks"
}

# traced EXPRESSION...: lines of the trace that match, each at least once.
traced() {
	bad=0
	for expression in "$@"; do
		grep -q -E "$expression" /tmp/trace || {
			echo "nothing matches $expression in"
			cut -c 1-150 /tmp/trace | head -30
			bad=1
		}
	done
	return $bad
}

# trace COMMAND...: its events to /tmp/trace. The buffer gives its memory back.
trace() {
	buffer=/sys/kernel/tracing/buffer_size_kb
	was=$(sed 's/ .*//' $buffer)
	echo 256 >$buffer
	echo 0 >/sys/kernel/tracing/trace
	# HOMAIOCFREEZE of another test has stopped it.
	echo 1 >/sys/kernel/tracing/tracing_on
	echo 1 >$events/enable
	"$@"
	status=$?
	echo 0 >$events/enable
	grep ' homa_' /sys/kernel/tracing/trace >/tmp/trace
	echo "$was" >$buffer
	return $status
}

self=$0
if [ "${1:-}" = --call ]; then
	shift
	"$@"
	exit $?
fi

for space in a b c; do
	ip netns add $space
	ip -n $space link set lo up
done

# Parameters.
check "every public parameter that has a meaning is there with its default" at a all_defaults
check "no parameter takes what is no number of its kind" at a out_of_range
check "values within the range are taken: resend_ticks" at a takes resend_ticks 100000
check "and those beyond it refused" at a refuses resend_ticks 100001
check "0 is refused where it makes no sense" at a refuses resend_ticks 0
check "messages cannot be longer than recvmsg() can say" at a refuses max_message 1000001
check "nor a tick another length" at a refuses tick_usecs 500
check "fewer priorities" at a takes num_priorities 6
check "need fewer scheduled ones" at a refuses sched_levels 6
check "so that unscheduled packets have one" at a takes sched_levels 5
check "which then sets the limit" at a refuses num_priorities 5
check "until it is given back" at a takes sched_levels 0
check "with the priorities" at a takes num_priorities 8
check "priority_map takes eight priorities" at a takes priority_map "7 6 5 4 3 2 1 0"
check "of 0 to 7" at a refuses priority_map "0 1 2 3 4 5 6 8"
check "cutoffs can be set" at a takes unsched_cutoffs "0 0 1000000 30000 9000 3000 900 90"
check "which makes a new version" at a is cutoff_version 2
check "and leaves the levels below to scheduled packets" at a is max_sched_prio 1
check "the same cutoffs again" at a takes unsched_cutoffs "0 0 1000000 30000 9000 3000 900 90"
check "make none" at a is cutoff_version 2
check "cutoff_version cannot be written" at a refuses cutoff_version 5
check "nor max_sched_prio" at a refuses max_sched_prio 5
check "next_id takes no odd number" at a refuses next_id 4000000000000000001
check "and does not go back" at a refuses next_id 2
check "but forward" at a put next_id 4000000000000000000
check "action is taken, for the sake of scripts" at a put action 7
check "a namespace's parameters are its own" at b all_defaults
check "so are those of the first one" all_defaults
check "the root of a namespace may write them" own_root
check "but not raise limits of memory" own_limits
check "nobody else" nobody_writes

# Counters.
check "each line of the metrics is a name, a number and a meaning" at b format
check "each core has its block" at b cores
check "the histogram has the public lengths" at b histogram
# A slow machine is silent for longer than a network; nothing is to be sent again here.
check "patience" at b takes resend_ticks 5000
check "RPCs of 100, 5,000 and 200,000 bytes, three times each" ip netns exec b \
	sizes --sizes 100,5000,200000 --outstanding 1
for name in client_requests_started client_responses_done server_requests_started \
	server_requests_done server_responses_started send_calls reply_calls requests_received \
	responses_received; do
	check "$name counts them" at b counted $name 9
done
for name in client_request_bytes_started server_request_bytes_done \
	server_response_bytes_started client_response_bytes_done; do
	check "$name counts their bytes" at b counted $name 615300
done
check "sent_msg_bytes counts both" at b counted sent_msg_bytes 1230600
check "the histogram has the short ones" at b counted msg_bytes_128 600
check "those in the middle" at b counted msg_bytes_5120 30000
check "and nothing else" at b sums_to '^msg_bytes_' 30600
check "the long ones are counted" at b counted large_msg_count 6
check "with their bytes" at b counted large_msg_bytes 1200000
check "the priorities have every byte" at b sums_to '^priority._bytes$' 1230600
sent=$(at b sum packets_sent_DATA)
check "and every DATA packet" at b sums_to '^priority._packets$' "$sent"
check "each of which has arrived" at b counted packets_rcvd_DATA "$sent"
check "long messages took grants" [ "$(at b sum packets_sent_GRANT)" -ge 6 ]
check "which have arrived" at b counted packets_rcvd_GRANT "$(at b sum packets_sent_GRANT)"
check "nothing was dropped" at b sums_to '^packets_dropped_' 0
check "nor sent again" at b counted resent_packets 0
check "a namespace's counters are its own" at c counted client_requests_started 0

# What parameters do.
check "packets go at the priority that the map says" at a grew priority0_packets \
	sizes --sizes 10 --outstanding 1
check "a slow link makes the transmit queue wait" at c put link_mbps 200
check "for the link" at c grew pacer_wakeups sizes --sizes 200000 --outstanding 1
check "and counts how late its timer is" at c grew pacer_late_ns sizes --sizes 200000 --outstanding 1
check "unless it is told not to" at c takes flags 2
check "so that it does not" at c stayed pacer_wakeups sizes --sizes 200000 --outstanding 1

# Tracepoints.
check "there are tracepoints" [ -e $events/enable ]
check "that can be watched" trace ip netns exec a sizes --sizes 100000 --outstanding 1
check "they show RPCs begin and end, and their packets" traced \
	'homa_rpc_new: .* peer=::ffff:127.0.0.1 id=[0-9]*[02468] client .* length=100000$' \
	'homa_rpc_new: .* peer=::1 id=[0-9]*[13579] server .* length=100000$' \
	'homa_rpc_end: .* error=0$' \
	'homa_data_out: .* offset=0 length=[0-9]+ message=100000 incoming=[0-9]+ priority=[0-7]$' \
	'homa_packet_in: .* type=DATA' \
	'homa_control_out: .* type=GRANT' \
	'homa_grant: .* message=100000'
check "ids went on from next_id" traced ' id=40000000000000000[0-9][02468] client '

for space in a b c; do
	ip netns del $space
done
finish
