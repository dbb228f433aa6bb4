#!/usr/bin/env python3
"""Make the reference vectors of every model family and head with transformers and torch.

Made with transformers 5.17.0, torch 2.13.0 (CPU), safetensors. For each of {bert, distilbert} x
{classification, tokens, answers} a folder tests/parity/data/FAMILY_HEAD:
  config.json, model.safetensors   a tiny random model, as transformers saves it
  reference.safetensors            inputs and targets; embeddings, every block, logits; loss, every
                                   gradient, the weights after one AdamW step, losses and gradient
                                   norms of ten steps; for answers all of these also when every
                                   sequence is a batch of its own ("unpadded.")
Usage: python make_model_reference.py [OUTPUT_FOLDER]
"""
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

LENGTHS = [7, 24, 1, 9, 2, 9]  # one token and the longest possible included; 9 twice
VOCABULARY, POSITIONS, HIDDEN, LAYERS, HEADS, INNER = 30, 24, 12, 2, 3, 20
STEPS, RATE, DECAY, MAX_NORM = 10, 1e-3, 0.01, 1.0
CLASSES, TAGS = 3, 5
IGNORED = -100

FAMILIES = {
    "bert": ("Bert", dict(
        hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=INNER, type_vocab_size=2,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)),
    "distilbert": ("DistilBert", dict(
        dim=HIDDEN, n_layers=LAYERS, n_heads=HEADS, hidden_dim=INNER, dropout=0.0,
        attention_dropout=0.0, seq_classif_dropout=0.0, qa_dropout=0.0)),
}
KINDS = {
    "classification": ("ForSequenceClassification", CLASSES),
    "tokens": ("ForTokenClassification", TAGS),
    "answers": ("ForQuestionAnswering", 2),
}


def make_model(family: str, kind: str):
    torch.manual_seed(20)
    prefix, settings = FAMILIES[family]
    suffix, labels = KINDS[kind]
    config = getattr(transformers, prefix + "Config")(
        vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, num_labels=labels,
        # Twenty times the usual range: small weights would hide a wrong factor behind rounding.
        initializer_range=0.4, **settings)
    config._attn_implementation = "eager"
    model = getattr(transformers, prefix + suffix)(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_undecayed(name):
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def make_inputs(family: str, kind: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(21)

    def draw(low: int, high: int, size: int) -> torch.Tensor:
        return torch.randint(low, high, (size,), generator=generator)

    shape = (len(LENGTHS), max(LENGTHS))
    ids, types, mask = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    tags = torch.full(shape, IGNORED)
    starts, ends = [], []
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = draw(1, VOCABULARY, length)
        types[row, length // 2:length] = 1
        mask[row, :length] = 1
        tags[row, :length] = draw(0, TAGS, length)
        tags[row, 3:length:4] = IGNORED  # later pieces of words
        starts.append(int(draw(0, length, 1)))
        ends.append(int(draw(starts[-1], length, 1)))
    starts[3], ends[3] = 40, 41  # beyond the text: left out
    inputs = {"input_ids": ids, "attention_mask": mask}
    if family == "bert":
        inputs["token_type_ids"] = types
    if kind == "classification":
        inputs["labels"] = draw(0, CLASSES, len(LENGTHS))
    elif kind == "tokens":
        inputs["labels"] = tags
    else:
        inputs["start_positions"] = torch.tensor(starts)
        inputs["end_positions"] = torch.tensor(ends)
    return inputs


def is_undecayed(name: str) -> bool:
    # The groups of transformers' Trainer 5.17: no decay for biases and for LayerNorm modules.
    return "bias" in name or "LayerNorm" in name or "layer_norm" in name


def unpadded_answers_loss(model, inputs) -> torch.Tensor:
    """The loss when every sequence is a batch of its own; a mean over those that count."""
    losses = []
    for row, length in enumerate(LENGTHS):
        if inputs["start_positions"][row] >= length:
            continue
        one = {name: tensor[row:row + 1] if tensor.dim() == 1 else tensor[row:row + 1, :length]
               for name, tensor in inputs.items()}
        losses.append(model(**one).loss)
    return torch.stack(losses).mean()


def train(model, loss_of_model, prefix: str) -> dict[str, torch.Tensor]:
    named = list(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p for n, p in named if not is_undecayed(n)], "weight_decay": DECAY},
         {"params": [p for n, p in named if is_undecayed(n)], "weight_decay": 0.0}],
        lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    # The first step has the full rate, so that its weights tell something.
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 0, STEPS)
    result, losses, norms = {}, [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of_model()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM))
        losses.append(loss.detach())
        optimizer.step()
        schedule.step()
        if step == 0:
            result |= {f"{prefix}trained.{name}": p.detach().clone() for name, p in named}
    return result | {prefix + "train.losses": torch.stack(losses),
                     prefix + "train.gradient_norms": torch.stack(norms)}


def add_training(model, loss_of_model, prefix: str, reference: dict[str, torch.Tensor]) -> None:
    """Add loss, gradients and ten steps; the model is as before afterwards."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.zero_grad()
    loss = loss_of_model()
    loss.backward()
    reference[prefix + "loss"] = loss.reshape(1)
    for name, parameter in model.named_parameters():
        reference[f"{prefix}gradient.{name}"] = parameter.grad.clone()
    reference |= train(model, loss_of_model, prefix)
    model.load_state_dict(before)


def make_reference(family: str, kind: str, folder: pathlib.Path) -> None:
    model = make_model(family, kind)
    model.save_pretrained(folder)
    inputs = make_inputs(family, kind)
    output = model(**inputs, output_hidden_states=True)
    reference = {f"input.{name}": tensor.to(torch.int32) for name, tensor in inputs.items()}
    for layer, hidden in enumerate(output.hidden_states):
        reference["embeddings" if layer == 0 else f"block.{layer - 1}"] = hidden
    reference["logits"] = (torch.stack([output.start_logits, output.end_logits], -1)
                           if kind == "answers" else output.logits)
    add_training(model, lambda: model(**inputs).loss, "", reference)
    if kind == "answers":
        add_training(model, lambda: unpadded_answers_loss(model, inputs), "unpadded.", reference)
    save_file({name: tensor.detach().contiguous() for name, tensor in reference.items()},
              folder / "reference.safetensors")
    print(folder.name, [round(float(loss), 4) for loss in reference["train.losses"]])


def main() -> None:
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                          pathlib.Path(__file__).parent.parent / "data")
    torch.set_num_threads(1)
    for family in FAMILIES:
        for kind in KINDS:
            make_reference(family, kind, folder / f"{family}_{kind}")


if __name__ == "__main__":
    main()
