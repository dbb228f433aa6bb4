"""Fine-tuning by finewatt and by Hugging Face's Trainer in turn, A B C A B C, under one meter.

    compare_training.py --finewatt PROGRAM --python PYTHON [--case NAME]... [--rounds 2]
                        [--steps N] [--data FOLDER] [--demo FOLDER] [--table FILE.md]

Cases: rte, mnli, imdb, squad, ner (BERT-base with random weights, N steps on the data sets under
--data), and reviews (the demo, whole process, needs --demo). Participants of a case:

    finewatt        unpadded, fp32            trainer         as people run it, fp32
    finewatt-bf16   unpadded, bf16            trainer-tuned   MKL told to use its fast path, like
                                                              lengths together
    finewatt-padded dynamic padding, fp32     trainer-bf16    the same in bf16

Prints every run and a Markdown table with ratios of medians. Only ratios are worth quoting: the
programs ran on the same machine in the same minutes. Joules are the meter's for the training phase,
with its provenance. Status 1 when a run fails.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TRAINER = os.path.join(HERE, "hf_train.py")
BERT_BASE = {
    "model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 30522,
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 2,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12, "initializer_range": 0.02, "pad_token_id": 0,
}  # fmt: skip  # Devlin et al. 2019, BERT-base
# Steps are those of one run; a stock Trainer takes about 10 to 20 s for each on two cores.
CASES = {
    "rte": {"data": "rte/train.tsv.gz", "batch": 32, "max_length": 128, "steps": 8},
    "mnli": {"data": "mnli/train_10k.tsv.gz", "batch": 32, "max_length": 128, "steps": 8},
    "imdb": {"data": "imdb/imdb_4k.tsv.gz", "batch": 32, "max_length": 128, "steps": 8},
    "squad": {"data": "squad/train-v1.1-11articles.json.gz", "batch": 12, "max_length": 384,
              "steps": 5},
    "ner": {"data": "ner/wikineural_en_a.conll.gz", "batch": 8, "max_length": 512, "steps": 20},
}  # fmt: skip
ALL_PARTICIPANTS = {
    "finewatt": ["--batching", "unpadded"],
    "trainer": [],
    "trainer-tuned": ["--grouped"],
    "finewatt-padded": ["--batching", "dynamic"],
    "finewatt-bf16": ["--batching", "unpadded", "--precision", "bf16"],
    "trainer-bf16": ["--grouped", "--precision", "bf16"],
}
PARTICIPANTS = {
    "rte": list(ALL_PARTICIPANTS),
    "reviews": ["finewatt", "trainer"],
}
FEW = ["finewatt", "trainer", "finewatt-padded"]


def build_preload(folder):
    """A library that makes MKL see an Intel CPU, or None without a compiler. MKL takes a slow path
    on other makers' CPUs; the symbol is its own test."""
    compiler = shutil.which("cc")
    if not compiler:
        return None
    source, library = os.path.join(folder, "mkl.c"), os.path.join(folder, "mkl.so")
    with open(source, "w", encoding="ascii") as file:
        file.write("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Bench:
    """Runs participants and reads their run records."""

    def __init__(self, arguments, scratch):
        self.arguments = arguments
        self.scratch = scratch
        self.store = f"sqlite:{scratch}/runs.db"
        self.preload = build_preload(scratch)
        self.config = os.path.join(scratch, "config.json")
        with open(self.config, "w", encoding="ascii") as file:
            json.dump(BERT_BASE, file)

    def options(self, case):
        """What both programs are given."""
        if case == "reviews":
            demo = self.arguments.demo
            return [
                "--task", "classification", "--model", f"{demo}/model",
                "--data", f"{demo}/reviews-train.tsv", "--eval-data", f"{demo}/reviews-test.tsv",
                "--epochs", "1", "--batch", "32", "--lr", "5e-5", "--max-length", "128",
            ]  # fmt: skip
        what = CASES[case]
        vocabulary = os.path.join(self.arguments.data, "vocab", "bert-base-uncased-vocab.txt")
        options = [
            "--task", case, "--model", f"random:{self.config}", "--vocab", vocabulary,
            "--data", os.path.join(self.arguments.data, what["data"]),
            "--epochs", "1", "--batch", str(what["batch"]),
            "--max-length", str(what["max_length"]),
            "--max-steps", str(self.arguments.steps or what["steps"]),
        ]  # fmt: skip
        return options + (["--doc-stride", "128"] if case == "squad" else [])

    def command(self, case, participant, out):
        """(command, environment, file that will hold the run record)."""
        extra = ALL_PARTICIPANTS[participant]
        record = os.path.join(self.scratch, "record.json")
        meter = [self.arguments.finewatt, "--store", self.store]
        environment = dict(os.environ)
        options = self.options(case) + (["--out", out] if case == "reviews" else []) + extra
        if participant.startswith("finewatt"):
            return meter + ["finetune", "--json", "--no-cache"] + options, environment, None
        if participant != "trainer" and self.preload:
            environment["LD_PRELOAD"] = self.preload
        # The preload is for the Trainer, not for the meter.
        inner = [self.arguments.python, TRAINER] + options
        if "LD_PRELOAD" in environment:
            del environment["LD_PRELOAD"]
            inner = ["env", f"LD_PRELOAD={self.preload}"] + inner
        return meter + ["measure", "--record", record, "--"] + inner, environment, record

    def run(self, case, participant):
        """One row of numbers; a missing one is None, never 0."""
        out = os.path.join(self.scratch, f"out-{participant}")
        shutil.rmtree(out, ignore_errors=True)
        command, environment, record_file = self.command(case, participant, out)
        begin = time.monotonic()
        with open(os.path.join(self.scratch, "errors"), "w+b") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=environment
            )
            output = process.stdout.read().decode()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                errors.seek(0)
                sys.exit(
                    f"bench: status {process.returncode} from: {' '.join(command)}\n"
                    + errors.read().decode(errors="replace")[-2000:]
                )
        row = {"wall_s": time.monotonic() - begin, "peak_memory_mb": usage.ru_maxrss * 1024 / 1e6}
        lines = output.strip().splitlines()
        if record_file:
            with open(record_file, encoding="utf-8") as file:
                record = json.load(file)
            said = json.loads(lines[-1])
            row["examples_per_s"] = said["examples_per_s"]
            row["scores"] = said.get("scores")
        else:
            record = json.loads(lines[-1])
            row["scores"] = record["scores"] or None
        return {**row, **self.from_record(record, row)}

    @staticmethod
    def from_record(record, row):
        train = [phase for phase in record["phases"] if phase["name"] == "train"]
        train_s = sum(phase["duration_s"] for phase in train) or None
        energies = [phase["energy"] or {} for phase in train]
        joules = [energy.get("energy_j") for energy in energies]
        work = record["work"] or {}
        result = {
            "train_s": train_s,
            "train_j": sum(joules) if joules and None not in joules else None,
            "provenance": energies[0].get("provenance") if energies else None,
            "process_j": (record["energy"] or {}).get("energy_j"),
        }
        if "examples_per_s" not in row:
            examples = work.get("examples")
            result["examples_per_s"] = examples / train_s if examples and train_s else None
        if work.get("flops_model") and train_s:
            result["model_gflop_per_s"] = work["flops_model"] / train_s / 1e9
        return result


