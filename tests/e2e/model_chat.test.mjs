// SPDX-License-Identifier: Apache-2.0
/* An agent over a Chat Completions server: text, tools, interruption, and what goes wrong. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { start_chat_server } from "./support/chat_server.mjs";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";

const KEY = "sk-e2e-chat";

function sections(server, more = {}) {
  return {
    "model main": { plugin: "model_chat", base_url: server.base_url, model: "small", api_key: KEY, ...more },
    "tools builtin": { plugin: "tools_builtin" },
    "store main": { plugin: "store_memory" },
    "agent assistant": { model: "main", tools: "builtin", output: "text", instructions: "Be brief." },
  };
}

describe("an agent over Chat Completions", () => {
  let server, parleyd, client;

  before(async () => {
    server = await start_chat_server({ key: KEY });
    parleyd = await start_parleyd(sections(server));
    client = await open_client(parleyd);
  });
  after(async () => {
    await client?.close();
    await parleyd?.stop();
    await server?.stop();
  });

  test("answers, with the instructions and the conversation before it", async () => {
    const { response, text } = await client.ask("hello");
    assert.equal(text, "You said: hello");
    assert.equal(response.usage.input_tokens, 40);
    assert.equal(response.usage.input_token_details.cached_tokens, 32);
    assert.equal(response.usage.output_tokens, 7);
    const { messages, model } = server.requests.at(-1);
    assert.equal(model, "small");
    assert.deepEqual(messages.map(({ role }) => role), ["system", "user"]);
    assert.match(messages[0].content, /Be brief/);
  });

  test("calls a tool that parley runs, and says its result", async () => {
    const { text } = await client.ask("what is 2 plus 3");
    assert.equal(text, "It is 5.");
    const roles = server.requests.at(-1).messages.map(({ role }) => role);
    assert.deepEqual(roles.slice(-3), ["user", "assistant", "tool"]);
  });

  test("goes on after the call: the server would refuse calls without results", async () => {
    assert.equal((await client.ask("and thanks")).text, "You said: and thanks");
  });
});

test("an answer that the client cancels is given up at the server, too", async () => {
  const server = await start_chat_server({ key: KEY, words_ms: 20 });
  const parleyd = await start_parleyd(sections(server));
  const client = await open_client(parleyd);
  const from = client.log.now;
  client.type("tell me everything");
  client.send({ type: "response.create" });
  await client.log.wait("response.output_text.delta", { from });
  client.send({ type: "response.cancel" });
  const { response } = await client.log.wait("response.done", { from });
  assert.equal(response.status, "cancelled");
  for (let i = 0; i < 100 && server.cut === 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(server.cut, 1);
  await client.close();
  await parleyd.stop();
  await server.stop();
});

test("a refused key fails the answer in words, and is in no log", async () => {
  const server = await start_chat_server({ key: "another" });
  const parleyd = await start_parleyd(sections(server));
  const client = await open_client(parleyd);
  const { response } = await client.ask("hello");
  assert.equal(response.status, "failed");
  assert.match(response.status_details.error.message ?? "", /refuses the key \(HTTP 401\)/);
  await client.close();
  await parleyd.stop();
  await server.stop();
  assert.ok(!parleyd.log.includes(KEY), "the key is in the log");
});
