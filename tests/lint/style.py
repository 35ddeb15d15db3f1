# SPDX-License-Identifier: Apache-2.0
"""What formatting cannot check.

usage: style.py SOURCE_ROOT

Every source has its SPDX line, no file or function is longer than people read, and nothing is left
for later in a comment.
"""
import pathlib
import re
import sys

FOLDERS = ["core", "plugins", "sdk", "tests", "etc", "subprojects"]
SUFFIXES = {".c", ".h", ".def", ".py", ".js", ".mjs", ".sh", ".css"}
# Not written here, or not to be changed any more.
SKIPPED = {"node_modules", "packagecache", "artifacts", "corpus", "__pycache__", "released",
           "onnxruntime"}
SPDX = "SPDX-License-Identifier: Apache-2.0"
MAX_FILE_LINES = 1000
MAX_FUNCTION_LINES = 100
MAX_COLUMNS = 100
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")


def is_ours(path, root):
    parts = path.relative_to(root).parts
    if SKIPPED & set(parts):
        return False
    return parts[0] != "subprojects" or len(parts) == 2 or "patches" in parts


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file() and is_ours(path, root):
                yield path


def long_functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > MAX_FUNCTION_LINES:
                yield start, number - start - 1
            start = None


def check(path):
    lines = path.read_text(errors="replace").splitlines()
    if not any(SPDX in line for line in lines[:3]):
        yield 1, f"no line '{SPDX}'"
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), f"longer than {MAX_FILE_LINES} lines; split it by noun"
    for number, line in enumerate(lines, 1):
        if LATER.search(line):
            yield number, "something is left for later; do it, or file an issue"
        if path.suffix in (".c", ".h") and len(line) > MAX_COLUMNS:
            yield number, f"longer than {MAX_COLUMNS} columns; run clang-format"
    if path.suffix == ".c":
        for number, length in long_functions(lines):
            yield number, f"a function of {length} lines; {MAX_FUNCTION_LINES} are the most"


def main():
    root = pathlib.Path(sys.argv[1])
    count = wrong = 0
    for path in sources(root):
        count += 1
        for number, problem in check(path):
            print(f"{path.relative_to(root)}:{number}: {problem}")
            wrong += 1
    print(f"{count} files, {wrong} problems")
    sys.exit(1 if wrong else 0)


main()
