#!/usr/bin/env python3
"""Make zip_subregion.csv from EPA's Power Profiler ZIP table (see SOURCE.md).

usage: compact.py EPA_TABLE.csv > zip_subregion.csv

One row for each first three digits and set of subregions; `zips` lists the last two digits, runs of
neighbours as FIRST-LAST. No ZIP code is added or lost.
"""

import csv
import itertools
import sys


def runs(numbers):
    for _, group in itertools.groupby(enumerate(sorted(numbers)), lambda p: p[1] - p[0]):
        group = [n for _, n in group]
        yield f"{group[0]:02d}" if len(group) == 1 else f"{group[0]:02d}-{group[-1]:02d}"


def main():
    rows = {}
    with open(sys.argv[1], encoding="utf-8-sig", newline="") as table:
        for row in csv.DictReader(table):
            code = int(row["zip_numeric"])
            names = [row[f"egrid_subregion_{i}"] for i in (1, 2, 3)]
            key = (code // 100, "/".join(n for n in names if n))
            rows.setdefault(key, set()).add(code % 100)
    print("zip3,subregions,zips")
    for (prefix, subregions), last in sorted(rows.items()):
        print(f"{prefix:03d},{subregions},{' '.join(runs(last))}")


main()
