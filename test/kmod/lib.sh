# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# For the test scripts of this folder, which source it: TAP, and programs in the background.
# Runs under the small shell of the virtual machine.

count=0
failed=0
servers=

# report STATUS NAME [FILE]: a test that passed when STATUS is 0; otherwise FILE says why.
report() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
		return 0
	fi
	failed=$((failed + 1))
	echo "not ok $count - $2"
	[ -z "${3:-}" ] || sed 's/^/# /' "$3"
	return 1
}

# check NAME COMMAND...: the command must succeed.
check() {
	name=$1
	shift
	"$@" >/tmp/check.out 2>&1
	report $? "$name" /tmp/check.out
}

# check_says NAME TEXT COMMAND...: the command must fail and say one of the TEXTs (a|b).
check_says() {
	name=$1 text=$2
	shift 2
	if "$@" >/tmp/check.out 2>&1; then
		echo "it succeeded" >>/tmp/check.out
		report 1 "$name" /tmp/check.out
	else
		grep -q -E "$text" /tmp/check.out
		report $? "$name" /tmp/check.out
	fi
}

# start FILE COMMAND...: run it in the background until it says that it serves.
start() {
	file=$1
	shift
	# What an earlier one has said there must not be taken for this one's.
	rm -f "$file"
	"$@" >"$file" 2>&1 &
	server=$!
	servers="$servers $server"
	for i in $(seq 100); do
		grep -qs '^# serving' "$file" && return 0
		kill -0 $server 2>/dev/null || break
		usleep 50000
	done
	report 1 "$* starts" "$file"
}

# stop NAME FILE: end the one started last; its exit status is a test.
stop() {
	kill -TERM $server 2>/dev/null
	wait $server
	report $? "$1" "$2"
	servers=$(echo "$servers " | sed "s/ $server / /; s/ *$//")
}

# Ends all that was started, without a word.
stop_all() {
	for pid in $servers; do
		kill -9 $pid 2>/dev/null && wait $pid 2>/dev/null
	done
	servers=
}

finish() {
	stop_all
	[ $count -gt 0 ] || report 1 "something was tested"
	echo "1..$count"
	[ $failed = 0 ]
	exit $?
}
