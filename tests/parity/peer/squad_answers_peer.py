#!/usr/bin/env python3
"""Choose answers from logits with numpy, for squad_peer_test.

    squad_answers_peer.py REQUEST ANSWERS

The rules of transformers' utils_qa.py (postprocess_qa_predictions), written anew: the greatest
n_best starts and ends of each window, spans of the context that run forwards and are not too long,
the best n_best by the sum of the logits, and for SQuAD v2.0 the least null score of the windows.

REQUEST is a JSON object {"n_best", "max_answer_length", "has_no_answer", "null_threshold",
"questions": [{"context", "windows": [{"begins", "ends", "start_logits", "end_logits"}]}]}.
ANSWERS gets a list of {"text", "null_odds", "n_best": [[text, start, end, probability]]}.
"""

import json
import pathlib
import sys

import numpy as np


def spans_of(window, request):
    """(score, begin, end, start logit, end logit) of the window's possible spans, and of no answer."""
    starts = np.array(window["start_logits"], dtype=np.float32)
    ends = np.array(window["end_logits"], dtype=np.float32)
    n_best = request["n_best"]
    spans = []
    for first in np.argsort(starts)[::-1][:n_best]:
        for last in np.argsort(ends)[::-1][:n_best]:
            inside = window["begins"][first] >= 0 and window["begins"][last] >= 0
            if inside and 0 <= last - first < request["max_answer_length"]:
                score = starts[first] + ends[last]
                begin, end = window["begins"][first], window["ends"][last]
                spans.append((score, begin, end, starts[first], ends[last]))
    return spans, (starts[0] + ends[0], 0, 0, starts[0], ends[0])


def answer(question, request):
    spans, nulls = [], []
    for window in question["windows"]:
        of_window, null = spans_of(window, request)
        spans += of_window
        nulls.append(null)
    least_null = min(nulls, key=lambda null: null[0])
    if request["has_no_answer"]:
        spans.append(least_null)
    best = sorted(spans, key=lambda span: -span[0])[: request["n_best"]]
    if request["has_no_answer"] and all((span[1], span[2]) != (0, 0) for span in best):
        best.append(least_null)
    rows = [(s[0], question["context"][s[1] : s[2]], s[3], s[4]) for s in best]
    if [row[1] for row in rows] in ([], [""]):
        rows.insert(0, (0.0, "empty", 0.0, 0.0))
    scores = np.array([row[0] for row in rows])
    weights = np.exp(scores - scores.max())
    probabilities = weights / weights.sum()
    result = {
        "n_best": [
            [row[1], float(row[2]), float(row[3]), float(p)] for row, p in zip(rows, probabilities)
        ],
        "text": rows[0][1],
        "null_odds": None,
    }
    if request["has_no_answer"]:
        best_text = next(row for row in rows if row[1])
        odds = least_null[0] - best_text[2] - best_text[3]
        result["null_odds"] = float(odds)
        result["text"] = "" if odds > request["null_threshold"] else best_text[1]
    return result


if __name__ == "__main__":
    asked = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers = [answer(question, asked) for question in asked["questions"]]
    pathlib.Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")
