#!/usr/bin/env python3
"""The other side of the model folder tests: transformers reads our folders, and writes some for us.

Usage:
  model_folders.py check ROOT TOLERANCE   load ROOT/*/model, compare logits with ROOT/*/batch.safetensors
  model_folders.py make ROOT              write ROOT/NAME/model and ROOT/NAME/batch.safetensors

A folder's name is FAMILY.HEAD[.WHAT]. batch.safetensors holds, all as float32: ids, types and mask
[B, S], and the logits: [B, C] for classification, [B, S, C] for tokens and answers (begin, end).
"""
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

AUTO = {"classification": "AutoModelForSequenceClassification",
        "tokens": "AutoModelForTokenClassification",
        "answers": "AutoModelForQuestionAnswering"}
SUFFIX = {"classification": "ForSequenceClassification", "tokens": "ForTokenClassification",
          "answers": "ForQuestionAnswering"}


def logits_of(model, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    inputs = {"input_ids": batch["ids"].long(), "attention_mask": batch["mask"].long()}
    if model.config.model_type == "bert":
        inputs["token_type_ids"] = batch["types"].long()
    with torch.no_grad():
        output = model.eval()(**inputs)
    if hasattr(output, "start_logits"):
        return torch.stack([output.start_logits, output.end_logits], -1)
    return output.logits


def check(root: pathlib.Path, tolerance: float) -> int:
    worst = 0.0
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    for folder in folders:
        family, head = folder.name.split(".")[:2]
        auto = getattr(transformers, AUTO[head])
        model, info = auto.from_pretrained(folder / "model", output_loading_info=True)
        problems = {key: value for key, value in info.items() if value}
        wanted = {"bert": "Bert", "distilbert": "DistilBert"}[family] + SUFFIX[head]
        if problems or type(model).__name__ != wanted or model.config.architectures != [wanted]:
            print(f"{folder.name}: {type(model).__name__}, {model.config.architectures}, {problems}")
            return 1
        if model.dtype != torch.float32:
            print(f"{folder.name}: loaded as {model.dtype}")
            return 1
        if head != "answers" and model.config.id2label[1] != "name 1":
            print(f"{folder.name}: id2label {model.config.id2label}")
            return 1
        batch = load_file(folder / "batch.safetensors")
        worst = max(worst, (logits_of(model, batch) - batch["logits"]).abs().max().item())
    print(f"largest difference of a logit: {worst:.2e} over {len(folders)} models")
    return 0 if folders and worst <= tolerance else 1


def random_model(family: str, class_suffix: str, labels: int):
    prefix = {"bert": "Bert", "distilbert": "DistilBert"}[family]
    sizes = (dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                  type_vocab_size=2) if family == "bert" else
             dict(dim=24, n_layers=2, n_heads=3, hidden_dim=40))
    config = getattr(transformers, prefix + "Config")(
        vocab_size=50, max_position_embeddings=32, num_labels=labels, initializer_range=0.3, **sizes)
    return getattr(transformers, prefix + class_suffix)(config)


def random_batch() -> dict[str, torch.Tensor]:
    lengths = torch.tensor([5, 20, 1, 9])
    mask = (torch.arange(20)[None, :] < lengths[:, None]).float()
    ids = torch.randint(1, 50, (4, 20)).float() * mask
    types = (torch.arange(20)[None, :] > lengths[:, None] // 2).float() * mask
    return {"ids": ids, "types": types, "mask": mask}


def make(root: pathlib.Path) -> int:
    torch.manual_seed(5)
    for family in ("bert", "distilbert"):
        for head, labels in (("classification", 3), ("tokens", 5), ("answers", 2)):
            for what in ("fp16", "bf16", "shards"):
                folder = root / f"{family}.{head}.{what}"
                model = random_model(family, SUFFIX[head], labels)
                if what == "shards":
                    model.save_pretrained(folder / "model", max_shard_size="12KB")
                    assert len(list((folder / "model").glob("*-of-*.safetensors"))) > 1
                else:
                    model.to({"fp16": torch.float16, "bf16": torch.bfloat16}[what])
                    model.save_pretrained(folder / "model")
                loaded = getattr(transformers, AUTO[head]).from_pretrained(
                    folder / "model", dtype=torch.float32)
                batch = random_batch()
                save_file(batch | {"logits": logits_of(loaded, batch).contiguous()},
                          folder / "batch.safetensors")
        random_model(family, "ForMaskedLM", 2).save_pretrained(root / f"{family}.base" / "model")
    return 0


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    command, place = sys.argv[1], pathlib.Path(sys.argv[2])
    sys.exit(check(place, float(sys.argv[3])) if command == "check" else make(place))
