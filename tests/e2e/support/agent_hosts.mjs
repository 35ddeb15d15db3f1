// SPDX-License-Identifier: Apache-2.0
/*
 * Hosts of agents, each made of the libraries that such hosts are made of. Every agent is the same: it repeats what
 * it is told, looks the weather up with a tool of its own, and counts for a long time when asked to, until called off.
 */
import { createServer } from "node:http";
import express from "express";
import { EventType } from "@ag-ui/core";
import { EventSchemas, RunAgentInputSchema } from "@ag-ui/core/schemas";
import { EventEncoder } from "@ag-ui/encoder";
import * as a2a from "@a2a-js/sdk";
import * as a2a_server from "@a2a-js/sdk/server";
import * as a2a_express from "@a2a-js/sdk/server/express";
import * as old_server from "a2a-sdk-0.3/server";
import * as old_express from "a2a-sdk-0.3/server/express";

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/* The words of an answer; `is_over` says whether anyone still wants them. */
async function* words_for(text, is_over) {
  if (!/count/.test(text)) {
    yield* (/weather/.test(text) ? "It rains." : `You said: ${text}`).split(/(?<= )/);
    return;
  }
  for (let i = 1; i < 400 && !is_over(); i++) {
    yield `${i} and on. `;
    await pause();
  }
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

class Host {
  constructor(app) {
    this.requests = []; /* bodies */
    this.called_off = 0;
    this.server = createServer(app);
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

async function body_of(request) {
  const chunks = [];
  for await (const chunk of request)
    chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks));
}

/* ---- Responses: events as OpenAI's description has them ---- */

export async function start_responses_host() {
  const host = new Host(async (request, response) => {
    const body = await body_of(request);
    host.requests.push(body);
    const id = `resp_${host.requests.length}`;
    let is_open = true;
    response.on("close", () => { host.called_off += !response.writableFinished; is_open = false; });
    response.writeHead(200, { "content-type": "text/event-stream" });
    let sequence_number = 0;
    const send = (type, more) => is_open && response.write(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence_number++, ...more })}\n\n`);
    send("response.created", { response: { id, object: "response", status: "in_progress", output: [] } });
    const text = body.input.at(-1).content?.[0]?.text ?? "";
    if (/weather/.test(text)) {
      send("response.output_item.done", { output_index: 0, item: { type: "function_call", id: "fc_1", call_id: "call_w", name: "weather", arguments: "{\"city\":\"Oslo\"}", status: "completed" } });
      send("response.output_item.done", { output_index: 1, item: { type: "function_call_output", id: "fo_1", call_id: "call_w", output: "rain" } });
    }
    for await (const delta of words_for(text, () => !is_open))
      send("response.output_text.delta", { item_id: "msg_1", output_index: 2, content_index: 0, delta });
    send("response.completed", { response: { id, object: "response", status: "completed", output: [], usage: { input_tokens: 40, output_tokens: 7, total_tokens: 47 } } });
    response.end();
  });
  host.section = { protocol: "responses", base_url: `${await listen(host.server)}/v1` };
  return host;
}

/* ---- AG-UI: input and events are checked and written by its own packages ---- */

export async function start_ag_ui_host() {
  const host = new Host(async (request, response) => {
    const input = RunAgentInputSchema.parse(await body_of(request));
    host.requests.push(input);
    let is_open = true;
    response.on("close", () => { host.called_off += !response.writableFinished; is_open = false; });
    const encoder = new EventEncoder({ accept: request.headers.accept });
    response.writeHead(200, { "content-type": encoder.getContentType() });
    const send = (event) => is_open && response.write(encoder.encodeSSE(EventSchemas.parse(event)));
    const { threadId, runId } = input;
    const text = String(input.messages.at(-1).content);
    send({ type: EventType.RUN_STARTED, threadId, runId });
    send({ type: EventType.STATE_SNAPSHOT, snapshot: { turns: (input.state?.turns ?? 0) + 1 } });
    if (/weather/.test(text)) {
      send({ type: EventType.TOOL_CALL_START, toolCallId: "w", toolCallName: "weather" });
      send({ type: EventType.TOOL_CALL_ARGS, toolCallId: "w", delta: "{\"city\":\"Oslo\"}" });
      send({ type: EventType.TOOL_CALL_END, toolCallId: "w" });
      send({ type: EventType.TOOL_CALL_RESULT, messageId: "r", toolCallId: "w", content: "rain", role: "tool" });
    }
    send({ type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant" });
    for await (const delta of words_for(text, () => !is_open))
      send({ type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta });
    send({ type: EventType.TEXT_MESSAGE_END, messageId: "m" });
    send({ type: EventType.RUN_FINISHED, threadId, runId });
    response.end();
  });
  host.section = { protocol: "ag-ui", base_url: `${await listen(host.server)}/agent` };
  return host;
}

/* ---- A2A, by the SDK of each version ---- */

/* What differs between the versions: how parts are read, and how events are written. */
const NEW = {
  text_of: (message) => message.parts.map(({ content }) => content?.value ?? "").join(""),
  task: (names, message) => a2a_server.AgentEvent.task({ id: names.taskId, contextId: names.contextId, artifacts: [], history: [message], metadata: {}, status: { state: a2a.TaskState.TASK_STATE_SUBMITTED } }),
  piece: (names, text, append) => a2a_server.AgentEvent.artifactUpdate({ ...names, append, lastChunk: false, metadata: {}, artifact: { artifactId: "a", name: "", description: "", extensions: [], metadata: {}, parts: [{ content: { $case: "text", value: text }, metadata: {}, filename: "", mediaType: "text/plain" }] } }),
  status: (names, word) => a2a_server.AgentEvent.statusUpdate({ ...names, metadata: {}, status: { state: a2a.TaskState[`TASK_STATE_${word.toUpperCase()}`] } }),
};
const OLD = {
  text_of: (message) => message.parts.map(({ text }) => text ?? "").join(""),
  task: (names, message) => ({ kind: "task", id: names.taskId, contextId: names.contextId, history: [message], status: { state: "submitted" } }),
  piece: (names, text, append) => ({ kind: "artifact-update", ...names, append, artifact: { artifactId: "a", parts: [{ kind: "text", text }] } }),
  status: (names, word) => ({ kind: "status-update", ...names, status: { state: word }, final: word !== "working" }),
};

function executor_of(host, dialect) {
  const cancelled = new Set();
  return {
    async execute({ taskId, contextId, userMessage }, bus) {
      const names = { taskId, contextId };
      const text = dialect.text_of(userMessage);
      host.requests.push({ text, contextId });
      bus.publish(dialect.task(names, userMessage));
      bus.publish(dialect.status(names, "working"));
      let append = false;
      for await (const word of words_for(text, () => cancelled.has(taskId))) {
        bus.publish(dialect.piece(names, word, append));
        append = true;
      }
      bus.publish(dialect.status(names, cancelled.has(taskId) ? "canceled" : "completed"));
      bus.finished();
    },
    async cancelTask(taskId) {
      host.called_off++;
      cancelled.add(taskId);
    },
  };
}

const CARD = {
  name: "Echo", description: "Repeats", version: "1", skills: [], defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
  securitySchemes: {}, securityRequirements: [], signatures: [],
};

async function start_a2a(dialect, server_package, express_package, card_of) {
  const app = express();
  const host = new Host(app);
  const url = await listen(host.server);
  const requestHandler = new server_package.DefaultRequestHandler(card_of(`${url}/rpc`), new server_package.InMemoryTaskStore(), executor_of(host, dialect));
  app.use("/.well-known/agent-card.json", express_package.agentCardHandler({ agentCardProvider: requestHandler }));
  app.use("/rpc", express_package.jsonRpcHandler({ requestHandler, userBuilder: express_package.UserBuilder.noAuthentication }));
  host.section = { protocol: "a2a", base_url: url };
  return host;
}

export const start_a2a_host = () => start_a2a(NEW, a2a_server, a2a_express, (url) => ({
  ...CARD, capabilities: { streaming: true, pushNotifications: false, extensions: [] },
  supportedInterfaces: [{ url, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" }],
}));

export const start_old_a2a_host = () => start_a2a(OLD, old_server, old_express, (url) => ({
  ...CARD, capabilities: { streaming: true }, protocolVersion: "0.3.0", url, preferredTransport: "JSONRPC",
}));
