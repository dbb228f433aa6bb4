"""Scores of a peer's model: accuracy, entity F1 (seqeval), exact match and F1 (transformers' SQuAD
metrics). Also writes predictions in the form that `finewatt evaluate` reads.
"""

import json

import numpy

import peer_data

BEST = 20  # start and end positions that are tried, as run_qa.py's n_best_size
LONGEST = 30  # tokens of an answer, as its max_answer_length


def write_lines(path, lines):
    if path:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def score_classes(logits, labels, names, path):
    chosen = logits.argmax(-1)
    write_lines(path, ({"id": i, "label": names[c]} for i, c in enumerate(chosen)))
    return {"accuracy": float(numpy.mean(chosen == labels))}


def score_entities(logits, labels, names, path):
    from seqeval.metrics import f1_score, precision_score, recall_score

    chosen = logits.argmax(-1)
    tags = [
        [names[c] for c, label in zip(row, gold) if label != peer_data.IGNORED]
        for row, gold in zip(chosen, labels)
    ]
    truth = [[names[label] for label in gold if label != peer_data.IGNORED] for gold in labels]
    write_lines(path, ({"id": i, "tags": row} for i, row in enumerate(tags)))
    return {
        "precision": float(precision_score(truth, tags)),
        "recall": float(recall_score(truth, tags)),
        "f1": float(f1_score(truth, tags)),
    }


def best_answer(question, starts, ends, may_be_empty):
    """The text of the span with the highest sum over all windows of a question."""
    best, best_score, null_score = "", -numpy.inf, numpy.inf
    for feature, offsets in question["features"]:
        start, end = starts[feature], ends[feature]
        null_score = min(null_score, start[0] + end[0])
        for first in numpy.argsort(start)[-1 : -BEST - 1 : -1]:
            for last in numpy.argsort(end)[-1 : -BEST - 1 : -1]:
                inside = max(first, last) < len(offsets) and offsets[first] and offsets[last]
                if not inside or last < first or last - first + 1 > LONGEST:
                    continue
                if start[first] + end[last] > best_score:
                    best_score = start[first] + end[last]
                    best = question["context"][offsets[first][0] : offsets[last][1]]
    return "" if may_be_empty and null_score > best_score else best


def score_answers(logits, questions, may_be_empty, path):
    from transformers.data.metrics.squad_metrics import compute_exact, compute_f1

    starts, ends = logits
    answers, exact, f1 = {}, [], []
    for question in questions:
        text = answers[question["id"]] = best_answer(question, starts, ends, may_be_empty)
        gold = [answer for _, answer in question["answers"]] or [""]
        exact.append(max(compute_exact(reference, text) for reference in gold))
        f1.append(max(compute_f1(reference, text) for reference in gold))
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answers, file)
    return {"exact": 100 * float(numpy.mean(exact)), "f1": 100 * float(numpy.mean(f1))}


def evaluate(task, trainer, test, names, path):
    """The scores of the trainer's model on TaskData `test`; predictions go to `path`, if given."""
    output = trainer.predict(test.rows)
    if task in peer_data.CLASSIFICATION:
        return score_classes(output.predictions, output.label_ids, names, path)
    if task in ("ner", "conll2003"):
        return score_entities(output.predictions, output.label_ids, names, path)
    return score_answers(output.predictions, test.references, task == "squad_v2", path)
