/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turns of a conversation and their times, gathered from the events of both directions and from
 * the loudspeaker. No page, no clock of its own: every call says when.
 *
 * A turn's zero is the moment its user fell silent (or pressed Send); all else is measured from there.
 * The server knows of that moment only after the silence that its turn detection waits for, and the
 * user waits through that silence too, so it counts.
 *
 *   speech_started, typed message    begin a turn
 *   response.created                 belongs to the turn, unless that has had its whole answer: then
 *                                    the agent speaks unasked, which is a turn too
 *   tool calls, deltas, playback     fill it
 */

import { base64_ms } from "./pcm.js";

const MOST_TURNS = 200;

function new_turn(number, kind, at) {
  return {
    number, kind, /* "spoken", "typed" or "unasked" */
    start_at: at, zero_at: kind === "spoken" ? null : at,
    speech_from_ms: null, speech_ms: 0, silence_ms: 0,
    items: new Set(), user_item: null, tools: new Map(),
    response: null, status: null, follow_up: false,
    first_text_at: null, first_audio_at: null, audio_ms: 0,
    play_from: null, play_to: null, cut_at: null, heard_ms: null,
    done_at: null, usage: null, server: null,
  };
}

const is_user_message = (item) => item?.type === "message" && item.role === "user";

export class Turns {
  /* changed(turn) is called whenever a turn has news. */
  constructor(changed) {
    this.changed = changed;
    this.list = [];
    this.made = 0;
    this.silence_ms = 0; /* that ends a turn, as far as the session says */
  }

  get current() {
    return this.list.at(-1) ?? null;
  }

  clear() {
    this.list = [];
    this.made = 0;
  }

  of_item(item_id) {
    return this.list.findLast((turn) => turn.items.has(item_id)) ?? null;
  }

  event(event, direction, at) {
    const turn = direction === "out" ? this.#sent(event, at) : this.#received(event, at);
    if (turn)
      this.changed(turn);
  }

  play_started(item_id, at) {
    this.#change(this.of_item(item_id), (turn) => {
      turn.play_from ??= at;
      turn.play_to = null;
    });
  }

  play_ended(item_id, at) {
    this.#change(this.of_item(item_id), (turn) => { turn.play_to = at; });
  }

  /* The item's sound was cut off after heard_ms. */
  cut(item_id, heard_ms, at) {
    this.#change(this.of_item(item_id), (turn) => {
      turn.cut_at = at;
      turn.heard_ms = (turn.heard_ms ?? 0) + heard_ms;
      turn.play_to = turn.play_from === null ? null : at;
    });
  }

  #change(turn, how) {
    if (!turn)
      return;
    how(turn);
    this.changed(turn);
  }

  #begin(kind, at) {
    this.list.push(new_turn(++this.made, kind, at));
    if (this.list.length > MOST_TURNS)
      this.list.shift();
    return this.current;
  }

  #sent(event, at) {
    if (event.type !== "conversation.item.create")
      return null;
    if (is_user_message(event.item))
      return this.#begin("typed", at);
    return event.item?.type === "function_call_output" ? this.#tool_answered(event.item, at) : null;
  }

  #received(event, at) {
    switch (event.type) {
      case "session.created":
      case "session.updated": return this.#session(event.session);
      case "input_audio_buffer.speech_started": return this.#speech_started(event, at);
      case "input_audio_buffer.speech_stopped": return this.#speech_stopped(event, at);
      case "input_audio_buffer.committed": return this.#committed(event, at);
      case "conversation.item.added": return this.#item_added(event.item, at);
      case "response.created": return this.#response_created(event.response, at);
      case "response.output_item.added": return this.#output_item(event.item);
      case "response.output_item.done": return this.#output_item_done(event.item, at);
      case "response.output_text.delta":
      case "response.output_audio_transcript.delta": return this.#text(at);
      case "response.output_audio.delta": return this.#audio(event, at);
      case "response.done": return this.#response_done(event.response, at);
      case "parley.tool_call.started": return this.#tool_started(event, at, true);
      case "parley.tool_call.done": return this.#tool_done(event, at);
      case "parley.turn.done": return this.#server_figures(event);
      default: return null;
    }
  }

  #session(session) {
    const detection = session?.audio?.input?.turn_detection;
    this.silence_ms = detection?.type === "server_vad" ? (detection.silence_duration_ms ?? 0) : 0;
    return null;
  }

  /* A pause in which nothing was answered yet goes on with the same turn. */
  #speech_started(event, at) {
    const waits = this.current?.kind === "spoken" && this.current.response === null;
    const turn = waits ? this.current : this.#begin("spoken", at);
    turn.zero_at = null;
    turn.speech_from_ms ??= event.audio_start_ms ?? null;
    turn.user_item = event.item_id ?? null;
    return turn;
  }

  #speech_stopped(event, at) {
    const turn = this.current;
    if (turn?.kind !== "spoken")
      return null;
    const whole_ms = turn.speech_from_ms === null || event.audio_end_ms === undefined
      ? at - turn.start_at : Math.max(0, event.audio_end_ms - turn.speech_from_ms);
    turn.silence_ms = Math.min(this.silence_ms, whole_ms);
    turn.speech_ms = whole_ms - turn.silence_ms;
    turn.zero_at = at - turn.silence_ms;
    return turn;
  }

  /* Without turn detection the commit is where the user's speech ends. */
  #committed(event, at) {
    let turn = this.current;
    if (turn === null || turn.kind !== "spoken" || turn.response !== null)
      turn = this.#begin("spoken", at);
    turn.zero_at ??= at;
    turn.user_item = event.item_id ?? turn.user_item;
    return turn;
  }

  #item_added(item, at) {
    if (is_user_message(item) && this.current && this.current.user_item === null)
      this.current.user_item = item.id ?? null;
    return item?.type === "function_call_output" ? this.#tool_answered(item, at) : null;
  }

  #has_whole_answer(turn) {
    const speaks = turn.first_text_at !== null || turn.first_audio_at !== null;
    const works = [...turn.tools.values()].some((tool) => tool.done_at === null);
    return turn.done_at !== null && speaks && !turn.follow_up && !works;
  }

  #response_created(response, at) {
    let turn = this.current;
    if (turn === null || this.#has_whole_answer(turn))
      turn = this.#begin("unasked", at);
    turn.response = response?.id ?? "";
    turn.zero_at ??= at;
    turn.done_at = null;
    turn.follow_up = false;
    return turn;
  }

  #output_item(item) {
    if (!this.current || !item?.id)
      return null;
    this.current.items.add(item.id);
    return this.current;
  }

  #output_item_done(item, at) {
    if (item?.type !== "function_call")
      return null;
    return this.#tool_started(item, at, false);
  }

  #text(at) {
    if (!this.current || this.current.first_text_at !== null)
      return null;
    this.current.first_text_at = at;
    return this.current;
  }

  #audio(event, at) {
    const turn = this.of_item(event.item_id) ?? this.current;
    if (!turn)
      return null;
    turn.items.add(event.item_id);
    turn.audio_ms += base64_ms(event.delta ?? "");
    const is_first = turn.first_audio_at === null;
    turn.first_audio_at ??= at;
    return is_first ? turn : null;
  }

  #response_done(response, at) {
    const turn = this.list.findLast((t) => t.response === response?.id) ?? this.current;
    if (!turn)
      return null;
    turn.done_at = at;
    turn.status = response?.status ?? null;
    turn.usage = response?.usage ?? turn.usage;
    return turn;
  }

  #tool_started(call, at, by_server) {
    const turn = this.current;
    if (!turn || !call.call_id)
      return null;
    const tool = turn.tools.get(call.call_id);
    if (tool)
      tool.by_server ||= by_server;
    else
      turn.tools.set(call.call_id, { name: call.name, start_at: at, done_at: null, status: null, ms: null, by_server });
    return turn;
  }

  #tool(call_id) {
    const turn = this.list.findLast((t) => t.tools.has(call_id));
    return [turn ?? null, turn?.tools.get(call_id)];
  }

  #tool_done(event, at) {
    const [turn, tool] = this.#tool(event.call_id);
    if (!tool)
      return null;
    tool.done_at ??= at;
    tool.status = event.status ?? null;
    tool.ms = event.duration_ms ?? null;
    turn.follow_up = true;
    return turn;
  }

  #tool_answered(item, at) {
    const [turn, tool] = this.#tool(item.call_id);
    if (!tool || tool.done_at !== null)
      return null;
    tool.done_at = at;
    turn.follow_up = true;
    return turn;
  }

  #server_figures(event) {
    const turn = this.current?.response === null ? this.list.at(-2) : this.current;
    if (!turn)
      return null;
    turn.server = event;
    turn.usage = event.usage ?? turn.usage;
    return turn;
  }
}

