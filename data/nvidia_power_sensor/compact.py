#!/usr/bin/env python3
"""Make power_sensor.csv from the table of all boards (see SOURCE.md).

usage: compact.py TABLE.csv > power_sensor.csv

One row for each GPU, driver branch and power field that was supported. The update period is
the longest seen, the window the median over the boards; errors are the smallest and the largest.
"""

import csv
import statistics
import sys

# Names as NVML gives them today, where the origin differs.
NAMES = {
    "Alienware_NVIDIA_GeForce_RTX_3090": "NVIDIA_GeForce_RTX_3090",
    "NVIDIA_GeForce_RTX_1080_Ti": "NVIDIA_GeForce_GTX_1080_Ti",
    "NVIDIA_GeForce_RTX_1080": "NVIDIA_GeForce_GTX_1080",
}
# nvmlDeviceArchitecture_t by chip.
ARCHITECTURES = {
    "kepler": ("K40", "K80"),
    "maxwell": ("K620", "M40", "GTX TITAN X"),
    "pascal": ("GTX 1080", "P100", "TITAN X Pascal"),
    "volta": ("V100",),
    "turing": ("GTX 1650", "RTX 2060", "RTX 2080", "RTX 8000", "TITAN RTX"),
    "ampere": ("A10", "A100", "RTX 3070", "RTX 3090", "RTX A5000", "RTX A6000"),
    "ada": ("RTX 4090",),
    "hopper": ("H100",),
}
FIELDS = {"power.draw": "draw", "power.draw.average": "average", "power.draw.instant": "instant"}


def architecture(name):
    # The longest mark wins: "TITAN X Pascal" holds none of Maxwell's, "A100" holds "A10".
    marks = [(len(m), a) for a, ms in ARCHITECTURES.items() for m in ms if m in name]
    return max(marks)[1]


def numbers(rows, column):
    return [float(r[column]) for r in rows if r[column]]


def window(rows):
    seen = numbers(rows, "window_median_ms")
    if seen:
        return f"{statistics.median(seen):g}"
    # A rise over 0.8 s is the one-second mean that NVML documents for these chips.
    rises = numbers(rows, "rise_time_ms")
    return "1000" if rises and min(rises) > 800 else ""


def main():
    groups = {}
    with open(sys.argv[1], newline="") as table:
        for row in csv.DictReader(table):
            if row["supported"] != "1":
                continue
            name = NAMES.get(row["gpu"], row["gpu"]).replace("_", " ")
            branch = row["driver"].split(".")[0]
            groups.setdefault((name, branch, FIELDS[row["field"]]), []).append(row)
    print("gpu,architecture,driver,field,update_ms,window_ms,error_pct_low,error_pct_high")
    for (name, branch, field), rows in sorted(groups.items()):
        errors = numbers(rows, "steady_state_error_pct")
        errors += numbers(rows, "energy_error_pct_external_meter")
        low, high = (f"{min(errors):g}", f"{max(errors):g}") if errors else ("", "")
        update = max(numbers(rows, "update_period_ms"))
        print(f"{name},{architecture(name)},{branch},{field},{update:g},{window(rows)},{low},{high}")


main()
