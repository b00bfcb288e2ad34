#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Instructions per echoed message, one at a time, for Homa and TCP in the same boot.
. ./lib.sh
for size in 100 10000 500000; do
	count=$((size < 1000 ? 2000 : size < 100000 ? 500 : 40))
	for transport in tcp homa; do
		client $transport $size $count $transport
	done
done >"$OUT/cost"
killall pair
[ "$(wc -l <"$OUT/cost")" = 6 ]
