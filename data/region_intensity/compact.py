#!/usr/bin/env python3
"""Make canada_mix.csv, nordic.csv and eea_union.csv from the tables that SOURCE.md names.

usage: compact.py MIX_2016.json MIX_2023.json PER_SOURCE.json NORDIC.json EU.csv [OUTPUT_FOLDER]
"""

import csv
import json
import pathlib
import sys

# ISO 3166-2:CA.
PROVINCES = {
    "alberta": "AB", "british columbia": "BC", "manitoba": "MB", "new brunswick": "NB",
    "newfoundland and labrador": "NL", "northwest territories": "NT", "nova scotia": "NS",
    "nunavut": "NU", "ontario": "ON", "prince edward island": "PE", "quebec": "QC",
    "saskatchewan": "SK", "yukon": "YT",
}  # fmt: skip
# Name of a source in the mixes, and in the table of intensities. Biomass, tidal and "other" have
# no intensity there.
SOURCES = {
    "coal": "coal", "petroleum": "petroleum", "naturalGas": "natural_gas", "nuclear": "nuclear",
    "hydro": "hydroelectricity", "solar": "solar", "wind": "wind",
}  # fmt: skip
# Bidding zones and the city that each is named by in the market. The origin's own descriptions are
# not used: they put Stockholm into SE4 (it lies in SE3; SE4 is Malmö's).
ZONES = {
    "FI": "Finland", "NO1": "Norway NO1 (Oslo)", "NO2": "Norway NO2 (Kristiansand)",
    "NO3": "Norway NO3 (Trondheim)", "NO4": "Norway NO4 (Tromsø)", "NO5": "Norway NO5 (Bergen)",
    "SE1": "Sweden SE1 (Luleå)", "SE2": "Sweden SE2 (Sundsvall)", "SE3": "Sweden SE3 (Stockholm)",
    "SE4": "Sweden SE4 (Malmö)",
}  # fmt: skip
UNION = {"EU-27": "EU-27", "EU27+1": "EU-28"}
VALUE = "Carbon intensity of electricity (gCO2/kWh)"


def write(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def load(path):
    with open(path, encoding="utf-8") as text:
        return json.load(text)


def intensity(mix, per_source):
    """Middle, low and high g/kWh of a mix of shares.

    Shares are divided by their own sum, for the printed ones add up to 99.8 to 100.2. A share whose
    source has no known intensity counts as the mean of the rest in the middle figure, as nothing in
    the low one, and as the dirtiest source (coal) in the high one.
    """
    shares = {name: share for name, share in mix.items() if name != "total"}
    total = sum(shares.values())
    known = sum(shares[name] for name in SOURCES)
    grams = sum(shares[name] * per_source[SOURCES[name]] for name in SOURCES)
    unknown = total - known
    dirtiest = max(per_source[name] for name in SOURCES.values())
    return grams / known, grams / total, (grams + unknown * dirtiest) / total


def title(name):
    return " ".join(w if w == "and" else w.capitalize() for w in name.split())


def main():
    folder = pathlib.Path(sys.argv[6] if len(sys.argv) > 6 else ".")
    per_source = load(sys.argv[3])
    rows = []
    for year, path in ((2016, sys.argv[1]), (2023, sys.argv[2])):
        for name, mix in load(path).items():
            figures = (f"{g:.6g}" for g in intensity(mix, per_source))
            rows.append([f"CA-{PROVINCES[name]}", title(name), year, *figures])
    write(
        folder / "canada_mix.csv",
        ["code", "name", "year", "g_per_kwh", "g_per_kwh_low", "g_per_kwh_high"],
        sorted(rows),
    )
    rows = [
        [
            code,
            "" if code == "FI" else f"{code[:2]}-{code}",
            ZONES[code],
            zone["year"],
            f"{zone['emission_factor']:g}",
        ]
        for code, zone in load(sys.argv[4])["data"].items()
    ]
    write(folder / "nordic.csv", ["code", "alias", "name", "year", "g_per_kwh"], sorted(rows))
    values = {}
    with open(sys.argv[5], encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if row["Entity"] in UNION:
                values.setdefault(row["Entity"], {})[int(row["Year"])] = row[VALUE]
    years = sorted({year for by_year in values.values() for year in by_year})
    write(
        folder / "eea_union.csv",
        ["code", "name", *(f"g_per_kwh_{year}" for year in years)],
        [
            [UNION[name], f"European Union ({name})", *(by_year.get(y, "") for y in years)]
            for name, by_year in sorted(values.items())
        ],
    )


main()
