#!/usr/bin/env python3
"""Write testdata/: what the reference tokenizer answers, for tests that need no Python.

    python src/finewatt/token/generate/make_golden.py           # rewrite the files
    python src/finewatt/token/generate/make_golden.py --check   # exit 1 when one would change

vocab.txt            a small vocabulary made up here
golden_texts.jsonl   texts made up here, and their ids, type ids and offsets with that vocabulary
golden_sweep.txt     checksums over every code point, see sweep() below

Needs tokenizers==0.23.3. Takes a minute or two.
"""

import argparse
import json
import pathlib
import string
import struct
import sys
import zlib

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WANTED_VERSION = "0.23.3"
OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "testdata"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Name, lowercase, strip_accents, handle_chinese_chars. The test knows the same list.
SETTINGS = [
    ("uncased", True, None, True),
    ("cased", False, None, True),
    ("uncased_accents", True, False, True),
    ("cased_stripped", False, True, True),
    ("uncased_no_chinese", True, None, False),
]
# Alone, between letters, and among combining marks of different classes. The test knows them too.
CONTEXTS = ["{}", "a{}b", "e\u0316\u0301{}\u0323x"]
BLOCK = 256


def build(vocabulary, lowercase, strip_accents, handle_chinese_chars):
    """A tokenizer like the one that transformers builds for BERT."""
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=handle_chinese_chars,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def small_vocabulary():
    tokens = list(SPECIAL)
    tokens += list(string.ascii_lowercase + string.ascii_uppercase + string.digits)
    tokens += ["##" + c for c in string.ascii_lowercase + string.digits]
    tokens += list("!\"#$%&'()*+,-./:;<=>?@[]_`{|}~") + ["…", "“", "”", "’", "–"]
    tokens += ["the", "quick", "brown", "fox", "jump", "##ed", "##s", "##ing", "over", "lazy"]
    tokens += ["un", "##aff", "##able", "##ableness", "hello", "##lo", "##llo", "wor", "##ld"]
    tokens += ["ab", "abc", "abcd", "##bc", "##cde", "é", "É", "##é", "ü", "Ü", "σ", "ς", "##ς", "##σ"]
    tokens += ["α", "##α", "i", "##\u0307", "\u0307", "中", "文", "國", "か", "##が", "が"]
    tokens += [p + chr(c) for c in (0x1100, 0x1112, 0x1161, 0x11AB, 0x11A8) for p in ("", "##")]
    tokens += ["한", "##글", "😀", "##😀", "\u0915", "##\u093e", "##\u094d", "ﬁ", "##ß", "ß"]
    return list(dict.fromkeys(tokens))


TEXTS = [
    "",
    " ",
    "hello",
    "Hello World!",
    "The quick brown fox jumped over the lazy dogs.",
    "unaffable unaffableness xunaffable",
    "abcd abcde abcbc zzz9",
    "hello[MASK]x [mask] [MASK][MASK] [SEP]a[CLS] [UNK] [PAD] [MASK",
    "a\u200bb c\ufeffd e\u00adf",
    "a\x00b\x01c\x0bd\x0ce\x7ff\x85g\ufffdh",
    "tab\tnew\nline\rcr\u00a0nbsp\u2003em\u3000ideo\u2028sep",
    "Émile ÜBER naïve café cafe\u0301 e\u0323\u0301x e\u0301\u0323x",
    "ΑΣ ας ΣΑΣ İi ſ ẞß",
    "中文a國b中",
    "\u2b820 \U0002b820\U0002b920 \uf900 \U0002f800a",
    "한글 한 글ab \u1112\u1161\u11ab",
    "がか か\u3099 が",
    "\u0915\u093e \u0915\u094d\u0915",
    "😀a😀 👨\u200d👩\u200d👧 ❤\ufe0f",
    "don't stop--believing... (really?) \u201cquoted\u201d \u2013 it\u2019s \u2026",
    "$100 + 5% = ~a_b^c|d`e <f> {g} [h] @i #j ##k",
    "a" * 99,
    "a" * 100,
    "a" * 101,
    "é" * 100,
    "é" * 101,
    "É" * 50 + "\u0301" * 60,
    "\u0301a \u0301 \u0301\u0301b",
    "\u0f73\u0f72\u0f71 \u0344\u0323 \u1e69\u0301",
    "ﬁ ﬃ Ⅷ ㎏ ½",
    "\u037e \u0387 \u1fef \u212b \u2126",
]
PAIRS = [
    ("the quick brown fox", "over the lazy"),
    ("a", "b c d e f"),
    ("a b c d e f", "b"),
    ("a b c", "d e f"),
    ("a b c d", "e f g"),
    ("", "a b"),
    ("a b", ""),
    ("", ""),
    ("中[SEP]é", "[MASK]b"),
]


