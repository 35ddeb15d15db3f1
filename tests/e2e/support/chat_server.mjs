// SPDX-License-Identifier: Apache-2.0
/*
 * A small Chat Completions server: streams words, calls a tool when the request offers one and the user asks for
 * a sum, says the tool's result, and keeps what it was asked. It insists on what OpenAI's own server insists on.
 */
import { createServer } from "node:http";

export async function start_chat_server(options = {}) {
  const server = new ChatServer(options);
  await new Promise((resolve) => server.http.listen(0, "127.0.0.1", resolve));
  server.base_url = `http://127.0.0.1:${server.http.address().port}/v1`;
  return server;
}

class ChatServer {
  constructor(options) {
    this.options = options; /* {key, words_ms} */
    this.requests = []; /* bodies */
    this.cut = 0; /* answers whose reader went away */
    this.http = createServer((request, response) => this.#take(request, response));
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }

  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request)
      chunks.push(chunk);
    const refuse = (status, message) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message, code: "test" } }));
    };
    if (request.url !== "/v1/chat/completions")
      return refuse(404, `no ${request.url}`);
    if (this.options.key && request.headers.authorization !== `Bearer ${this.options.key}`)
      return refuse(401, `Incorrect API key provided: ${request.headers.authorization}`);
    const body = JSON.parse(Buffer.concat(chunks));
    const fault = fault_of(body.messages);
    if (fault)
      return refuse(400, fault);
    this.requests.push(body);
    await this.#answer(body, response);
  }

  async #answer(body, response) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let is_open = true;
    response.on("close", () => { this.cut += !response.writableFinished; is_open = false; });
    const send = (choice, more = {}) => is_open && response.write(`data: ${JSON.stringify({ choices: choice ? [choice] : [], ...more })}\n\n`);
    const last = body.messages.at(-1);
    const sum = /what is (\d+) plus (\d+)/.exec(String(last.content));
    if (last.role === "user" && sum && body.tools) {
      const call = { index: 0, id: `call_${this.requests.length}`, type: "function", function: { name: "calculator", arguments: "" } };
      send({ delta: { role: "assistant", content: null, tool_calls: [call] } });
      for (const piece of [`{"expres`, `sion": "${sum[1]} + ${sum[2]}"}`])
        send({ delta: { tool_calls: [{ index: 0, function: { arguments: piece } }] } });
      send({ delta: {}, finish_reason: "tool_calls" });
    } else {
      const text = last.role === "tool" ? `It is ${/(\d+)\D*$/.exec(last.content)?.[1]}.` : `You said: ${last.content}`;
      for (const word of (this.options.words_ms ? `${text} ${"and on ".repeat(200)}` : text).split(/(?<= )/)) {
        send({ delta: { content: word } });
        if (this.options.words_ms)
          await new Promise((resolve) => setTimeout(resolve, this.options.words_ms));
        if (!is_open)
          return;
      }
      send({ delta: {}, finish_reason: "stop" });
    }
    if (body.stream_options?.include_usage)
      send(null, { usage: { prompt_tokens: 40, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 32 } } });
    response.end("data: [DONE]\n\n");
  }
}

/* What OpenAI answers with 400: calls that are not followed by their results. */
function fault_of(messages) {
  for (let i = 0; i < messages.length; i++) {
    const ids = (messages[i].tool_calls ?? []).map(({ id }) => id);
    const answered = messages.slice(i + 1, i + 1 + ids.length).map(({ role, tool_call_id }) => role === "tool" && tool_call_id);
    if (JSON.stringify(ids.toSorted()) !== JSON.stringify(answered.toSorted()))
      return "An assistant message with 'tool_calls' must be followed by tool messages";
  }
  return null;
}
