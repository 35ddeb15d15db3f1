/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of events: when, which way, what, and the whole of it when opened. Events that come by the
 * dozen (audio and words) share one line until something else of their kind happens.
 */

import { element } from "./dom.js";
import { base64_ms } from "./pcm.js";

const MOST_LINES = 1500;
const MOST_TEXT = 4000;
const LONG_AUDIO = 96; /* characters of base64 that are still shown */

const HOT = new Set([
  "input_audio_buffer.append", "response.output_audio.delta", "response.output_audio_transcript.delta",
  "response.output_text.delta", "response.function_call_arguments.delta",
  "conversation.item.input_audio_transcription.delta",
]);

const family = (type) => type.split(".")[0];

const sound_of = (event) =>
  event.type === "input_audio_buffer.append" ? event.audio : event.type === "response.output_audio.delta" ? event.delta : undefined;

/* The event without its sound, which nobody reads. */
function readable(event) {
  return JSON.stringify(event, (name, value) =>
    (name === "audio" || name === "delta") && typeof value === "string" && value.length > LONG_AUDIO && !value.includes(" ")
      ? `… ${value.length} characters of base64` : value, 2);
}

function about_item(item) {
  if (!item)
    return "";
  if (item.type === "function_call")
    return `${item.name}(${item.arguments ?? ""})`;
  const text = (item.content ?? []).map((part) => part.text ?? part.transcript ?? part.type).join(" ");
  return [item.role ?? item.type, text || item.output].filter(Boolean).join(": ");
}

/* What a reader would look for, in a few words. */
export function gist(event) {
  if (event.error)
    return event.error.message ?? event.error.code ?? "";
  if (event.item)
    return about_item(event.item);
  if (event.response)
    return [event.response.status, event.response.status_details?.reason ?? event.response.status_details?.error?.message].filter(Boolean).join(": ");
  if (event.type.startsWith("parley.tool_call"))
    return `${event.name ?? ""} ${event.output ?? event.arguments ?? ""}`.trim();
  if (event.type === "conversation.item.truncate" || event.type === "conversation.item.truncated")
    return `heard ${event.audio_end_ms} ms`;
  if (event.session)
    return [event.session.model, (event.session.output_modalities ?? []).join()].filter(Boolean).join(", ");
  const ms = event.audio_start_ms ?? event.audio_end_ms;
  return event.transcript ?? event.text ?? event.arguments ?? (ms === undefined ? "" : `at ${ms} ms`);
}

export class EventList {
  /* parts: {list, scroll, filter, direction, count, empty}. */
  constructor(parts) {
    this.parts = parts;
    this.lines = [];
    this.open_groups = new Map(); /* direction and type -> line that still takes events */
    this.total = 0;
    this.zero = performance.now();
    parts.filter.oninput = () => this.#filter_all();
    parts.direction.onchange = () => this.#filter_all();
  }

  /* Times count from here. */
  start(at) {
    this.zero = at;
  }

  clear() {
    this.lines = [];
    this.open_groups.clear();
    this.total = 0;
    this.parts.list.replaceChildren();
    this.#count();
  }

  add(event, direction, at) {
    this.total++;
    const name = `${direction} ${event.type}`;
    const group = this.open_groups.get(name);
    if (group)
      this.#grow(group, event, at);
    else
      this.#append(name, event, direction, at);
    this.#count();
  }

  /* To the newest: a list that was not shown has not scrolled. */
  to_end() {
    this.parts.scroll.scrollTop = this.parts.scroll.scrollHeight;
  }

  /* All that is kept, one JSON object a line. */
  as_text() {
    return this.lines.map((line) => JSON.stringify({
      at_ms: Math.round(line.at - this.zero), direction: line.direction, count: line.count,
      event: JSON.parse(readable(line.event)),
    })).join("\n") + "\n";
  }

  #append(name, event, direction, at) {
    const line = { event, direction, at, last: at, count: 1, ms: 0, text: "" };
    if (HOT.has(event.type))
      this.open_groups.set(name, line);
    else
      this.#close_groups(event.type);
    this.#build(line);
    this.#gather(line, event);
    this.lines.push(line);
    const { scroll } = this.parts;
    const follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
    this.parts.list.append(line.node);
    if (this.lines.length > MOST_LINES)
      this.lines.shift().node.remove();
    this.#filter(line);
    if (follows)
      scroll.scrollTop = scroll.scrollHeight;
  }

  /* Sound sent goes on beside an answer; only news of the same kind begins a new line. */
  #close_groups(type) {
    for (const [name, line] of this.open_groups)
      if (family(line.event.type) === family(type))
        this.open_groups.delete(name);
  }

  #build(line) {
    line.node = element("li", "event");
    line.node.dataset.direction = line.direction;
    line.node.dataset.kind = family(line.event.type);
    const details = element("details");
    const head = element("summary");
    line.words = element("span", "gist");
    const way = element("span", "way", line.direction === "out" ? "↑" : "↓");
    way.title = line.direction === "out" ? "sent" : "received";
    way.setAttribute("aria-label", way.title);
    way.setAttribute("role", "img");
    head.append(element("time", "", this.#time(line.at)), way, element("span", "type", line.event.type), line.words);
    details.append(head);
    details.ontoggle = () => details.open && this.#fill(line, details);
    line.node.append(details);
  }

  #time(at) {
    return ((at - this.zero) / 1000).toFixed(3);
  }

  /* The body is made when it is first looked at. */
  #fill(line, details) {
    line.body ??= details.appendChild(element("pre"));
    const many = line.count > 1 ? `${line.count} events until ${this.#time(line.last)}; the first:\n` : "";
    line.body.textContent = many + readable(line.event) + (line.count > 1 && line.text ? `\n\nall words: ${line.text}` : "");
  }

  #grow(line, event, at) {
    line.count++;
    line.last = at;
    this.#gather(line, event);
  }

  #gather(line, event) {
    const sound = sound_of(event);
    if (sound !== undefined)
      line.ms += base64_ms(sound);
    else if (HOT.has(event.type))
      line.text = (line.text + (event.delta ?? "")).slice(0, MOST_TEXT);
    const times = line.count > 1 ? `×${line.count} ` : "";
    line.words.textContent = times + (line.ms ? `${(line.ms / 1000).toFixed(2)} s of sound` : HOT.has(event.type) ? line.text : gist(event));
  }

  #count() {
    this.parts.count.textContent = this.total ? String(this.total) : "";
    this.parts.empty.hidden = this.lines.length > 0;
  }

  #filter_all() {
    for (const line of this.lines)
      this.#filter(line);
  }

  #filter(line) {
    const wanted = this.parts.filter.value.trim().toLowerCase();
    const way = this.parts.direction.value;
    const fits = (!way || way === line.direction)
      && (!wanted || `${line.event.type} ${line.words.textContent}`.toLowerCase().includes(wanted));
    line.node.hidden = !fits;
  }
}