def show(case, participant, row):
    cells = []
    for key, value in row.items():
        if value is None:
            cells.append(f"{key}=-")
        elif isinstance(value, float):
            cells.append(f"{key}={value:.4g}")
        else:
            cells.append(f"{key}={value}")
    print(f"{case:8s} {participant:16s} {' '.join(cells)}", flush=True)


def median(rows, key):
    values = [row.get(key) for row in rows]
    return None if not values or None in values else statistics.median(values)


def cell(value, form):
    return "-" if value is None else format(value, form)


def table_lines(results):
    """A Markdown table: medians, and finewatt's advantage over each peer."""
    lines = [
        "| case | program | examples/s | train s | train J | whole process s | whole process J "
        "| peak MB | finewatt's examples/s over it |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, by_participant in results.items():
        for participant, rows in by_participant.items():
            ours = "finewatt-bf16" if participant == "trainer-bf16" else "finewatt"
            speed = median(by_participant.get(ours, []), "examples_per_s")
            theirs = median(rows, "examples_per_s")
            ratio = speed / theirs if speed and theirs and participant != ours else None
            provenance = rows[0].get("provenance") or "unknown"
            lines.append(
                f"| {case} | {participant} | {cell(theirs, '.2f')} "
                f"| {cell(median(rows, 'train_s'), '.1f')} "
                f"| {cell(median(rows, 'train_j'), '.0f')} ({provenance}) "
                f"| {cell(median(rows, 'wall_s'), '.1f')} "
                f"| {cell(median(rows, 'process_j'), '.0f')} "
                f"| {cell(median(rows, 'peak_memory_mb'), '.0f')} | {cell(ratio, '.2f')} |"
            )
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--finewatt", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--case", action="append", choices=list(CASES) + ["reviews"])
    parser.add_argument("--participant", action="append", choices=list(ALL_PARTICIPANTS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, help="instead of each case's own number")
    parser.add_argument("--data", help="folder with rte/, mnli/, imdb/, squad/, ner/, vocab/")
    parser.add_argument("--demo", help="folder of the demo's model and reviews")
    parser.add_argument("--table", help="also write the table to this file")
    arguments = parser.parse_args()
    arguments.finewatt = os.path.abspath(arguments.finewatt)
    cases = arguments.case or (list(CASES) if arguments.data else []) + (
        ["reviews"] if arguments.demo else []
    )
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(arguments, scratch)
        if not bench.preload:
            print("bench: no C compiler, so the tuned Trainer runs without MKL's fast path")
        results = {}
        for case in cases:
            names = arguments.participant or PARTICIPANTS.get(case, FEW)
            results[case] = {name: [] for name in names}
            for _ in range(arguments.rounds):
                for name in names:
                    row = bench.run(case, name)
                    results[case][name].append(row)
                    show(case, name, row)
    lines = table_lines(results)
    print("\n".join(["", *lines]))
    if arguments.table:
        with open(arguments.table, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
