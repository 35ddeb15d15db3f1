# SPDX-License-Identifier: Apache-2.0
"""Who may include whom.

usage: layers.py SOURCE_ROOT

A folder of core/ includes only from itself and the folders before it. The first three know nothing
of parley but its plain types. A plugin includes its own files and the SDK. The SDK includes itself
and plain C.
"""
import pathlib
import re
import sys

LAYERS = ["base", "audio", "transport", "conf", "telemetry", "identity", "host", "realtime", "dialect", "convert", "cascade", "agent",
          "session", "net", "daemon", "ctl"]
PLAIN = {"parley/types.h", "parley/error.h"}
SDK_C = {"stdarg.h", "stddef.h", "stdint.h", "stdio.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".def"))


def includes(path):
    for match in INCLUDE.finditer(path.read_text(errors="replace")):
        yield match.group(1) == "<", match.group(2)


def check_core_include(root, path, is_system, name):
    own = path.relative_to(root / "core").parts[0]
    if own not in LAYERS:
        return f"core/{own} has no place in the order of folders; tests/lint/layers.py lists them"
    if is_system:
        if own in LAYERS[:3] and name.startswith("parley/") and name not in PLAIN:
            return f"core/{own} knows nothing of parley's concepts, so not of <{name}>"
        return None
    folder = name.split("/")[0]
    if "/" not in name or folder not in LAYERS:
        # Generated files and private ones beside the source are named without their folder.
        return None if "/" not in name else f'"{name}" is in no folder of core/'
    if LAYERS.index(folder) > LAYERS.index(own):
        return (f'core/{own} comes before core/{folder} and must not include "{name}"; hand a '
                "struct of callbacks down instead")
    return None


def check_plugin_include(root, path, is_system, name):
    own = root / "plugins" / path.relative_to(root / "plugins").parts[0]
    if is_system:
        return None
    if (path.parent / name).exists() or (own / name).exists():
        return None if ".." not in name else f'"{name}" leaves the plugin\'s folder'
    if name.endswith((".pb-c.h", "config.h")):
        return None
    if name.startswith("parts/") and (root / "plugins" / name).exists():
        return None  # what several plugins are made of
    return f'a plugin includes its own files, parts/ and <parley/...>, not "{name}"'


def check_sdk_include(root, path, is_system, name):
    if is_system and (name.startswith("parley/") or name in SDK_C):
        return None
    return f"an SDK header includes <parley/...> and plain C headers, not {name}"


def check(root, folder, rule):
    for path in sources(root / folder):
        for is_system, name in includes(path):
            problem = rule(root, path, is_system, name)
            if problem:
                yield f"{path.relative_to(root)}: {problem}"


def main():
    root = pathlib.Path(sys.argv[1])
    problems = [*check(root, "core", check_core_include),
                *check(root, "plugins", check_plugin_include),
                *check(root, "sdk/include", check_sdk_include)]
    print("\n".join(problems) if problems else "every include goes the right way")
    sys.exit(1 if problems else 0)


main()
