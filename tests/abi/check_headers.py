# SPDX-License-Identifier: Apache-2.0
"""Each SDK header stands alone, as C11 and as C++.

usage: check_headers.py INCLUDE_DIR[:MORE ...] CC [CXX]

Those of the first folder are looked at; the others are where they find theirs.
"""
import pathlib
import subprocess
import sys

FLAGS = ["-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Werror", "-fsyntax-only"]


def compiles(command, header, language):
    text = f"#include <{header}>\n#include <{header}>\n"
    result = subprocess.run([*command, *FLAGS, "-x", language, "-"], input=text, text=True,
                            capture_output=True)
    if result.returncode != 0:
        print(f"{header} as {language}:\n{result.stderr}")
    return result.returncode == 0


def main():
    folders, compilers = sys.argv[1].split(":"), sys.argv[2:]
    include = pathlib.Path(folders[0])
    headers = sorted(h.relative_to(include) for h in (include / "parley").rglob("*.h"))
    languages = [("c", "-std=c11"), ("c++", "-std=c++17")][:len(compilers)]
    good = True
    for compiler, (language, standard) in zip(compilers, languages):
        command = [compiler, standard, *(f"-I{folder}" for folder in folders)]
        for header in headers:
            good = compiles(command, header, language) and good
    print(f"{len(headers)} headers as {' and '.join(language for language, _ in languages)}")
    sys.exit(0 if good else 1)


main()