def answer(tokenizer, text, pair, max_length, special):
    if max_length is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_length)
    got = tokenizer.encode(text, pair, add_special_tokens=special)
    return {"ids": got.ids, "type_ids": got.type_ids, "offsets": got.offsets}


def texts():
    vocabulary = {token: i for i, token in enumerate(small_vocabulary())}
    for name, *setting in SETTINGS:
        tokenizer = build(vocabulary, *setting)
        for text in TEXTS:
            for max_length in (None, 2, 5):
                row = {"setting": name, "text": text, "max_length": max_length, "special": True}
                yield {**row, **answer(tokenizer, text, None, max_length, True)}
        for text, pair in PAIRS if name in ("uncased", "cased") else []:
            for max_length in (None, 3, 4, 5, 6, 7, 8, 9):
                row = {"setting": name, "text": text, "pair": pair, "max_length": max_length}
                yield {**row, "special": True, **answer(tokenizer, text, pair, max_length, True)}
            for max_length in (None, 1, 2, 3):
                row = {"setting": name, "text": text, "pair": pair, "max_length": max_length}
                yield {**row, "special": False, **answer(tokenizer, text, pair, max_length, False)}


def value_of(code, first):
    """A character of the block counts from 0x220000 on, so that blocks of unassigned ones agree."""
    return code - first + 0x220000 if first <= code < first + BLOCK else code


def block_checksum(first, setting, normalizer):
    """The CRC-32 of what becomes of the 256 code points from `first` on.

    Each code point is put into each context, the results are joined by spaces, and the text is
    encoded with a vocabulary that has every character as a piece. Each token gives three
    little-endian 32-bit numbers: value_of its character (plus 0x110000 inside a word), and its
    offsets.
    """
    codes = [c for c in range(first, first + BLOCK) if not 0xD800 <= c < 0xE000]
    text = " ".join(context.format(chr(c)) for context in CONTEXTS for c in codes)
    vocabulary = {token: i for i, token in enumerate(SPECIAL)}
    values = [0] * len(SPECIAL)
    for character in sorted(set(normalizer.normalize_str(text))):
        for prefix, inside in (("", 0), ("##", 0x110000)):
            vocabulary[prefix + character] = len(values)
            values.append(value_of(ord(character), first) + inside)
    got = build(vocabulary, *setting).encode(text, add_special_tokens=False)
    assert vocabulary["[UNK]"] not in got.ids, f"U+{first:04X}"
    checksum = 0
    for token, (begin, end) in zip(got.ids, got.offsets):
        checksum = zlib.crc32(struct.pack("<III", values[token], begin, end), checksum)
    return checksum


def sweep():
    """Lines `first last checksum...`: blocks first..last share the checksums, one per setting."""
    lines = ["# first and last block of 256 code points (hex), CRC-32 for each setting:"]
    lines.append("# " + " ".join(name for name, *_ in SETTINGS))
    small = {token: i for i, token in enumerate(SPECIAL)}
    settings = [(s[1:], build(small, *s[1:]).normalizer) for s in SETTINGS]
    start, current = 0, None
    for block in range(0x110000 // BLOCK + 1):
        is_end = block == 0x110000 // BLOCK
        sums = None if is_end else [block_checksum(block * BLOCK, *setting) for setting in settings]
        if sums != current:
            if current is not None:
                lines.append(f"{start:x} {block - 1:x} " + " ".join(f"{s:08x}" for s in current))
            start, current = block, sums
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    if tokenizers.__version__ != WANTED_VERSION:
        raise SystemExit(f"tokenizers: expected {WANTED_VERSION}, found {tokenizers.__version__}")
    files = {
        "vocab.txt": "\n".join(small_vocabulary()) + "\n",
        "golden_texts.jsonl": "".join(
            json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in texts()
        ),
        "golden_sweep.txt": sweep(),
    }
    status = 0
    for name, content in files.items():
        path = OUTPUT / name
        if not arguments.check:
            path.write_text(content, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != content:
            print(f"{path}: differs from what the wheel gives now", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
