#!/usr/bin/env python3
"""Score tag sequences with seqeval, for score_peer_test.

    entity_score_peer.py REQUEST SCORES

REQUEST is a list of {"references", "predictions"}, each a list of lists of tags. SCORES gets a list
of {"precision", "recall", "f1", "accuracy", "entities": [[type, first, last]] of the predictions}.
"""

import json
import pathlib
import sys
import warnings

from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities


def score(request):
    wanted, found = request["references"], request["predictions"]
    return {
        "precision": float(precision_score(wanted, found)),
        "recall": float(recall_score(wanted, found)),
        "f1": float(f1_score(wanted, found)),
        "accuracy": float(accuracy_score(wanted, found)),
        "entities": [[kind, int(first), int(last)] for kind, first, last in get_entities(found)],
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of sequences without entities, and of unusual tags
    requests = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    scores = [score(request) for request in requests]
    pathlib.Path(sys.argv[2]).write_text(json.dumps(scores), encoding="utf-8")
