"""A fine-tuning by Hugging Face's Trainer, as the peer of `finewatt finetune`.

    hf_train.py --task TASK --model DIR|random:CONFIG.json [--vocab FILE] --data FILE
                [--eval-data FILE] [--epochs N] [--max-steps N] [--batch N] [--max-length N]
                [--doc-stride N] [--lr X] [--seed N] [--precision fp32|bf16] [--grouped]
                [--out DIR] [--predictions FILE]

Options mean what they mean to finewatt; batches are padded to their longest text. --grouped puts
like lengths together. Phases go to FINEWATT_EVENT_FD, so that `finewatt measure -- hf_train.py`
meters loading, training and evaluation apart. Prints one JSON object.
"""

import argparse
import json
import os
import tempfile
import time

import peer_data
import peer_events


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--task", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--vocab")
    parser.add_argument("--cased", action="store_true")
    parser.add_argument("--data", required=True)
    parser.add_argument("--eval-data")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--doc-stride", type=int, default=128)
    parser.add_argument("--lr", type=float, default=2e-5)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--grouped", action="store_true")
    parser.add_argument("--out")
    parser.add_argument("--predictions")
    return parser.parse_args()


def load_tokenizer(transformers, arguments, scratch):
    """The fast tokenizer of a model's folder, or of a vocabulary file."""
    if not arguments.vocab:
        return transformers.AutoTokenizer.from_pretrained(arguments.model)
    folder = os.path.join(scratch, "tokenizer")
    os.mkdir(folder)
    with open(arguments.vocab, encoding="utf-8") as source:
        vocabulary = source.read()
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as target:
        target.write(vocabulary)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": not arguments.cased}
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as target:
        json.dump(settings, target)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    expected = len(vocabulary.splitlines())
    if len(tokenizer) != expected:
        raise SystemExit(f"hf_train: {len(tokenizer)} words loaded of {expected} in the vocabulary")
    return tokenizer


def load_model(transformers, arguments, label_count):
    kinds = {
        "ner": transformers.AutoModelForTokenClassification,
        "conll2003": transformers.AutoModelForTokenClassification,
        "squad": transformers.AutoModelForQuestionAnswering,
        "squad_v2": transformers.AutoModelForQuestionAnswering,
    }
    kind = kinds.get(arguments.task, transformers.AutoModelForSequenceClassification)
    labels = {"num_labels": label_count} if label_count else {}
    if not arguments.model.startswith("random:"):
        return kind.from_pretrained(arguments.model, **labels)
    config = transformers.AutoConfig.from_pretrained(arguments.model.removeprefix("random:"))
    for key, value in labels.items():
        setattr(config, key, value)
    return kind.from_config(config)


def collator(transformers, tokenizer, task):
    if task in ("ner", "conll2003"):
        return transformers.DataCollatorForTokenClassification(tokenizer)
    return transformers.DataCollatorWithPadding(tokenizer)


def training_arguments(transformers, arguments, scratch):
    order = {"train_sampling_strategy": "group_by_length"} if arguments.grouped else {}
    return transformers.TrainingArguments(
        output_dir=scratch,
        num_train_epochs=arguments.epochs,
        max_steps=arguments.max_steps,
        per_device_train_batch_size=arguments.batch,
        per_device_eval_batch_size=arguments.batch,
        learning_rate=arguments.lr,
        weight_decay=0.0,
        lr_scheduler_type="linear",
        bf16=arguments.precision == "bf16",
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        seed=arguments.seed,
        **order,
    )


def main():
    arguments = parse_arguments()
    # After the arguments, so that a wrong call answers at once.
    with peer_events.phase("startup"):
        import torch
        import transformers

    transformers.utils.logging.set_verbosity_error()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    transformers.set_seed(arguments.seed)
    scratch = tempfile.TemporaryDirectory()

    with peer_events.phase("load"):
        tokenizer = load_tokenizer(transformers, arguments, scratch.name)
    with peer_events.phase("tokenize"):
        limits = (tokenizer, arguments.max_length, arguments.doc_stride)
        train = peer_data.read_task(arguments.task, arguments.data, *limits)
        test = None
        if arguments.eval_data:
            test = peer_data.read_task(
                arguments.task, arguments.eval_data, *limits, train.label_names
            )
    with peer_events.phase("load"):
        model = load_model(transformers, arguments, len(train.label_names))
        trainer = transformers.Trainer(
            model=model,
            args=training_arguments(transformers, arguments, scratch.name),
            train_dataset=train.rows,
            data_collator=collator(transformers, tokenizer, arguments.task),
        )
    train_begin = time.monotonic()
    with peer_events.phase("train"):
        trainer.train()
    train_s = time.monotonic() - train_begin

    steps = trainer.state.global_step
    share = steps / -(-len(train.rows) // arguments.batch)
    tokens_real = share * sum(len(row["input_ids"]) for row in train.rows)
    examples = min(steps * arguments.batch, share * len(train.rows))
    peer_events.write_event("work", steps=steps, examples=round(examples))
    result = {
        "program": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "precision": arguments.precision,
        "steps": steps,
        "train_s": train_s,
        "examples_per_s": examples / train_s,
        "tokens_real_per_s": tokens_real / train_s,  # of an average step
    }
    if test:
        import peer_scores

        with peer_events.phase("evaluate"):
            result["scores"] = peer_scores.evaluate(arguments.task, trainer, test, train.label_names,
                                                    arguments.predictions)
    if arguments.out:
        with peer_events.phase("save"):
            trainer.save_model(arguments.out)
            tokenizer.save_pretrained(arguments.out)
    result["process_s"] = peer_events.process_seconds()
    result["peak_memory_mb"] = peer_events.peak_memory_mb()
    print(json.dumps(result))


main()
