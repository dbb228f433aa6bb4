#!/usr/bin/env python3
"""Cut SQuAD questions and contexts into features with the reference tokenizer, for squad_peer_test.

    squad_features_peer.py SETTINGS FEATURES

SETTINGS is a JSON object {"vocab", "lowercase", "data", "max_length", "doc_stride"}; `data` is a
SQuAD file, plain or gzip. FEATURES gets one JSON list a feature: [example, ids, type_ids,
offset_begins, offset_ends, start, end], labelled as transformers' run_qa.py labels its training
data: the first reference answer, token 0 for a window without it.
"""

import gzip
import json
import pathlib
import sys


def read_questions(path):
    """Question, context and (start, text) of the first answer, or None."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    for article in articles:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers = question["answers"]
                first = (answers[0]["answer_start"], answers[0]["text"]) if answers else None
                yield question["question"], paragraph["context"], first


def label(window, answer):
    """The answer's first and last token, walking from both ends of the context as run_qa.py does."""
    if answer is None:
        return 0, 0
    begin, end = answer[0], answer[0] + len(answer[1])
    offsets = window.offsets
    of_context = [i for i, sequence in enumerate(window.sequence_ids) if sequence == 1]
    left, right = of_context[0], of_context[-1]
    if offsets[left][0] > begin or offsets[right][1] < end:
        return 0, 0
    # The walk to the right does not stop at the context's end: [SEP] has offset 0.
    while left < len(offsets) and offsets[left][0] <= begin:
        left += 1
    while offsets[right][1] >= end:
        right -= 1
    return left - 1, right + 1


def main(settings_path, features_path):
    root = pathlib.Path(__file__).resolve().parent.parent.parent.parent
    sys.path.insert(0, str(root / "src/finewatt/token/generate"))
    import make_golden

    settings = json.loads(pathlib.Path(settings_path).read_text(encoding="utf-8"))
    with open(settings["vocab"], encoding="utf-8") as lines:
        vocabulary = {line.rstrip("\n"): i for i, line in enumerate(lines)}
    tokenizer = make_golden.build(vocabulary, settings["lowercase"], None, True)
    tokenizer.enable_truncation(
        settings["max_length"], stride=settings["doc_stride"], strategy="only_second"
    )
    with open(features_path, "w", encoding="utf-8") as out:
        for number, (question, context, answer) in enumerate(read_questions(settings["data"])):
            first = tokenizer.encode(question.lstrip(), context)
            for window in [first, *first.overflowing]:
                is_context = [sequence == 1 for sequence in window.sequence_ids]
                begins, ends = (
                    [o[side] if inside else -1 for o, inside in zip(window.offsets, is_context)]
                    for side in (0, 1)
                )
                start, end = label(window, answer)
                row = [number, window.ids, window.type_ids, begins, ends, start, end]
                out.write(json.dumps(row, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
