#!/usr/bin/env python3
"""The other side of the tensor file test: Python's safetensors reads our file and writes its own.

    python check_tensor_file.py OURS.safetensors THEIRS.safetensors HALF.safetensors

OURS must hold the tensors of expected(). THEIRS is written with the same tensors, HALF with them
in float16, bfloat16 and float64.
"""

import sys

import torch
from safetensors.torch import load_file, save_file


def expected():
    # 2^(i % 5) x (i - 20): exact in every type used here.
    values = torch.tensor([(2.0 ** (i % 5)) * (i - 20) for i in range(60)])
    return {
        "encoder.weight": values.reshape(3, 20),
        "Bias": values[:7].clone(),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(2.5),
    }


def main():
    ours, theirs, half = sys.argv[1:4]
    loaded = load_file(ours)
    wanted = expected()
    assert sorted(loaded) == sorted(wanted), f"names: {sorted(loaded)}"
    for name, tensor in wanted.items():
        assert loaded[name].dtype == torch.float32, f"{name}: {loaded[name].dtype}"
        assert loaded[name].shape == tensor.shape, f"{name}: {loaded[name].shape}"
        assert torch.equal(loaded[name], tensor), f"{name}: values differ"
    save_file(wanted, theirs, metadata={"format": "pt"})
    types = {"f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}
    save_file({key: wanted["Bias"].to(dtype) for key, dtype in types.items()}, half)


if __name__ == "__main__":
    main()
