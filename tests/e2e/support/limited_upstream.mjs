// SPDX-License-Identifier: Apache-2.0
/*
 * A service whose sessions end after a time, and which knows nothing but what was said on the connection that it is
 * asked on: what it answers about the past, it was told. It hears and speaks in real time, as spoken_upstream.mjs does;
 * a client's speech carries the number of what is said.
 *
 *     "The word of turn 3 is walrus."         noted
 *     "What was the word of turn 3?"          "The word of turn 3 was walrus.", when it was told of it
 *     "How much is 3 plus 4?"                 calls calculator, and tells its result
 *     "What came of 3 plus 4?"                the result of that call, when it was told of it
 *
 * Every 100 ms of its sound carry a number.
 */
import { start_openai } from "./fake_openai.mjs";
import { FRAME_MS } from "./spoken_upstream.mjs";

const FRAME_BYTES = 4800; /* 16 bits, 24 kHz */
const LOUD = 8000;
const EDGE_FRAMES = 2; /* of speech or silence until a turn begins or ends */
const ANSWER_FRAMES = 6;

/* 100 ms of a client that says this. */
export function speech_of(number) {
  const samples = Int16Array.from({ length: FRAME_BYTES / 2 }, (_, i) => (i % 2 === 0 ? LOUD : -LOUD));
  samples[1] = number;
  return Buffer.from(samples.buffer).toString("base64");
}

const words_of = (item) => (item.content ?? []).map((part) => part.text ?? part.transcript ?? "").join(" ");

/* What one connection was told, and what follows from it. */
class Memory {
  constructor() {
    this.items = [];
  }

  get last_id() {
    return this.items.at(-1)?.id ?? null;
  }

  find(pattern) {
    return this.items.map((item) => item.role === "user" && words_of(item).match(pattern)).find(Boolean);
  }

  output_of(expression) {
    const call = this.items.find(({ type, arguments: args }) => type === "function_call" && JSON.parse(args).expression === expression);
    return this.items.find(({ type, call_id }) => type === "function_call_output" && call_id === call?.call_id)?.output;
  }

  /* {say} or {call: expression} for what the user said last. */
  answer() {
    const last = this.items.at(-1);
    const said = words_of(this.items.findLast(({ role }) => role === "user") ?? {});
    const [, turn] = said.match(/^What was the word of turn (\d+)\?/) ?? [];
    const [, how, a, b] = said.match(/^(How much is|What came of) (\d+) plus (\d+)\?/) ?? [];
    const expression = `${a} + ${b}`;
    const output = this.output_of(expression);
    if (turn)
      return { say: `The word of turn ${turn} was ${this.find(new RegExp(`^The word of turn ${turn} is (\\w+)`))?.[1] ?? "not told to me"}.` };
    if (how === "How much is" && last.type !== "function_call_output")
      return { call: expression };
    return { say: how ? `It is ${output ?? "not known to me"}.` : "Noted." };
  }
}

class Listener {
  constructor(service, connection) {
    this.service = service;
    this.connection = connection;
    this.memory = new Memory();
    this.edge = 0;
    this.speech = null; /* {id, number} of what is being said */
    this.running = Promise.resolve();
  }

  hear(audio) {
    const samples = new Int16Array(Uint8Array.from(Buffer.from(audio, "base64")).buffer, 0, 2);
    const is_loud = Math.abs(samples[0]) > LOUD / 2;
    if (is_loud && this.speech)
      this.speech.number = samples[1];
    this.edge = is_loud !== (this.speech !== null) ? this.edge + 1 : 0;
    if (this.edge < EDGE_FRAMES)
      return;
    this.edge = 0;
    if (is_loud)
      this.begin_turn(samples[1]);
    else
      this.end_turn();
  }

  begin_turn(number) {
    this.speech = { id: this.connection.id("item"), number };
    this.connection.send({ type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: this.speech.id });
  }

