#!/usr/bin/env python3
"""Make google.csv and mlco2.csv from the tables that SOURCE.md names.

usage: compact.py CODECARBON_GCP.csv MLCO2_IMPACT.csv [OUTPUT_FOLDER]
"""

import csv
import pathlib
import sys

TYPOS = {"me-cenrtal1": "me-central1"}
# Rows that state what a provider buys, not what its grid emits.
MARKET_CLAIMS = {("seeweb", "fro2")}


def write(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as table:
        yield from csv.DictReader(table)


def place_name(row):
    region = row["regionName"]
    city = row["city"].strip(" ,")
    return f"{region}, {city}" if region and city not in region else region or city


def main():
    folder = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else ".")
    rows = []
    for row in read(sys.argv[1]):
        region = TYPOS.get(row["region"], row["region"])
        rows.append((f"gcp/{region}", region, place_name(row), 2023, row["impact"]))
    write(folder / "google.csv", ["code", "alias", "name", "year", "g_per_kwh"], sorted(rows))
    rows = []
    for row in read(sys.argv[2]):
        region = (row["region"] or row["regionName"]).lower()
        if (row["provider"], region) not in MARKET_CLAIMS:
            code = f"{row['provider']}/{region}"
            rows.append((code, region, place_name(row), "", row["impact"]))
    write(folder / "mlco2.csv", ["code", "alias", "name", "year", "g_per_kwh"], sorted(rows))


main()
