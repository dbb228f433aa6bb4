#!/usr/bin/env python3
"""Write small Parquet files with pyarrow into FOLDER, for parquet_peer_test.

    write_parquet.py FOLDER

Each file holds what its name says; the test knows the same values.
"""

import json
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = ["a fine film", "caf\u00e9, \u4e2d\u6587 \U0001f600", "dull", "", "a fine film"]
LABELS = [1, 1, 0, -1, 1]


def with_features(table, features):
    """The metadata that Hugging Face's datasets leaves."""
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def sentiment():
    table = pa.table(
        {
            "sentence": pa.array(TEXTS),
            "label": pa.array(LABELS, pa.int64()),
            "idx": pa.array(range(5), pa.uint16()),
            "score": pa.array([0.5] * 5),
        }
    )
    classes = {"names": ["negative", "positive"], "_type": "ClassLabel"}
    return with_features(table, {"sentence": {"dtype": "string", "_type": "Value"}, "label": classes})


def pairs():
    """As the Hugging Face hub has GLUE's RTE."""
    table = pa.table(
        {
            "sentence1": ["Ann saw Rome.", "Nobody came."],
            "sentence2": ["Ann was there.", "All came."],
            "label": pa.array([0, 1], pa.int64()),
            "idx": pa.array([0, 1], pa.int32()),
        }
    )
    classes = {"names": ["entailment", "not_entailment"], "_type": "ClassLabel"}
    return with_features(table, {"label": classes})


def entities():
    table = pa.table(
        {
            "tokens": pa.array([["Ann", "saw", "Rome"], ["Yes"]]),
            "ner_tags": pa.array([[1, 0, 3], [0]], pa.list_(pa.int8())),
            "names": pa.array([["B-PER", "O", "B-LOC"], ["O"]], pa.large_list(pa.large_string())),
        }
    )
    classes = {"names": ["O", "B-PER", "I-PER", "B-LOC"], "_type": "ClassLabel"}
    return with_features(table, {"ner_tags": {"feature": classes, "_type": "List"}})


def questions():
    answers = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
    return pa.table(
        {
            "id": ["q1", "q2", "q3"],
            "context": ["Ann saw Rome", "Ann saw Rome", "Nobody"],
            "question": ["Who?", "When?", "Who?"],
            "answers": pa.array(
                [
                    {"text": ["Ann", "Ann saw"], "answer_start": [0, 0]},
                    {"text": [], "answer_start": []},
                    {"text": ["Nobody"], "answer_start": [0]},
                ],
                answers,
            ),
        }
    )


def main(folder):
    folder = pathlib.Path(folder)
    table = sentiment()
    for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        pq.write_table(table, folder / f"codec_{codec}.parquet", compression=codec)
    pq.write_table(table, folder / "row_groups.parquet", row_group_size=2)
    pq.write_table(table, folder / "plain_encoding.parquet", use_dictionary=False, version="1.0")
    coded = pa.table({"sentence": table["sentence"].dictionary_encode(), "label": table["label"]})
    pq.write_table(coded, folder / "dictionary.parquet")
    for name, kind in (("large", pa.large_string()), ("view", pa.string_view()), ("binary", pa.binary())):
        cast = pa.table({"sentence": pa.array(TEXTS, kind), "label": table["label"]})
        pq.write_table(cast, folder / f"text_{name}.parquet")
    pq.write_table(pairs(), folder / "pairs.parquet")
    pq.write_table(entities(), folder / "entities.parquet")
    pq.write_table(questions(), folder / "questions.parquet", compression="zstd")
    nulls = pa.table({"sentence": ["a", None], "label": pa.array([None, 1], pa.int32())})
    pq.write_table(nulls, folder / "nulls.parquet")
    in_list = pa.table({"tokens": [["a", None]], "label": [0]})
    pq.write_table(in_list, folder / "null_in_list.parquet")
    huge = pa.table({"sentence": ["a"], "label": pa.array([2**63], pa.uint64())})
    pq.write_table(huge, folder / "huge.parquet")
    pq.write_table(table.slice(0, 0), folder / "empty.parquet")
    wrong_class = table.set_column(1, "label", pa.array([0, 1, 2, 0, 1]))
    pq.write_table(
        wrong_class.replace_schema_metadata(table.schema.metadata), folder / "wrong_class.parquet"
    )


if __name__ == "__main__":
    main(sys.argv[1])
