// SPDX-License-Identifier: Apache-2.0
/* A client that loses its connection and comes back to its session, on whichever worker it lands. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { start_server, write_files } from "./support/program.mjs";
import { dial, join, text_of } from "./support/raw_client.mjs";

const ANN = "ann-0123456789abcdef";
const BOB = "bob-0123456789abcdef";

const SCRIPT = {
  rules: [
    { on: "response.create", match: { text: { contains: "count" } }, do: [{ speak: "one two three four five six seven eight", ms: 1600, pace: true }] },
    { on: "response.create", match: { text: { contains: "recall" } }, do: [{ text: "{{conversation}}" }] },
    { on: "response.create", do: [{ text: "Yes: {{text}}." }] },
  ],
};

let server;

before(async () => {
  const folder = write_files({ "script.json": JSON.stringify(SCRIPT) });
  const agent = { model: "script", output: "text", client_may_set: "*" };
  server = await start_server({
    server: { workers: 4, max_sessions_per_key: 2, log_level: "debug" },
    "model script": { plugin: "model_script", script: `${folder}/script.json` },
    "agent assistant": agent,
    "agent forgetful": { ...agent, resume_ms: "1ms" },
    "agent never": { ...agent, resume_ms: 0 },
    auth: { keys: `ann=${ANN}, bob=${BOB}` },
  });
});
after(() => server.stop());

async function begin(options = {}) {
  const client = await join(server, { key: ANN, query: "resume=on", ...options });
  const { session, parley } = client.log.all("session.created")[0];
  return { client, id: session.id, token: parley?.resume_token };
}

/* Like a network that breaks: no close frame. */
async function lose(client, id) {
  client.socket.terminate();
  await client.closed;
  for (let i = 0; i < 200; i++) {
    const found = (await server.sessions()).find((session) => session.id === id);
    if (!found || found.state === "away")
      return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("the session did not notice");
}

const come_back = (id, token, { query = "", key = ANN, headers = {}, ...more } = {}) =>
  dial(server, { agent: null, key, query: `session_id=${id}${query}`, headers: { ...(token ? { "parley-resume-token": token } : {}), ...headers }, ...more });

async function refusal(client) {
  const { error } = await client.log.wait("error");
  const { code } = await client.end();
  return { error: error.code, code };
}

describe("a client that comes back", () => {
  test("goes on with the same conversation, time and again, on any worker", async () => {
    let { client, id, token } = await begin();
    await client.ask("the first word is walrus");
    for (let i = 0; i < 12; i++) {
      const { state } = await lose(client, id);
      assert.equal(state, "away");
      client = come_back(id, token);
      const created = await client.log.wait("session.created");
      assert.equal(created.session.id, id);
      assert.equal(created.parley.resumed, "events");
      assert.equal(client.log.events[0].type, "session.created");
      assert.equal(text_of(await client.ask(`turn ${i}`)), `Yes: turn ${i}.`);
    }
    const recalled = text_of(await client.ask("recall"));
    assert.match(recalled, /walrus/);
    assert.match(recalled, /turn 11/);
    assert.equal((await server.sessions()).length, 1);
    assert.match(server.log, /the session lives on another worker/);
    await client.close();
    await server.wait_for_sessions(0);
  });

  test("hears the rest of an answer that it missed, nothing twice", async () => {
    let { client, id, token } = await begin();
    client.send({ type: "session.update", session: { type: "realtime", output_modalities: ["audio"] } });
    await client.log.wait("session.updated");
    void client.ask("please count").catch(() => {});
    await client.log.wait("response.output_audio.delta");
    const first = client;
    await lose(client, id);
    const last = first.log.events.at(-1).event_id;
    client = come_back(id, token, { query: `&last_event_id=${last}` });
    assert.equal((await client.log.wait("session.created")).parley.resumed, "events");
    const { response } = await client.log.wait("response.done");
    assert.equal(response.status, "completed");
    const both = [...first.log.events, ...client.log.events.slice(1)];
    const ids = both.map(({ event_id }) => event_id);
    assert.equal(new Set(ids).size, ids.length, "nothing twice");
    const bytes = both.filter(({ type }) => type === "response.output_audio.delta").reduce((sum, { delta }) => sum + Buffer.from(delta, "base64").length, 0);
    assert.equal(bytes, 1600 * 48, "nothing is missing");
    await client.close();
  });

  test("gets the conversation anew when it is not known what it saw", async () => {
    let { client, id, token } = await begin();
    await client.ask("hello");
    await lose(client, id);
    client = come_back(id, token, { query: "&last_event_id=event_nobody_knows" });
    assert.equal((await client.log.wait("session.created")).parley.resumed, "conversation");
    const again = await client.log.wait((event) => event.type === "conversation.item.done" && event.item.role === "assistant");
    assert.equal(again.item.content[0].text, "Yes: hello.");
    assert.equal(text_of(await client.ask("more")), "Yes: more.");
    await client.close();
  });

  test("in a browser gives the token as a subprotocol", async () => {
    const { client, id, token } = await begin();
    await lose(client, id);
    const back = come_back(id, null, { protocols: ["realtime", `parley-resume.${token}`] });
    assert.equal((await back.log.wait("session.created")).session.id, id);
    assert.equal(back.socket.protocol, "realtime");
    await back.close();
  });
});

describe("who may not come back", () => {
  test("each is told why, in words of its own", async () => {
    const { client, id, token } = await begin();
    assert.deepEqual(await refusal(come_back(id, token)), { error: "session_already_connected", code: 1013 });
    await lose(client, id);
    assert.deepEqual(await refusal(come_back(id, `${token}x`)), { error: "invalid_resume_token", code: 4000 });
    assert.deepEqual(await refusal(come_back(id, null)), { error: "invalid_resume_token", code: 4000 });
    assert.deepEqual(await refusal(come_back(id, token, { key: BOB })), { error: "session_of_another_user", code: 4000 });
    assert.deepEqual(await refusal(come_back(id, token, { query: "&model=never" })), { error: "session_of_another_agent", code: 4000 });
    assert.deepEqual(await refusal(come_back("sess_none", token)), { error: "session_not_found", code: 4004 });
    assert.equal((await refusal(come_back(id, token, { key: "wrong" }))).error, "invalid_api_key");
    const back = come_back(id, token);
    await back.log.wait("session.created");
    await back.close();
    await server.wait_for_sessions(0);
    assert.deepEqual(await refusal(come_back(id, token)), { error: "session_not_found", code: 4004 });
    assert.ok(!server.log.includes(token), "the token is in no log");
  });

  test("who comes too late is told that", async () => {
    const { client, id, token } = await begin({ agent: "forgetful" });
    client.socket.terminate();
    await client.closed;
    await server.wait_for_sessions(0);
    assert.deepEqual(await refusal(come_back(id, token)), { error: "session_resume_expired", code: 4004 });
  });

  test("a session ends with its connection when nobody asked for more, or the agent allows none", async () => {
    const plain = await join(server, { key: ANN });
    assert.equal(plain.log.all("session.created")[0].parley, undefined);
    plain.socket.terminate();
    await server.wait_for_sessions(0);
    const { client, token } = await begin({ agent: "never" });
    assert.equal(token, undefined);
    client.socket.terminate();
    await server.wait_for_sessions(0);
  });

  test("sessions that wait count for their key", async () => {
    const one = await begin();
    const two = await begin();
    await lose(one.client, one.id);
    await lose(two.client, two.id);
    const third = dial(server, { key: ANN });
    assert.equal((await third.handshake).status, 429);
    const back = come_back(one.id, one.token);
    await back.log.wait("session.created");
    await back.close();
    const again = come_back(two.id, two.token);
    await again.log.wait("session.created");
    await again.close();
    await server.wait_for_sessions(0);
    await (await join(server, { key: ANN })).close();
  });
});
