/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture of the turns: one row each, all on one scale whose zero is the moment the user fell
 * silent, so that the waits stand under each other and can be compared. A row opens into figures.
 */

import { element, svg } from "./dom.js";
import { duration } from "./duration.js";
import { bars, is_going_on, wait_ms } from "./turns.js";

const LEAST = { left: 800, right: 2500 };
const MOST = { left: 6000, right: 15000 };
const STEPS = [250, 500, 1000, 2000, 5000];

/* y and height of each kind of bar in a row of 38 */
const LANE = {
  you: [8, 15], hush: [14, 3], think: [13, 5], agent: [8, 15], text: [8, 15], unheard: [11, 9], tool: [28, 7], cut: [4, 23],
};

/* The span that shows every bar of these turns, within limits. */
export function span_of(turns, now) {
  const all = turns.flatMap((turn) => bars(turn, now));
  const left = Math.max(LEAST.left, ...all.map((bar) => -bar.from));
  const right = Math.max(LEAST.right, ...all.map((bar) => bar.to));
  return { from: -Math.min(MOST.left, left) * 1.04, to: Math.min(MOST.right, right) * 1.04 };
}

export function ticks(span) {
  const step = STEPS.find((s) => (span.to - span.from) / s <= 9) ?? STEPS.at(-1);
  const list = [];
  for (let ms = Math.ceil(span.from / step) * step; ms <= span.to; ms += step)
    list.push(ms);
  return list;
}

/* The turn in one sentence, for those who do not see the picture. */
export function sentence(turn) {
  const parts = [];
  if (turn.kind === "spoken")
    parts.push(turn.zero_at === null ? "you are speaking" : `you spoke ${duration(turn.speech_ms)}`);
  else
    parts.push(turn.kind === "typed" ? "you typed" : "the agent began");
  if (wait_ms(turn) !== null)
    parts.push(`first ${turn.first_audio_at === null ? "text" : "audio"} after ${duration(wait_ms(turn))}`);
  for (const tool of turn.tools.values())
    parts.push(`tool ${tool.name}${tool.done_at === null ? " running" : ` ${duration(tool.ms ?? tool.done_at - tool.start_at)}`}`);
  if (turn.cut_at !== null)
    parts.push(`interrupted after ${duration(turn.heard_ms)}`);
  else if (turn.play_to !== null)
    parts.push(`the agent spoke ${duration(turn.audio_ms)}`);
  return `Turn ${turn.number}: ${parts.join(", ")}.`;
}

function figures(turn) {
  const rows = [];
  const server = turn.server ?? {};
  if (turn.kind === "spoken")
    rows.push(["You spoke", duration(turn.speech_ms)]);
  rows.push([turn.first_audio_at === null ? "First text after" : "First audio after", duration(wait_ms(turn))]);
  if (turn.silence_ms > 0)
    rows.push(["Of it, waiting for more words", duration(turn.silence_ms)]);
  if (server.first_audio_ms !== undefined)
    rows.push(["Of it, the server answering", duration(server.first_audio_ms)]);
  for (const tool of turn.tools.values())
    rows.push([tool.name, `${duration(tool.ms ?? (tool.done_at === null ? null : tool.done_at - tool.start_at))}${tool.status ? `, ${tool.status}` : ""}`]);
  if (turn.audio_ms > 0)
    rows.push(["Answer", duration(turn.audio_ms)]);
  if (turn.cut_at !== null)
    rows.push(["Heard before interruption", duration(turn.heard_ms)]);
  if (turn.usage?.total_tokens)
    rows.push(["Tokens in, out", `${turn.usage.input_tokens}, ${turn.usage.output_tokens}`]);
  if (turn.status && turn.status !== "completed")
    rows.push(["Ended", turn.status]);
  return rows;
}

export class Timeline {
  /* parts: {rows, axis, empty, scroll}; turns: the Turns; select(turn) when a row is opened. */
  constructor(parts, turns, select) {
    this.parts = parts;
    this.turns = turns;
    this.select = select;
    this.rows = new Map(); /* turn -> row */
    this.span = null;
    this.timer = null;
    this.pace_ms = matchMedia("(prefers-reduced-motion: reduce)").matches ? 500 : 80;
  }

