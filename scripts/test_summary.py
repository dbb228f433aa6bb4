"""Adds up ctest's JUnit files: prints each skipped test with its reason, then the last line.

    test_summary.py [--other-failures N] FOLDER

Status 1 when a test failed, or when no test ran at all.
"""

import argparse
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


def skip_reason(case):
    """What GTEST_SKIP() said: the line after "file:line: Skipped" in the test's output."""
    output = case.findtext("system-out") or ""
    found = re.search(r": Skipped\n(.*)", output)
    if found and found.group(1).strip():
        return found.group(1).strip()
    skipped = case.find("skipped")
    message = skipped.get("message") if skipped is not None else None
    return message or "no reason given"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--other-failures", type=int, default=0)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()

    passed, failed, skipped = 0, arguments.other_failures, 0
    for path in sorted(arguments.folder.glob("*.xml")):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            status = case.get("status")
            if status == "run":
                passed += 1
            elif status in ("notrun", "disabled"):
                skipped += 1
                print(f"    skipped [{path.stem}] {case.get('name')}: {skip_reason(case)}")
            else:
                failed += 1
                print(f"    failed [{path.stem}] {case.get('name')}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


main()
