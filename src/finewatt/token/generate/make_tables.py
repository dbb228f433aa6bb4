#!/usr/bin/env python3
"""Write char_table_generated.cpp: what the reference tokenizer does with each code point.

Every code point is sent through the normalizers and pre-tokenizers of the `tokenizers` wheel, and
the answers become tables. Nothing comes from a Unicode data file, so the tables match the
reference even where its sources mix Unicode versions.

    python src/finewatt/token/generate/make_tables.py           # rewrite the file
    python src/finewatt/token/generate/make_tables.py --check   # exit 1 when it would change

Needs tokenizers==0.23.3. Takes about half a minute.
"""

import argparse
import pathlib
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

WANTED_VERSION = "0.23.3"
OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "char_table_generated.cpp"
BLOCK_SIZE = 128
REMOVED, WHITESPACE, CHINESE, MARK, PUNCTUATION, DECOMPOSES, LOWERS = (1 << i for i in range(7))
# Characters of the lowest and highest canonical combining class above zero (1 and 240).
LOWEST_MARK, HIGHEST_MARK = "\u0334", "\u0345"
HANGUL = range(0xAC00, 0xD7A4)


def bert(clean=False, chinese=False, accents=False, lower=False):
    return normalizers.BertNormalizer(
        clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents, lowercase=lower
    ).normalize_str


def code_points():
    return (c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)


