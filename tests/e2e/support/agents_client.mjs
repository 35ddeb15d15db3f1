// SPDX-License-Identifier: Apache-2.0
/* `@openai/agents`: a RealtimeAgent in a RealtimeSession over WebSocket, as its users have it. */
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents/realtime";
import { EventLog } from "./event_log.mjs";
import { join_samples, stream } from "./wav.mjs";

export { tool };

/* options: {agent, key, tools, config}: tools run on the client; config goes to the RealtimeSession. */
export async function open_session(parleyd, { agent = "assistant", key = "none", tools = [], config = {} } = {}) {
  const session = new Session(parleyd, agent, tools, config);
  await session.session.connect({ apiKey: key, url: `${parleyd.realtime_url}?model=${agent}&trace=on` });
  await session.log.wait("session.updated");
  return session;
}

export class Session {
  constructor(parleyd, agent, tools, config) {
    this.log = new EventLog(); /* what the server sent, unchanged */
    this.news = new EventLog(); /* what the session told its user: {type, ...} */
    this.errors = [];
    this.chunks = [];
    const talker = new RealtimeAgent({ name: agent, instructions: "Answer in one short sentence.", tools });
    this.session = new RealtimeSession(talker, { transport: new OpenAIRealtimeWebSocket(), model: agent, tracingDisabled: true, config });
    this.#listen();
  }

  #listen() {
    this.session.on("transport_event", (event) => this.log.push(event));
    this.session.on("error", (error) => this.errors.push(error));
    this.session.on("audio", (event) => this.chunks.push(new Int16Array(event.data)));
    this.session.on("agent_end", (_context, _agent, text) => this.news.push({ type: "agent_end", transcript: text }));
    this.session.on("agent_tool_start", (_context, _agent, { name }) => this.news.push({ type: "tool_start", name }));
    this.session.on("agent_tool_end", (_context, _agent, { name }, result) => this.news.push({ type: "tool_end", name, result }));
    this.session.on("audio_interrupted", () => this.news.push({ type: "audio_interrupted" }));
  }

  /* Ask in writing; gives the text of the first answer that says something. */
  ask(text) {
    const from = this.news.now;
    this.session.sendMessage(text);
    return this.answer(from);
  }

  async answer(from = 0, timeout_ms = 30_000) {
    const said = (event) => event.type === "agent_end" && event.transcript.trim() !== "";
    return (await this.news.wait(said, { from, timeout_ms })).transcript;
  }

  speak(samples) {
    return stream(samples, (frame) => this.session.sendAudio(frame.slice().buffer));
  }

  get samples() {
    return join_samples(this.chunks);
  }

  get history() {
    return this.session.history;
  }

  close() {
    this.session.close();
  }
}
