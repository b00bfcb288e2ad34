# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
"""Reads result files and the published curves. Used by the commands of this folder.

A result file is tab-separated: lines of `#`, one header line, then rows of numbers. A
header may carry a unit after the name ("bytes (B)"). Of a result directory these are read;
README.md states their columns:

  manifest.tsv               key<TAB>value
  slowdown-percentiles.tsv   one row per published percentile of message count
  slowdown-bins.tsv          one row per narrow bin of sizes
  messages.tsv               one row per message; by plots/messages only
"""

import math
import os
import re
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PUBLISHED = os.path.join(HERE, "published", "sigcomm18.tsv")

PERCENTILE_COLUMNS = ("count_percentile", "bytes", "count", "p50", "p99")
BIN_COLUMNS = (
    "count_percentile_from",
    "count_percentile_to",
    "bytes_from",
    "bytes_to",
    "count",
    "p50",
    "p99",
)

# A column that may be missing: messages of the row that did not finish, which "count" leaves out.
UNFINISHED = "unfinished"

# Workloads that are compared with the published curves of another.
PUBLISHED_AS = {"w1s": "w1"}


class BadInput(Exception):
    """Input that cannot be used; the text says where and what to do."""


def call(name, main):
    """Ends the program NAME with the status of main(), or with 2 and one line of error."""
    # Who stops reading our output, such as head, ends us without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.exit(main())
    except BadInput as error:
        print(f"{name}: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{name}: {error.filename}: {error.strerror}", file=sys.stderr)
    sys.exit(2)


def lines_of(path):
    """The lines of a text file, or BadInput."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split("\n")
    except OSError as error:
        raise BadInput(f"{path}: cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file; give a result file") from None


def read_table(path, required, text_columns=()):
    """The rows of a result file as dictionaries, each with its line number in "line"."""
    names, rows = None, []
    for number, line in enumerate(lines_of(path), 1):
        line = line.rstrip("\r")
        if not line or (names is None and line.startswith("#")):
            continue
        fields = line.split("\t")
        if names is None:
            names = [re.split(r"[ (\[]", field)[0] for field in fields]
            missing = [name for name in required if name not in names]
            if missing:
                raise BadInput(
                    f"{path}:{number}: no column {', '.join(missing)}; "
                    f"the header line must have {' '.join(required)}, separated by tabs"
                )
            continue
        if len(fields) != len(names):
            raise BadInput(
                f"{path}:{number}: {len(fields)} fields where the header has "
                f"{len(names)}; is the file complete?"
            )
        row = {"line": number}
        for name, field in zip(names, fields):
            row[name] = field
            if (name in required or name == UNFINISHED) and name not in text_columns:
                row[name] = to_number(path, number, name, field)
        rows.append(row)
    if names is None:
        raise BadInput(f"{path}: empty; run the simulation again")
    if not rows:
        raise BadInput(f"{path}: a header but no rows; run the simulation longer")
    return rows


def to_number(path, line, name, field):
    """A number of a result file; "-" and "nan" are NaN, for rows without messages."""
    if field in ("-", "nan"):
        return math.nan
    try:
        value = float(field)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise BadInput(f"{path}:{line}: {name} is '{field}', not a number")
    return value


def check_rows(path, rows, percentile, size):
    """Percentiles and sizes must not fall; rows with messages need slowdowns above 0."""
    before = None
    for row in rows:
        where = f"{path}:{row['line']}"
        if not 0 <= row[percentile] <= 100:
            raise BadInput(f"{where}: {percentile} is not between 0 and 100")
        if not row[size] >= 1:
            raise BadInput(f"{where}: {size} is not a message size")
        if before and (row[percentile] < before[percentile] or row[size] < before[size]):
            raise BadInput(f"{where}: {percentile} and {size} must rise from row to row")
        before = row
        row.setdefault(UNFINISHED, 0)
        for name in ("count", UNFINISHED):
            if not row[name] >= 0:
                raise BadInput(f"{where}: {name} is not a number of messages")
        for name in ("p50", "p99"):
            if row["count"] > 0 and not row[name] > 0:
                raise BadInput(f"{where}: {name} is not a slowdown; it must be above 0")
    if not any(row["count"] > 0 for row in rows):
        raise BadInput(f"{path}: no messages in any row; run the simulation longer")


def knows(row, quantile):
    """Whether a row's quantile is known: messages that did not finish may all lie beyond it."""
    messages = row["count"] + row[UNFINISHED]
    return row[UNFINISHED] <= messages * (1 - quantile) + 1e-9 * messages


