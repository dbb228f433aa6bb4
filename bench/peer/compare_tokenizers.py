"""finewatt's tokenizer beside the tokenizers wheel, one thread each, in turn (A B A B).

    compare_tokenizers.py --bench token_encode_bench --vocab VOCAB.txt [--finewatt PROGRAM]
        [--texts NAME=FILE.tsv[.gz]:COLUMN[,COLUMN]]... [--rounds 3] [--cased]

Texts: the columns of tab-separated files with a header, and three made-up sets (ASCII words,
accents, Chinese). Columns: ids alone (the wheel's encode_batch_fast) and ids with offsets
(encode_batch), in texts a second, the median of the rounds. Reading files is outside every time;
turning the wheel's answers into Python lists too. With --finewatt also `finewatt tokenize --json`,
whole program. Status 1 when the ids differ.
"""

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from array import array

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import Tokenizer  # noqa: E402
from tokenizers.implementations import BertWordPieceTokenizer  # noqa: E402

CHUNK = 1000  # texts per call of the wheel
SEED = 20240610
MADE_UP_TEXTS = 20000


def read_columns(argument):
    """NAME=FILE:COLUMN,COLUMN -> (name, texts)."""
    name, _, rest = argument.partition("=")
    path, _, columns = rest.rpartition(":")
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
        header = next(lines).rstrip("\r\n").split("\t")
        places = [header.index(column) for column in columns.split(",")]
        texts = []
        for line in lines:
            fields = line.rstrip("\r\n").split("\t")
            texts += [fields[place] for place in places if place < len(fields)]
    return name, texts


def made_up(words_of, count=MADE_UP_TEXTS):
    """Random sentences of 4 to 16 words."""
    rng = random.Random(SEED)
    return [" ".join(words_of(rng) for _ in range(rng.randint(4, 16))) for _ in range(count)]


def made_up_sets(vocab_path):
    with open(vocab_path, encoding="utf-8") as lines:
        known = [line.rstrip("\n") for line in lines]
    ascii_words = [word for word in known if word.isascii() and word.isalpha() and len(word) > 1]
    pieces = [word[2:] for word in known if word.startswith("##") and word[2:].isascii() and word[2:].isalpha()]
    common = ascii_words[: len(ascii_words) // 8]

    def plain(rng):
        roll = rng.random()
        if roll < 0.7:
            return rng.choice(common)
        if roll < 0.85:
            return rng.choice(ascii_words).capitalize() + rng.choice(pieces)
        return rng.choice(ascii_words) + rng.choice(",.!?;:")

    def accented(rng):
        word = rng.choice(common)
        if rng.random() < 0.4:
            place = rng.randrange(len(word))
            word = word[:place] + rng.choice("éèàçüöñÉ") + word[place + 1 :]
        return word

    def chinese(rng):
        return "".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(rng.randint(1, 6)))

    return [
        ("made-up ASCII", made_up(plain)),
        ("made-up accents", made_up(accented)),
        ("made-up Chinese", made_up(chinese)),
    ]


class Wheel:
    def __init__(self, vocab_path, cased):
        made = BertWordPieceTokenizer(vocab_path, lowercase=not cased)
        # The wheel's own object, without the Python class around it.
        self.tokenizer = Tokenizer.from_str(made.to_str())

    def texts_per_s(self, texts, with_offsets):
        call = self.tokenizer.encode_batch if with_offsets else self.tokenizer.encode_batch_fast
        begin = time.perf_counter()
        for at in range(0, len(texts), CHUNK):
            call(texts[at : at + CHUNK])
        return len(texts) / (time.perf_counter() - begin)

    def ids_crc32(self, texts):
        checksum = 0
        for at in range(0, len(texts), CHUNK):
            for encoding in self.tokenizer.encode_batch(texts[at : at + CHUNK]):
                checksum = zlib.crc32(array("i", encoding.ids).tobytes(), checksum)
        return checksum


def run_bench(args, path, *flags):
    command = [args.bench, args.vocab, path, "--passes", str(args.passes), *flags]
    if args.cased:
        command.append("--cased")
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if answer.returncode != 0:
        sys.exit(f"bench: status {answer.returncode} from {' '.join(command)}")
    return json.loads(answer.stdout)


def program_texts_per_s(args, lines_path, count):
    command = [args.finewatt, "tokenize", "--vocab", args.vocab, "--special", "--json"]
    if args.cased:
        command.append("--cased")
    with open(lines_path, "rb") as lines:
        begin = time.perf_counter()
        status = subprocess.run(command, stdin=lines, stdout=subprocess.DEVNULL, check=False).returncode
    if status != 0:
        sys.exit(f"bench: status {status} from {' '.join(command)}")
    return count / (time.perf_counter() - begin)


def compare(args, wheel, name, texts, scratch):
    """Print the rows of a set of texts. Return whether the ids are equal."""
    path = os.path.join(scratch, "texts")
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(text + "\n" for text in texts)
    lines_path = os.path.join(scratch, "lines")
    with open(lines_path, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    figures = {}
    facts = None
    for _ in range(args.rounds):
        for label, with_offsets in (("ids", False), ("ids + offsets", True)):
            facts = run_bench(args, path, *(["--offsets"] if with_offsets else []))
            figures.setdefault(label, ([], []))[0].append(facts["texts_per_s"])
            figures[label][1].append(wheel.texts_per_s(texts, with_offsets))
        if args.finewatt:
            rate = program_texts_per_s(args, lines_path, len(texts))
            figures.setdefault("finewatt tokenize --json", ([], []))[0].append(rate)
    for label, (ours, peers) in figures.items():
        rate = statistics.median(ours)
        per_text = {unit: facts[unit] / facts["texts"] for unit in ("tokens", "bytes")}
        line = (
            f"{name:16} {label:25} {rate:11,.0f} texts/s {rate * per_text['tokens'] / 1e6:7.2f} Mtokens/s "
            f"{rate * per_text['bytes'] / 1e6:7.1f} MB/s {1e6 / rate:6.2f} s per million"
        )
        if peers:
            ratios = [a / b for a, b in zip(ours, peers)]
            line += (
                f"; wheel {statistics.median(peers):9,.0f} texts/s; {statistics.median(ratios):5.1f}x "
                f"({min(ratios):.1f} to {max(ratios):.1f})"
            )
        print(line, flush=True)
    equal = facts["ids_crc32"] == wheel.ids_crc32(texts)
    if not equal:
        print(f"{name:16} THE IDS DIFFER", flush=True)
    return equal


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--finewatt")
    parser.add_argument("--texts", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=5, help="passes of ours over the texts in each time")
    parser.add_argument("--cased", action="store_true")
    args = parser.parse_args()
    wheel = Wheel(args.vocab, args.cased)
    equal = True
    with tempfile.TemporaryDirectory() as scratch:
        for name, texts in [read_columns(item) for item in args.texts] + made_up_sets(args.vocab):
            equal &= compare(args, wheel, name, texts, scratch)
    print("ids: equal" if equal else "ids: they differ")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