  end_turn() {
    const { id, number } = this.speech;
    const transcript = this.service.words(number);
    this.speech = null;
    this.connection.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 0, item_id: id });
    this.connection.send({ type: "input_audio_buffer.committed", previous_item_id: this.memory.last_id, item_id: id });
    this.add({ id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
    this.memory.items.at(-1).content[0].transcript = transcript;
    this.connection.send({ type: "conversation.item.input_audio_transcription.completed", item_id: id, content_index: 0, transcript,
      usage: { type: "duration", seconds: 1 } });
    this.create();
  }

  add(body) {
    const previous = this.memory.last_id;
    this.memory.items.push(structuredClone(body));
    this.connection.item(body, previous);
  }

  create() {
    this.running = this.running.then(() => this.respond());
  }

  async respond() {
    const { say, call } = this.memory.answer();
    const response = { object: "realtime.response", id: this.connection.id("resp"), status: "in_progress", status_details: null, output: [],
      conversation_id: "conv_1", output_modalities: ["audio"], usage: null, metadata: null };
    this.connection.send({ type: "response.created", response });
    const item = call ? this.call(response, call) : await this.speak(response, say);
    this.connection.done(response, [item]);
    if (call)
      this.service.on_call?.(this.connection);
  }

  open(response, item) {
    this.connection.send({ type: "response.output_item.added", response_id: response.id, output_index: 0, item });
    this.connection.send({ type: "conversation.item.added", previous_item_id: this.memory.last_id, item });
  }

  close(response, item) {
    this.connection.send({ type: "conversation.item.done", previous_item_id: this.memory.last_id, item });
    this.connection.send({ type: "response.output_item.done", response_id: response.id, output_index: 0, item });
    this.memory.items.push(item);
    return item;
  }

  call(response, expression) {
    const args = JSON.stringify({ expression });
    const item = { id: this.connection.id("item"), object: "realtime.item", type: "function_call", call_id: this.connection.id("call"), name: "calculator" };
    this.open(response, { ...item, status: "in_progress", arguments: "" });
    this.connection.send({ type: "response.function_call_arguments.done", response_id: response.id, item_id: item.id, output_index: 0,
      call_id: item.call_id, name: item.name, arguments: args });
    return this.close(response, { ...item, status: "completed", arguments: args });
  }

  async speak(response, transcript) {
    const item = { id: this.connection.id("item"), object: "realtime.item", type: "message", role: "assistant", status: "in_progress", content: [] };
    const place = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
    const part = { type: "output_audio", transcript };
    this.open(response, item);
    this.connection.send({ type: "response.content_part.added", ...place, part: { type: "output_audio", transcript: "" } });
    this.connection.send({ type: "response.output_audio_transcript.delta", ...place, delta: transcript });
    for (let i = 0, due = performance.now(); i < ANSWER_FRAMES; i++) {
      this.connection.send({ type: "response.output_audio.delta", ...place, delta: this.service.next_frame(this.connection) });
      this.service.on_frame?.(this.connection, i);
      due += FRAME_MS;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    this.connection.send({ type: "response.output_audio.done", ...place });
    this.connection.send({ type: "response.output_audio_transcript.done", ...place, transcript });
    this.connection.send({ type: "response.content_part.done", ...place, part });
    return this.close(response, { ...item, status: "completed", content: [part] });
  }
}

/*
 * Gives a service with `url`, `frames` (of its sound, [{connection}] by number), `expired` (sessions that it had to end), and
 * `on_frame(connection, place)` and `on_call(connection)` for a test that ends connections in the middle.
 * words: what a client says by its number.
 */
export async function start_limited({ limit_ms, words }) {
  const service = { words, frames: [], expired: 0 };
  const frame = Buffer.alloc(FRAME_BYTES);
  service.next_frame = (connection) => {
    frame.writeUInt32LE(service.frames.length, 0);
    service.frames.push({ connection });
    return frame.toString("base64");
  };
  const expire = (connection) => {
    if (connection.ws.readyState !== connection.ws.OPEN)
      return;
    service.expired++;
    connection.error({ code: "session_expired", message: "Your session hit the maximum duration." }, [1001, "session_expired"]);
  };
  service.openai = await start_openai({
    greet: (connection) => {
      connection.listener = new Listener(service, connection);
      connection.log.push = () => {}; /* two minutes of sound are not kept */
      connection.session.expires_at = Math.floor((Date.now() + limit_ms) / 1000);
      setTimeout(expire, limit_ms, connection).unref();
      connection.created();
    },
    on: {
      "input_audio_buffer.append": ({ listener }, { audio }) => listener.hear(audio),
      "conversation.item.create": ({ listener }, { item }) => listener.add({ status: "completed", ...item }),
      "response.create": ({ listener }) => listener.create(),
    },
  });
  service.url = service.openai.base_url;
  service.stop = () => service.openai.stop();
  return service;
}
