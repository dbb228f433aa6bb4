#!/usr/bin/env python3
"""Encode sentences of given words with the reference tokenizer, for token_peer_test.

    token_features_peer.py SETTINGS FEATURES

SETTINGS is a JSON object {"vocab", "lowercase", "max_length", "sentences"}; each sentence is a list of
[word, label]. FEATURES gets one JSON list a sentence: [ids, word_ids, labels], labelled as
transformers' run_ner.py does: the word's label on its first token, -100 on all others.
"""

import json
import pathlib
import sys


def labels_of(word_ids, labels):
    """The word's label where a new word begins."""
    out = []
    previous = None
    for word in word_ids:
        out.append(-100 if word is None or word == previous else labels[word])
        previous = word
    return out


def main(settings_path, features_path):
    root = pathlib.Path(__file__).resolve().parent.parent.parent.parent
    sys.path.insert(0, str(root / "src/finewatt/token/generate"))
    import make_golden

    settings = json.loads(pathlib.Path(settings_path).read_text(encoding="utf-8"))
    with open(settings["vocab"], encoding="utf-8") as lines:
        vocabulary = {line.rstrip("\n"): i for i, line in enumerate(lines)}
    tokenizer = make_golden.build(vocabulary, settings["lowercase"], None, True)
    tokenizer.enable_truncation(settings["max_length"])
    with open(features_path, "w", encoding="utf-8") as out:
        for sentence in settings["sentences"]:
            words = [word for word, _ in sentence]
            encoding = tokenizer.encode(words, is_pretokenized=True)
            word_ids = encoding.word_ids
            row = [
                encoding.ids,
                [-1 if word is None else word for word in word_ids],
                labels_of(word_ids, [label for _, label in sentence]),
            ]
            out.write(json.dumps(row, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
