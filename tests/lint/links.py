# SPDX-License-Identifier: Apache-2.0
"""Do the links and the file names in the documents lead somewhere?

usage: links.py SOURCE_ROOT
"""
import pathlib
import re
import sys

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```", re.M | re.S)
HEADING = re.compile(r"^#+ (.+)$", re.M)
# Paths of the source tree in running text: `core/session/`, `etc/quickstart`, `tests/run` ...
PATH = re.compile(r"`((?:core|plugins|sdk|etc|tests|docs|subprojects)/[\w./-]*\w[\w./-]*)`")
# `plugins/ROLE_NAME/` stands for any; tests/artifacts/ comes with the first run of the tests.
MADE_UP = re.compile(r"/[A-Z_.]+(/|$)|^tests/artifacts/")


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path):
    return {anchor(h) for h in HEADING.findall(CODE.sub("", path.read_text()))}


def broken_links(root, page):
    text = CODE.sub("", page.read_text())
    for match in LINK.finditer(text):
        target, _, fragment = (match[1] or match[2]).partition("#")
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists():
            yield f"there is no {target}"
        elif fragment and path.suffix == ".md" and fragment not in anchors(path):
            yield f"{path.name} has no heading #{fragment}"
    for name in PATH.findall(text):
        if not MADE_UP.search(name) and not (root / name).exists():
            yield f"there is no {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    problems = [f"{page.relative_to(root)}: {problem}"
                for page in pages for problem in broken_links(root, page)]
    print("\n".join(problems) if problems else f"{len(pages)} pages, every link leads somewhere")
    sys.exit(1 if problems else 0)


main()
