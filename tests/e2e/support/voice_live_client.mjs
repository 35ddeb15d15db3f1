// SPDX-License-Identifier: Apache-2.0
/* The `@azure/ai-voicelive` package as its users have it: it replaces the path, and speaks the preview dialect alone. */
import { VoiceLiveClient } from "@azure/ai-voicelive";
import { EventLog } from "./event_log.mjs";

/* options: {agent, key, agent_mode, handlers}. Gives {session, log, errors, ...}; rejects when the handshake is refused. */
export async function open_voice_live(parleyd, { agent = "assistant", key = "none", agent_mode = false } = {}) {
  const client = new VoiceLiveClient(`http://${parleyd.host}`, { key });
  const log = new EventLog();
  const errors = [];
  const target = agent_mode ? { agent: { agentName: agent, projectName: "any" } } : { model: agent };
  const session = await client.startSession(target, {
    sessionHandlers: {
      onServerEvent: async (event) => { log.push(event); },
      onError: async ({ error }) => { errors.push(error); },
      onServerError: async ({ error }) => { errors.push(error); },
    },
  });
  await log.wait("session.created");
  return new VoiceLive(session, log, errors);
}

class VoiceLive {
  constructor(session, log, errors) {
    Object.assign(this, { session, log, errors });
  }

  async configure(fields) {
    const from = this.log.now;
    await this.session.updateSession(fields);
    return (await this.log.wait("session.updated", { from })).session;
  }

  send(event) {
    return this.session.sendEvent(event);
  }

  async ask(text, response = {}) {
    const from = this.log.now;
    await this.session.addConversationItem({ type: "message", role: "user", content: [{ type: "input_text", text }] });
    await this.send({ type: "response.create", response });
    return this.answer(from);
  }

  /* The first response since `from` that says something. */
  async answer(from) {
    const says = (event) => event.type === "response.done"
      && (event.response.status !== "completed" || event.response.output.some((item) => item.type === "message"));
    const { response } = await this.log.wait(says, { from, timeout_ms: 30_000 });
    return response;
  }

  close() {
    return this.session.dispose();
  }
}

export const said = (response) => response.output.flatMap((item) => item.content ?? []).map((part) => part.transcript ?? part.text ?? "").join("");
