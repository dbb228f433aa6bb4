#!/usr/bin/env python3
"""Train with transformers' Trainer and compare the losses with a step log of finewatt-train.

Usage: train_steps.py HEAD MODEL_FOLDER DATA STEPS.jsonl TOLERANCE
HEAD is classification (DATA: .tsv), ner (.conll, word and tag) or squad_v2 (SQuAD JSON whose contexts
fit into one window). No dropout, batch 8, learning rate 1e-3, dynamic padding, seed 42; the Trainer's
own order of data. Fails when a loss differs by more than TOLERANCE.
"""
import csv
import json
import sys
import tempfile

import torch
from transformers import (
    AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoModelForTokenClassification,
    AutoTokenizer, DataCollatorForTokenClassification, DataCollatorWithPadding, Trainer,
    TrainingArguments)

MAX_LENGTH = 32


def classification(file, tokenizer, config):
    with open(file, encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [dict(tokenizer(row["text"], truncation=True, max_length=MAX_LENGTH),
                 labels=config.label2id[row["label"]]) for row in rows]


def ner(file, tokenizer, config):
    with open(file, encoding="utf-8") as stream:
        sentences = [block.split("\n") for block in stream.read().strip().split("\n\n")]
    features = []
    for lines in sentences:
        words, tags = zip(*(line.split() for line in lines))
        encoding = tokenizer(list(words), is_split_into_words=True, truncation=True, max_length=MAX_LENGTH)
        labels, before = [], None
        for word in encoding.word_ids():
            labels.append(-100 if word is None or word == before else config.label2id[tags[word]])
            before = word
        features.append(dict(encoding, labels=labels))
    return features


def squad_v2(file, tokenizer, _config):
    with open(file, encoding="utf-8") as stream:
        paragraphs = [p for entry in json.load(stream)["data"] for p in entry["paragraphs"]]
    features = []
    for paragraph in paragraphs:
        for question in paragraph["qas"]:
            encoding = tokenizer(question["question"], paragraph["context"])
            start = end = 0
            if question["answers"]:
                answer = question["answers"][0]
                begin = answer["answer_start"]
                start = encoding.char_to_token(begin, sequence_index=1)
                end = encoding.char_to_token(begin + len(answer["text"]) - 1, sequence_index=1)
            features.append(dict(encoding, start_positions=start, end_positions=end))
    return features


def pad_windows(tokenizer):
    """Batches of question answering, padded to the longest."""
    keys = ("start_positions", "end_positions")

    def collate(features):
        batch = tokenizer.pad([{k: v for k, v in f.items() if k not in keys} for f in features],
                              return_tensors="pt")
        for key in keys:
            batch[key] = torch.tensor([feature[key] for feature in features])
        return batch
    return collate


HEADS = {
    "classification": (AutoModelForSequenceClassification, classification, DataCollatorWithPadding),
    "ner": (AutoModelForTokenClassification, ner, DataCollatorForTokenClassification),
    "squad_v2": (AutoModelForQuestionAnswering, squad_v2, pad_windows),
}


class Recorder(Trainer):
    """Keeps the loss of every batch, unrounded."""

    losses: list

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        loss = super().compute_loss(model, inputs, return_outputs, **kwargs)
        self.losses.append(float((loss[0] if return_outputs else loss).detach()))
        return loss


def main() -> int:
    head, folder, data, log, tolerance = sys.argv[1:6]
    with open(log, encoding="utf-8") as stream:
        steps = [json.loads(line) for line in stream]
    model_class, read, collator = HEADS[head]
    config = AutoConfig.from_pretrained(folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            output_dir=out, max_steps=len(steps), per_device_train_batch_size=8, learning_rate=1e-3, seed=42,
            use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True, logging_strategy="no",
            remove_unused_columns=False)
        trainer = Recorder(model=model_class.from_pretrained(folder, config=config), args=arguments,
                           train_dataset=read(data, tokenizer, config), data_collator=collator(tokenizer))
        trainer.losses = []
        trainer.train()
    worst = max(abs(step["loss"] - loss) for step, loss in zip(steps, trainer.losses))
    print(f"{head}: largest difference of a loss {worst:.2e} over {len(steps)} steps")
    return 0 if len(steps) == len(trainer.losses) and worst <= float(tolerance) else 1


if __name__ == "__main__":
    sys.exit(main())
