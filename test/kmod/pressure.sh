#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# RPCs while memory is short: each still ends, and everything is given back. Where the kernel can
# let allocations fail at random (CONFIG_FAILSLAB, as the debug kernel has), those of interrupts do,
# which nobody can wait for; elsewhere most of the machine's memory is taken away.
set -u
. "$(dirname "$0")/lib.sh"

debug=/sys/kernel/debug
left=40		# MiB that are left

usage() {
	cat <<-END
	Usage: pressure.sh [CASE...]
	  fail    allocations fail at random; nothing where the kernel cannot do that
	  full    the machine's memory is full
	By default both.
	END
}

# metric NAME: its sum over the namespace.
metric() {
	awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' /proc/net/homa_metrics
}

available() {
	awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo
}

# rpcs NAME
rpcs() {
	check "$1: every RPC ends, with what was sent" \
		stress --servers 2 --clients 4 --rpcs 150 --window 60 --max-size 300000 \
		--bpages 64 --seconds 50
}

# faults FOLDER PERCENT
faults() {
	[ -d "$debug/$1" ] || return
	echo N >"$debug/$1/task-filter"
	echo Y >"$debug/$1/ignore-gfp-wait"
	echo 0 >"$debug/$1/verbose"
	echo -1 >"$debug/$1/times"
	echo "$2" >"$debug/$1/probability"
}

case_fail() {
	mount -t debugfs none $debug 2>/dev/null
	if ! [ -d $debug/failslab ]; then
		echo "# this kernel has no failslab"
		return
	fi
	for percent in 1 10; do
		before=$(($(metric server_cant_create_rpcs) + $(metric data_xmit_errors) + \
			$(metric control_xmit_errors)))
		faults failslab $percent
		faults fail_page_alloc $percent
		rpcs "$percent% of allocations fail"
		faults failslab 0
		faults fail_page_alloc 0
		after=$(($(metric server_cant_create_rpcs) + $(metric data_xmit_errors) + \
			$(metric control_xmit_errors)))
		[ $after -gt "$before" ]
		report $? "$percent%: the module has met failures"
	done
	rpcs "afterwards"
}

case_full() {
	mkdir -p /tmp/full
	mount -t tmpfs -o size=100% none /tmp/full || report 1 "a file system in memory"
	dd if=/dev/zero of=/tmp/full/bytes bs=1024 count=$(($(available) - left * 1024)) \
		2>/dev/null
	[ "$(available)" -lt $(((left + 10) * 1024)) ]
	report $? "memory is full"
	rpcs "$left MiB left"
	umount /tmp/full
	rpcs "afterwards"
}

for word in "$@"; do
	case $word in
	-h | --help)
		usage
		exit 0
		;;
	fail | full) ;;
	*)
		echo "pressure.sh: no case $word" >&2
		usage >&2
		exit 2
		;;
	esac
done
[ $# -gt 0 ] || set -- fail full
for word in "$@"; do
	"case_$word"
done
finish
