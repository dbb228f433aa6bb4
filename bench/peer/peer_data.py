"""Data sets as the Hugging Face example scripts prepare them, without the `datasets` package.

read_task(...) gives TaskData: rows for a Trainer, labels, and what turning logits into predictions
needs. Tasks: text classification (one or two texts a row, TSV), entities (CoNLL columns), question
answering (SQuAD JSON). Written from the description of run_glue.py, run_ner.py and run_qa.py in
transformers/examples/pytorch.
"""

import csv
import dataclasses
import gzip
import json
import os

# Text columns, label column and label order (None: the sorted names of the data) of a task's TSV.
CLASSIFICATION = {
    "classification": (("text",), "label", None),
    "rte": (("sentence1", "sentence2"), "label", ["entailment", "not_entailment"]),
    "mnli": (("sentence1", "sentence2"), "gold_label", ["entailment", "neutral", "contradiction"]),
    "sst2": (("sentence",), "label", ["0", "1"]),
    "imdb": (("text",), "label", None),
}
IGNORED = -100  # the label of tokens that no loss sees


@dataclasses.dataclass
class TaskData:
    """Rows for training or evaluation. `references` is what the rows were made of."""

    rows: list
    label_names: list
    references: list


def open_text(path):
    """The text of a plain or gzip file."""
    opener = gzip.open if path.endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8", newline="")


def read_classification(task, path, tokenizer, max_length, label_names):
    columns, label_column, fixed_names = CLASSIFICATION[task]
    csv.field_size_limit(1 << 24)
    with open_text(path) as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = label_names or fixed_names or sorted({row[label_column] for row in table})
    texts = [[row[column] for row in table] for column in columns]
    encoded = tokenizer(*texts, truncation=True, max_length=max_length)
    rows = [
        {**{key: encoded[key][i] for key in encoded}, "label": names.index(row[label_column])}
        for i, row in enumerate(table)
    ]
    return TaskData(rows, names, table)


def read_sentences(path):
    """[(words, tags)] of a file of columns: word first (second after a count), tag last."""
    sentences, words, tags = [], [], []
    with open_text(path) as file:
        for line in list(file) + ["\n"]:
            cells = line.split()
            if not cells:
                if words:
                    sentences.append((words, tags))
                words, tags = [], []
            elif cells[0] != "-DOCSTART-":
                words.append(cells[1] if len(cells) == 3 and cells[0].isdigit() else cells[0])
                tags.append(cells[-1])
    return sentences


def to_iob2(tags):
    """Each entity begins with B-: IOB1's I- after O or another type becomes B-."""
    result, before = [], "O"
    for tag in tags:
        if tag.startswith("I-") and before[2:] != tag[2:]:
            tag = "B-" + tag[2:]
        result.append(tag)
        before = tag
    return result


def read_entities(path, tokenizer, max_length, label_names):
    sentences = [(words, to_iob2(tags)) for words, tags in read_sentences(path)]
    names = label_names or sorted({tag for _, tags in sentences for tag in tags})
    encoded = tokenizer(
        [words for words, _ in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
    )
    rows = []
    for i, (_, tags) in enumerate(sentences):
        labels, before = [], None
        for word in encoded.word_ids(i):
            first = word is not None and word != before
            labels.append(names.index(tags[word]) if first else IGNORED)
            before = word
        rows.append({**{key: encoded[key][i] for key in encoded}, "labels": labels})
    return TaskData(rows, names, sentences)


def read_questions(path):
    """[{id, question, context, answers: [(start, text)]}] in the order of a SQuAD file."""
    with open_text(path) as file:
        document = json.load(file)
    return [
        {
            "id": question["id"],
            "question": question["question"].lstrip(),
            "context": paragraph["context"],
            "answers": [(a["answer_start"], a["text"]) for a in question.get("answers", [])],
        }
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def token_span(offsets, sequence_ids, answer):
    """(first, last) token of the answer in a window, or (0, 0) when it is not all inside."""
    context = [i for i, s in enumerate(sequence_ids) if s == 1]
    begin, end = answer[0], answer[0] + len(answer[1])
    if offsets[context[0]][0] > begin or offsets[context[-1]][1] < end:
        return 0, 0
    first = max(i for i in context if offsets[i][0] <= begin)
    last = min(i for i in context if offsets[i][1] >= end)
    return first, last


def read_squad(path, tokenizer, max_length, doc_stride):
    questions = read_questions(path)
    encoded = tokenizer(
        [q["question"] for q in questions],
        [q["context"] for q in questions],
        truncation="only_second",
        max_length=max_length,
        stride=doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows = []
    inputs = [key for key in encoded if key in ("input_ids", "token_type_ids", "attention_mask")]
    for i, example in enumerate(encoded["overflow_to_sample_mapping"]):
        answers = questions[example]["answers"]
        sequence_ids = encoded.sequence_ids(i)
        first, last = (0, 0)
        if answers:
            first, last = token_span(encoded["offset_mapping"][i], sequence_ids, answers[0])
        rows.append(
            {
                **{key: encoded[key][i] for key in inputs},
                "start_positions": first,
                "end_positions": last,
            }
        )
    for question in questions:
        question["features"] = []
    for i, example in enumerate(encoded["overflow_to_sample_mapping"]):
        offsets = encoded["offset_mapping"][i]
        inside = [o if s == 1 else None for o, s in zip(offsets, encoded.sequence_ids(i))]
        questions[example]["features"].append((i, inside))
    return TaskData(rows, [], questions)


def read_task(task, path, tokenizer, max_length, doc_stride, label_names=None):
    """Rows of a file for a task."""
    if task in CLASSIFICATION:
        return read_classification(task, path, tokenizer, max_length, label_names)
    if task in ("ner", "conll2003"):
        return read_entities(path, tokenizer, max_length, label_names)
    if task in ("squad", "squad_v2"):
        return read_squad(path, tokenizer, max_length, doc_stride)
    raise SystemExit(f"{os.path.basename(__file__)}: no task '{task}'")
