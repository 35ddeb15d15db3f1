// SPDX-License-Identifier: Apache-2.0
/*
 * A service that hears and speaks as the real one does, in real time: it finds the user's turns by loudness, answers
 * each with sound that is sent as fast as it plays, calls tools in the middle of an answer, and stops when the user
 * speaks. Every 100 ms of its sound carry a number, so that a client can tell when the same piece was sent.
 *
 *     connection.speaker.plan = (turn) => [{call_id, name, arguments}]      what it calls in a turn, from 0;
 *                                                                           with is_repeated it tells of it twice
 */
import { start_openai } from "./fake_openai.mjs";

export const FRAME_MS = 100;
const FRAME_BYTES = 4800; /* 16 bits, 24 kHz */
const LOUD = 2000;
const EDGE_FRAMES = 2; /* of speech or silence until a turn begins or ends */
const BEFORE_CALLS = 3; /* frames of an answer */
const AFTER_CALLS = 15;
const FOLLOW_UP = 8;
const TURN_DETECTED = { type: "cancelled", reason: "turn_detected" };

const frame_of = (level) => {
  const samples = Int16Array.from({ length: FRAME_BYTES / 2 }, (_, i) => (i % 2 === 0 ? level : -level));
  return Buffer.from(samples.buffer).toString("base64");
};

/* What a client's microphone brings in 100 ms. */
export const SPEECH = frame_of(LOUD * 2);
export const SILENCE = frame_of(0);

const is_loud = (audio) => Math.abs(Buffer.from(audio.slice(0, 8), "base64").readInt16LE(0)) > LOUD;

/* Which piece of the service's sound this is. */
export const number_of = (audio) => Buffer.from(audio.slice(0, 8), "base64").readUInt32LE(0);

class Speaker {
  constructor(service, connection) {
    this.service = service;
    this.connection = connection;
    this.plan = () => [];
    this.edge = 0; /* frames in a row unlike the state */
    this.speech = null; /* the item of a turn that is being spoken */
    this.running = null;
    this.turns = 0;
    this.refused = []; /* response.create during a response */
  }

  hear(audio) {
    const is_edge = is_loud(audio) !== (this.speech !== null);
    this.edge = is_edge ? this.edge + 1 : 0;
    if (this.edge < EDGE_FRAMES)
      return;
    this.edge = 0;
    if (this.speech === null)
      this.begin_turn();
    else
      this.end_turn();
  }

  begin_turn() {
    this.speech = this.connection.id("item");
    if (this.running)
      this.running.is_cancelled = true;
    this.connection.send({ type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: this.speech });
  }

