// SPDX-License-Identifier: Apache-2.0
/*
 * A service that works from what it was told on its connection, and notes when it was told something twice:
 *
 *     "say 7"     answers "Answer 7."
 *     "do 7"      calls the tool `work` with the token t7, unless it knows of such a call, then tells its result: "Did 7: ... Over."
 *     spoken      its words are "say N", N being the number that the sound carries
 *
 * What was answered already it answers with "Nothing new.". Between two of its events it may give way to others, so that
 * they come at parley one by one or together, as its `random` decides.
 */
import { setImmediate as others } from "node:timers/promises";
import { start_openai } from "./fake_openai.mjs";

export const TOOL = "far_work";
const token_of = (number) => `t${number}`;

/* The sound of a client that says this. */
export function sound_of(number) {
  const sound = Buffer.alloc(480);
  sound.writeUInt32LE(number);
  return sound.toString("base64");
}

const words_of = (item) => (item.content ?? []).map((part) => part.text ?? part.transcript ?? "").join(" ");

class Recaller {
  constructor(service, connection) {
    this.service = service;
    this.connection = connection;
    this.items = [];
    this.heard = null;
    this.running = Promise.resolve();
  }

  get last_id() {
    return this.items.at(-1)?.id ?? null;
  }

  take(item) {
    const is_twice = this.items.some((known) => known.id === item.id ||
      (item.call_id !== undefined && known.type === item.type && known.call_id === item.call_id));
    if (is_twice)
      this.service.told_twice.push(item);
    const previous = this.last_id;
    this.items.push({ ...item });
    this.connection.item(item, previous);
  }

  commit() {
    const id = this.connection.id("item");
    const transcript = `say ${this.heard}`;
    this.connection.send({ type: "input_audio_buffer.committed", previous_item_id: this.last_id, item_id: id });
    this.take({ id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
    this.items.at(-1).content = [{ type: "input_audio", transcript }];
    this.connection.send({ type: "conversation.item.input_audio_transcription.completed", item_id: id, content_index: 0, transcript,
      usage: { type: "duration", seconds: 1 } });
  }

  /* {say} or {call: number}. */
  decide() {
    const place = this.items.findLastIndex(({ role }) => role === "user");
    const [, verb, number] = words_of(this.items[place] ?? {}).match(/(say|do) (\d+)/) ?? [];
    const since = this.items.slice(place + 1);
    const calls = this.items.filter(({ type, status, arguments: args }) => type === "function_call" && status !== "in_progress" && JSON.parse(args).token === token_of(number));
    const output = this.items.find(({ type, call_id }) => type === "function_call_output" && calls.some((call) => call.call_id === call_id));
    const answer = verb === "do" ? `Did ${number}: ${output?.output} Over.` : `Answer ${number}.`;
    if (!verb || since.some((item) => item.role === "assistant" && words_of(item) === answer))
      return { say: "Nothing new." };
    if (verb === "do" && calls.length === 0)
      return { call: number };
    return { say: verb === "say" || output ? answer : "I wait for it." };
  }

  respond(request = {}) {
    this.running = this.running.then(() => this.answer(request));
  }

  async send(...events) {
    for (const event of events) {
      this.connection.send(event);
      if (this.service.random.chance(0.4))
        await others();
    }
  }

  async answer(request) {
    const modality = request.output_modalities?.[0] ?? this.connection.session.output_modalities[0];
    const { say, call } = this.decide();
    const response = { object: "realtime.response", id: this.connection.id("resp"), status: "in_progress", status_details: null, output: [],
      conversation_id: "conv_1", output_modalities: [modality], usage: null, metadata: null };
    await this.send({ type: "response.created", response });
    const item = call ? await this.call(response, call) : await this.speak(response, say, modality);
    this.connection.done(response, [item]);
  }

  async open(response, item) {
    this.previous_id = this.last_id;
    this.items.push(item);
    await this.send({ type: "response.output_item.added", response_id: response.id, output_index: 0, item },
      { type: "conversation.item.added", previous_item_id: this.previous_id, item });
  }

  /* Services differ in which comes first. */
  async close(response, item) {
    const ends = [{ type: "conversation.item.done", previous_item_id: this.previous_id, item },
      { type: "response.output_item.done", response_id: response.id, output_index: 0, item }];
    this.items[this.items.findIndex(({ id }) => id === item.id)] = item;
    await this.send(...(this.service.random.chance(0.5) ? ends : ends.reverse()));
    return item;
  }

  async call(response, number) {
    const args = JSON.stringify({ token: token_of(number) });
    const item = { id: this.connection.id("item"), object: "realtime.item", type: "function_call", call_id: this.connection.id(`call_${number}`), name: TOOL };
    await this.open(response, { ...item, status: "in_progress", arguments: "" });
    await this.send({ type: "response.function_call_arguments.done", response_id: response.id, item_id: item.id, output_index: 0,
      call_id: item.call_id, name: item.name, arguments: args });
    return this.close(response, { ...item, status: "completed", arguments: args });
  }

  async speak(response, text, modality) {
    const item = { id: this.connection.id("item"), object: "realtime.item", type: "message", role: "assistant", status: "in_progress", content: [] };
    const place = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
    const is_spoken = modality === "audio";
    const part = is_spoken ? { type: "output_audio", transcript: text } : { type: "output_text", text };
    const words = is_spoken ? "response.output_audio_transcript" : "response.output_text";
    await this.open(response, item);
    await this.send({ type: "response.content_part.added", ...place, part: is_spoken ? { ...part, transcript: "" } : { ...part, text: "" } });
    for (const delta of text.match(/\S+\s*/g)) {
      await this.send({ type: `${words}.delta`, ...place, delta });
      if (is_spoken)
        await this.send({ type: "response.output_audio.delta", ...place, delta: sound_of(0) });
    }
    if (is_spoken)
      await this.send({ type: "response.output_audio.done", ...place });
    await this.send(is_spoken ? { type: `${words}.done`, ...place, transcript: text } : { type: `${words}.done`, ...place, text },
      { type: "response.content_part.done", ...place, part });
    return this.close(response, { ...item, status: "completed", content: [part] });
  }
}

/* Gives a service with `url`, `told_twice` and `openai`. `tick()` is called after each event, from and to it. */
export async function start_recalling({ random, tick, note_event }) {
  const service = { random, told_twice: [] };
  service.openai = await start_openai({
    greet: (connection) => {
      const [send, note] = [connection.send.bind(connection), connection.log.push.bind(connection.log)];
      connection.recaller = new Recaller(service, connection);
      connection.send = (event) => {
        send(event);
        note_event?.("model >", event);
        tick();
      };
      connection.log.push = (event) => {
        note(event);
        note_event?.("model <", event);
        tick();
      };
      connection.created();
    },
    on: {
      "conversation.item.create": ({ recaller }, { item }) => recaller.take({ id: recaller.connection.id("item"), ...item }),
      "input_audio_buffer.append": ({ recaller }, { audio }) => {
        recaller.heard = Buffer.from(audio.slice(0, 8), "base64").readUInt32LE();
      },
      "input_audio_buffer.commit": ({ recaller }) => recaller.commit(),
      "response.create": ({ recaller }, { response }) => recaller.respond(response),
    },
  });
  service.url = service.openai.base_url;
  service.stop = () => service.openai.stop();
  return service;
}
