#!/usr/bin/env python3
"""Make gpu_tdp_watts.csv from ML CO2 Impact's table and the rows added by hand (see SOURCE.md).

usage: compact.py IMPACT.csv by_hand.csv > gpu_tdp_watts.csv
"""

import csv
import sys

# 250 W stands beside the data of another card; a GTX 750 is a card of about 60 W.
DROPPED = {"GTX 750"}
# The two V100 16 GB rows are swapped in the origin: NVIDIA's data sheet has 250 W for PCIe and
# 300 W for SXM2.
CORRECTED = {"Tesla V100-PCIE-16GB": "250", "Tesla V100-SXM2-16GB": "300"}
# Two cards in one row.
SPLIT = {"A100 PCIe 40/80GB": {"A100 PCIe 40GB": "250", "A100 PCIe 80GB": "300"}}


def main():
    rows = {}
    with open(sys.argv[1], newline="") as table:
        for row in csv.DictReader(table):
            name = row["name"]
            if row["type"] != "gpu" or name in DROPPED:
                continue
            for single, watts in SPLIT.get(name, {name: row["tdp_watts"]}).items():
                rows[single] = CORRECTED.get(single, watts)
    with open(sys.argv[2], newline="") as table:
        for row in csv.DictReader(table):
            rows.setdefault(row["name"], row["tdp_watts"])
    print("name,tdp_watts")
    for name, watts in sorted(rows.items()):
        print(f"{name},{watts}")


main()
