#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
"""Prints w1s.tsv, the smooth form of workload W1. Run by `make -C workloads w1s.tsv`.

W1 is Facebook's memcached pool ETC. Atikoglu et al. (SIGMETRICS 2012) give its value
sizes as a table for the shortest and a Generalized Pareto distribution for the rest;
w1.tsv is a sampled table of the same, cut at 100,000 bytes. The SIGCOMM 2018
simulations of Homa drew from the smooth distribution, whose largest size was 293,173
bytes. The rule, for X in bytes:

  X <= 15   the table: the first 15 rows of w1.tsv
  X >  15   P(X <= x) = B + (1 - B) * (1 - (1 + K * (x - 15) / SIGMA) ** (-1 / K)),
            rounded up to a whole byte; B is the table's last probability

and everything above LARGEST is LARGEST. Up to EXACT bytes every size has its own row;
beyond, sizes are gathered in cells at most CELL wide (as a share of their size), each
standing at its mean, so that the mean of the whole is unchanged.
"""

import math
import os

K = 0.348238
SIGMA = 214.476
EXACT = 1000
CELL = 0.01
LARGEST = 293173

HEAD = """\
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# W1s: the smooth form of W1, as the published simulations drew it. Mean {mean:.2f} bytes.
# Source: Atikoglu et al., SIGMETRICS 2012, memcached pool ETC;
# largest size from SIGCOMM 2018, Homa (Montazeri et al.).
# Made by smooth.py, which states the rule.
# A step function: u in (0,1] is the smallest size whose cumulative probability is at least u.
# bytes\tcumulative_probability
"""


def table():
    """The rows of w1.tsv up to 15 bytes."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "w1.tsv"), encoding="ascii") as lines:
        rows = [line.split() for line in lines if not line.startswith("#")]
    return [(int(size), float(c)) for size, c in rows if int(size) <= 15]


def main():
    rows = table()
    below, base = rows[-1]

    def above(size):
        """P(X > size), for size >= 15."""
        return (1 - base) * (1 + K * (size - below) / SIGMA) ** (-1 / K)

    start = below
    while start < LARGEST:
        end = start + 1 if start < EXACT else int(start * (1 + CELL))
        end = min(end, LARGEST - 1) if start < LARGEST - 1 else LARGEST
        tail = above(end) if end < LARGEST else 0.0
        mass = above(start) - tail
        # Mean of a whole-number size in (start, end]: start + sum of P(X > n) - tail.
        extra = math.fsum(above(n) - tail for n in range(start, end))
        rows.append((round(start + extra / mass), 1 - tail))
        start = end

    # What is printed is what is drawn from, so the mean is that of the rounded rows.
    rows = [(size, round(c, 12)) for size, c in rows]
    mean = math.fsum(size * (c - before) for (size, c), (_, before) in zip(rows, [(0, 0.0)] + rows))
    print(HEAD.format(mean=mean), end="")
    for size, c in rows:
        print(f"{size}\t{c:.12g}")


if __name__ == "__main__":
    main()
