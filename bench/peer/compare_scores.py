"""Scores of finewatt and of Hugging Face's Trainer after the same fine-tuning, with several seeds.

    compare_scores.py --finewatt PROGRAM --python PYTHON --model DIR --data FOLDER
                      [--case NAME]... [--seeds 3] [--first-seed 1] [--table FILE.md]

Cases: sst2, rte, mnli, ner, squad, on the data sets under --data, some cut to their first rows so
that all of it takes an hour on two cores. Both programs start from the same pre-trained model, with
the same recipe; each draws its own order, head and dropout from the seed, so scores differ as much
between two seeds of one program. The Trainer runs with MKL's fast path, which changes no more than
the rounding. Prints every run, then a Markdown table: means, standard deviations, the difference and
its 95 % confidence interval (Welch), which holds zero where the scores are equal within the seeds'
spread.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import scipy.stats
from compare_training import TRAINER, build_preload

# rows: the first rows of the training file (for ner: sentences); None: all.
CASES = {
    "sst2": {"train": "sst2/train.tsv.gz", "test": "sst2/dev.tsv.gz", "rows": 10000,
             "score": "accuracy", "options": ["--epochs", "2", "--lr", "5e-5"]},
    "rte": {"train": "rte/train.tsv.gz", "test": "rte/dev.tsv.gz", "rows": None,
            "score": "accuracy", "options": ["--epochs", "1", "--lr", "5e-5"]},
    "mnli": {"train": "mnli/train_10k.tsv.gz", "test": "mnli/dev_matched.tsv.gz", "rows": 4000,
             "test_rows": 2000, "score": "accuracy", "options": ["--epochs", "1", "--lr", "5e-5"]},
    "ner": {"train": "ner/wikineural_en_a.conll.gz", "test": "ner/wikineural_en_b.conll.gz",
            "rows": 2500, "test_rows": 1500, "score": "f1",
            "options": ["--epochs", "1", "--lr", "5e-5", "--batch", "8", "--max-length", "128"]},
    "squad": {"train": "squad/train-v1.1-11articles.json.gz",
              "test": "squad/dev-v1.1-from-v2.json.gz", "rows": None, "test_rows": 300,
              "score": "f1",
              "options": ["--epochs", "1", "--lr", "1e-4", "--batch", "12", "--max-steps", "120",
                          "--max-length", "384", "--doc-stride", "128"]},
}  # fmt: skip


def first_lines(source, rows):
    """The header line and `rows` lines of a TSV."""
    return [line for line, _ in zip(source, range(rows + 1))]


def first_sentences(source, rows):
    """`rows` sentences of CoNLL columns: up to their blank lines."""
    lines = []
    for line in source:
        lines.append(line)
        if not line.strip():
            rows -= 1
            if rows == 0:
                break
    return lines


def first_questions(source, rows):
    """`rows` questions of a SQuAD document."""
    document = json.load(source)
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = paragraph["qas"][:rows]
            rows -= len(paragraph["qas"])
        article["paragraphs"] = [each for each in article["paragraphs"] if each["qas"]]
    document["data"] = [each for each in document["data"] if each["paragraphs"]]
    return [json.dumps(document)]


def cut(case, path, rows, folder):
    """A file with the first rows of a gzip file, whose name says what it holds."""
    if rows is None:
        return path
    cutter = {"ner": first_sentences, "squad": first_questions}.get(case, first_lines)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as source:
        lines = cutter(source, rows)
    target = os.path.join(folder, f"{rows}-{os.path.basename(path).removesuffix('.gz')}")
    with open(target, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
    return target


def run(command, environment):
    """The last line that a program printed, as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: status {done.returncode} from: {' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Bench:
    """Trains one case with one seed by one program, and returns its score."""

    def __init__(self, arguments, scratch):
        self.arguments = arguments
        self.scratch = scratch
        preload = build_preload(scratch)
        self.peer_environment = dict(os.environ, **({"LD_PRELOAD": preload} if preload else {}))

    def score(self, case, program, seed):
        what = CASES[case]
        files = [
            cut(case, os.path.join(self.arguments.data, what[name]), what.get(rows), self.scratch)
            for name, rows in (("train", "rows"), ("test", "test_rows"))
        ]
        options = ["--task", case, "--model", self.arguments.model, "--data", files[0],
                   "--eval-data", files[1], "--seed", str(seed), *what["options"]]  # fmt: skip
        if program == "finewatt":
            out = os.path.join(self.scratch, "out")
            shutil.rmtree(out, ignore_errors=True)
            places = ["--store", f"sqlite:{self.scratch}/runs.db", "--out", out, "--json"]
            command = [self.arguments.finewatt, "finetune", *places, *options]
            return run(command, None)["scores"][what["score"]]
        vocabulary = ["--vocab", os.path.join(self.arguments.model, "vocab.txt")]
        command = [self.arguments.python, TRAINER, *options, *vocabulary]
        return run(command, self.peer_environment)["scores"][what["score"]]


def as_percent(case, values):
    """Scores of question answering are percentages already."""
    return [value if case == "squad" else 100 * value for value in values]


def table_lines(results):
    lines = [
        "| case | score | seeds | finewatt, mean (sd) | Trainer, mean (sd) | difference | 95 % interval |",
        "|---|---|---|---|---|---|---|",
    ]
    for case, scores in results.items():
        ours, theirs = (as_percent(case, scores[name]) for name in ("finewatt", "trainer"))
        difference = statistics.mean(ours) - statistics.mean(theirs)
        test = scipy.stats.ttest_ind(ours, theirs, equal_var=False)
        interval = test.confidence_interval(0.95)
        cells = [
            f"{statistics.mean(values):.2f} ({statistics.stdev(values):.2f})"
            for values in (ours, theirs)
        ]
        lines.append(
            f"| {case} | {CASES[case]['score']} | {len(ours)} | {cells[0]} | {cells[1]} "
            f"| {difference:+.2f} | {interval.low:+.2f} to {interval.high:+.2f} |"
        )
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--finewatt", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--model", required=True, help="folder of a pre-trained model")
    parser.add_argument("--data", required=True, help="folder with sst2/, rte/, mnli/, ner/, squad/")
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--seeds", type=int, default=3, help="at least 2")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--table", help="also write the table to this file")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error(f"--seeds: at least 2, found {arguments.seeds}: a spread needs two runs")
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(arguments, scratch)
        for case in arguments.case or CASES:
            results[case] = {"finewatt": [], "trainer": []}
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                for program, scores in results[case].items():
                    scores.append(bench.score(case, program, seed))
                    print(f"{case:8s} {program:10s} seed {seed}: {scores[-1]:.4f}", flush=True)
    lines = table_lines(results)
    print("\n".join(["", *lines]))
    if arguments.table:
        with open(arguments.table, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
