#!/bin/sh
. /homa/lib.sh
ip netns add a; ip netns add b
ip -n a link add va type veth peer name vb netns b
for s in a b; do ip -n $s link set lo up; ip -n $s link set v$s up; done
ip -n a address add 10.9.0.1/24 dev va; ip -n b address add 10.9.0.2/24 dev vb
ip netns exec a ping -c 1 10.9.0.2 >/dev/null
echo not ok 1 - just so that all is shown
start /tmp/stress ip netns exec b stress --server
for i in 1 2 3; do
ip netns exec a stress --server-addr 10.9.0.2 --timeouts-ok 100 "$@" | grep '^# clients'
done
ip netns exec a grep -E "resent|timeouts|_RESEND|_BUSY|_UNKNOWN" /proc/net/homa_metrics | sed 's/^/# a: /'
ip netns exec b grep -E "resent|timeouts|_RESEND|_BUSY|_UNKNOWN" /proc/net/homa_metrics | sed 's/^/# b: /'
stop_all
