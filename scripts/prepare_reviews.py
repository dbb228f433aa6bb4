"""Makes reviews-train.tsv and reviews-test.tsv out of the vaderSentiment source package.

    prepare_reviews.py vaderSentiment-3.3.2.tar.gz OUTPUT_FOLDER

Input: movieReviewSnippets_GroundTruth.txt in additional_resources/hutto_ICWSM_2014.tar.gz, lines
"id TAB mean rating TAB sentence": 10,605 movie review sentences, each rated by 20 people from -4 to
4 (Hutto and Gilbert, "VADER", ICWSM 2014). The label is the sign of the mean rating; the 37
sentences with mean 0 are left out. A shuffle with a fixed seed keeps 2,000 sentences for the test.

Output: UTF-8, a header line "text TAB label", labels "negative" and "positive".
"""

import io
import os
import random
import sys
import tarfile

INNER_ARCHIVE = "additional_resources/hutto_ICWSM_2014.tar.gz"
RATINGS_FILE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
SENTENCES = 10_605
NEUTRAL = 37
TEST_SENTENCES = 2_000
SEED = 20231016


def read_ratings(package_path):
    """The text of the ratings file, which is packed twice."""
    with tarfile.open(package_path) as package:
        root = package.getnames()[0].split("/")[0]
        inner_bytes = package.extractfile(f"{root}/{INNER_ARCHIVE}").read()
    with tarfile.open(fileobj=io.BytesIO(inner_bytes)) as inner:
        return inner.extractfile(RATINGS_FILE).read().decode("utf-8")


def parse(text):
    """[(sentence, label)] without the neutral ones; stops when the file is not the known one."""
    rows = []
    neutral = 0
    lines = [line for line in text.split("\r\n") if line]
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if len(fields) != 3:
            sys.exit(f"{RATINGS_FILE}:{number}: expected 3 fields, found {len(fields)}")
        rating, sentence = float(fields[1]), " ".join(fields[2].split())
        if not sentence:
            sys.exit(f"{RATINGS_FILE}:{number}: expected a sentence, found none")
        if rating == 0:
            neutral += 1
        else:
            rows.append((sentence, "positive" if rating > 0 else "negative"))
    if (len(lines), neutral) != (SENTENCES, NEUTRAL):
        sys.exit(
            f"{RATINGS_FILE}: expected {SENTENCES} sentences with {NEUTRAL} neutral ones, "
            f"found {len(lines)} with {neutral}"
        )
    return rows


def write_tsv(path, rows):
    """Write under another name first, so that a half-written file is never taken for a whole one."""
    with open(path + ".part", "w", encoding="utf-8", newline="\n") as out:
        out.write("text\tlabel\n")
        for sentence, label in rows:
            out.write(f"{sentence}\t{label}\n")
    os.replace(path + ".part", path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    package_path, folder = sys.argv[1:]
    rows = parse(read_ratings(package_path))
    random.Random(SEED).shuffle(rows)
    test, train = rows[:TEST_SENTENCES], rows[TEST_SENTENCES:]
    for name, part in (("train", train), ("test", test)):
        write_tsv(os.path.join(folder, f"reviews-{name}.tsv"), part)
        positive = sum(label == "positive" for _, label in part)
        print(f"    reviews-{name}.tsv: {len(part)} sentences, {positive} positive")


main()
