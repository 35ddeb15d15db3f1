# SPDX-License-Identifier: Apache-2.0
"""Is docs/reference/ what the program says today?

usage: reference.py SOURCE_ROOT PARLEYCTL options|telemetry

Ends with 77 (skipped) when a plugin that the page has was not built here.
"""
import difflib
import pathlib
import re
import subprocess
import sys

SKIPPED = 77
HEADING = re.compile(r"^### ([a-z_]+)$", re.M)
NAME = re.compile(r'^#define NAME_\w+\s+"([^"]+)"', re.M)


def undescribed_names(root, page):
    """Names that the code may send and the page does not explain."""
    names = NAME.findall((root / "core/telemetry/names.h").read_text())
    return [name for name in names if f"`{name}`" not in page and f"`{name} " not in page]


def main():
    root, program, what = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    path = root / "docs/reference" / f"{what}.md"
    kept = path.read_text()
    now = subprocess.run([program, "reference", what], check=True, capture_output=True,
                         text=True).stdout
    missing = set(HEADING.findall(kept)) - set(HEADING.findall(now))
    if what == "options" and missing:
        print("not built here:", ", ".join(sorted(missing)))
        sys.exit(SKIPPED)
    if kept != now:
        print("\n".join(difflib.unified_diff(kept.splitlines(), now.splitlines(), str(path),
                                             "the program", lineterm="")))
        sys.exit(f"stale; write it anew: parleyctl reference {what} > docs/reference/{what}.md")
    if what == "telemetry" and undescribed_names(root, now):
        sys.exit("core/telemetry/describe.c does not describe: "
                 + ", ".join(undescribed_names(root, now)))
    print(f"{path.name} is what the program says")


main()
