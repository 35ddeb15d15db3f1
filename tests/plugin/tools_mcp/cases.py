# SPDX-License-Identifier: Apache-2.0
"""Is each case of MCP that parley has to master the name of a test?

usage: cases.py SOURCE_ROOT

A test in C is called case_NN_..., or case_NN_MM_... for several; one in JavaScript "case NN: ...".
There are 90.
"""
import pathlib
import re
import sys

CASES = set(range(1, 91))
FOLDERS = {"tests/plugin/tools_mcp": "*.c", "tests/unit/host": "*.c", "tests/e2e": "*.mjs",
           "tests/wire": "*.c"}


def numbers(text):
    for name in re.findall(r"\bcase_((?:\d+_)+)", text):
        yield from (int(number) for number in name.split("_") if number)
    for words in re.findall(r"\bcases? (\d+(?:, \d+)*):", text):
        yield from (int(number) for number in words.split(", "))


def main():
    root = pathlib.Path(sys.argv[1])
    found = set()
    for folder, pattern in FOLDERS.items():
        for path in (root / folder).glob(pattern):
            found.update(numbers(path.read_text()))
    missing = [str(number) for number in sorted(CASES - found)]
    if missing:
        sys.exit(f"no test for the cases {', '.join(missing)}")
    print(f"{len(CASES)} cases")


main()
