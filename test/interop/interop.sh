#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# The virtual machine's side of test/interop/run: RPCs with the simulated hosts of main.cc, as
# server and as client. They are 10.0.0.2 and fd00::2, and, behind a link that loses packets,
# 10.0.0.3 and fd00::3. We are node 1 of two to init, and so 10.0.0.1 and fd00::1. The kernel's
# command line has the SIZES of requests and the LOSS.
set -u
. "$(dirname "$0")/lib.sh"

# Until both simulated hosts answer.
up() {
	for host in 10.0.0.2 10.0.0.3 fd00::2 fd00::3; do
		for i in $(seq 50); do
			ping -c 1 -W 1 $host >/dev/null 2>&1 && continue 2
			usleep 100000
		done
		echo "$host does not answer"
		return 1
	done
}

# calls WHERE ADDRESS: as a client.
calls() {
	what="homa.ko calls ns-3, $1 lost"
	for size in $(echo "$SIZES" | tr , ' '); do
		check "$what: $size bytes come back" \
			sizes --server-addr "$2" --sizes "$size" --outstanding 1 --seconds 20
	done
	check "$what: all of these at once" \
		sizes --server-addr "$2" --sizes "$SIZES" --outstanding 8 --seconds 20
	check_says "$what: a port that nobody serves refuses" "not connected" client "$2" 4102 1000
}

# More patience than a real host needs; main.cc sets the same.
patient() {
	sysctl -w net.homa.resend_ticks=20 \
		net.homa.resend_interval=20 net.homa.timeout_resends=50
}

check "homa.ko and ns-3 reach each other" up
check "homa.ko waits longer before it asks again" patient
start /tmp/serving sizes --server
calls "IPv4, 0%" 10.0.0.2
calls "IPv6, 0%" fd00::2
calls "IPv4, $LOSS%" 10.0.0.3
calls "IPv6, $LOSS%" fd00::3
# Now they call, and answer us when they have.
check "homa.ko waits for a response that takes seconds" client 10.0.0.2 4101
stop_all
finish
