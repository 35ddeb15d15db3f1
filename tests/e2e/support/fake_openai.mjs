// SPDX-License-Identifier: Apache-2.0
/*
 * A server that stands where api.openai.com would: tells what was asked of it, answers turns as the real
 * service does, and whatever else a test makes it do instead.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { EventLog } from "./event_log.mjs";

/*
 * options:
 *   http      {status, headers, body}: refuse the handshake like this
 *   greet     what happens on a new connection; default: connection.created()
 *   on        {type: (connection, event) => ...} instead of the default answers
 *   check     ({url, headers}) => {status, headers, body} of a refusal, or undefined
 *   dialect   {out: (event) => [events], in: (event) => event}, for servers that are none of OpenAI's
 */
export async function start_openai(options = {}) {
  const fake = new FakeOpenAI(options);
  await new Promise((resolve) => fake.server.listen(0, "127.0.0.1", resolve));
  fake.base_url = `ws://127.0.0.1:${fake.server.address().port}/v1`;
  return fake;
}

export class FakeOpenAI {
  constructor(options) {
    this.options = options;
    this.requests = []; /* {url, headers} of each handshake */
    this.connections = [];
    this.arrived = new EventLog(); /* {type: "connection", connection} */
    this.sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024, perMessageDeflate: false });
    this.server = createServer();
    this.server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /* Behave differently from the next connection on. */
  set(options) {
    this.options = options;
  }

  #upgrade(request, socket, head) {
    this.requests.push({ url: request.url, headers: request.headers });
    const http = this.options.http ?? this.options.check?.(request);
    if (http?.hang)
      return;
    if (http) {
      const body = typeof http.body === "string" ? http.body : JSON.stringify(http.body ?? {});
      const headers = Object.entries({ "content-type": "application/json", "content-length": Buffer.byteLength(body), ...http.headers });
      socket.end(`HTTP/1.1 ${http.status} Refused\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`);
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (ws) => {
      const connection = new Connection(this, ws, request);
      this.connections.push(connection);
      this.arrived.push({ type: "connection", connection });
      (this.options.greet ?? ((it) => it.created()))(connection);
    });
  }

  get last() {
    return this.connections.at(-1);
  }

  stop() {
    for (const { ws } of this.connections)
      ws.terminate();
    return new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }
}

