// SPDX-License-Identifier: Apache-2.0
/*
 * A small server for tests of the console page alone: serves the page from the source folder and plays
 * Realtime turns in the order that the protocol gives. It hears loudness, nothing else; what it answers
 * depends on words that were typed:
 *
 *   "plus"    a server-side tool, then a spoken answer      "long"   a spoken answer of 8 s
 *   "write"   a written answer                              "fail"   a failed response
 *   "error"   an error event                                "drop"   closes the connection (1011)
 *
 * Anything else, and anything spoken, is answered by two seconds of a hum.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const CONSOLE = new URL("../../../core/net/console/", import.meta.url);
const RATE = 24000;
const MIME = { html: "text/html; charset=utf-8", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
const CSP = "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

function hum(ms) {
  const samples = new Int16Array(Math.round((RATE * ms) / 1000));
  for (let i = 0; i < samples.length; i++) {
    const t = i / RATE;
    const swell = Math.abs(Math.sin(2 * Math.PI * 2.1 * t)) * (0.6 + 0.4 * Math.sin(2 * Math.PI * 0.37 * t));
    samples[i] = 9000 * swell * (Math.sin(2 * Math.PI * 150 * t) + 0.4 * Math.sin(2 * Math.PI * 300 * t));
  }
  return samples;
}

const base64 = (samples) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString("base64");

class Session {
  constructor(socket, agent) {
    this.socket = socket;
    this.ids = 0;
    this.heard_ms = 0;
    this.loud_ms = this.quiet_ms = 0;
    this.speaking = null;
    this.text = "";
    this.running = null;
    this.received = [];
    this.session = {
      type: "realtime", object: "realtime.session", id: "sess_fake", model: agent, output_modalities: ["audio"],
      instructions: "", tools: [], audio: {
        input: { format: { type: "audio/pcm", rate: RATE }, transcription: { model: "fake" }, turn_detection: { type: "server_vad", silence_duration_ms: 500, create_response: true, interrupt_response: true } },
        output: { format: { type: "audio/pcm", rate: RATE }, voice: "slt" },
      },
    };
    this.send({ type: "session.created", session: this.session });
    socket.on("message", (data) => this.receive(JSON.parse(data)));
  }

  id(kind) {
    return `${kind}_${++this.ids}`;
  }

  send(event) {
    if (this.socket.readyState === 1)
      this.socket.send(JSON.stringify({ event_id: this.id("event"), ...event }));
  }

  receive(event) {
    this.received.push(event);
    switch (event.type) {
      case "session.update": return this.send({ type: "session.updated", session: this.session });
      case "input_audio_buffer.append": return this.append(Buffer.from(event.audio, "base64"));
      case "conversation.item.create": return this.create_item(event.item);
      case "response.create": return this.respond();
      case "response.cancel": return this.cancel(event);
      case "conversation.item.truncate": return this.send({ ...event, event_id: undefined, type: "conversation.item.truncated" });
    }
  }

  append(bytes) {
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    const ms = samples.length / (RATE / 1000);
    const loud = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) > 500;
    this.heard_ms += ms;
    this.loud_ms = loud ? this.loud_ms + ms : 0;
    this.quiet_ms = loud ? 0 : this.quiet_ms + ms;
    if (!this.speaking && this.loud_ms >= 80)
      this.speech_started();
    else if (this.speaking && this.quiet_ms >= 500)
      this.speech_stopped();
  }

  speech_started() {
    this.speaking = this.id("item");
    this.cancel_as("turn_detected");
    this.send({ type: "input_audio_buffer.speech_started", audio_start_ms: Math.round(this.heard_ms - 80), item_id: this.speaking });
  }

  speech_stopped() {
    const item_id = this.speaking;
    this.speaking = null;
    this.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: Math.round(this.heard_ms), item_id });
    this.send({ type: "input_audio_buffer.committed", item_id, previous_item_id: null });
    const item = { id: item_id, object: "realtime.item", type: "message", role: "user", status: "completed", content: [{ type: "input_audio", transcript: null }] };
    this.send({ type: "conversation.item.added", item, previous_item_id: null });
    this.send({ type: "conversation.item.done", item, previous_item_id: null });
    this.text = "";
    this.send({ type: "conversation.item.input_audio_transcription.completed", item_id, content_index: 0, transcript: "Something was said.", usage: { type: "duration", seconds: 1 } });
    this.respond();
  }

  create_item(item) {
    const whole = { id: this.id("item"), object: "realtime.item", status: "completed", ...item };
    this.text = item.content?.[0]?.text ?? "";
    this.send({ type: "conversation.item.added", item: whole, previous_item_id: null });
    this.send({ type: "conversation.item.done", item: whole, previous_item_id: null });
  }

  cancel(event) {
    if (!this.running)
      return this.send({ type: "error", error: { type: "invalid_request_error", code: "response_cancel_not_active", message: "No response is running.", event_id: event.event_id } });
    this.cancel_as("client_cancelled");
  }

  cancel_as(reason) {
    if (this.running)
      this.running.cancelled = reason;
  }

  async respond() {
    const text = this.text.toLowerCase();
    if (text.includes("drop"))
      return this.socket.close(1011, "the upstream went away");
    if (text.includes("error"))
      return this.send({ type: "error", error: { type: "invalid_request_error", code: "invalid_value", message: "The word 'error' is not welcome here; say something else." } });
    const run = { id: this.id("resp"), cancelled: null, output: [] };
    this.running = run;
    this.send({ type: "response.created", response: { object: "realtime.response", id: run.id, status: "in_progress", output: [], usage: null } });
    await pause(250);
    if (text.includes("fail"))
      return this.finish(run, "failed", { type: "failed", error: { type: "server_error", code: null, message: "The model is out of words." } });
    if (text.includes("plus"))
      await this.tool();
    const spoken = text.includes("plus") ? "Two plus three is five." : text.includes("long") ? LONG : "I heard you, and this hum is my answer.";
    await (text.includes("write") ? this.write(run, "This is a written answer, word by word.") : this.speak(run, spoken, text.includes("long") ? 8000 : 2000));
    this.finish(run, run.cancelled ? "cancelled" : "completed", run.cancelled ? { type: "cancelled", reason: run.cancelled } : null);
  }

  async tool() {
    const call = { call_id: this.id("call"), name: "calculator.add" };
    this.send({ type: "parley.tool_call.started", ...call, arguments: '{"a":2,"b":3}', server: true });
    await pause(180);
    this.send({ type: "parley.tool_call.done", ...call, status: "ok", output: "5", duration_ms: 180 });
  }

  open_item(run, part) {
    const item = { id: this.id("item"), object: "realtime.item", type: "message", role: "assistant", status: "in_progress", content: [] };
    this.send({ type: "response.output_item.added", response_id: run.id, output_index: 0, item });
    this.send({ type: "conversation.item.added", item, previous_item_id: null });
    const where = { response_id: run.id, item_id: item.id, output_index: 0, content_index: 0 };
    this.send({ type: "response.content_part.added", ...where, part });
    return [item, where];
  }

  close_item(item, where, part, status) {
    const done = { ...item, status, content: [part] };
    this.running?.output.push(done);
    this.send({ type: "conversation.item.done", item: done, previous_item_id: null });
    this.send({ type: "response.output_item.done", response_id: where.response_id, output_index: 0, item: done });
  }

  async speak(run, words, ms) {
    const [item, where] = this.open_item(run, { type: "audio", transcript: "" });
    const sound = hum(ms);
    const pieces = words.match(/\S+\s*/g);
    for (let at = 0, i = 0; at < sound.length && !run.cancelled; at += RATE / 10, i++) {
      if (pieces[i])
        this.send({ type: "response.output_audio_transcript.delta", ...where, delta: pieces[i] });
      this.send({ type: "response.output_audio.delta", ...where, delta: base64(sound.subarray(at, at + RATE / 10)) });
      await pause(25);
    }
    this.send({ type: "response.output_audio.done", ...where });
    this.send({ type: "response.output_audio_transcript.done", ...where, transcript: words });
    this.close_item(item, where, { type: "output_audio", transcript: words }, run.cancelled ? "incomplete" : "completed");
  }

  async write(run, words) {
    const [item, where] = this.open_item(run, { type: "text", text: "" });
    for (const delta of words.match(/\S+\s*/g)) {
      this.send({ type: "response.output_text.delta", ...where, delta });
      await pause(60);
    }
    this.send({ type: "response.output_text.done", ...where, text: words });
    this.close_item(item, where, { type: "output_text", text: words }, "completed");
  }

  finish(run, status, status_details) {
    this.running = null;
    const usage = { total_tokens: 96, input_tokens: 61, output_tokens: 35 };
    this.send({ type: "response.done", response: { object: "realtime.response", id: run.id, status, status_details, output: run.output, usage } });
  }
}

