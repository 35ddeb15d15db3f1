# SPDX-License-Identifier: Apache-2.0
"""Panels of a dashboard as SVG: a figure with its recent past, and lines over time."""
import math
import time
from html import escape

PALETTE = ["#3b7dd8", "#e0892b", "#3d9a50", "#c94f4f", "#8460c2", "#2ba6a6", "#b0762f", "#d264a8",
           "#6b7785"]
COLORS = {"green": "#2f8f46", "yellow": "#c98a00", "red": "#cc3b3b"}
INK, PALE, RULE = "#22272e", "#6b7785", "#e4e8ec"
CHAR = 6.1  # width of a letter of the legend


def page(width, height, parts):
    style = ("text{font-family:Inter,'Segoe UI','Helvetica Neue',Arial,sans-serif;font-size:11px;"
             f"fill:{PALE}}} .title{{font-size:13px;font-weight:600;fill:{INK}}} "
             f".row{{font-size:15px;font-weight:600;fill:{INK}}} "
             ".figure{font-size:34px;font-weight:600} polyline{fill:none;stroke-linejoin:round}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">\n<style>{style}</style>\n'
            f'<rect width="{width}" height="{height}" fill="#f4f6f8"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def heading(box, title):
    x, y, _, h = box
    return f'<text class="row" x="{x + 4:g}" y="{y + h - 6:g}">{escape(title)}</text>'


def frame(box, title):
    x, y, w, h = box
    return (f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="5" fill="#fff" '
            f'stroke="#dbe0e5"/><text class="title" x="{x + 12:g}" y="{y + 21:g}">'
            f"{escape(title)}</text>")


# ---- numbers ----

def plain(value):
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def scaled(value, step, names):
    index = 0
    while abs(value) >= step and index < len(names) - 1:
        value, index = value / step, index + 1
    return f"{plain(value)}{names[index]}"


def shown(value, unit):
    if unit == "percentunit":
        return f"{plain(round(100 * value, 1))} %"
    if unit == "bytes":
        return scaled(value, 1024, [" B", " KiB", " MiB", " GiB"])
    if unit == "s" and value != 0 and abs(value) < 1:
        return f"{plain(1000 * value)} ms" if abs(value) >= 0.001 else f"{plain(1e6 * value)} µs"
    return f"{plain(value)} s" if unit == "s" else scaled(value, 1000, ["", "k", "M"])


def round_step(most, base):
    """A step of which five or so make the axis."""
    rough = most / 5
    power = base ** math.floor(math.log(rough, base))
    for factor in (1, 2, 2.5, 5, 10) if base == 10 else (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        if factor * power >= rough:
            return factor * power
    return base * power


# ---- a figure ----

def color_of(value, panel):
    color = "green"
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            color = step["color"]
    return COLORS[color]


def stat(box, panel, lines):
    x, y, w, h = box
    parts = [frame(box, panel["title"])]
    if not lines:
        return parts[0] + f'<text x="{x + 12:g}" y="{y + 62:g}">none yet</text>'
    points = lines[0][1]
    value = points[-1][1]
    color = color_of(value, panel)
    text = figure(value, panel["fieldConfig"]["defaults"])
    parts.append(past((x + 1, y + h * 0.62, w - 2, h * 0.38 - 1), points, color))
    parts.append(f'<text class="figure" x="{x + 12:g}" y="{y + 64:g}" style="fill:{color}">'
                 f"{text}</text>")
    return "".join(parts)


def figure(value, defaults):
    decimals = defaults.get("decimals")
    if decimals is None:
        return shown(value, defaults["unit"])
    ending = {"percentunit": " %", "s": " s"}.get(defaults["unit"], "")
    return f"{value * (100 if ending == ' %' else 1):.{decimals}f}{ending}"


def past(box, points, color):
    x, y, w, h = box
    begin, end = points[0][0], max(points[-1][0], points[0][0] + 1)
    most = max(v for _, v in points) or 1
    at = [f"{x + w * (t - begin) / (end - begin):.1f},{y + h - h * v / most:.1f}"
          for t, v in points]
    return (f'<polygon points="{x:g},{y + h:g} {" ".join(at)} {x + w:g},{y + h:g}" '
            f'fill="{color}" fill-opacity="0.14"/>')


# ---- lines ----

def stacked(lines):
    """[(legend, lower, upper)], each line upon the ones before"""
    times = sorted({t for _, points in lines for t, _ in points})
    below = dict.fromkeys(times, 0.0)
    for legend, points in lines:
        own = dict(points)
        above = {t: below[t] + own.get(t, 0.0) for t in times}
        yield legend, [(t, below[t]) for t in times], [(t, above[t]) for t in times]
        below = above


def pieces(points, gap):
    """A line ends where nothing was told."""
    piece = []
    for point in points:
        if piece and point[0] - piece[-1][0] > gap:
            yield piece
            piece = []
        piece.append(point)
    yield piece


class Axes:
    def __init__(self, box, begin, end, most, unit):
        self.x, self.y, self.w, self.h = box
        self.begin, self.end, self.unit = begin, end, unit
        if unit == "percentunit" and most <= 1.1:
            most = min(most, 1.0)
        self.step = round_step(most, 1024 if unit == "bytes" else 10)
        self.top = self.step * math.ceil(most / self.step - 1e-9)

    def at(self, t, v):
        return (self.x + self.w * (t - self.begin) / (self.end - self.begin),
                self.y + self.h - self.h * min(v, self.top) / self.top)

    def path(self, points):
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(t, v) for t, v in points))

    def grid(self):
        for i in range(round(self.top / self.step) + 1):
            x, y = self.at(self.begin, i * self.step)
            yield (f'<line x1="{x:g}" x2="{x + self.w:g}" y1="{y:.1f}" y2="{y:.1f}" '
                   f'stroke="{RULE}"/><text x="{x - 6:g}" y="{y + 4:.1f}" text-anchor="end">'
                   f"{shown(i * self.step, self.unit)}</text>")
        first = math.ceil(self.begin / 120) * 120
        for t in range(first, int(self.end) + 1, 120):
            x, _ = self.at(t, 0)
            yield (f'<text x="{x:.1f}" y="{self.y + self.h + 15:g}" text-anchor="middle">'
                   f"{time.strftime('%H:%M', time.gmtime(t))}</text>")

    def threshold(self, step):
        x, y = self.at(self.begin, step["value"])
        return (f'<line x1="{x:g}" x2="{x + self.w:g}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{COLORS[step["color"]]}" stroke-dasharray="5 4" stroke-opacity="0.8"/>')