class Sweep:
    """What the reference does with each code point."""

    def __init__(self):
        self.flags = [0] * 0x110000
        self.rank = [0] * 0x110000
        self.decomposition = {}
        self.lower = {}
        self._nfd = normalizers.NFD().normalize_str
        self._sweep_classes()
        self._sweep_ranks()
        self._check()

    def _sweep_classes(self):
        clean, chinese = bert(clean=True), bert(chinese=True)
        accents, lower = bert(accents=True), bert(lower=True)
        split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
        for code in code_points():
            c = chr(code)
            cleaned = clean(f"a{c}b")
            if cleaned == "ab":
                self.flags[code] |= REMOVED
            elif cleaned == "a b":
                self.flags[code] |= WHITESPACE
            elif cleaned != f"a{c}b":
                raise SystemExit(f"U+{code:04X}: cleaning gives {cleaned!r}")
            if chinese(c) != c:
                self.flags[code] |= CHINESE
            pieces = [piece for piece, _ in split(f"a{c}b")]
            if pieces == ["a", c, "b"]:
                self.flags[code] |= PUNCTUATION
            elif pieces not in ([f"a{c}b"], ["a", "b"]):
                raise SystemExit(f"U+{code:04X}: splitting gives {pieces!r}")
            # Whatever splits words as a space must have become a space before.
            if pieces == ["a", "b"] and not self.flags[code] & (REMOVED | WHITESPACE):
                raise SystemExit(f"U+{code:04X}: splits, but cleaning keeps it")
            decomposed = self._nfd(c)
            if decomposed != c:
                self.flags[code] |= DECOMPOSES
                self.decomposition[code] = decomposed
            elif accents(c) == "":
                self.flags[code] |= MARK
            if lower(c) != c:
                self.flags[code] |= LOWERS
                self.lower[code] = lower(c)

    def _swaps(self, first, second):
        """Whether canonical reordering exchanges two characters, so class(first) > class(second) > 0."""
        return first != second and self._nfd(first + second) == second + first

    def _sweep_ranks(self):
        marks = [
            chr(code)
            for code in code_points()
            if code not in self.decomposition
            and (self._swaps(chr(code), LOWEST_MARK) or self._swaps(HIGHEST_MARK, chr(code)))
        ] + [HIGHEST_MARK]
        classes = []  # one list of characters for each combining class, in order
        for mark in dict.fromkeys(marks):
            at = sum(1 for members in classes if self._swaps(mark, members[0]))
            if at < len(classes) and not self._swaps(classes[at][0], mark):
                classes[at].append(mark)
            else:
                classes.insert(at, [mark])
        for rank, members in enumerate(classes, start=1):
            for mark in members:
                self.rank[ord(mark)] = rank

    def _check(self):
        """The C++ code relies on these."""
        accents = bert(accents=True)
        for code, text in self.decomposition.items():
            kept = "".join(c for c in text if not self.flags[ord(c)] & MARK)
            assert accents(chr(code)) == kept, f"U+{code:04X}"
            assert all(ord(c) not in self.decomposition for c in text), f"U+{code:04X}"
            # Cleaning comes first, so nothing that it removes may appear again.
            cleaned_away = REMOVED | WHITESPACE
            assert self.flags[code] & cleaned_away or not any(
                self.flags[ord(c)] & cleaned_away for c in text
            ), f"U+{code:04X}"
            # ASCII letters are normalised without looking at their neighbours.
            assert code >= 0x80, f"U+{code:04X}"
        for code, text in self.lower.items():
            assert not any(self.flags[ord(c)] & WHITESPACE for c in text), f"U+{code:04X}"
        assert not any(self.rank[code] for code in range(0x80))
        for code in HANGUL:
            index = code - 0xAC00
            jamo = [0x1100 + index // 588, 0x1161 + index // 28 % 21, 0x11A7 + index % 28]
            assert self.decomposition[code] == "".join(map(chr, jamo[: 3 if index % 28 else 2]))


def rows(items, width=100):
    """Comma-separated items, wrapped."""
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > width:
            yield line
            line = "   "
        line += f" {item},"
    yield line


def mapping_rows(mapping, targets):
    for code, text in sorted(mapping.items()):
        yield f"{{0x{code:X}, {len(targets)}, {len(text)}}}"
        targets.extend(map(ord, text))


def render(sweep):
    kinds = {}
    kind_of = [
        kinds.setdefault((flags, rank), len(kinds))
        for flags, rank in zip(sweep.flags, sweep.rank)
    ]
    blocks = {}
    block_of = [
        blocks.setdefault(tuple(kind_of[i : i + BLOCK_SIZE]), len(blocks))
        for i in range(0, len(kind_of), BLOCK_SIZE)
    ]
    assert len(kinds) <= 256 and len(blocks) <= 256, (len(kinds), len(blocks))
    targets = []
    decompositions = {c: t for c, t in sweep.decomposition.items() if c not in HANGUL}
    decomposition_rows = list(mapping_rows(decompositions, targets))
    lower_rows = list(mapping_rows(sweep.lower, targets))
    assert len(targets) <= 0xFFFF

    def array(declaration, items):
        return [f"{declaration} = {{", *rows(items), "};", ""]

    lines = [
        f"// Generated by generate/make_tables.py from tokenizers {WANTED_VERSION}. Do not edit.",
        "// clang-format off",
        '#include "finewatt/token/char_table_internal.h"',
        "",
        "namespace finewatt::token {",
        "",
        *array(
            "const CharProperties kCharPropertyKinds[]",
            (f"{{{flags}, {rank}}}" for flags, rank in kinds),
        ),
        *array(
            "const std::uint8_t kCharBlockOf[0x110000 / kCharBlockSize]", map(str, block_of)
        ),
        *array(
            "const std::uint8_t kCharBlocks[]", (str(kind) for block in blocks for kind in block)
        ),
        "namespace {",
        "",
        *array("constexpr CharMapping kDecompositionArray[]", decomposition_rows),
        *array("constexpr CharMapping kLowerCaseArray[]", lower_rows),
        "}  // namespace",
        "",
        "const std::span<const CharMapping> kDecompositions = kDecompositionArray;",
        "const std::span<const CharMapping> kLowerCases = kLowerCaseArray;",
        "",
        *array("const char32_t kCharMappingTargets[]", (f"0x{t:X}" for t in targets)),
        "}  // namespace finewatt::token",
        "",
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    if tokenizers.__version__ != WANTED_VERSION:
        raise SystemExit(f"tokenizers: expected {WANTED_VERSION}, found {tokenizers.__version__}")
    text = render(Sweep())
    if arguments.check:
        if OUTPUT.read_text(encoding="utf-8") != text:
            print(f"{OUTPUT}: differs from what the wheel gives now", file=sys.stderr)
            return 1
        return 0
    OUTPUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
