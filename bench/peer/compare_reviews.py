"""Runs the demo's training by finewatt (A) and by Hugging Face's Trainer (B) in turn: A B A B ...

    compare_reviews.py --finewatt PROGRAM --python PYTHON --demo FOLDER [--rounds 3] [--max-steps N]

Prints each run and the ratio of the medians. Only the ratio is worth quoting: both programs ran on
the same machine in the same minutes. Status 1 when a run fails.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hf_reviews.py")


def run(command):
    """(wall seconds of the whole process, the JSON document on its standard output)."""
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    wall_s = time.monotonic() - begin
    if done.returncode != 0:
        sys.exit(f"bench: status {done.returncode} from: {' '.join(command)}")
    return wall_s, json.loads(done.stdout.strip().splitlines()[-1])


def finewatt_row(wall_s, record):
    """The numbers of one run record; a missing one is None, never 0."""
    train_s = sum(p["duration_s"] for p in record["phases"] if p["name"] == "train") or None
    work = record["work"] or {}
    tokens, examples = work.get("tokens_real"), work.get("examples")
    return {
        "wall_s": wall_s,
        "train_s": train_s,
        "examples_per_s": examples / train_s if examples and train_s else None,
        "tokens_real_per_s": tokens / train_s if tokens and train_s else None,
        "accuracy": record["scores"].get("accuracy"),
        "energy_j": (record["energy"] or {}).get("energy_j"),
    }


def peer_row(wall_s, result):
    keys = ("train_s", "examples_per_s", "tokens_real_per_s", "accuracy")
    return {"wall_s": wall_s, **{key: result[key] for key in keys}, "energy_j": None}


def show(name, row):
    cells = " ".join(
        f"{key}={value:.4g}" if value is not None else f"{key}=-" for key, value in row.items()
    )
    print(f"{name:9s} {cells}", flush=True)


def median_ratio(ours, theirs, key):
    """Ours over theirs; None when a run lacks the number."""
    values = [[row[key] for row in rows] for rows in (ours, theirs)]
    if any(value is None for side in values for value in side):
        return None
    return statistics.median(values[0]) / statistics.median(values[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--finewatt", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--demo", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-steps", type=int)
    arguments = parser.parse_args()

    data = [
        "--model", f"{arguments.demo}/model",
        "--data", f"{arguments.demo}/reviews-train.tsv",
        "--eval-data", f"{arguments.demo}/reviews-test.tsv",
        "--epochs", "1", "--batch", "32", "--lr", "5e-5", "--max-length", "128",
    ]  # fmt: skip
    if arguments.max_steps:
        data += ["--max-steps", str(arguments.max_steps)]
    ours_command = [
        arguments.finewatt, "finetune", "--task", "classification",
        "--batching", "unpadded", "--json",
    ] + data  # fmt: skip
    peer_command = [arguments.python, PEER] + data

    ours, theirs = [], []
    for _ in range(arguments.rounds):
        ours.append(finewatt_row(*run(ours_command)))
        show("finewatt", ours[-1])
        theirs.append(peer_row(*run(peer_command)))
        show("trainer", theirs[-1])
    print(f"ratio of medians over {arguments.rounds} rounds, finewatt / Hugging Face Trainer:")
    for key in ("wall_s", "train_s", "examples_per_s", "tokens_real_per_s"):
        ratio = median_ratio(ours, theirs, key)
        print(f"  {key:18s} {ratio:.3f}" if ratio is not None else f"  {key:18s} unknown")


main()
