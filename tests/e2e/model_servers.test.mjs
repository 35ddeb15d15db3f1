// SPDX-License-Identifier: Apache-2.0
/*
 * Text models and agents over a server that is not parley's own: aimock, which speaks Chat Completions and Responses and
 * insists on what OpenAI's servers insist on. Its answers are fixed; all else is a server's.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";

const MODELS = {
  "Chat Completions": { plugin: "model_chat", model: "small" },
  "Responses": { plugin: "model_agents", protocol: "responses", model: "small", history: "send", pass_tools: "yes", pass_instructions: "yes" },
};

async function start_server() {
  const server = new LLMock({ port: 0, latency: 20, chunkSize: 8 });
  const call = { toolCalls: [{ name: "calculator", arguments: '{"expression":"2 + 3"}' }] };
  server.on({ userMessage: /plus/, hasToolResult: false }, call);
  server.on({ userMessage: /plus/, toolResultContains: "5" }, { content: "It is 5." });
  server.onMessage(/count/, { content: "one and on and ".repeat(200) });
  server.onMessage(/fail/, { error: { message: "Slow down", type: "rate_limit_error", code: "rate_limit_exceeded" }, status: 429 });
  server.on({ userMessage: /hello/, systemMessage: /Be brief/ }, { content: "Hi there, friend!" });
  server.onMessage(/enough/, { content: "As you wish." });
  await server.start();
  return server;
}

for (const [name, section] of Object.entries(MODELS)) {
  describe(`a server that speaks ${name}`, () => {
    let server, parleyd, client;

    before(async () => {
      server = await start_server();
      parleyd = await start_parleyd({
        "model main": { ...section, base_url: `${server.url}/v1`, api_key: "sk-e2e" },
        "tools builtin": { plugin: "tools_builtin" },
        "store main": { plugin: "store_memory" },
        "agent assistant": { model: "main", tools: "builtin", output: "text", instructions: "Be brief." },
      });
      client = await open_client(parleyd);
    });
    after(async () => {
      await client?.close();
      await parleyd?.stop();
      await server?.stop();
    });

    test("answers", async () => {
      const { response, text } = await client.ask("hello");
      assert.equal(text, "Hi there, friend!", JSON.stringify(response.status_details));
    });

    test("has its call run by parley, and says the result", async () => {
      assert.equal((await client.ask("what is 2 plus 3")).text, "It is 5.");
    });

    test("goes on after an answer that was cancelled", async () => {
      const from = client.log.now;
      client.type("count");
      client.send({ type: "response.create" });
      await client.log.wait("response.output_text.delta", { from });
      client.send({ type: "response.cancel" });
      const { response } = await client.log.wait("response.done", { from });
      assert.equal(response.status, "cancelled");
      assert.equal((await client.ask("enough")).text, "As you wish.");
    });

    test("is told apart when it has too much to do", async () => {
      const { response } = await client.ask("fail");
      assert.equal(response.status, "failed");
      assert.match(response.status_details.error.message, /HTTP 429: Slow down/);
    });
  });
}