/* Milliseconds from the turn's zero to what the user waits for: sound, or text where there is none. */
export function wait_ms(turn) {
  const at = turn.first_audio_at ?? turn.first_text_at;
  return at === null || turn.zero_at === null ? null : at - turn.zero_at;
}

/*
 * The turn as bars: [{kind, from, to, label}] in milliseconds from its zero. While something goes on
 * its bar ends now.
 */
export function bars(turn, now) {
  const zero = turn.zero_at ?? now;
  const list = [];
  const speech_ms = turn.zero_at === null ? now - turn.start_at : turn.speech_ms;
  if (turn.kind === "spoken")
    list.push({ kind: "you", from: -speech_ms, to: 0 });

  const answer_at = turn.play_from ?? turn.first_audio_at ?? turn.first_text_at ?? turn.cut_at ?? turn.done_at;
  if (turn.silence_ms > 0 && turn.zero_at !== null)
    list.push({ kind: "hush", from: 0, to: turn.silence_ms });
  if (turn.zero_at !== null && turn.response !== null)
    list.push({ kind: "think", from: turn.silence_ms, to: Math.max(turn.silence_ms, (answer_at ?? now) - zero) });

  for (const tool of turn.tools.values())
    list.push({ kind: "tool", from: tool.start_at - zero, to: tool_end(tool, turn, now) - zero, label: tool.name });

  if (turn.play_from !== null)
    list.push({ kind: "agent", from: turn.play_from - zero, to: (turn.play_to ?? now) - zero });
  else if (turn.first_audio_at === null && turn.first_text_at !== null)
    list.push({ kind: "text", from: turn.first_text_at - zero, to: (turn.done_at ?? now) - zero });

  if (turn.cut_at !== null) {
    const unheard_ms = Math.max(0, turn.audio_ms - (turn.heard_ms ?? 0));
    list.push({ kind: "unheard", from: turn.cut_at - zero, to: turn.cut_at - zero + unheard_ms });
    list.push({ kind: "cut", from: turn.cut_at - zero, to: turn.cut_at - zero });
  }
  return list;
}

/* The server's own figure where it gave one: the page sees both ends of a quick call at once. */
function tool_end(tool, turn, now) {
  if (tool.ms !== null)
    return tool.start_at + tool.ms;
  return tool.done_at ?? turn.cut_at ?? now;
}

/* Whether the turn's picture still moves with time. */
export function is_going_on(turn) {
  if (turn.zero_at === null)
    return true;
  const plays = turn.play_from !== null && turn.play_to === null;
  return plays || (turn.response !== null && turn.done_at === null);
}
