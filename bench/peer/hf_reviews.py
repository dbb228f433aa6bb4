"""The demo's training done by Hugging Face's Trainer, as the peer that `make bench` compares with.

    hf_reviews.py --model DIR --data TRAIN.tsv --eval-data TEST.tsv [--epochs 1] [--batch 32] ...

The same model, data, batch size, learning rate, linear schedule and length limit as `make demo`;
batches are padded to their longest sentence, nothing is saved. Prints one JSON object. Times: the
training loop alone, and the process up to now (imports, loading, tokenising and evaluation too).
"""

import argparse
import csv
import json
import os
import tempfile
import time


def process_seconds():
    """Seconds since this process was started, interpreter start included."""
    with open("/proc/self/stat", encoding="ascii") as stat:
        # Field 22, counted after the command name, which may contain spaces.
        start_ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return now - start_ticks / os.sysconf("SC_CLK_TCK")


def read_tsv(path):
    """(texts, labels) of a file with the header line "text TAB label"."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--eval-data", required=True)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    # After the arguments, so that a wrong call answers at once.
    import numpy
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    transformers.set_seed(arguments.seed)

    train_texts, train_labels = read_tsv(arguments.data)
    test_texts, test_labels = read_tsv(arguments.eval_data)
    names = sorted(set(train_labels))
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        arguments.model, num_labels=len(names)
    )

    def encode(texts, labels):
        encoded = tokenizer(texts, truncation=True, max_length=arguments.max_length)
        return [
            {"input_ids": ids, "attention_mask": [1] * len(ids), "label": names.index(label)}
            for ids, label in zip(encoded["input_ids"], labels)
        ]

    train, test = encode(train_texts, train_labels), encode(test_texts, test_labels)
    scratch = tempfile.TemporaryDirectory()
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=scratch.name,
            num_train_epochs=arguments.epochs,
            max_steps=arguments.max_steps,
            per_device_train_batch_size=arguments.batch,
            per_device_eval_batch_size=arguments.batch,
            learning_rate=arguments.lr,
            weight_decay=0.0,
            lr_scheduler_type="linear",
            save_strategy="no",
            eval_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            seed=arguments.seed,
        ),
        train_dataset=train,
        eval_dataset=test,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda result: {
            "accuracy": float(numpy.mean(result.predictions.argmax(-1) == result.label_ids))
        },
    )
    train_begin = time.monotonic()
    trainer.train()
    train_seconds = time.monotonic() - train_begin
    accuracy = trainer.evaluate()["eval_accuracy"]

    share_of_epoch = trainer.state.global_step / -(-len(train) // arguments.batch)
    tokens_real = share_of_epoch * sum(len(row["input_ids"]) for row in train)
    examples = share_of_epoch * len(train)
    print(
        json.dumps(
            {
                "program": f"transformers {transformers.__version__}, torch {torch.__version__}",
                "accuracy": accuracy,
                "steps": trainer.state.global_step,
                "train_s": train_seconds,
                "process_s": process_seconds(),
                "examples_per_s": examples / train_seconds,
                "tokens_real_per_s": tokens_real / train_seconds,
            }
        )
    )


main()
