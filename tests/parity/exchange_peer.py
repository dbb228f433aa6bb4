#!/usr/bin/env python3
"""Read and write the exchange formats with the tools they belong to, for exchange_peer_test.

    exchange_peer.py codecarbon FILE append|update   CodeCarbon adds a run of its own to FILE; prints
                                                     pandas' view of all rows
    exchange_peer.py card FILE...                    huggingface_hub reads model cards
    exchange_peer.py boamps FILE                     CodeCarbon's BoAmps classes read a report
    exchange_peer.py prometheus FILE...              prometheus_client parses text files

Prints one JSON document; a list with an entry for each file where there may be several.
"""

import json
import math
import os
import sys


def codecarbon(path, mode):
    import pandas as pd
    from codecarbon.output_methods.emissions_data import EmissionsData
    from codecarbon.output_methods.file import FileOutput

    own = EmissionsData(
        timestamp="2026-11-23T12:00:00", project_name="peer, \"quoted\"", run_id="peer-run",
        experiment_id="peer-experiment", duration=60.0, emissions=0.001, emissions_rate=0.001 / 60,
        cpu_power=30.0, gpu_power=0.0, ram_power=5.0, cpu_energy=0.0005, gpu_energy=0,
        ram_energy=0.0001, energy_consumed=0.0006, water_consumed=0.0, country_name="France",
        country_iso_code="FRA", region="", cloud_provider="", cloud_region="", os="Linux-6.1",
        python_version="3.11.2", codecarbon_version="3.3.2", cpu_count=4, cpu_model="a CPU",
        gpu_count=0, gpu_model="", longitude=2.3, latitude=48.8, ram_total_size=15.5,
        tracking_mode="machine", pue=1.2)
    output = FileOutput(os.path.basename(path), os.path.dirname(path), mode)
    is_valid = output.has_valid_headers(own) if os.path.exists(path) else True
    output.out(own, own)
    rows = pd.read_csv(path).to_dict(orient="records")
    for row in rows:
        for key, value in row.items():
            if isinstance(value, float) and math.isnan(value):
                row[key] = None
    print(json.dumps({"valid": is_valid, "files": sorted(os.listdir(os.path.dirname(path))),
                      "columns": list(rows[0]), "rows": rows}))


def card(*paths):
    from huggingface_hub import ModelCard

    print(json.dumps([ModelCard.load(path).data.to_dict() for path in paths]))


def boamps(path):
    from codecarbon.output_methods.boamps import BoAmpsReport

    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    # from_dict() raises for a key that the classes do not have.
    print(json.dumps({"same": BoAmpsReport.from_dict(report).to_dict() == report}))


def prometheus(*paths):
    from prometheus_client.parser import text_string_to_metric_families

    answers = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            families = list(text_string_to_metric_families(file.read()))
        answers.append({
            "types": {family.name: family.type for family in families},
            "samples": [[s.name, s.labels, s.value] for family in families for s in family.samples]})
    print(json.dumps(answers))


if __name__ == "__main__":
    {"codecarbon": codecarbon, "card": card, "boamps": boamps,
     "prometheus": prometheus}[sys.argv[1]](*sys.argv[2:])
