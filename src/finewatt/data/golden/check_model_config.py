#!/usr/bin/env python3
"""The other side of the model configuration test: transformers reads our config.json.

    python check_model_config.py OUR_FOLDER THEIR_FOLDER

It builds the model, so that no size may be wrong, and saves model and config to THEIR_FOLDER.
"""

import sys

import torch
from transformers import AutoConfig, BertForSequenceClassification


def main():
    ours, theirs = sys.argv[1:3]
    config = AutoConfig.from_pretrained(ours)
    assert type(config).__name__ == "BertConfig", type(config)
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers) == (60, 24, 2)
    assert config.id2label == {0: "no", 1: "perhaps", 2: "yes"}, config.id2label
    assert config.classifier_dropout == 0.25, config.classifier_dropout
    assert config.dtype == torch.float32, config.dtype
    assert config.architectures == ["BertForSequenceClassification"], config.architectures
    BertForSequenceClassification(config).save_pretrained(theirs)


if __name__ == "__main__":
    main()
