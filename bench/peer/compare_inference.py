"""Batch-1 latency of a BERT-base classifier: finewatt, transformers, ONNX Runtime and CTranslate2 in
turn, for texts of 10, 20, 37 and 128 tokens.

    compare_inference.py --finewatt PROGRAM --python PYTHON --vocab FILE [--rounds 3]
                         [--tokens N]... [--table FILE.md]

The weights are random: they do not change the work. Every program is run with as many threads as
the machine has cores; times are those of the forward pass alone. Prints a Markdown table of medians
and finewatt's ratio to the fastest peer. Status 1 when a run fails.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from compare_training import BERT_BASE

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["transformers", "onnxruntime", "ctranslate2"]
REPEATS = 60


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(
            f"bench: status {done.returncode} from: {' '.join(command)}\n{done.stderr[-2000:]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def write_texts(path, tokens):
    """Texts of so many tokens each, [CLS] and [SEP] included."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("text\n" + ("the " * (tokens - 2)).strip().join(["", "\n"]) * REPEATS)


def finewatt_ms(arguments, scratch, tokens):
    """Median milliseconds of one text."""
    texts = os.path.join(scratch, "texts.tsv")
    write_texts(texts, tokens)
    record = run(
        [
            arguments.finewatt, "--store", f"sqlite:{scratch}/runs.db",
            "infer", "--task", "classification", "--model", f"{scratch}/model", "--data", texts,
            "--predictions", f"{scratch}/predictions.jsonl", "--max-length", "512", "--latency",
            "--json",
        ]
    )  # fmt: skip
    return record["scores"]["latency_ms_p50"]


def peer_ms(arguments, scratch, engine, tokens):
    said = run(
        [
            arguments.python, os.path.join(HERE, "infer_peer.py"), "--engine", engine,
            "--model", f"{scratch}/model", "--tokens", str(tokens), "--repeats", str(REPEATS),
        ]
    )  # fmt: skip
    return said["median_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--finewatt", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, action="append")
    parser.add_argument("--table", help="also write the table to this file")
    arguments = parser.parse_args()
    lengths = arguments.tokens or [10, 20, 37, 128]
    names = ["finewatt", *PEERS]
    lines = [
        "| tokens | " + " | ".join(f"{name} ms" for name in names) + " | best peer over finewatt |",
        "|---" * (len(names) + 2) + "|",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        config = os.path.join(scratch, "config.json")
        with open(config, "w", encoding="ascii") as file:
            json.dump(BERT_BASE, file)
        subprocess.run(
            [arguments.python, os.path.join(HERE, "make_model.py"), "--config", config,
             "--vocab", arguments.vocab, "--out", f"{scratch}/model"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for tokens in lengths:
            times = {name: [] for name in names}
            for _ in range(arguments.rounds):
                times["finewatt"].append(finewatt_ms(arguments, scratch, tokens))
                for engine in PEERS:
                    times[engine].append(peer_ms(arguments, scratch, engine, tokens))
            medians = {name: statistics.median(values) for name, values in times.items()}
            best = min(medians[engine] for engine in PEERS)
            lines.append(
                f"| {tokens} | "
                + " | ".join(f"{medians[name]:.2f}" for name in names)
                + f" | {best / medians['finewatt']:.2f} |"
            )
            print(lines[-1], flush=True)
    print("\n".join(["", *lines]))
    if arguments.table:
        with open(arguments.table, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


main()