def legend_lines(lines, width):
    """Rows of (x, legend, color)"""
    rows, x = [[]], 0
    for i, (legend, _) in enumerate(lines):
        need = 24 + CHAR * len(legend)
        if x and x + need > width:
            rows.append([])
            x = 0
        rows[-1].append((x, legend, PALETTE[i % len(PALETTE)]))
        x += need
    return rows


def curve(axes, points, color, width):
    gap = 3.5 * max(1, (axes.end - axes.begin) / 160)  # panels.py asks at least a second apart
    return "".join(f'<polyline points="{axes.path(piece)}" stroke="{color}" '
                   f'stroke-width="{width}"/>' for piece in pieces(points, gap) if piece)


def curves(axes, lines, is_stacked):
    if not is_stacked:
        return [curve(axes, points, PALETTE[i % len(PALETTE)], 1.8)
                for i, (_, points) in enumerate(lines)]
    parts = []
    for i, (_, lower, upper) in enumerate(stacked(lines)):
        color = PALETTE[i % len(PALETTE)]
        parts.append(f'<polygon points="{axes.path(upper)} {axes.path(lower[::-1])}" '
                     f'fill="{color}" fill-opacity="0.35"/>' + curve(axes, upper, color, 1.2))
    return parts


def highest(lines, is_stacked):
    if is_stacked:
        lines = [(legend, upper) for legend, _, upper in stacked(lines)]
    return max((v for _, points in lines for _, v in points), default=0)


def series(box, panel, lines, begin, end):
    x, y, w, h = box
    defaults = panel["fieldConfig"]["defaults"]
    is_stacked = defaults["custom"]["stacking"]["mode"] == "normal"
    parts = [frame(box, panel["title"])]
    rows = legend_lines(lines, w - 24)
    area = (x + 62, y + 38, w - 62 - 16, h - 38 - 26 - 16 * len(rows))
    if not lines:
        return parts[0] + (f'<text x="{x + w / 2:g}" y="{y + h / 2:g}" text-anchor="middle">'
                           "nothing of this happened</text>")
    axes = Axes(area, begin, end, 1.08 * highest(lines, is_stacked) or 1, defaults["unit"])
    parts += axes.grid()
    if defaults["custom"]["thresholdsStyle"]["mode"] != "off":
        parts += [axes.threshold(s) for s in defaults["thresholds"]["steps"]
                  if s["value"] is not None and s["value"] <= axes.top]
    parts += curves(axes, lines, is_stacked)
    for i, row in enumerate(rows):
        at = y + h - 10 - 16 * (len(rows) - 1 - i)
        parts += [f'<rect x="{x + 12 + lx:.1f}" y="{at - 6:g}" width="12" height="4" rx="2" '
                  f'fill="{color}"/><text x="{x + 28 + lx:.1f}" y="{at:g}">{escape(legend)}</text>'
                  for lx, legend, color in row]
    return "".join(parts)
