# SPDX-License-Identifier: Apache-2.0
"""Do the dashboards ask for what parley tells?

usage: dashboards.py SOURCE_ROOT

Metrics, labels and dimensions are held against docs/reference/telemetry.md, the columns of
Application Insights against what exporter_azure_monitor writes.
"""
import json
import pathlib
import re
import sys

ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]*) \|", re.M)
METRIC_ROW = re.compile(r"^\| `([^`]+)` \| (level|counter|histogram) \| `([^`]+)` \| ([^|]*) \|",
                        re.M)
ENDINGS = {"level": [""], "counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
UNITS = {"s": "_seconds", "By": "_bytes"}
OF_PROMETHEUS = {"instance", "job"}  # it adds these itself

SELECTOR = re.compile(r"\b([a-z_][a-z0-9_]*)\{([^}]*)\}")
MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"')
BY = re.compile(r"\bby \(([^)]*)\)")
LEGEND = re.compile(r"\{\{([^}]+)\}\}")
PROMQL = {"sum", "rate", "by", "histogram_quantile", "or", "vector", "clamp_min", "offset"}

# Table: what the exporter's items of it are called.
TABLES = {"requests": "RequestData", "dependencies": "RemoteDependencyData",
          "exceptions": "ExceptionData", "customMetrics": "MetricData",
          "customEvents": "EventData", "traces": "MessageData"}
# Column: the field of an envelope that it is made of, and the tables that have it (all: None).
SPANS = {"requests", "dependencies"}
COLUMNS = {"timestamp": ("time", None), "itemCount": ("sampleRate", None),
           "customDimensions": ("properties", None), "operation_Id": ("ai.operation.id", None),
           "operation_Name": ("ai.operation.name", None), "session_Id": ("ai.session.id", None),
           "user_AuthenticatedId": ("ai.user.authUserId", None),
           "cloud_RoleName": ("ai.cloud.role", None),
           "cloud_RoleInstance": ("ai.cloud.roleInstance", None),
           "name": ("name", SPANS | {"customMetrics", "customEvents"}), "id": ("id", SPANS),
           "duration": ("duration", SPANS), "success": ("success", SPANS),
           "resultCode": ("resultCode", SPANS), "target": ("target", {"dependencies"}),
           "type": (("type", "typeName"), {"dependencies", "exceptions"}),
           "outerMessage": ("message", {"exceptions"}), "message": ("message", {"traces"}),
           "severityLevel": ("severityLevel", {"traces", "exceptions"}),
           "valueSum": ("value", {"customMetrics"}), "valueCount": ("count", {"customMetrics"}),
           "valueMin": ("min", {"customMetrics"}), "valueMax": ("max", {"customMetrics"})}
NOT_DIMENSIONS = {"user.id", "session.id"}  # they are columns
KQL = set("""union isfuzzy true false where extend summarize project order by asc desc top take
    distinct and or in startswith endswith bin iff strcat tostring tobool todouble tolong isnotempty
    isnotnull round sum sumif avg max dcount percentilew""".split())
DIMENSION = re.compile(r"customDimensions\['([^']+)'\]")
HEADING = re.compile(r"\['[^']*'\](?= =)")  # of a column that is made
STRING = re.compile(r"'([^']*)'")
NUMBER = re.compile(r"\b\d+(\.\d+)?\b")
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
WORD = re.compile(r"\b[A-Za-z_]\w*\b")
MADE = re.compile(r"\b([A-Za-z_]\w*) = ")


def prometheus(name):
    return re.sub(r"[^A-Za-z0-9]", "_", name)


def told_metrics(page):
    """{metric: its attributes}"""
    return {name: {a for a in attributes.strip().split(", ") if a}
            for name, _, _, attributes in METRIC_ROW.findall(page)}


def prometheus_series(page):
    """{series of /metrics: its labels}"""
    series = {}
    for name, kind, unit, attributes in METRIC_ROW.findall(page):
        labels = {prometheus(a) for a in attributes.strip().split(", ") if a} | OF_PROMETHEUS
        for ending in ENDINGS[kind]:
            series[prometheus(name) + UNITS.get(unit, "") + ending] = (
                labels | {"le"} if ending == "_bucket" else labels)
    return series


# ---- Grafana ----

def shape_of_panel(panel):
    where = f"panel \"{panel.get('title', '?')}\""
    for key in ("id", "type", "title", "gridPos"):
        if key not in panel:
            yield f"{where} has no {key}"
    if panel.get("type") == "row":
        return
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if not panel.get("description", "").endswith("."):
        yield f"{where} has no sentence of help"
    if "unit" not in defaults or not defaults.get("thresholds", {}).get("steps"):
        yield f"{where} has no unit or no thresholds"
    if not panel.get("targets"):
        yield f"{where} asks nothing"


def overlaps(panels):
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                if x >= 24 or taken.setdefault((x, y), panel["id"]) != panel["id"]:
                    yield f"panel \"{panel['title']}\" lies on another one, or outside"
                    return


def wrong_query(where, expr, legend, series, variables):
    known = set(OF_PROMETHEUS)
    for name, matchers in SELECTOR.findall(expr):
        if name not in series:
            yield f"{where}: parley has no {name}"
            continue
        known |= series[name]
        for label in set(MATCHER.findall(matchers)) - series[name]:
            yield f"{where}: {name} has no label {label}"
    rest = BY.sub("by", re.sub(r"\[[^\]]*\]|\"[^\"]*\"", "", SELECTOR.sub("", expr)))
    for word in set(re.findall(r"\b[a-z_]\w*", rest)) - PROMQL:
        yield f"{where}: {word} has no selector, or is no function that is known here"
    grouped = {label.strip() for labels in BY.findall(expr) for label in labels.split(",")}
    for label in (grouped | set(LEGEND.findall(legend))) - known:
        yield f"{where}: no metric in it has the label {label}"
    for label in set(LEGEND.findall(legend)) - grouped:
        yield f"{where}: the legend names {label}, by which nothing is grouped"
    for name in set(re.findall(r"\$(\w+)", expr)) - variables:
        yield f"{where}: there is no variable {name}"


def wrong_in_grafana(board, page):
    series = prometheus_series(page)
    variables = {v["name"] for v in board["templating"]["list"]} | {"__rate_interval"}
    for key in ("title", "uid", "schemaVersion", "time", "panels"):
        if key not in board:
            yield f"no {key}"
    ids = [panel["id"] for panel in board["panels"]]
    if len(ids) != len(set(ids)):
        yield "two panels have one id"
    yield from overlaps(board["panels"])
    for variable in board["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable.get("definition", ""))
        if asked and asked[2] not in series.get(asked[1], ()):
            yield f"variable {variable['name']}: {asked[1]} has no label {asked[2]}"
    for panel in board["panels"]:
        yield from shape_of_panel(panel)
        for target in panel.get("targets", []):
            yield from wrong_query(f"panel \"{panel['title']}\"", target["expr"],
                                   target["legendFormat"], series, variables)


# ---- the workbook ----

def described(page):
    """Everything that the reference names: {name: where it is found}"""
    rows = {name: where for name, _, where, _ in ROW.findall(page)}
    return {name: "" for name in re.findall(r"^\| `([^`]+)` \|", page, re.M)} | rows


def span_prefixes(page):
    return {name.split(" ")[0] for name in re.findall(r"^\| `(\w+ [A-Z]+)` \|", page, re.M)}


def wrong_names(query, tables, page):
    names, metrics = described(page), told_metrics(page)
    asked = [text for text in STRING.findall(DIMENSION.sub("", query)) if text in metrics]
    attributes = set().union(*(metrics[name] for name in asked))
    for key in DIMENSION.findall(query):
        if key not in names or key in NOT_DIMENSIONS:
            yield f"no item has the dimension {key}"
        elif "customMetrics" in tables and key not in attributes:
            yield f"none of the metrics has the attribute {key}"
        elif "customMetrics" not in tables and names[key].strip() == "metrics":
            yield f"{key} is on metrics only"
    for text in STRING.findall(DIMENSION.sub("", query)):
        if "." in text and text not in names:
            yield f"parley writes no {text}"
        if text.endswith(" ") and text.strip(" ,") not in span_prefixes(page) | {"in", "out", ""}:
            yield f"no span begins with {text}"


def wrong_kql(query, page):
    query = HEADING.sub("heading", query)
    tables = {word for word in WORD.findall(query.split("|")[0]) if word in TABLES}
    if not tables:
        yield "it names no table that the exporter fills"
    yield from wrong_names(query, tables, page)
    bare = re.sub(r"\[\]", "", NUMBER.sub("", PARAMETER.sub("", STRING.sub("", query))))
    for word in set(WORD.findall(bare)) - KQL - set(TABLES) - set(MADE.findall(bare)):
        if word not in COLUMNS:
            yield f"{word} is no column that the exporter fills"
        elif COLUMNS[word][1] and not tables <= COLUMNS[word][1]:
            yield f"{word} is no column of {', '.join(sorted(tables - COLUMNS[word][1]))}"


def unwritten(root):
    """Fields of envelopes that the tables above believe in and the exporter does not write."""
    folder = root / "plugins/exporter_azure_monitor"
    source = "".join(path.read_text() for path in sorted(folder.glob("*.c"))).replace('\\"', '"')
    fields = [field for field, _ in COLUMNS.values()]
    flat = [f for field in fields for f in (field if isinstance(field, tuple) else (field,))]
    for field in [*flat, *TABLES.values()]:
        if f'"{field}"' not in source:
            yield f"exporter_azure_monitor writes no {field}"


def wrong_in_workbook(book, page):
    schema = book.get("$schema", "")
    if book.get("version") != "Notebook/1.0" or not schema.endswith("/workbook.json"):
        yield "it is no workbook"
    queries, parameters = [], set()
    for item in book["items"]:
        content = item["content"]
        if item["type"] == 9:
            parameters |= {p["name"] for p in content["parameters"]}
            queries += [(p["name"], p["query"]) for p in content["parameters"] if "query" in p]
        elif item["type"] == 3:
            queries.append((item["name"], content["query"]))
            if content["version"] != "KqlItem/1.0" or content["queryType"] != 0:
                yield f"{item['name']}: not a query of logs"
        elif item["type"] != 1 or "json" not in content:
            yield f"{item['name']}: neither text, parameters nor a query"
    for name, query in queries:
        for problem in wrong_kql(query, page):
            yield f"{name}: {problem}"
        for parameter in set(PARAMETER.findall(query)) - parameters:
            yield f"{name}: there is no parameter {parameter}"


def main():
    root = pathlib.Path(sys.argv[1])
    folder = root / "docs/dashboards"
    page = (root / "docs/reference/telemetry.md").read_text()
    board = json.loads((folder / "grafana.json").read_text())
    book = json.loads((folder / "azure-workbook.json").read_text())
    problems = [f"grafana.json: {problem}" for problem in wrong_in_grafana(board, page)]
    problems += [f"azure-workbook.json: {problem}" for problem in wrong_in_workbook(book, page)]
    problems += unwritten(root)
    print("\n".join(problems) if problems
          else f"{len(board['panels'])} panels, {len(book['items'])} items, all of them told")
    sys.exit(1 if problems else 0)


main()
