#!/usr/bin/env python3
"""Makes equivalents.csv from the gathered facts: one row per comparison and short edition name.

Usage: compact.py FACTS_DIR PAPER_DIR > equivalents.csv
FACTS_DIR holds us_epa_ghg_equivalencies.csv and carbontracker_car_km_equivalents.csv, PAPER_DIR
reference_results.csv (see SOURCE.md). No value is changed: grams are tonnes x 1e6.
"""
import csv
import sys
from decimal import Decimal
from pathlib import Path

# Short names for the editions of EPA's calculator, and the words of the facts that stand for them.
EPA_EDITIONS = {
    "about 2018-2019": ["EPA 2018"],
    "about 2019-2020": ["EPA 2019"],
    "about 2021": ["EPA 2021"],
    "about 2018-2021": ["EPA 2018", "EPA 2019", "EPA 2021"],
    "2019-2023": ["EPA 2019", "EPA 2021", "EPA 2022"],
    "2015-2023": ["EPA 2018", "EPA 2019", "EPA 2021", "EPA 2022"],
    "2022-2023": ["EPA 2022"],
    "2022 and later": ["EPA 2022", "EPA 2024"],
    "2024 and later": ["EPA 2024"],
    "all editions to 2023": ["EPA 2018", "EPA 2019", "EPA 2021"],
    "all editions": ["EPA 2018", "EPA 2019", "EPA 2021", "EPA 2022", "EPA 2024"],
}

# Quantity of the facts -> (name, unit), in the order of the table. Factors of electricity are not
# comparisons.
EPA_NAMES = {
    "passenger_vehicle_mile": ("miles by an average gasoline car", "mile"),
    "gasoline_burned": ("gasoline burned", "US gallon"),
    "diesel_burned": ("diesel burned", "US gallon"),
    "smartphone_charge": ("smartphones charged", "charge"),
    "home_electricity_year": ("electricity of an average US home", "home-year"),
    "home_energy_year": ("energy of an average US home", "home-year"),
    "passenger_vehicle_year": ("years of an average gasoline car", "car-year"),
    "led_bulb_switch_year": ("incandescent bulbs switched to LED (saving of a year)", "bulb"),
    "urban_tree_seedling_10yr": ("tree seedlings grown for 10 years (uptake)", "tree"),
    "forest_acre_year": ("US forest in a year (uptake)", "acre-year"),
    "natural_gas_therm": ("natural gas burned", "therm"),
    "oil_barrel": ("oil burned", "barrel"),
    "tanker_truck_gasoline": ("tanker trucks of gasoline burned", "truck"),
    "propane_cylinder": ("propane cylinders of home barbecues burned", "cylinder"),
    "coal_burned": ("coal burned", "pound"),
    "coal_railcar": ("railcars of coal burned", "railcar"),
}

PAPER_RUN = ("Table 10", "RTX 8000", "1", "BERT-base", "fine-tuning")


def plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def epa_editions(text: str) -> list[str]:
    head = text.split(" (")[0]
    return EPA_EDITIONS[head]


def epa_rows(path: Path):
    facts = list(csv.DictReader(path.open(encoding="utf-8")))
    for quantity, (name, unit) in EPA_NAMES.items():
        yield from epa_rows_of(name, unit, [row for row in facts if row["quantity"] == quantity])


def epa_rows_of(name: str, unit: str, rows: list[dict[str, str]]):
    for row in rows:
        tonnes = Decimal(row["value_published"] or row["value_from_inputs"])
        how = "as published" if row["value_published"] else "recomputed from published inputs"
        for edition in epa_editions(row["edition"]):
            yield [name, unit, edition, "g", plain(tonnes * 1_000_000), how]


def car_km_rows(path: Path):
    for row in csv.DictReader(path.open(encoding="utf-8")):
        year = row["name"].rsplit("_", 1)[1]
        yield ["kilometres by an average new car in the EU", "km", f"EEA {year}", "g",
               plain(Decimal(row["gCO2eq_per_unit"])), "as published"]


def paper_rows(path: Path):
    lines = [line for line in path.open(encoding="utf-8") if not line.startswith("#")]
    for row in csv.DictReader(lines):
        key = (row["table"], row["hardware"], row["gpus"], row["model"], row["phase"])
        if key == PAPER_RUN and row["quantity"] == "energy":
            yield [f"fine-tuning runs of BERT-base on {row['dataset']}", "run", "paper", "kWh",
                   plain(Decimal(row["value"])), "Table 10"]


def main() -> None:
    facts, paper = Path(sys.argv[1]), Path(sys.argv[2])
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["name", "unit", "edition", "per", "amount", "note"])
    for row in [*epa_rows(facts / "us_epa_ghg_equivalencies.csv"),
                *car_km_rows(facts / "carbontracker_car_km_equivalents.csv"),
                *paper_rows(paper / "reference_results.csv")]:
        out.writerow(row)


main()
