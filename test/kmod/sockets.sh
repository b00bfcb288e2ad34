#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# The listing of Homa sockets. Needs the module's file at /homa/homa.ko. Takes a network namespace a.
set -u
. "$(dirname "$0")/lib.sh"

case ${1:-} in
-h | --help)
	echo "Usage: sockets.sh"
	exit 0
	;;
esac

nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"

# listed [OPTION]...: to /tmp/list, by the command $by; in no time on a slow machine as well.
by=
listed() {
	timeout 10 $by homa-sockets "$@" >/tmp/list 2>/tmp/said
	status=$?
	cat /tmp/said
	[ $status = 0 ] || echo "exit status $status"
	return $status
}

# told EXPRESSION: the last listing said so on its standard error.
told() {
	cat /tmp/said
	echo "does not match $1"
	grep -q -E -e "$1" /tmp/said
}

# silent: it said nothing.
silent() {
	cat /tmp/said
	[ ! -s /tmp/said ]
}

# says EXPRESSION [COUNT]: so many lines of the list match (1).
says() {
	cat /tmp/list
	echo "not ${2:-1} times: $1"
	[ "$(grep -c -E -e "$1" /tmp/list)" = "${2:-1}" ]
}

exits() {
	want=$1
	shift
	"$@" >/tmp/list 2>&1
	status=$?
	cat /tmp/list
	echo "exit status $status, not $want"
	[ $status = "$want" ]
}

loaded() { grep -q '^homa ' /proc/modules; }

# held FILE [COMMAND...]: silence is no death here.
held() {
	file=$1
	shift
	"$@" sysctl -q -w net.homa.timeout_resends=100
	start "$file" "$@" hold
}

# Usage.
check "--help is there" exits 0 homa-sockets --help
check "an unknown option is refused" exits 2 homa-sockets --nothing
check "as is a word" exits 2 homa-sockets word
for port in 0 65536 1x; do
	check "and port $port" exits 2 homa-sockets --port=$port
done

# Without anything to list.
check "without sockets, it lists" listed
check "nothing but the headings" says '' 1
check "without headings" listed -H
check "nothing at all" says '' 0
check "a listing that cannot be written fails" exits 1 sh -c 'exec homa-sockets >/dev/full'

# Sockets and RPCs. The child of `hold` has all of its sockets, too.
held /tmp/hold
# shellcheck disable=SC2154  # start() of lib.sh sets it
pid=$server
check "with sockets, it lists" listed -n
users="users:\(\(\"hold\",pid=[0-9]+,fd=[0-9]+\),\(\"hold\",pid=[0-9]+,fd=[0-9]+\)\)\$"
check "each once, with both processes that have it" says "$users" 3
check "the IPv4 server, whose bpages hold requests" says \
	'^ipv4 +4700 server +(65536|131072) +1048576 +[23] +0 +0 '
check "the IPv6 server, whose only one is taken" says '^ipv6 +4701 server +65536 +65536 +2 '
check "the client" says '^ipv6 +(3[2-9]|[4-6].)... client +[0-9]+ +1048576 +5 '
check "our own namespace goes without saying" says 'netns:' 0
check "unless it is asked for" listed -N
check "then it is right" says "netns:$(stat -L -c %i /proc/self/ns/net)\$" 3
check "byte counts are rounded otherwise" says ' 1\.0M ' 2
check "with RPCs" listed -r -n
to4='peer:127\.0\.0\.1:4700' to6='peer:\[::1\]:4701'
check "those the client has, by state: waiting for a server" says \
	"^  waiting   client id:[0-9]*[02468] $to4 tx:100/100 tx_granted:[0-9]+ .* cookie:100\$"
check "private" says "^  waiting   client .* $to4 tx:200/200 .* cookie:200 private\$"
check "with a response to take" says \
	"^  ready     client .* $to4 tx:300/300 .* rx:300/300 .*rx_gaps:0 .* cookie:300 copy\$"
check "with a response to come, over IPv6" says "^  waiting   client .* $to6 tx:60000/60000 .*"
check "waiting for a grant" says "^  sending   client .* $to6 tx:[1-6][0-9]{4}/65536 "
check "those of the servers: request taken" says \
	'^  serving   server id:[0-9]*[13579] peer:127\.0\.0\.1:[0-9]+ rx:100/100 rx_granted:100 '
check "request to take" says '^  ready     server .* rx:200/200 '
check "no room for a request" says '^  no-room   server .* peer:\[::1\]:[0-9]+ rx:[0-9]+/65536 '
port=$(awk '$3 == "client" { print $2 }' /tmp/list)
check "one port" listed -H --port="$port" --rpcs
check "has its socket and its RPCs" says '^(ipv6|  [a-z-]+ +client)' 6
check "and nothing else" says '' 6
check "only servers" listed -l
check "are two" says ' server ' 2
check "and no client" says ' client ' 0
check "only IPv4" listed -4
check "is one" says '^ipv. '
check "only IPv6" listed -6 -H
check "are two sockets" says '' 2
check "both" listed -4 -6 -H
check "are all" says '' 3
kill -STOP "$pid"
check "a process that is stopped is listed" listed
check "like others" says '^ipv' 3
kill -CONT "$pid"

# Other namespaces and users.
ip netns add a
ip -n a link set lo up
held /tmp/hold-a ip netns exec a
check "two namespaces" listed
inode=$(stat -L -c %i /run/netns/a)
check "are both listed, and the other is named" says " netns:$inode\$" 3
check "and ours is not" says '\)$' 3
by="ip netns exec a"
check "from within the other one" listed
check "both are listed, too" says '^ipv' 6
check "and the one outside is named" says " netns:$(stat -L -c %i /proc/self/ns/net)\$" 3
check "root sees all, and is told of none that it does not" silent
by=$nobody
check "a user without rights" listed -H
check "sees no sockets of others" says '' 0
check "but is told that there may be" told \
	'^homa-sockets: [1-9][0-9]* processes could not be looked into: only root sees all$'
start /tmp/hold-nobody $nobody hold 4710
check "with own sockets" listed -H
check "sees these" says '^ipv' 3
check "of the namespace that they are in" says 'netns:' 0
stop "the user's holder ends" /tmp/hold-nobody
by=

# RPCs go on while they are looked at, and processes come and go.
start /tmp/stress stress --server --port 4600
busy() {
	for round in $(seq 20); do
		listed --rpcs || return 1
	done
}
stress --server-addr 127.0.0.1 --port 4600 --clients 4 --rpcs 1000000 --seconds 600 \
	>/dev/null 2>&1 &
servers="$servers $!"
come_and_go() {
	while :; do
		client 127.0.0.1 4600 100
	done >/dev/null 2>&1
}
come_and_go &
servers="$servers $!"
check "listings while RPCs run and processes end" busy
check "show the server" says '^ipv[46] +4600 server '
stop_all
for i in $(seq 100); do
	listed -H >/dev/null && [ ! -s /tmp/list ] && break
	usleep 100000
done
check "when all have ended, there is nothing to list" says '' 0

# Without the module.
ip netns del a
rmmod homa
check "without the module it fails" exits 1 homa-sockets
check "and says what to do" says '^homa-sockets: the module is not loaded: modprobe homa'
loaded
check "and does not load it" [ $? = 1 ]
check "the module loads again, for the next test" insmod /homa/homa.ko
finish
