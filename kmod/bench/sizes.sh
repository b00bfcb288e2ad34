# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Messages of five sizes, alone and eight at a time; to be sourced. It writes what pair compare prints.

# compare_sizes NAME ADDRESS ROUNDS [COMMAND...]: the command runs the client, as in a namespace
compare_sizes() {
	name=$1 address=$2 rounds=$3
	shift 3
	for size in 100 1400 10000 500000 1000000; do
		for outstanding in 1 8; do
			count=$((size < 20000 ? 100 : 2 + outstanding))
			"$@" pair compare "$address" 100 $size $count $outstanding "$rounds" \
				"$name" || exit 1
		done
	done
}
