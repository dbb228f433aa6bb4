#!/usr/bin/env python3
"""Compare predictions of finewatt-train infer --logits with transformers on the same model.

Usage: compare_logits.py MODEL_FOLDER DATA.tsv PREDICTIONS.jsonl TOLERANCE
Fails when a logit differs by more than TOLERANCE, or a label differs.
"""
import csv
import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def main() -> int:
    folder, data, predictions, tolerance = sys.argv[1:5]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with open(data, encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    with open(predictions, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    if len(lines) != len(texts):
        print(f"{len(lines)} predictions for {len(texts)} texts")
        return 1
    worst = 0.0
    for text, line in zip(texts, lines):
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=128)).logits[0]
        worst = max(worst, (logits - torch.tensor(line["logits"])).abs().max().item())
        if model.config.id2label[int(logits.argmax())] != line["label"]:
            print(f"label of {text!r}: {line['label']}")
            return 1
    print(f"largest difference of a logit: {worst:.2e} over {len(texts)} texts")
    return 0 if worst <= float(tolerance) else 1


if __name__ == "__main__":
    sys.exit(main())
