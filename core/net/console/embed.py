#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn the console's files into one C file: embed.py OUTPUT FILE...

Each file becomes an array; a table gives its path, type, bytes and a strong entity tag. The table is
sorted by path and searched by console_file_find() of console_files.h.
"""
import hashlib
import pathlib
import sys

MIME = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HEAD = """/* Made by core/net/console/embed.py. */
#include "net/console_files.h"

#include "base/str.h"

"""

TAIL = """
const struct console_file *console_file_find(struct parley_view path)
{
    if (view_is(path, "/"))
        path = VIEW("/index.html");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (view_is(path, files[i].path))
            return &files[i];
    return NULL;
}
"""


def array(name: str, data: bytes) -> str:
    lines = (",".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24))
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(lines) + "};\n"


def entry(index: int, path: pathlib.Path, data: bytes) -> str:
    etag = hashlib.sha256(data).hexdigest()[:16]
    mime = MIME[path.suffix]
    return f'    {{"/{path.name}", "{mime}", "\\"{etag}\\"", data_{index}, sizeof(data_{index})}},\n'


def main() -> None:
    output, *names = sys.argv[1:]
    paths = sorted((pathlib.Path(name) for name in names), key=lambda path: path.name)
    contents = [path.read_bytes() for path in paths]
    arrays = "".join(array(f"data_{i}", data) for i, data in enumerate(contents))
    table = "".join(entry(i, path, data) for i, (path, data) in enumerate(zip(paths, contents)))
    text = HEAD + arrays + "\nstatic const struct console_file files[] = {\n" + table + "};\n" + TAIL
    pathlib.Path(output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
