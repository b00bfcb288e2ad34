#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# For functions.py: windows with few and with many echoed messages, whose difference is what messages
# alone take. Usage: profile.sh BYTES FEW MANY
. ./lib.sh
for transport in tcp homa; do
	client $transport "$1" "$2" $transport >/dev/null
	for count in "$2" "$3"; do
		mark
		client $transport "$1" "$count" $transport
		mark
	done
done >"$OUT/rows"
grep -i ' [tw] ' /proc/kallsyms | gzip >"$OUT/kallsyms.gz"
killall pair
[ "$(wc -l <"$OUT/rows")" = 4 ]