const LONG = "This is a long answer. It goes on for eight seconds, so that there is time enough to interrupt it in the middle, and what was not heard is struck out.";
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function serve_file(path, answer) {
  const name = path === "/" ? "index.html" : path.slice(1);
  if (!/^[a-z_]+\.(html|js|css|svg)$/.test(name))
    return answer.writeHead(404).end();
  const body = await readFile(new URL(name, CONSOLE));
  answer.writeHead(200, { "content-type": MIME[name.split(".")[1]], "content-security-policy": CSP }).end(body);
}

/* options: {key} wanted from clients, {port}. Gives {url, sessions, stop()}. */
export async function start_fake({ key = null, port = 0 } = {}) {
  const sessions = [];
  const http = createServer((request, answer) => {
    const { pathname } = new URL(request.url, "http://x");
    if (pathname !== "/v1/models")
      return serve_file(pathname, answer).catch(() => answer.writeHead(404).end());
    if (key && request.headers.authorization !== `Bearer ${key}`)
      return answer.writeHead(401, { "content-type": "application/json" }).end('{"error":{"message":"A key is needed."}}');
    const data = ["assistant", "receptionist"].map((id) => ({ id, object: "model", created: 0, owned_by: "parley" }));
    answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data }));
  });
  const sockets = new WebSocketServer({ server: http, handleProtocols: () => "realtime" });
  sockets.on("connection", (socket, request) => {
    const offered = request.headers["sec-websocket-protocol"] ?? "";
    if (key && !offered.includes(`openai-insecure-api-key.${key}`))
      return socket.close(3000, "invalid_request_error.invalid_api_key");
    const agent = new URL(request.url, "http://x").searchParams.get("model");
    sessions.push(new Session(socket, agent));
  });
  await new Promise((resolve) => http.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${http.address().port}/`,
    sessions,
    async stop() {
      for (const client of sockets.clients)
        client.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  start_fake({ port: Number(process.env.PORT ?? 0), key: process.env.KEY ?? null }).then(({ url }) => console.log(url));
