/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transcript, written like a script: who, what. Entries are found by item id (or call id), may
 * grow while words come in, and are spoken to the live region once, when they are final.
 */

import { element } from "./dom.js";
import { duration } from "./duration.js";

const MOST_ENTRIES = 400;

const GOOD_ENDS = new Set(["ok", "done", "completed", "success"]);

function pretty(json_text) {
  try {
    return JSON.stringify(JSON.parse(json_text), null, 2);
  } catch {
    return String(json_text ?? "");
  }
}

/* {"a":2,"b":"x"} as "a: 2, b: x", short enough for one line. */
function brief_arguments(json_text) {
  try {
    const pairs = Object.entries(JSON.parse(json_text || "{}"));
    const text = pairs.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
    return text.length > 80 ? `${text.slice(0, 79)}…` : text;
  } catch {
    return "";
  }
}

function text_of(item) {
  return (item.content ?? []).map((part) => part.text ?? part.transcript ?? "").join("").trim();
}

export class Conversation {
  /* parts: {list, scroll, welcome}; announce(text) speaks to the live region. */
  constructor(parts, announce) {
    this.parts = parts;
    this.announce = announce;
    this.entries = new Map(); /* item id or call id -> entry */
    this.agent = "agent";
  }

  /* A line across the script, such as the start of a session. */
  divider(text) {
    this.#show(element("li", "divider", text));
  }

  /* The user has begun to speak; the words come later. */
  listening(item_id) {
    const entry = this.#entry(item_id, "user", "You");
    entry.node.dataset.live = "listening";
  }

  /* A message that entered the conversation or became final. */
  message(item, is_final) {
    if (item.role === "system")
      return;
    const is_user = item.role === "user";
    const is_spoken = (item.content ?? []).some((part) => part.type === "input_audio");
    const entry = this.#entry(item.id, is_user ? "user" : "agent", is_user ? "You" : this.agent);
    const text = text_of(item);
    if (text)
      this.#set_text(entry, text);
    if (is_user)
      this.#user_arrived(entry, is_spoken && !text);
    else if (is_final)
      this.#agent_final(entry, item.status);
  }

