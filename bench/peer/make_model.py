"""Writes a classifier with random weights as a Hugging Face folder, for benchmarks.

    make_model.py --config CONFIG.json --vocab FILE --out DIR [--labels 2]
"""

import argparse
import shutil


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--labels", type=int, default=2)
    arguments = parser.parse_args()
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.set_seed(42)
    config = transformers.AutoConfig.from_pretrained(arguments.config)
    config.num_labels = arguments.labels
    config.position_embedding_type = "absolute"  # CTranslate2 4.8 asks for it
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(arguments.out)
    shutil.copyfile(arguments.vocab, f"{arguments.out}/vocab.txt")


main()
