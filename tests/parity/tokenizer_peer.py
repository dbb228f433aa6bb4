#!/usr/bin/env python3
"""Answer requests with the reference tokenizer, for token_peer_test.

    tokenizer_peer.py encode REQUESTS ANSWERS     with the tokenizers package
    tokenizer_peer.py load DIR REQUESTS ANSWERS RESAVED
                                                  with transformers' AutoTokenizer of the folder
                                                  DIR, which it then saves into RESAVED

REQUESTS are JSON lines. For `encode` the first is {"tokens", "lowercase", "strip_accents",
"handle_chinese_chars"}; the others are {"text", "pair", "max_length", "special"}, where pair and
max_length may be null. Each is answered by one line {"ids", "type_ids", "offsets"}.
"""

import json
import pathlib
import sys


def read_requests(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_answers(path, answers):
    with open(path, "w", encoding="utf-8") as out:
        for answer in answers:
            out.write(json.dumps(answer) + "\n")


def encode(requests_path, answers_path):
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    sys.path.insert(0, str(root / "src/finewatt/token/generate"))
    import make_golden

    head, *requests = read_requests(requests_path)
    vocabulary = {token: i for i, token in enumerate(head["tokens"])}
    tokenizer = make_golden.build(
        vocabulary, head["lowercase"], head["strip_accents"], head["handle_chinese_chars"]
    )
    write_answers(
        answers_path,
        (
            make_golden.answer(tokenizer, r["text"], r["pair"], r["max_length"], r["special"])
            for r in requests
        ),
    )


def load(folder, requests_path, answers_path, resaved):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)

    def answer(request):
        # As a list of one: for a single text, transformers takes an empty pair for none.
        got = tokenizer(
            [request["text"]],
            None if request["pair"] is None else [request["pair"]],
            add_special_tokens=request["special"],
            truncation=request["max_length"] is not None,
            max_length=request["max_length"],
            return_offsets_mapping=True,
            return_token_type_ids=True,
        )
        return {
            "ids": got["input_ids"][0],
            "type_ids": got["token_type_ids"][0],
            "offsets": got["offset_mapping"][0],
        }

    write_answers(answers_path, map(answer, read_requests(requests_path)))
    tokenizer.save_pretrained(resaved)


if __name__ == "__main__":
    {"encode": encode, "load": load}[sys.argv[1]](*sys.argv[2:])
