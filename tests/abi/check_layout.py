# SPDX-License-Identifier: Apache-2.0
"""Compare the layout of the SDK's structures with the snapshots.

usage: check_layout.py PROGRAM SNAPSHOT RELEASED...

PROGRAM prints the layout of today's headers. SNAPSHOT must be equal to it: a change of the
interface is seen in review. Each RELEASED must be its beginning, structure by structure: a plugin
built with those headers still loads.
"""
import pathlib
import subprocess
import sys


def parse(text):
    structs, current = {}, None
    for line in text.splitlines():
        words = line.split()
        if words[0] == "struct":
            current = structs.setdefault(words[1], {"size": int(words[3]), "members": []})
        else:
            current["members"].append((words[0], int(words[1]), int(words[2])))
    return structs


def check_snapshot(today, path):
    if today == path.read_text():
        return []
    return [f"the interface has changed: say why in docs/abi.md, then write the snapshot anew with\n"
            f"    {sys.argv[1]} > {path}"]


def check_released(today, path):
    for name, old in parse(path.read_text()).items():
        new = today.get(name)
        if new is None:
            yield f"{path}: struct {name} is gone"
        elif new["members"][:len(old["members"])] != old["members"]:
            yield f"{path}: struct {name}: members have moved, changed or gone; only append"
        elif new["size"] < old["size"]:
            yield f"{path}: struct {name} has become smaller"


def main():
    program, snapshot, released = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    today = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    problems = check_snapshot(today, snapshot)
    for path in released:
        problems += check_released(parse(today), pathlib.Path(path))
    print("\n".join(problems) if problems else f"{len(parse(today))} structures as they were")
    sys.exit(1 if problems else 0)


main()