class Connection {
  constructor(fake, ws, request) {
    this.fake = fake;
    this.ws = ws;
    this.request = request;
    this.log = new EventLog(); /* what parley sent */
    this.ids = 0;
    this.session = { type: "realtime", object: "realtime.session", id: "sess_upstream", model: "gpt-realtime", output_modalities: ["audio"],
      audio: { input: { format: { type: "audio/pcm", rate: 24000 }, turn_detection: { type: "server_vad" } }, output: { format: { type: "audio/pcm", rate: 24000 }, voice: "marin" } },
      expires_at: Math.floor(Date.now() / 1000) + 3600 };
    this.closed = new Promise((resolve) => ws.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
    ws.on("error", () => {});
    ws.on("message", (data) => {
      const said = JSON.parse(data);
      this.log.push(said);
      let event;
      try {
        event = fake.options.dialect?.in(said) ?? said;
      } catch ({ message }) {
        this.error({ code: message.split(" ")[0], param: message.split(" ")[1], message, event_id: said.event_id });
        return;
      }
      (fake.options.on?.[event.type] ?? answers[event.type])?.(this, event);
    });
  }

  id(kind) {
    return `${kind}_${++this.ids}`;
  }

  send(event) {
    if (typeof event === "string" || Buffer.isBuffer(event)) {
      this.ws.send(event);
      return;
    }
    for (const one of this.fake.options.dialect?.out(event) ?? [event])
      this.ws.send(JSON.stringify({ event_id: this.id("event"), ...one }));
  }

  created() {
    this.send({ type: "session.created", session: this.session });
  }

  error(error, close = null) {
    this.send({ type: "error", error: { type: "invalid_request_error", code: null, param: null, event_id: null, ...error } });
    if (close)
      this.ws.close(close[0], close[1]);
  }

  item(body, previous_item_id = null) {
    const item = { id: body.id ?? this.id("item"), object: "realtime.item", status: "completed", ...body };
    this.send({ type: "conversation.item.added", previous_item_id, item });
    this.send({ type: "conversation.item.done", previous_item_id, item });
    return item;
  }

  /* The beginning of an answer; gives what its further events need. */
  begin(modality = "text") {
    const response = { object: "realtime.response", id: this.id("resp"), status: "in_progress", status_details: null, output: [], conversation_id: "conv_1",
      output_modalities: [modality], usage: null, metadata: null };
    const item = { id: this.id("item"), object: "realtime.item", type: "message", status: "in_progress", role: "assistant", content: [] };
    this.send({ type: "response.created", response });
    this.send({ type: "response.output_item.added", response_id: response.id, output_index: 0, item });
    this.send({ type: "conversation.item.added", previous_item_id: null, item });
    const part = modality === "audio" ? { type: "output_audio", transcript: "" } : { type: "output_text", text: "" };
    this.send({ type: "response.content_part.added", response_id: response.id, item_id: item.id, output_index: 0, content_index: 0, part });
    return { response, item, modality, place: { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 } };
  }

  end({ response, item, modality, place }, text, more = {}) {
    const part = modality === "audio" ? { type: "output_audio", transcript: text } : { type: "output_text", text };
    const whole = { ...item, status: "completed", content: [part] };
    if (modality === "audio") {
      this.send({ type: "response.output_audio.done", ...place });
      this.send({ type: "response.output_audio_transcript.done", ...place, transcript: text });
    } else {
      this.send({ type: "response.output_text.done", ...place, text });
    }
    this.send({ type: "response.content_part.done", ...place, part });
    this.send({ type: "conversation.item.done", previous_item_id: null, item: whole });
    this.send({ type: "response.output_item.done", response_id: response.id, output_index: 0, item: whole });
    this.done(response, [whole], more);
  }

  done(response, output, more = {}) {
    const zero = { text_tokens: 5, audio_tokens: 0, image_tokens: 0, cached_tokens: 0, cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 } };
    this.send({ type: "response.done", response: { ...response, status: "completed", output,
      usage: { total_tokens: 8, input_tokens: 5, output_tokens: 3, input_token_details: zero, output_token_details: { text_tokens: 3, audio_tokens: 0 } }, ...more } });
  }

  answer(text) {
    const modality = this.session.output_modalities[0];
    const it = this.begin(modality);
    const type = modality === "audio" ? "response.output_audio_transcript.delta" : "response.output_text.delta";
    for (const word of text.match(/\S+\s*/g))
      this.send({ type, ...it.place, delta: word });
    for (let i = 0; modality === "audio" && i < 10; i++)
      this.send({ type: "response.output_audio.delta", ...it.place, delta: TONE.toString("base64") });
    this.end(it, text);
  }
}

/* 100 ms of 24 kHz. */
export const TONE = Buffer.from(Int16Array.from({ length: 2400 }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * i) / 24000)).buffer);

function merge(into, from) {
  for (const [key, value] of Object.entries(from))
    if (value && typeof value === "object" && !Array.isArray(value))
      into[key] = merge({ ...into[key] }, value);
    else
      into[key] = value;
  return into;
}

const answers = {
  "session.update": (it, event) => {
    merge(it.session, event.session);
    it.send({ type: "session.updated", session: it.session });
  },
  "conversation.item.create": (it, event) => it.item(event.item),
  "input_audio_buffer.commit": (it) => {
    const item_id = it.id("item");
    it.send({ type: "input_audio_buffer.committed", previous_item_id: null, item_id });
    it.item({ id: item_id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
  },
  "response.create": (it) => it.answer("The service says hello."),
};
