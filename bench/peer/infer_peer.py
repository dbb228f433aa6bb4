"""Batch-1 latency of a classifier in another program, as the peer of `finewatt infer --latency`.

    infer_peer.py --engine transformers|onnxruntime|ctranslate2 --model DIR --tokens N
                  [--repeats 60] [--threads 2]

Every input is one text of N tokens, special tokens included; ids are made up, for their values do
not change the work. ONNX Runtime runs the whole classifier, exported once beside the model;
CTranslate2 runs encoder and pooler, for it has no classifier. Prints one JSON object with the
median and the 95th percentile of the time of one text in milliseconds, without tokenizing.
"""

import argparse
import json
import os
import statistics
import time

import peer_events


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--engine", required=True,
                        choices=["transformers", "onnxruntime", "ctranslate2"])  # fmt: skip
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def load_classifier(arguments):
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(arguments.threads)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(arguments.model)
    return torch, model.eval()


def make_transformers(arguments):
    torch, model = load_classifier(arguments)

    def run(ids):
        with torch.inference_mode():
            row = torch.tensor([ids])
            return model(input_ids=row, attention_mask=torch.ones_like(row)).logits

    return run


def export_onnx(arguments, path):
    torch, model = load_classifier(arguments)

    class Classifier(torch.nn.Module):
        """The model with inputs by position."""

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids, mask, types):
            return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits

    ids = torch.ones((1, 20), dtype=torch.long)
    length = torch.export.Dim("length", min=2, max=model.config.max_position_embeddings)
    torch.onnx.export(
        Classifier(),
        (ids, torch.ones_like(ids), torch.zeros_like(ids)),
        path,
        dynamo=True,
        input_names=["ids", "mask", "types"],
        output_names=["logits"],
        dynamic_shapes={name: {1: length} for name in ("ids", "mask", "types")},
        verbose=False,
    )


def make_onnxruntime(arguments):
    import numpy
    import onnxruntime

    path = os.path.join(arguments.model, "model.onnx")
    if not os.path.exists(path):
        export_onnx(arguments, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)

    def run(ids):
        row = numpy.array([ids], dtype=numpy.int64)
        inputs = {"ids": row, "mask": numpy.ones_like(row), "types": numpy.zeros_like(row)}
        return session.run(None, inputs)[0]

    return run


def make_ctranslate2(arguments):
    import ctranslate2

    folder = os.path.join(arguments.model, "ctranslate2")
    if not os.path.isdir(folder):
        converter = ctranslate2.converters.TransformersConverter(arguments.model)
        converter.convert(folder)
    encoder = ctranslate2.Encoder(
        folder, device="cpu", compute_type="float32", intra_threads=arguments.threads
    )

    def run(ids):
        return encoder.forward_batch([ids]).pooler_output

    return run


def main():
    arguments = parse_arguments()
    make = {
        "transformers": make_transformers,
        "onnxruntime": make_onnxruntime,
        "ctranslate2": make_ctranslate2,
    }[arguments.engine]
    with peer_events.phase("load"):
        run = make(arguments)
        ids = [101] + [1996] * (arguments.tokens - 2) + [102]
        for _ in range(10):
            run(ids)
    times_ms = []
    with peer_events.phase("infer"):
        for _ in range(arguments.repeats):
            begin = time.perf_counter()
            run(ids)
            times_ms.append(1e3 * (time.perf_counter() - begin))
    peer_events.write_event("work", examples=arguments.repeats)
    print(
        json.dumps(
            {
                "engine": arguments.engine,
                "tokens": arguments.tokens,
                "median_ms": statistics.median(times_ms),
                "p95_ms": statistics.quantiles(times_ms, n=20)[-1],
                "peak_memory_mb": peer_events.peak_memory_mb(),
            }
        )
    )


main()