class Manifest:
    """What a run simulated; workload and load are None when no manifest tells them."""

    def __init__(self, folder):
        self.path = folder
        self.workload = self.load = None
        path = os.path.join(folder, "manifest.tsv")
        if not os.path.exists(path):
            return
        for number, line in enumerate(lines_of(path), 1):
            key, _, value = line.partition("\t")
            if key == "workload" and value:
                # As it was given: the path of a file is not the name of a published workload.
                self.workload = value
            elif key == "load_target" and value not in ("", "-"):
                self.load = to_number(path, number, key, value)


class Result:
    """One run: its name, what it simulated, and its slowdowns.

    percentiles and bins are lists of rows, empty when there is no such file; workload and
    load are None when no manifest tells them.
    """

    def __init__(self, path):
        self.path = path
        self.workload = self.load = None
        self.percentiles, self.bins = [], []
        if not os.path.isdir(path):
            self.name = os.path.splitext(os.path.basename(path))[0]
            self._read_file(path)
            return
        self.name = os.path.basename(os.path.abspath(path))
        files = [
            os.path.join(path, name) for name in ("slowdown-percentiles.tsv", "slowdown-bins.tsv")
        ]
        files = [file for file in files if os.path.exists(file)]
        if not files:
            raise BadInput(
                f"{path}: holds neither slowdown-percentiles.tsv nor slowdown-bins.tsv; "
                "give the output folder of a finished run"
            )
        for file in files:
            self._read_file(file)
        manifest = Manifest(path)
        self.workload, self.load = manifest.workload, manifest.load

    def _read_file(self, path):
        header = next((line for line in lines_of(path) if line and not line.startswith("#")), "")
        if "bytes_to" in header:
            self.bins = read_table(path, BIN_COLUMNS)
            check_rows(path, self.bins, "count_percentile_to", "bytes_to")
        else:
            self.percentiles = read_table(path, PERCENTILE_COLUMNS)
            check_rows(path, self.percentiles, "count_percentile", "bytes")

    def curve(self):
        """Points (percentile of count, size in bytes, P50, P99), by size; NaN where not known."""
        if self.bins:
            rows, x, size = self.bins, "count_percentile_to", "bytes_to"
        else:
            rows, x, size = self.percentiles, "count_percentile", "bytes"
        return [
            (
                r[x],
                r[size],
                r["p50"] if knows(r, 0.5) else math.nan,
                r["p99"] if knows(r, 0.99) else math.nan,
            )
            for r in rows
            if r["count"] > 0
        ]

    def sizes(self):
        """Pairs (percentile of count, size in bytes), rows without messages included."""
        if self.percentiles:
            return [(r["count_percentile"], r["bytes"]) for r in self.percentiles]
        return [(r["count_percentile_to"], r["bytes_to"]) for r in self.bins]


class Published:
    """The published curves: transports and rows of one workload at one load."""

    def __init__(self, workload, load, path=PUBLISHED):
        columns = ("workload", "load", "transport", "count_percentile", "bytes")
        rows = read_table(path, columns + ("p50", "p99"), ("workload", "transport"))
        self.workload = PUBLISHED_AS.get(workload, workload)
        self.load = load
        self.known = sorted({(row["workload"], row["load"]) for row in rows})
        self.transports = {}
        for row in rows:
            if row["workload"] == self.workload and abs(row["load"] - load) < 0.005:
                self.transports.setdefault(row["transport"], []).append(row)

    def transport(self, name):
        """Rows of one transport, or BadInput saying which there are."""
        for known, rows in self.transports.items():
            if known.lower() == name.lower():
                return rows
        if not self.transports:
            raise BadInput(
                f"nothing is published for workload {self.workload} at load "
                f"{self.load:g}; there is "
                + ", ".join(f"{workload} at {load:g}" for workload, load in self.known)
            )
        raise BadInput(
            f"no published curve of {name} for {self.workload} at {self.load:g}; "
            f"there is {', '.join(self.transports)}"
        )


def show(cells, markdown):
    """Prints a table, header first."""
    if markdown:
        print("| " + " | ".join(cells[0]) + " |")
        print("|" + "---:|" * len(cells[0]))
        for row in cells[1:]:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


def agree(what, option, given, results):
    """The workload or load to use: the one given, or the one all manifests tell."""
    if given is not None:
        return given
    told = {}
    for result in results:
        value = getattr(result, what)
        if value is not None:
            told.setdefault(value, result.path)
    if not told:
        raise BadInput(f"no manifest tells the {what}; say it with {option}")
    if len(told) > 1:
        raise BadInput(
            f"the {what} differs: "
            + ", ".join(f"{value} in {path}" for value, path in told.items())
            + f"; draw them apart, or say {option}"
        )
    return next(iter(told))


def parse_load(text):
    """A load as a share, from "0.8" or "80%"."""
    try:
        load = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        load = math.nan
    if not 0 < load < 2:
        raise BadInput(f"load '{text}' is not a share of link capacity; write 0.8 or 80%")
    return load