  clear() {
    for (const row of this.rows.values())
      row.item.remove();
    this.rows.clear();
    this.parts.empty.hidden = false;
    this.parts.axis.replaceChildren();
  }

  changed(turn) {
    if (!this.rows.has(turn))
      this.#add(turn);
    this.#draw();
    this.timer ??= setInterval(() => this.#draw(), this.pace_ms);
  }

  #add(turn) {
    const item = element("li", "turn");
    const button = element("button", "row");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    const picture = svg("svg", { class: "bars", "aria-hidden": "true" });
    const wait = element("span", "wait");
    const more = element("dl", "figures");
    more.hidden = true;
    button.append(element("span", "number", String(turn.number)), picture, wait);
    button.onclick = () => this.#toggle(turn);
    item.append(button, more);
    this.rows.set(turn, { item, button, picture, wait, more, drawn: "" });
    this.parts.rows.append(item);
    this.parts.empty.hidden = true;
    this.#forget_old();
    this.parts.scroll.scrollTop = this.parts.scroll.scrollHeight;
  }

  #forget_old() {
    for (const [turn, row] of this.rows) {
      if (this.turns.list.includes(turn))
        return;
      row.item.remove();
      this.rows.delete(turn);
    }
  }

  #toggle(turn) {
    const row = this.rows.get(turn);
    const opens = row.more.hidden;
    row.more.hidden = !opens;
    row.button.setAttribute("aria-expanded", String(opens));
    if (opens)
      this.select(turn);
  }

  #draw() {
    const now = performance.now();
    this.#draw_axis(span_of(this.turns.list, now));
    for (const [turn, row] of this.rows)
      this.#draw_row(turn, row, now);
    if (!this.turns.list.some(is_going_on)) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  #x(ms) {
    const { from, to } = this.span;
    const inside = Math.max(from, Math.min(to, ms));
    return `${(((inside - from) / (to - from)) * 100).toFixed(3)}%`;
  }

  #width(from, to) {
    return `${(parseFloat(this.#x(to)) - parseFloat(this.#x(from))).toFixed(3)}%`;
  }

  #draw_axis(span) {
    if (this.span && this.span.from === span.from && this.span.to === span.to && this.parts.axis.childElementCount)
      return;
    this.span = span;
    const nodes = ticks(span).map((ms) =>
      svg("text", { x: this.#x(ms), y: 12, "text-anchor": "middle", class: ms === 0 ? "zero" : "" }, ms === 0 ? "0" : `${ms / 1000} s`));
    nodes.push(svg("text", { x: "100%", y: 12, "text-anchor": "end", class: "unit" }, "wait"));
    this.parts.axis.replaceChildren(...nodes);
  }

  #draw_row(turn, row, now) {
    const list = bars(turn, now);
    const state = JSON.stringify([this.span, list]);
    if (state !== row.drawn) {
      row.drawn = state;
      row.picture.replaceChildren(...this.#grid(), ...list.flatMap((bar) => this.#bar(bar)));
    }
    row.wait.textContent = duration(wait_ms(turn));
    const words = sentence(turn);
    if (row.button.getAttribute("aria-label") !== words)
      row.button.setAttribute("aria-label", words);
    row.more.replaceChildren(...figures(turn).flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  }

  #grid() {
    return ticks(this.span).map((ms) =>
      svg("line", { x1: this.#x(ms), x2: this.#x(ms), y1: 0, y2: "100%", class: ms === 0 ? "zero" : "tick" }));
  }

  #bar({ kind, from, to, label }) {
    const [y, height] = LANE[kind];
    if (kind === "cut")
      return [svg("line", { x1: this.#x(from), x2: this.#x(from), y1: y, y2: y + height, class: "cut" })];
    const width = to > from ? this.#width(from, to) : "0.4%"; /* what took no time is still seen */
    const nodes = [svg("rect", { x: this.#x(from), y, width, height, rx: height > 10 ? 4 : 2, class: kind })];
    if (label)
      nodes.push(svg("text", { x: this.#x(to), dx: 5, y: y + height, class: "label" }, label));
    return nodes;
  }
}
