#!/usr/bin/env python3
"""Use the cache as huggingface_hub does, for hub_peer_test. HF_HUB_CACHE says where it is.

    hub_peer.py read NAME FILE...    without a network: the snapshot, and each FILE in it
    hub_peer.py download NAME        the whole repository from HF_ENDPOINT
    hub_peer.py lock NAME ETAG       hold the lock of a blob until standard input ends

Prints one JSON object; `lock` prints a line once it has the lock.
"""

import json
import os
import sys

from huggingface_hub import snapshot_download, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_CACHE


def read(name, *files):
    print(json.dumps({
        "snapshot": snapshot_download(name, local_files_only=True),
        "files": {file: try_to_load_from_cache(name, file) for file in files},
    }))


def download(name):
    print(json.dumps({"snapshot": snapshot_download(name)}))


def lock(name, etag):
    from filelock import FileLock

    folder = os.path.join(HF_HUB_CACHE, ".locks", "models--" + name.replace("/", "--"))
    os.makedirs(folder, exist_ok=True)
    with FileLock(os.path.join(folder, etag + ".lock"), mode=0o664):
        print("locked", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    {"read": read, "download": download, "lock": lock}[sys.argv[1]](*sys.argv[2:])
