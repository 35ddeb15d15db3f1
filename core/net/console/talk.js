/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One conversation as its client sees it: what each event means for the transcript and the
 * loudspeaker, when to interrupt, when to ask for an answer.
 *
 * Interruption, whatever caused it: silence the loudspeaker, ask it what was really heard of each
 * item, tell the server (conversation.item.truncate), and drop sound of that response still on its way.
 */

import { encode_pcm } from "./pcm.js";

const MOST_DROPPED = 50;

/* Errors that ordinary interruption races bring; nobody needs to read them. */
const HARMLESS = new Set(["response_cancel_not_active", "item_truncate_invalid_item_id", "input_audio_buffer_commit_empty"]);

export class Talk {
  /*
   * parts: {realtime, speaker, conversation, turns}
   * hooks: changed() when the phase may be another, trouble(words), ready(session).
   */
  constructor(parts, hooks) {
    Object.assign(this, parts);
    this.hooks = hooks;
    this.reset();
  }

  reset() {
    this.session = null;
    this.user_speaks = false;
    this.responses = new Set(); /* ids of those running */
    this.dropped = new Set(); /* ids whose further sound is not wanted */
    this.playing = new Map(); /* item id -> {response_id, content_index} */
    this.tools = new Map(); /* call id -> name, while running */
    this.create_later = false;
    this.speaker.flush();
  }

  /* "connecting", "user", "tool", "speaking", "thinking" or "ready". */
  get phase() {
    if (!this.session)
      return "connecting";
    if (this.user_speaks)
      return "user";
    if (this.speaker.is_playing)
      return "speaking";
    if (this.tools.size)
      return "tool";
    return this.responses.size ? "thinking" : "ready";
  }

  get can_stop() {
    return this.responses.size > 0 || this.speaker.is_playing;
  }

  /* Without turn detection the user says when to answer. */
  get is_manual() {
    return this.session !== null && this.session.audio?.input?.turn_detection === null;
  }

  /* ---- what the user does ---- */

  async say(text) {
    if (this.can_stop)
      await this.stop();
    this.realtime.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    this.#want_answer();
  }

  hear(samples) {
    this.realtime.send({ type: "input_audio_buffer.append", audio: encode_pcm(samples) });
  }

  commit() {
    this.realtime.send({ type: "input_audio_buffer.commit" });
    this.#want_answer();
  }

  async stop() {
    if (this.responses.size)
      this.realtime.send({ type: "response.cancel" });
    for (const id of this.responses)
      this.#drop(id);
    await this.#interrupt();
  }

