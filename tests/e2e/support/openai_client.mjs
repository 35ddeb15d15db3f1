// SPDX-License-Identifier: Apache-2.0
/*
 * The `openai` package's Realtime client, as its users have it. It speaks only wss:, so either parleyd
 * serves TLS with a certificate of this run, or `ws` is handed a plain connection.
 */
import net from "node:net";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { EventLog } from "./event_log.mjs";
import { decode, encode, join_samples, stream } from "./wav.mjs";

/* options: {agent, key, ca} — ca for TLS; without it the connection is plain. Gives a Client. */
export async function open_client(parleyd, { agent = "assistant", key = "none", ca = null } = {}) {
  const client = new Client(parleyd, agent, key, ca);
  await client.log.wait("session.created");
  return client;
}

/* One that does not wait for the session: for refusals. */
export function knock(parleyd, { agent = "assistant", key = "none", ca = null } = {}) {
  return new Client(parleyd, agent, key, ca);
}

export class Client {
  constructor(parleyd, agent, key, ca) {
    const [host, port] = parleyd.host.split(":");
    const sdk = new OpenAI({ apiKey: key, baseURL: `https://${parleyd.host}/v1?trace=on` });
    const options = ca ? { ca } : { createConnection: () => net.connect(Number(port), host) };
    this.log = new EventLog();
    this.errors = [];
    this.realtime = new OpenAIRealtimeWS({ model: agent, options }, sdk);
    this.realtime.on("event", (event) => this.log.push(event));
    this.realtime.on("error", (error) => this.errors.push(error));
    this.closed = new Promise((resolve) => this.realtime.socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
    this.sent = 0;
  }

  /* Gives the event_id. */
  send(event) {
    const event_id = `test_${++this.sent}`;
    this.realtime.send({ event_id, ...event });
    return event_id;
  }

  /* Change the session and wait for its echo. */
  async configure(session) {
    const from = this.log.now;
    this.send({ type: "session.update", session: { type: "realtime", ...session } });
    return (await this.log.wait("session.updated", { from })).session;
  }

  type(text) {
    this.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
  }

  /* Ask in writing, and wait for the answer that follows; see answer(). */
  ask(text, response) {
    const from = this.log.now;
    this.type(text);
    this.send({ type: "response.create", ...(response ? { response } : {}) });
    return this.answer(from);
  }

  speak(samples) {
    return stream(samples, (frame) => this.send({ type: "input_audio_buffer.append", audio: encode(frame) }));
  }

  /*
   * The answer since `from`: the first response that says something, {response, text, samples}.
   * Responses that only call tools are passed over.
   */
  async answer(from, timeout_ms = 30_000) {
    const says = (event) => event.type === "response.done"
      && (event.response.status !== "completed" || event.response.output.some((item) => item.type === "message"));
    const { response } = await this.log.wait(says, { from, timeout_ms });
    return { response, text: text_of(response), samples: this.sound_of(response.id) };
  }

  sound_of(response_id) {
    const deltas = this.log.all((event) => event.type === "response.output_audio.delta" && event.response_id === response_id);
    return join_samples(deltas.map((event) => decode(event.delta)));
  }

  async close() {
    this.realtime.close();
    return this.closed;
  }
}

export function text_of(response) {
  const parts = response.output.flatMap((item) => item.content ?? []);
  return parts.map((part) => part.transcript ?? part.text ?? "").join(" ").trim();
}