  #user_arrived(entry, waits_for_words) {
    if (waits_for_words) {
      entry.node.dataset.live = "writing";
      return;
    }
    delete entry.node.dataset.live;
    this.#announce_once(entry, "You");
  }

  #agent_final(entry, status) {
    delete entry.node.dataset.live;
    if (status === "incomplete" && !entry.is_cut)
      this.#meta(entry, "not finished");
    this.#announce_once(entry, this.agent);
  }

  /* Words of an answer, as they come. */
  answer_delta(item_id, delta) {
    const entry = this.#entry(item_id, "agent", this.agent);
    entry.node.dataset.live = "writing";
    this.#set_text(entry, entry.text + delta);
  }

  answer_text(item_id, text) {
    this.#set_text(this.#entry(item_id, "agent", this.agent), text);
  }

  /* What the user said, as the recogniser writes it down. */
  heard_delta(item_id, delta) {
    const entry = this.#entry(item_id, "user", "You");
    this.#set_text(entry, entry.text + delta);
  }

  heard_text(item_id, text) {
    const entry = this.#entry(item_id, "user", "You");
    delete entry.node.dataset.live;
    this.#set_text(entry, text.trim());
    if (!entry.text)
      this.#meta(entry, "nothing understood");
    this.#announce_once(entry, "You");
  }

  heard_nothing(item_id, why) {
    const entry = this.#entry(item_id, "user", "You");
    delete entry.node.dataset.live;
    this.#meta(entry, `could not be written down${why ? `: ${why}` : ""}`);
  }

  /* Spoken words without a recogniser: say so rather than wait for ever. */
  settle_unheard() {
    for (const entry of this.entries.values())
      if (entry.role === "user" && entry.node.dataset.live && !entry.text) {
        delete entry.node.dataset.live;
        this.#meta(entry, "spoken; no transcript");
      }
  }

  /* An answer of which only part was heard. The words are placed by the share of sound that was played. */
  cut(item_id, heard_ms, received_ms) {
    const entry = this.entries.get(item_id);
    if (!entry || entry.is_cut)
      return;
    entry.is_cut = true;
    delete entry.node.dataset.live;
    const share = received_ms > 0 ? heard_ms / received_ms : 0;
    const at = share >= 1 ? entry.text.length : entry.text.lastIndexOf(" ", Math.round(entry.text.length * share) + 1);
    const heard = entry.text.slice(0, Math.max(0, at));
    entry.words.replaceChildren(heard, element("s", "unheard", entry.text.slice(heard.length)));
    this.#meta(entry, `interrupted after ${duration(heard_ms)} of ${duration(received_ms)}`);
  }

  /* A tool call: {call_id, name, arguments, by_server}. */
  tool_started(call) {
    if (this.entries.has(call.call_id)) {
      this.#tool_head(this.entries.get(call.call_id), call);
      return;
    }
    const entry = this.#entry(call.call_id, "tool", "tool");
    entry.node.dataset.live = "running";
    const details = element("details", "call");
    entry.head = element("summary");
    entry.input = element("pre");
    entry.output = element("pre", "output");
    entry.output.hidden = true;
    details.append(entry.head, entry.input, entry.output);
    entry.words.replaceWith(details);
    this.#tool_head(entry, call);
  }

  #tool_head(entry, call) {
    entry.call = { ...entry.call, ...call };
    const given = brief_arguments(entry.call.arguments);
    const name = element("b", "", entry.call.name ?? "a tool");
    entry.head.replaceChildren(name, given ? ` ${given}` : "");
    entry.input.textContent = pretty(entry.call.arguments);
    if (entry.result !== undefined)
      entry.head.append(element("span", "result", ` → ${entry.result}`));
    if (entry.call.duration_ms !== undefined)
      entry.head.prepend(element("span", "took", duration(entry.call.duration_ms)));
  }

  /* Its result: {call_id, status, output, duration_ms}; a second one for the same call is ignored. */
  tool_done(done) {
    const entry = this.entries.get(done.call_id);
    if (!entry?.head || entry.result !== undefined)
      return;
    delete entry.node.dataset.live;
    const output = typeof done.output === "string" ? done.output : JSON.stringify(done.output ?? "");
    entry.result = output.length > 90 ? `${output.slice(0, 89)}…` : output;
    entry.output.textContent = pretty(output);
    entry.output.hidden = false;
    this.#tool_head(entry, done.duration_ms === undefined ? {} : { duration_ms: done.duration_ms });
    if (done.status && !GOOD_ENDS.has(done.status)) {
      entry.node.dataset.bad = "";
      this.#meta(entry, done.status);
    }
    this.announce(`Tool ${entry.call.name}: ${entry.result}`);
  }

  /* A tool that waits for a word of the user; answer(true or false), once. */
  approval(item, answer) {
    if (this.entries.has(item.id))
      return;
    const entry = this.#entry(item.id, "tool", "allow?");
    const given = brief_arguments(item.arguments);
    this.#set_text(entry, `${item.name}${given ? ` ${given}` : ""}`);
    const choices = element("p", "choices");
    for (const [label, approves] of [["Allow", true], ["Refuse", false]]) {
      const button = element("button", approves ? "primary" : "", label);
      button.addEventListener("click", () => {
        choices.remove();
        this.#meta(entry, approves ? "allowed" : "refused");
        answer(approves);
      });
      choices.append(button);
    }
    entry.body.append(choices);
    this.announce(`The tool ${entry.text} waits for your word: allow or refuse.`);
    this.#follow();
  }

  remove(item_id) {
    this.entries.get(item_id)?.node.remove();
    this.entries.delete(item_id);
  }

  /* Bring an entry into view and mark it for a moment. */
  point_at(ids) {
    const entry = ids.map((id) => this.entries.get(id)).find(Boolean);
    if (!entry)
      return;
    entry.node.scrollIntoView({ block: "center" });
    entry.node.classList.add("pointed");
    setTimeout(() => entry.node.classList.remove("pointed"), 1500);
  }

  #entry(id, role, name) {
    const known = this.entries.get(id);
    if (known)
      return known;
    const node = element("li", "entry");
    node.dataset.role = role;
    node.dataset.itemId = id;
    const words = element("p", "words");
    const body = element("div", "what");
    body.append(words);
    node.append(element("span", "who", name), body);
    const entry = { id, role, node, body, words, text: "", is_cut: false, is_announced: false };
    this.entries.set(id, entry);
    this.#show(node);
    this.#forget_old();
    return entry;
  }

  #forget_old() {
    if (this.entries.size > MOST_ENTRIES)
      this.remove(this.entries.keys().next().value);
  }

  #set_text(entry, text) {
    if (entry.is_cut)
      return;
    entry.text = text;
    entry.words.textContent = text;
    this.#follow();
  }

  #meta(entry, text) {
    entry.meta ??= entry.body.appendChild(element("p", "meta"));
    entry.meta.textContent = text;
    entry.meta.hidden = text === "";
    this.#follow();
  }

  #announce_once(entry, who) {
    if (entry.is_announced || !entry.text)
      return;
    entry.is_announced = true;
    this.announce(`${who}: ${entry.text}`);
  }

  #show(node) {
    this.parts.welcome.hidden = true;
    this.parts.list.append(node);
    this.#follow();
  }

  /* Stay at the end, unless the reader has scrolled up. */
  #follow() {
    const { scroll } = this.parts;
    if (scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 160)
      scroll.scrollTop = scroll.scrollHeight;
  }
}