  /* Only one response may run: a second waits for the end of the first. */
  #want_answer() {
    this.create_later = this.responses.size > 0;
    if (!this.create_later)
      this.realtime.send({ type: "response.create" });
    this.hooks.changed();
  }

  #drop(response_id) {
    this.dropped.add(response_id);
    if (this.dropped.size > MOST_DROPPED)
      this.dropped.delete(this.dropped.values().next().value);
  }

  async #interrupt() {
    for (const { response_id } of this.playing.values())
      this.#drop(response_id);
    const heard = await this.speaker.flush();
    for (const part of heard)
      this.#truncate(part, performance.now());
    this.hooks.changed();
  }

  #truncate({ item, heard_ms, received_ms }, at) {
    const content_index = this.playing.get(item)?.content_index ?? 0;
    this.playing.delete(item);
    this.realtime.send({ type: "conversation.item.truncate", item_id: item, content_index, audio_end_ms: heard_ms });
    this.conversation.cut(item, heard_ms, received_ms);
    this.turns.cut(item, heard_ms, at);
  }

  /* ---- what the server says ---- */

  receive(event) {
    HANDLERS[event.type]?.call(this, event);
    this.hooks.changed();
  }

  ended_playing(item_id) {
    this.playing.delete(item_id);
    this.hooks.changed();
  }

  session_shown({ session }) {
    const is_first = this.session === null;
    this.session = session ?? {};
    if (!is_first)
      return;
    this.#ask_for_pcm();
    this.hooks.ready(this.session);
  }

  /* The page records and plays 24 kHz PCM; an agent may be set up for a telephone. */
  #ask_for_pcm() {
    const { input, output } = this.session.audio ?? {};
    const format = { type: "audio/pcm", rate: 24000 };
    const is_pcm = (side) => (side?.format?.type ?? "audio/pcm") === "audio/pcm";
    if (!is_pcm(input) || !is_pcm(output))
      this.realtime.send({ type: "session.update", session: { type: "realtime", audio: { input: { format }, output: { format } } } });
  }

  speech_started(event) {
    this.user_speaks = true;
    if (event.item_id)
      this.conversation.listening(event.item_id);
    if (this.session?.audio?.input?.turn_detection?.interrupt_response !== false)
      this.#interrupt();
  }

  speech_stopped() {
    this.user_speaks = false;
  }

  item_changed({ type, item }) {
    if (item?.type === "message")
      this.conversation.message(item, type === "conversation.item.done");
    else if (item?.type === "function_call_output")
      this.#tool_ended({ call_id: item.call_id, output: item.output });
    else if (item?.type === "mcp_approval_request" && type === "conversation.item.done")
      this.conversation.approval(item, (approve) => this.#approve(item.id, approve));
  }

  #approve(id, approve) {
    this.realtime.send({
      type: "conversation.item.create",
      item: { type: "mcp_approval_response", approval_request_id: id, approve },
    });
  }

  output_item_done({ item }) {
    if (item?.type !== "function_call")
      return;
    this.conversation.tool_started(item);
  }

  tool_call_started(event) {
    this.tools.set(event.call_id, event.name);
    this.conversation.tool_started(event);
  }

  tool_call_done(event) {
    this.#tool_ended(event);
  }

  #tool_ended(done) {
    this.tools.delete(done.call_id);
    this.conversation.tool_done(done);
  }

  response_created({ response }) {
    this.responses.add(response.id);
  }

  audio_delta(event) {
    if (this.dropped.has(event.response_id))
      return;
    this.playing.set(event.item_id, { response_id: event.response_id, content_index: event.content_index ?? 0 });
    this.speaker.push(event.item_id, event.delta);
  }

  audio_done({ item_id }) {
    this.speaker.end(item_id);
  }

  answer_delta({ item_id, delta }) {
    this.conversation.answer_delta(item_id, delta);
  }

  answer_text({ item_id, transcript, text }) {
    this.conversation.answer_text(item_id, transcript ?? text ?? "");
  }

  heard_delta({ item_id, delta }) {
    this.conversation.heard_delta(item_id, delta ?? "");
  }

  heard_text({ item_id, transcript }) {
    this.conversation.heard_text(item_id, transcript ?? "");
  }

  heard_nothing({ item_id, error }) {
    this.conversation.heard_nothing(item_id, error?.message);
  }

  item_deleted({ item_id }) {
    this.conversation.remove(item_id);
  }

  response_done({ response }) {
    this.responses.delete(response.id);
    for (const [item_id, { response_id }] of this.playing)
      if (response_id === response.id)
        this.speaker.end(item_id);
    if (response.status === "failed")
      this.hooks.trouble(response.status_details?.error?.message ?? "The answer failed.");
    else if (response.status === "incomplete")
      this.hooks.trouble(`The answer was cut short: ${response.status_details?.reason ?? "no reason given"}.`);
    if (this.create_later && this.responses.size === 0)
      this.#want_answer();
  }

  error({ error }) {
    if (!HARMLESS.has(error?.code))
      this.hooks.trouble(error?.message ?? error?.code ?? "The server reported an error without words.");
  }
}

const HANDLERS = {
  "session.created": Talk.prototype.session_shown,
  "session.updated": Talk.prototype.session_shown,
  "input_audio_buffer.speech_started": Talk.prototype.speech_started,
  "input_audio_buffer.speech_stopped": Talk.prototype.speech_stopped,
  "input_audio_buffer.committed": Talk.prototype.speech_stopped,
  "conversation.item.added": Talk.prototype.item_changed,
  "conversation.item.done": Talk.prototype.item_changed,
  "conversation.item.retrieved": Talk.prototype.item_changed,
  "conversation.item.deleted": Talk.prototype.item_deleted,
  "conversation.item.input_audio_transcription.delta": Talk.prototype.heard_delta,
  "conversation.item.input_audio_transcription.completed": Talk.prototype.heard_text,
  "conversation.item.input_audio_transcription.failed": Talk.prototype.heard_nothing,
  "response.created": Talk.prototype.response_created,
  "response.output_item.done": Talk.prototype.output_item_done,
  "response.output_audio.delta": Talk.prototype.audio_delta,
  "response.output_audio.done": Talk.prototype.audio_done,
  "response.output_audio_transcript.delta": Talk.prototype.answer_delta,
  "response.output_audio_transcript.done": Talk.prototype.answer_text,
  "response.output_text.delta": Talk.prototype.answer_delta,
  "response.output_text.done": Talk.prototype.answer_text,
  "response.done": Talk.prototype.response_done,
  "parley.tool_call.started": Talk.prototype.tool_call_started,
  "parley.tool_call.done": Talk.prototype.tool_call_done,
  "error": Talk.prototype.error,
};
