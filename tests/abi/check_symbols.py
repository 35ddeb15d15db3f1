# SPDX-License-Identifier: Apache-2.0
"""Every plugin exports parley_plugin_v1 and nothing else.

usage: check_symbols.py NM PLUGIN_DIR
"""
import pathlib
import subprocess
import sys


def exported(nm, plugin):
    out = subprocess.run([nm, "-D", "--defined-only", "--format=posix", str(plugin)], check=True,
                         capture_output=True, text=True).stdout
    return sorted(line.split()[0].split("@")[0] for line in out.splitlines() if line)


def main():
    nm, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    plugins = sorted(folder.glob("*/*.so"))
    wrong = 0
    for plugin in plugins:
        # What sanitizers and coverage add is none of the plugin's doing.
        names = [n for n in exported(nm, plugin) if not n.startswith(("__asan", "__ubsan", "__odr",
                                                                      "__gcov", "__llvm", "___"))]
        if names != ["parley_plugin_v1"]:
            print(f"{plugin.name}: exports {', '.join(names) or 'nothing'}; "
                  "it must export parley_plugin_v1 and nothing else")
            wrong += 1
    print(f"{len(plugins)} plugins looked at")
    sys.exit(1 if wrong or not plugins else 0)


main()
