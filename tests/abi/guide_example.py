# SPDX-License-Identifier: Apache-2.0
"""Take one named code block out of a document, so that what people read is what is compiled.

usage: guide_example.py DOCUMENT NAME > file
"""
import pathlib
import re
import sys


def main():
    document, name = pathlib.Path(sys.argv[1]), sys.argv[2]
    block = re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", document.read_text(),
                      re.M | re.S)
    if not block:
        sys.exit(f"{document}: has no code block called {name}")
    sys.stdout.write(block.group(1))


main()
