#!/usr/bin/env python3
"""Make the reference vectors of the BERT classifier with transformers and torch.

Made with transformers 5.17.0, torch 2.13.0 (CPU), safetensors. Writes into tests/parity/data:
  bert_tiny/config.json, bert_tiny/model.safetensors   a random model, as transformers saves it
  bert_tiny_reference.safetensors                      inputs, intermediate results, loss,
                                                       every gradient, losses, gradient norms and
                                                       weights of five AdamW steps
Usage: python make_bert_reference.py [OUTPUT_FOLDER]
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

LENGTHS = [7, 64, 1, 13, 2, 13]  # one token and the longest possible included; 13 twice
LABELS = [0, 2, 1, 1, 0, 2]
STEPS, WARMUP, RATE, DECAY, MAX_NORM = 5, 2, 1e-3, 0.01, 1.0


def make_model() -> BertForSequenceClassification:
    torch.manual_seed(20)
    config = BertConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, type_vocab_size=2, num_labels=3,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        # Ten times the usual range: small weights would hide a wrong factor behind rounding.
        initializer_range=0.2)
    config._attn_implementation = "eager"
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def make_inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(21)
    longest = max(LENGTHS)
    ids = torch.zeros(len(LENGTHS), longest, dtype=torch.long)
    types = torch.zeros_like(ids)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = torch.randint(1, 99, (length,), generator=generator)
        types[row, length // 2:length] = 1
        mask[row, :length] = 1
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask,
            "labels": torch.tensor(LABELS)}


def make_optimizer(model):
    # The two groups of transformers' Trainer 5.17: no decay for biases and LayerNorm.
    decayed = [p for n, p in model.named_parameters() if "bias" not in n and "LayerNorm" not in n]
    others = [p for n, p in model.named_parameters() if "bias" in n or "LayerNorm" in n]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}],
        lr=RATE, betas=(0.9, 0.999), eps=1e-8)


def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                          pathlib.Path(__file__).parent.parent / "data")
    torch.set_num_threads(1)
    model = make_model()
    model.save_pretrained(folder / "bert_tiny")
    inputs = make_inputs()

    output = model(**inputs, output_hidden_states=True)
    output.loss.backward()
    reference = {f"input.{name}": tensor.to(torch.int32) for name, tensor in inputs.items()}
    reference["embeddings"] = output.hidden_states[0]
    for layer, hidden in enumerate(output.hidden_states[1:]):
        reference[f"block.{layer}"] = hidden
    reference["pooled"] = model.bert(inputs["input_ids"], inputs["attention_mask"],
                                     inputs["token_type_ids"]).pooler_output
    reference["logits"] = output.logits
    reference["loss"] = output.loss.reshape(1)
    for name, parameter in model.named_parameters():
        reference[f"gradient.{name}"] = parameter.grad

    optimizer = make_optimizer(model)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM))
        losses.append(loss.detach())
        optimizer.step()
        schedule.step()
    reference["train.losses"] = torch.stack(losses)
    reference["train.gradient_norms"] = torch.stack(norms)
    for name, parameter in model.named_parameters():
        reference[f"trained.{name}"] = parameter
    save_file({name: tensor.detach().contiguous() for name, tensor in reference.items()},
              folder / "bert_tiny_reference.safetensors")
    print("losses", losses, "norms", norms)


if __name__ == "__main__":
    main()
