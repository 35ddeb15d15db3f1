# SPDX-License-Identifier: Apache-2.0
"""Draws the panels of grafana.json from what a Prometheus has, as an SVG.

usage: panels.py GRAFANA_JSON PROMETHEUS_URL FROM UNTIL OUT.svg [ROW...]

FROM and UNTIL are in seconds since 1970. With names of rows only those are drawn. The queries are the
dashboard's own; its variables stand for everything, and rates are taken over a minute.
"""
import json
import pathlib
import sys
import urllib.parse
import urllib.request

import chart

UNIT_W, UNIT_H, GAP = 50, 32, 8
POINTS = 160
VARIABLES = {"$__rate_interval": "1m", "$agent": ".*", "$instance": ".*"}


def ask(server, expr, begin, end):
    """[({label: value}, [(time, value), ...]), ...]"""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    step = max(1, round((end - begin) / POINTS))
    query = urllib.parse.urlencode({"query": expr, "start": begin, "end": end, "step": step})
    with urllib.request.urlopen(f"{server}/api/v1/query_range?{query}") as response:
        result = json.load(response)["data"]["result"]
    return [(r["metric"], [(t, float(v)) for t, v in r["values"]]) for r in result]


def legend_of(template, labels):
    for name, value in labels.items():
        template = template.replace("{{" + name + "}}", value)
    return template


def lines_of(panel, server, begin, end):
    """[(legend, points)] without what has no value at all"""
    lines = []
    for target in panel["targets"]:
        for labels, points in ask(server, target["expr"], begin, end):
            points = [(t, v) for t, v in points if v == v and abs(v) != float("inf")]
            if points:
                lines.append((legend_of(target["legendFormat"], labels), points))
    return sorted(lines, key=lambda line: line[0])


def in_rows(panels, rows):
    """The panels of these rows, moved up to where nothing is."""
    row, shift, last, kept = None, 0, 0, []
    for panel in panels:
        at = dict(panel["gridPos"])
        if panel["type"] == "row":
            row = panel["title"]
            shift = at["y"] - last
        if rows and row not in rows:
            continue
        at["y"] -= shift
        last = max(last, at["y"] + at["h"])
        kept.append((panel, at))
    return kept, last


def draw(panel, at, server, begin, end):
    box = (at["x"] * UNIT_W + GAP / 2, at["y"] * UNIT_H + GAP / 2,
           at["w"] * UNIT_W - GAP, at["h"] * UNIT_H - GAP)
    if panel["type"] == "row":
        return chart.heading(box, panel["title"])
    lines = lines_of(panel, server, begin, end)
    if panel["type"] == "stat":
        return chart.stat(box, panel, lines)
    return chart.series(box, panel, lines, begin, end)


def main():
    board = json.loads(pathlib.Path(sys.argv[1]).read_text())
    server, begin, end, out = sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
    panels, height = in_rows(board["panels"], sys.argv[6:])
    parts = [draw(panel, at, server, begin, end) for panel, at in panels]
    pathlib.Path(out).write_text(chart.page(24 * UNIT_W, height * UNIT_H, parts))


main()
