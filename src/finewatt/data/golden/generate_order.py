#!/usr/bin/env python3
"""Print the golden values of batch order, made with torch and transformers, as JSON.

    python generate_order.py > order.json

batch_test.cpp compares epoch_order and epoch_batches with order.json. The peer test runs this
script again with --seed-shift, so that the comparison also holds for other seeds.
"""

import argparse
import json

import torch
import transformers
from transformers.trainer_pt_utils import get_length_grouped_indices

SIZES = [0, 1, 2, 3, 10, 623, 624, 625, 1000, 2490, 100000]
SEEDS = [0, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 42, 2**63 + 5, 2**64 - 10]
EPOCHS = [0, 1, 7]
HEAD = 12  # this many entries of a permutation are kept, and a checksum of all
# (examples, batch size, different lengths): fewer lengths than examples make ties.
GROUPED = [(1, 4, 5), (3, 4, 5), (7, 2, 3), (40, 4, 6), (100, 8, 97), (1000, 4, 50), (333, 1, 1)]


def permutation(n, seed):
    generator = torch.Generator()
    generator.manual_seed(seed)
    return torch.randperm(n, generator=generator).tolist()


def checksum(values):
    return sum((i + 1) * value for i, value in enumerate(values)) % 2**63


def order_cases(shift):
    for n in SIZES:
        for seed in SEEDS:
            # Long permutations once: they show the same as the short ones, and take longer.
            for epoch in EPOCHS if n < 5000 else EPOCHS[1:2]:
                shifted = (seed + shift) % 2**64
                values = permutation(n, (shifted + epoch) % 2**64)
                yield {"n": n, "seed": shifted, "epoch": epoch,
                       "head": values[:HEAD], "checksum": checksum(values)}


def grouped_cases(shift):
    for index, (n, batch_size, kinds) in enumerate(GROUPED):
        seed, epoch = 42 + index + shift, index
        draw = torch.Generator().manual_seed(1000 + index)
        lengths = torch.randint(1, kinds + 1, (n,), generator=draw).tolist()
        generator = torch.Generator().manual_seed(seed + epoch)
        order = get_length_grouped_indices(lengths, batch_size, generator=generator)
        yield {"lengths": lengths, "batch_size": batch_size, "seed": seed, "epoch": epoch,
               "order": order}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed-shift", type=int, default=0)
    shift = parser.parse_args().seed_shift
    print(json.dumps({
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "orders": list(order_cases(shift)),
        "grouped": list(grouped_cases(shift)),
    }, separators=(",", ":")))


if __name__ == "__main__":
    main()
