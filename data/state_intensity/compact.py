#!/usr/bin/env python3
"""Make egrid.csv and codecarbon_egrid2016.csv from the tables that SOURCE.md names.

usage: compact.py STATE_RATES.csv CODECARBON_2016.json EPA_ZIP_TABLE.csv [OUTPUT_FOLDER]
"""

import csv
import json
import pathlib
import sys


def write(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def subregions_by_state(path):
    """Subregions of at least 1 % of a state's ZIP codes, most codes first."""
    codes = {}
    with open(path, encoding="utf-8-sig", newline="") as table:
        for row in csv.DictReader(table):
            counts = codes.setdefault(row["state"], {})
            for i in (1, 2, 3):
                name = row[f"egrid_subregion_{i}"]
                if name:
                    counts[name] = counts.get(name, 0) + 1
    found = {}
    for state, counts in codes.items():
        least = 0.01 * sum(counts.values())
        names = [n for n, count in counts.items() if count >= least]
        found[state] = "/".join(sorted(names, key=lambda n: (-counts[n], n)))
    return found


def title(name):
    return " ".join(w if w == "of" else w.capitalize() for w in name.split())


def main():
    folder = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else ".")
    with open(sys.argv[2], encoding="utf-8") as old:
        by_name = json.load(old)
    old_rates = {
        entry["regionCode"]: (title(name), entry["emissions"])
        for name, entry in by_name.items()
        if len(entry["regionCode"]) == 2
    }
    subregions = subregions_by_state(sys.argv[3])
    years = ["2018", "2019", "2020", "2021"]
    with open(sys.argv[1], encoding="utf-8", newline="") as rates:
        rows = [
            [
                row["state"],
                old_rates[row["state"]][0] if row["state"] in old_rates else "Puerto Rico",
                subregions.get(row["state"], ""),
                *(row[year] for year in years),
            ]
            for row in csv.DictReader(rates)
        ]
    write(
        folder / "egrid.csv",
        ["code", "name", "subregions", *(f"lb_per_mwh_{year}" for year in years)],
        sorted(rows),
    )
    write(
        folder / "codecarbon_egrid2016.csv",
        ["code", "name", "lb_per_mwh_2016"],
        sorted((code, name, rate) for code, (name, rate) in old_rates.items()),
    )


main()
