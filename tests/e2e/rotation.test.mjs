// SPDX-License-Identifier: Apache-2.0
/* Sessions that outlast their models: time limits, models that die, models that are away. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { start_openai } from "./support/fake_openai.mjs";
import { PARLEYCTL, run, start_server, write_files } from "./support/program.mjs";
import { USER_TEXT, dial, join, text_of } from "./support/raw_client.mjs";

const MOVED = /goes on with another session of a model/;

/* What a client may rely on, whatever happens to models. */
function is_one_unbroken_session(client) {
  const { events } = client.log;
  assert.equal(events.filter(({ type }) => type === "session.created").length, 1);
  assert.deepEqual(events.filter(({ type }) => type === "error"), []);
  const ids = events.map(({ event_id }) => event_id);
  assert.equal(new Set(ids).size, ids.length, "no event_id comes twice");
  for (const type of ["conversation.item.added", "conversation.item.done"]) {
    const items = events.filter((event) => event.type === type).map(({ item }) => item.id);
    assert.equal(new Set(items).size, items.length, `no item has ${type} twice: ${items}`);
  }
  const responses = events.filter(({ type }) => type === "response.created").map(({ response }) => response.id);
  assert.equal(new Set(responses).size, responses.length);
}

describe("a model with a time limit", () => {
  const LIMIT_MS = 2000;
  const SCRIPT = {
    caps: { session_limit_ms: LIMIT_MS },
    rules: [
      { on: "response.create", match: { text: { contains: "remember" } }, do: [{ text: "I will." }] },
      { on: "response.create", match: { output: { exists: true }, text: { contains: "plus" } }, do: [{ text: "It is {{output}}." }] },
      { on: "response.create", match: { text: { contains: "plus" } }, do: [{ call: { name: "calculator", arguments: { expression: "19 + 23" } } }] },
      { on: "response.create", match: { text: { contains: "recall" } }, do: [{ text: "{{conversation}}" }] },
      { on: "response.create", match: { text: { contains: "turn" } }, do: [{ text: "Yes, {{text}}." }] },
      { on: "response.create", do: [{ text: "Welcome!" }] },
    ],
  };
  let server;

  before(async () => {
    const folder = write_files({ "limit.json": JSON.stringify(SCRIPT) });
    server = await start_server({
      server: {},
      "model limited": { plugin: "model_script", script: `${folder}/limit.json` },
      "tools builtin": { plugin: "tools_builtin" },
      "agent assistant": { model: "limited", tools: "builtin", output: "text", greeting: "Welcome the user." },
    });
  });
  after(() => server.stop());

  test("is rotated six times under one conversation, which the last of them remembers", { timeout: 120_000 }, async () => {
    const client = await join(server);
    await client.log.wait("response.done");
    await client.ask("Please remember that the code word is walrus.");
    assert.match(text_of(await client.ask("How much is nineteen plus twenty-three?")), /42/);
    for (let i = 1; i <= 6; i++) {
      await server.wait_since(server.log.search(MOVED) < 0 ? 0 : server.log.lastIndexOf("goes on with another") + 20, MOVED, 30_000);
      assert.equal(text_of(await client.ask(`turn ${i}`)), `Yes, turn ${i}.`);
    }
    const recalled = text_of(await client.ask("recall"));
    assert.match(recalled, /code word is walrus/);
    assert.match(recalled, /42/);
    assert.match(recalled, /turn 1/);
    is_one_unbroken_session(client);
    const greetings = client.log.all("response.output_text.done").filter(({ text }) => text === "Welcome!");
    assert.equal(greetings.length, 1, "it greets once");
    assert.equal((await server.sessions()).length, 1);
    await client.close();
  });
});

describe("a conversation that is longer than the next model is told", () => {
  const SCRIPT = {
    caps: { session_limit_ms: 4000 },
    rules: [
      { on: "response.create", match: { "response.conversation": "none" }, do: [{ text: "The code word is walrus." }] },
      { on: "response.create", match: { text: { contains: "recall" } }, do: [{ text: "{{conversation}}" }] },
      { on: "response.create", do: [{ text: "So be it." }] },
    ],
  };
  let server;

  before(async () => {
    const folder = write_files({ "limit.json": JSON.stringify(SCRIPT) });
    server = await start_server({
      server: {},
      "model limited": { plugin: "model_script", script: `${folder}/limit.json` },
      "agent assistant": { model: "limited", output: "text", history_tokens: 40, rotation_history: "summarise" },
    });
  });
  after(() => server.stop());

  test("is summarised by the model before it, and the client sees nothing of that", { timeout: 60_000 }, async () => {
    const client = await join(server);
    await client.ask(`Please remember: ${"a long story ".repeat(20)}`);
    await client.ask("That was all.");
    await server.wait_since(0, /is told as a summary/);
    await server.wait_since(0, MOVED);
    const recalled = text_of(await client.ask("recall"));
    assert.match(recalled, /Summary of the earlier part.*\n?.*walrus/);
    assert.doesNotMatch(recalled, /a long story/);
    is_one_unbroken_session(client);
    assert.equal(client.log.all("response.created").length, 3);
    assert.deepEqual(client.log.all("conversation.item.added").filter(({ item }) => item.role === "system"), []);
    await client.close();
  });
});