  end_turn() {
    const item_id = this.speech;
    this.speech = null;
    this.connection.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 0, item_id });
    this.connection.send({ type: "input_audio_buffer.committed", previous_item_id: null, item_id });
    this.connection.item({ id: item_id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
    this.answer(this.plan(this.turns++));
  }

  create(event) {
    if (this.running) {
      this.refused.push(event);
      this.connection.error({ code: "conversation_already_has_active_response", message: "A response is running.", event_id: event.event_id });
      return;
    }
    this.respond(async (run) => { await this.speak(run, 0, FOLLOW_UP); });
  }

  answer(calls) {
    this.respond(async (run) => {
      await this.speak(run, 0, calls.length > 0 ? BEFORE_CALLS : BEFORE_CALLS + AFTER_CALLS);
      for (const [i, call] of calls.entries())
        this.call(run, i + 1, call);
      if (calls.length > 0)
        await this.speak(run, calls.length + 1, AFTER_CALLS);
    });
  }

  async respond(work) {
    const before = this.ended; /* a response ends before the next one begins */
    const response = { object: "realtime.response", id: this.connection.id("resp"), status: "in_progress", status_details: null, output: [],
      conversation_id: "conv_1", output_modalities: ["audio"], usage: null, metadata: null };
    const run = { response, output: [], is_cancelled: false, next_at: 0 };
    this.running = run;
    this.ended = (async () => {
      await before;
      this.connection.send({ type: "response.created", response });
      run.next_at = performance.now();
      await work(run);
      if (this.running === run)
        this.running = null;
      this.connection.done(response, run.output, run.is_cancelled ? { status: "cancelled", status_details: TURN_DETECTED } : {});
    })();
  }

  open(run, output_index, item) {
    this.connection.send({ type: "response.output_item.added", response_id: run.response.id, output_index, item });
    this.connection.send({ type: "conversation.item.added", previous_item_id: null, item });
  }

  close(run, output_index, item) {
    run.output.push(item);
    this.connection.send({ type: "conversation.item.done", previous_item_id: null, item });
    this.connection.send({ type: "response.output_item.done", response_id: run.response.id, output_index, item });
  }

  call(run, output_index, { call_id, name, arguments: args, is_repeated = false }) {
    if (run.is_cancelled)
      return;
    const item = { id: this.connection.id("item"), object: "realtime.item", type: "function_call", call_id, name };
    const place = { response_id: run.response.id, item_id: item.id, output_index, call_id };
    this.open(run, output_index, { ...item, status: "in_progress", arguments: "" });
    this.connection.send({ type: "response.function_call_arguments.delta", ...place, delta: args });
    this.connection.send({ type: "response.function_call_arguments.done", ...place, name, arguments: args });
    const done = { ...item, status: "completed", arguments: args };
    this.close(run, output_index, done);
    if (is_repeated)
      this.connection.send({ type: "response.output_item.done", response_id: run.response.id, output_index, item: done });
    this.service.called.set(call_id, { outputs: [], later: [] });
  }

  async speak(run, output_index, frames) {
    if (run.is_cancelled)
      return;
    const item = { id: this.connection.id("item"), object: "realtime.item", type: "message", role: "assistant", status: "in_progress", content: [] };
    const place = { response_id: run.response.id, item_id: item.id, output_index, content_index: 0 };
    this.open(run, output_index, item);
    this.connection.send({ type: "response.content_part.added", ...place, part: { type: "output_audio", transcript: "" } });
    for (let i = 0; i < frames && !run.is_cancelled; i++, await this.pace(run))
      this.connection.send({ type: "response.output_audio.delta", ...place, delta: this.service.next_frame() });
    this.connection.send({ type: "response.output_audio.done", ...place });
    this.connection.send({ type: "response.output_audio_transcript.done", ...place, transcript: "So it is." });
    this.connection.send({ type: "response.content_part.done", ...place, part: { type: "output_audio", transcript: "So it is." } });
    this.close(run, output_index, { ...item, status: run.is_cancelled ? "incomplete" : "completed", content: [{ type: "output_audio", transcript: "So it is." }] });
  }

  /* Until the next frame is due, whatever the last one took. */
  pace(run) {
    run.next_at += FRAME_MS;
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, run.next_at - performance.now())));
  }

  take(item) {
    const words = item.content?.[0]?.text ?? "";
    const background = words.match(/\((call_\w+)\) has (?:finished|failed)/);
    if (item.type === "function_call_output")
      this.told(item.call_id).outputs.push(item.output);
    else if (background)
      this.told(background[1]).later.push(words);
    this.connection.item(item);
  }

  told(call_id) {
    const { called } = this.service;
    if (!called.has(call_id))
      called.set(call_id, { outputs: [], later: [] });
    return called.get(call_id);
  }
}

/* Gives a service with `url`, `called` (call_id → {outputs, later: what was told of it otherwise}) and `sent_at(number)`. */
export async function start_spoken() {
  const service = { called: new Map(), frames: [] };
  const frame = Buffer.alloc(FRAME_BYTES);
  service.next_frame = () => {
    frame.writeUInt32LE(service.frames.length, 0);
    service.frames.push(performance.now());
    return frame.toString("base64");
  };
  service.sent_at = (number) => service.frames[number];
  service.openai = await start_openai({
    greet: (connection) => {
      connection.speaker = new Speaker(service, connection);
      connection.log.push = () => {}; /* five minutes of sound are not kept */
      connection.created();
    },
    on: {
      "input_audio_buffer.append": ({ speaker }, { audio }) => speaker.hear(audio),
      "conversation.item.create": ({ speaker }, { item }) => speaker.take(item),
      "conversation.item.truncate": (connection, { item_id, content_index, audio_end_ms }) =>
        connection.send({ type: "conversation.item.truncated", item_id, content_index, audio_end_ms }),
      "response.create": ({ speaker }, event) => speaker.create(event),
    },
  });
  service.url = service.openai.base_url;
  service.stop = () => service.openai.stop();
  return service;
}
