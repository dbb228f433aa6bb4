#!/usr/bin/env python3
"""Make ember.csv and eea.csv from the tables that SOURCE.md names.

usage: compact.py CARBONTRACKER.csv CODECARBON_MIX.json CODECARBON_EU.csv [OUTPUT_FOLDER]
"""

import csv
import json
import pathlib
import sys

# ISO 3166-1 codes of the countries that the first table lacks.
ALPHA2 = {
    "BOL": "BO", "BRN": "BN", "CIV": "CI", "COD": "CD", "CPV": "CV", "FLK": "FK", "IRN": "IR",
    "KOR": "KR", "LAO": "LA", "MDA": "MD", "PRK": "KP", "PSE": "PS", "REU": "RE", "RUS": "RU",
    "SHN": "SH", "SYR": "SY", "TLS": "TL", "TUR": "TR", "TWN": "TW", "TZA": "TZ", "VEN": "VE",
    "VGB": "VG", "VIR": "VI", "VNM": "VN",
}  # fmt: skip
VALUE = "Carbon intensity of electricity (gCO2/kWh)"


def write(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def ember(first, second):
    rows = [(r["Code"], r["alpha-2"], r["Entity"], r["Year"], r[VALUE]) for r in first]
    known = {row[0] for row in rows}
    for code, mix in second.items():
        if code not in known and mix.get("carbon_intensity") is not None:
            rows.append(
                (code, ALPHA2[code], mix["country_name"], mix["year"], mix["carbon_intensity"])
            )
    # A country whose figure is 0 has no figure: even hydropower's is not 0 over its life cycle.
    return sorted(row for row in rows if float(row[4]) > 0)


def eea(table):
    values = {}
    names = {}
    for row in table:
        if row["Code"]:  # the Union as a whole has none: see data/region_intensity
            values.setdefault(row["Code"], {})[int(row["Year"])] = row[VALUE]
            names[row["Code"]] = row["Entity"]
    years = sorted({year for by_year in values.values() for year in by_year})
    rows = [
        [code, names[code], *(by_year.get(year, "") for year in years)]
        for code, by_year in sorted(values.items())
    ]
    return ["code", "name", *(f"g_per_kwh_{year}" for year in years)], rows


def main():
    folder = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else ".")
    with open(sys.argv[1], encoding="utf-8", newline="") as first:
        with open(sys.argv[2], encoding="utf-8") as second:
            rows = ember(csv.DictReader(first), json.load(second))
    write(folder / "ember.csv", ["code", "alias", "name", "year", "g_per_kwh"], rows)
    with open(sys.argv[3], encoding="utf-8", newline="") as table:
        write(folder / "eea.csv", *eea(csv.DictReader(table)))


main()
