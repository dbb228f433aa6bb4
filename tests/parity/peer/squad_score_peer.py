#!/usr/bin/env python3
"""Score answers with transformers' squad_metrics, for score_peer_test.

    squad_score_peer.py REQUEST SCORES

REQUEST is a JSON object {"questions": [{"id", "answers": [text]}], "predictions": {id: text} with
all ids, "some_predictions": with a part of them, "no_answer": {id: value}, "threshold"}. SCORES gets
{"plain": the figures of v2.0 without no-answer values, "with_no_answer": those with them, "v1":
{"exact_match", "f1"} of some_predictions, "normalised": [the predictions, in the order of the
questions]}.
"""

import json
import pathlib
import sys
from types import SimpleNamespace

from transformers.data.metrics import squad_metrics


def score_v1(questions, predictions):
    """v1.1: all references count, a missing answer scores 0, and F1 needs a word in common."""
    exact = f1 = 0.0
    for question in questions:
        if question["id"] in predictions:
            text = predictions[question["id"]]
            golds = question["answers"]
            exact += max((squad_metrics.compute_exact(gold, text) for gold in golds), default=0)
            f1 += max(
                (
                    squad_metrics.compute_f1(gold, text)
                    for gold in golds
                    if squad_metrics.get_tokens(gold) and squad_metrics.get_tokens(text)
                ),
                default=0,
            )
    return {"exact_match": 100 * exact / len(questions), "f1": 100 * f1 / len(questions)}


def main(request_path, scores_path):
    request = json.loads(pathlib.Path(request_path).read_text(encoding="utf-8"))
    questions, predictions = request["questions"], request["predictions"]
    examples = [
        SimpleNamespace(qas_id=q["id"], answers=[{"text": text} for text in q["answers"]])
        for q in questions
    ]
    plain = squad_metrics.squad_evaluate(examples, predictions)
    with_no_answer = squad_metrics.squad_evaluate(
        examples, predictions, request["no_answer"], request["threshold"]
    )
    scores = {
        "plain": plain,
        "with_no_answer": with_no_answer,
        "v1": score_v1(questions, request["some_predictions"]),
        "normalised": [squad_metrics.normalize_answer(predictions[q["id"]]) for q in questions],
    }
    pathlib.Path(scores_path).write_text(json.dumps(scores), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