describe("models that die", () => {
  let first;
  let second;
  let server;

  before(async () => {
    first = await start_openai();
    second = await start_openai();
    const model = (fake) => ({ plugin: "model_openai", api_key: "sk-none", base_url: fake.base_url, connect_timeout_ms: "2s" });
    server = await start_server({
      server: {},
      "model first": model(first),
      "model second": model(second),
      "tools builtin": { plugin: "tools_builtin" },
      "agent assistant": { model: "first, second", tools: "builtin", model_cooldown_ms: 1, reconnect_ms: "4s" },
    });
  });
  after(async () => {
    await server.stop();
    await first.stop();
    await second.stop();
  });

  test("one that is away at the beginning is passed over", async () => {
    first.set({ http: { status: 503, body: "busy" } });
    const client = await join(server);
    assert.equal(text_of(await client.ask("hello")), "The service says hello.");
    assert.equal(second.last.log.all("response.create").length, 1);
    is_one_unbroken_session(client);
    await client.close();
    first.set({});
  });

  test("a wrong key is told, and hidden by nobody", async () => {
    first.set({ http: { status: 401, body: { error: { type: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key." } } } });
    const opened = second.connections.length;
    const client = dial(server);
    assert.equal((await client.log.wait("error")).error.code, "invalid_api_key");
    await client.end();
    assert.equal(second.connections.length, opened);
    first.set({});
  });

  test("one that dies between turns is replaced, and the next knows what was said", async () => {
    const client = await join(server);
    await client.ask("hello");
    const before = second.connections.length;
    first.last.ws.terminate(); /* so soon after it was opened that the other one is preferred */
    const response = await client.ask("and again");
    assert.equal(text_of(response), "The service says hello.");
    assert.equal(second.connections.length, before + 1);
    const told = second.last.log.all("conversation.item.create").map(({ item }) => item.content[0].text);
    assert.deepEqual(told, ["hello", "The service says hello.", "and again"]);
    is_one_unbroken_session(client);
    await client.close();
  });

  test("one that dies in mid-answer ends that answer as failed, and the next one answers", async () => {
    const client = await join(server);
    first.set({ on: { "response.create": (it) => {
      const answer = it.begin("text");
      it.send({ type: "response.output_text.delta", ...answer.place, delta: "The service sa" });
      setTimeout(() => it.ws.terminate(), 20);
      first.set({ http: { status: 503, body: "down" } });
    } } });
    const from = client.log.now;
    client.send(USER_TEXT("hello"));
    client.send({ type: "response.create" });
    const { response } = await client.log.wait((event) => event.type === "response.done" && event.response.status === "completed", { from });
    assert.equal(text_of(response), "The service says hello.");
    const failed = client.log.all((event) => event.type === "response.done" && event.response.status === "failed", from);
    assert.equal(failed.length, 1);
    assert.equal(failed[0].response.output[0].status, "incomplete");
    assert.equal(failed[0].response.output[0].content[0].text, "The service sa");
    const told = second.last.log.all("conversation.item.create").map(({ item }) => item.content[0].text);
    assert.deepEqual(told, ["hello", "The service sa"]);
    is_one_unbroken_session(client);
    await client.close();
    first.set({});
  });

  test("an operator moves a session by hand, and is told what is wrong", async () => {
    const client = await join(server);
    await client.ask("hello");
    const [{ id, model }] = await server.sessions();
    assert.equal(model, "model first");
    const ctl = (...args) => run(PARLEYCTL, ["sessions", "move", ...args, "--url", server.admin_url]);
    const wrong = await ctl(id, "--model", "third");
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /no model "third"/);
    assert.match((await ctl("sess_none", "--model", "second")).err, /no live session/);
    assert.equal((await ctl(id)).code, 2);
    const moved = await ctl(id, "--model", "second");
    assert.equal(moved.code, 0, moved.err);
    assert.match(moved.out, /goes on with model second/);
    assert.equal((await server.sessions())[0].model, "model second");
    assert.equal(text_of(await client.ask("again")), "The service says hello.");
    assert.equal(second.last.log.all("conversation.item.create").length, 3);
    is_one_unbroken_session(client);
    await client.close();
  });

  test("when all stay away the session ends with the reason", async () => {
    const client = await join(server);
    const down = { http: { status: 503, body: "down" } };
    first.set(down);
    second.set(down);
    for (const { ws } of [...first.connections, ...second.connections])
      ws.terminate();
    const end = await client.end(60_000);
    assert.ok(end.code >= 1011 && end.code <= 1013, String(end.code));
    await server.wait_for_sessions(0);
    first.set({});
    second.set({});
  });
});
