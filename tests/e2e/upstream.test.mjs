// SPDX-License-Identifier: Apache-2.0
/* model_openai against a server that plays the service: whole turns, every refusal, and every way to fail. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { TONE, start_openai } from "./support/fake_openai.mjs";
import { start_server } from "./support/program.mjs";
import { USER_TEXT, dial, join, text_of } from "./support/raw_client.mjs";

const KEY = "sk-proj-TESTKEY0123456789abcdefXYZ";

let openai;
let server;

const sections = (more = {}, model = {}) => ({
  server: {},
  "model openai": { plugin: "model_openai", api_key: "${TEST_OPENAI_KEY}", base_url: openai.base_url, connect_timeout_ms: "2s", ...model },
  "store main": { plugin: "store_memory" },
  /* What is lost stays lost here: rotation.test.mjs is about taking over. */
  "agent assistant": { model: "openai", client_may_set: "*", instructions: "Be kind.", reconnect_ms: 0 },
  ...more,
});

before(async () => {
  openai = await start_openai();
  server = await start_server(sections(), { env: { TEST_OPENAI_KEY: KEY } });
});
afterEach(() => openai.set({}));
after(async () => {
  await server.stop();
  await openai.stop();
  for (let i = 3; i + 8 <= KEY.length; i++)
    assert.ok(!server.log.includes(KEY.slice(i, i + 8)), "a piece of the key is in the log");
});

const order = (events) => events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);

describe("turns", () => {
  test("the handshake has the key and nothing of the preview", async () => {
    const client = await join(server);
    const { url, headers } = openai.requests.at(-1);
    assert.equal(url, "/v1/realtime?model=gpt-realtime");
    assert.equal(headers.authorization, `Bearer ${KEY}`);
    assert.equal(headers["openai-beta"], undefined);
    assert.equal(headers["sec-websocket-protocol"], undefined);
    assert.equal(headers.host, openai.base_url.slice("ws://".length, -"/v1".length));
    const { session } = client.log.all("session.created")[0];
    assert.equal(session.model, "assistant");
    assert.equal(session.expires_at, 0, "a session does not end with its model's");
    const first = await openai.last.log.wait("session.update");
    assert.equal(first.session.instructions, "Be kind.");
    await client.close();
    assert.equal((await openai.last.closed).code, 1000);
  });

  test("a written turn goes there and back, its events in order", async () => {
    const client = await join(server);
    client.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
    await client.log.wait("session.updated");
    const from = client.log.now;
    const response = await client.ask("hello");
    assert.equal(text_of(response), "The service says hello.");
    assert.deepEqual(order(client.log.events.slice(from)), [
      "conversation.item.added", "conversation.item.done", "response.created", "response.output_item.added", "conversation.item.added",
      "response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done",
      "conversation.item.done", "response.output_item.done", "response.done"]);
    assert.equal(client.log.all("response.output_text.delta", from).map(({ delta }) => delta).join(""), "The service says hello.");
    const there = openai.last.log.all("conversation.item.create")[0];
    assert.equal(there.item.content[0].text, "hello");
    assert.equal(response.usage.total_tokens, 8);
    assert.deepEqual(new Set(client.log.events.map((event) => event.event_id)).size, client.log.events.length, "event ids are the session's own");
    await client.close();
  });

  test("sound arrives there as it was sent, and the answer's comes back as it was said", async () => {
    const client = await join(server);
    const audio = TONE.toString("base64");
    for (let i = 0; i < 20; i++)
      client.send({ type: "input_audio_buffer.append", audio });
    client.send({ type: "input_audio_buffer.commit" });
    client.send({ type: "response.create" });
    await client.log.wait("response.done");
    const appends = openai.last.log.all("input_audio_buffer.append");
    assert.equal(appends.length, 20);
    assert.ok(appends.every((event) => event.audio === audio));
    const deltas = client.log.all("response.output_audio.delta");
    assert.equal(deltas.length, 10);
    assert.ok(deltas.every(({ delta }) => delta === audio));
    await client.close();
  });

  test("a client that leaves closes the upstream", async () => {
    const client = await join(server);
    const { last } = openai;
    client.socket.terminate();
    assert.equal((await last.closed).code, 1000);
  });

  test("what the client sends before session.created waits for it", async () => {
    let let_go;
    const from = openai.arrived.now;
    openai.set({ greet: (it) => { let_go = () => it.created(); } });
    const client = dial(server);
    await client.handshake;
    client.send(USER_TEXT("early"));
    client.send({ type: "response.create" });
    await openai.arrived.wait("connection", { from });
    let_go();
    await client.log.wait("response.done");
    assert.equal(client.log.events[0].type, "session.created");
    assert.equal(openai.last.log.all("conversation.item.create")[0].item.content[0].text, "early");
    await client.close();
  });
});

/* How a client of this agent is refused: {error, code, reason}; no piece of the key may be in it. */
async function refused(client = dial(server)) {
  const end = await client.end(15_000);
  const text = JSON.stringify(client.log.events) + end.reason;
  for (let i = 3; i + 8 <= KEY.length; i++)
    assert.ok(!text.includes(KEY.slice(i, i + 8)), `a piece of the key came to the client: ${text}`);
  return { error: client.log.all("error").at(-1)?.error, ...end };
}

describe("refusals after the handshake", () => {
  const bad_key = `Incorrect API key provided: sk-proj-****************efXYZ. You can find your API key at https://platform.openai.com. It was ${KEY}.`;

  for (const [name, error, close, message] of [
    ["a bad key", { code: "invalid_api_key", message: bad_key }, [3000, "invalid_request_error.invalid_api_key"], /API key/],
    ["no key", { code: null, message: "Missing bearer authentication." }, [3000, "invalid_request_error"], /bearer/],
    ["no model", { code: "missing_model", message: "You must provide a model parameter." }, [4000, "invalid_request_error.missing_model"], /model/],
    ["an unknown model", { code: "invalid_model", message: "Model \"gpt-4\" is not supported in realtime mode." }, [4000, "invalid_request_error.invalid_model"], /not supported/],
    ["a retired model", { code: "model_not_found", message: "The model does not exist or you do not have access to it." }, [4004, "invalid_request_error.model_not_found"], /not exist/],
    ["the preview dialect", { code: "beta_api_shape_disabled", message: "The Realtime Beta API is no longer supported." }, [4000, "invalid_request_error.beta_api_shape_disabled"], /Beta/],
    ["no credit", { type: "insufficient_quota", code: "credit_balance_exhausted", message: "You exceeded your current quota." }, [1013, "insufficient_quota.credit_balance_exhausted"], /quota/],
  ])
    test(`${name} reaches the client with the same code and close`, async () => {
      openai.set({ greet: (it) => it.error(error, close) });
      const end = await refused();
      assert.equal(end.error.type, error.type ?? "invalid_request_error");
      assert.equal(end.error.code ?? null, error.code);
      assert.match(end.error.message, message);
      assert.equal(end.code, close[0]);
      assert.equal(end.reason, close[1]);
      await server.wait_for_sessions(0);
    });
});

describe("refusals of the handshake", () => {
  const json = (code, message, type = "invalid_request_error") => ({ error: { type, code, message } });

  for (const [name, http, code, close] of [
    ["401", { status: 401, body: json("invalid_api_key", `Incorrect API key provided: ${KEY}.`) }, "invalid_api_key", 3000],
    ["401 of Azure", { status: 401, body: { error: { code: "401", message: "Access denied due to invalid subscription key." } } }, "401", null],
    ["403", { status: 403, body: json("unsupported_country_region_territory", "Not here.") }, "unsupported_country_region_territory", null],
    ["404", { status: 404, body: json("DeploymentNotFound", "The API deployment does not exist.") }, "DeploymentNotFound", null],
    ["404 in HTML", { status: 404, headers: { "content-type": "text/html" }, body: "<html>nothing</html>" }, null, null],
    ["429", { status: 429, headers: { "retry-after": "7" }, body: json("rate_limit_exceeded", "Slow down.", "tokens") }, "rate_limit_exceeded", 1013],
    ["429 out of quota", { status: 429, body: json("insufficient_quota", "You exceeded your current quota.", "insufficient_quota") }, "insufficient_quota", 1013],
    ["503", { status: 503, body: "upstream connect error" }, null, 1011],
    ["500", { status: 500, body: json(null, "The server had an error.", "server_error") }, null, 1011],
    ["a redirection", { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" }, null, null],
  ])
    test(`${name} is told by an error event and a close`, async () => {
      openai.set({ http });
      const end = await refused();
      assert.equal(typeof end.error.message, "string");
      assert.ok(end.error.message.length > 5);
      if (code)
        assert.equal(end.error.code, code);
      if (close)
        assert.equal(end.code, close);
      else
        assert.ok(end.code >= 3000, `${end.code}: a retry is useless`);
      assert.ok(!/<html>/.test(JSON.stringify(end)));
      await server.wait_for_sessions(0);
    });

  test("a server that is not there is told as one to retry", async () => {
    const lonely = await start_server(sections({}, { base_url: "ws://127.0.0.1:1/v1" }), { env: { TEST_OPENAI_KEY: KEY } });
    const end = await refused(dial(lonely));
    assert.ok(end.code >= 1011 && end.code <= 1013, String(end.code));
    assert.match(end.error.message, /127\.0\.0\.1/);
    await lonely.stop();
  });

  test("one that never answers the handshake runs into the time limit", async () => {
    openai.set({ http: { hang: true } });
    const end = await refused();
    assert.ok(end.code >= 1011 && end.code <= 1013, String(end.code));
    assert.match(end.error.message, /2000 ms|time/);
  });

  test("one that says nothing after the handshake runs into the time limit", async () => {
    openai.set({ greet: () => {} });
    const end = await refused();
    assert.ok(end.code >= 1011 && end.code <= 1013, String(end.code));
    assert.match(end.error.message, /session\.created/);
    await server.wait_for_sessions(0);
  });

  for (const [name, greet] of Object.entries({
    "another protocol": (it) => it.send({ hello: "world" }),
    "no JSON": (it) => it.send("hello"),
    "an empty message": (it) => it.send(""),
    "an array": (it) => it.send("[]"),
    "bytes": (it) => { it.send(Buffer.from([1, 2, 3])); it.ws.close(1003); },
    "a close at once": (it) => it.ws.close(1000),
    "a reset at once": (it) => it.ws.terminate(),
    "a session.created without a session": (it) => it.send({ type: "session.created" }),
  }))
    test(`one that greets with ${name} ends the session with words, or is taken`, async () => {
      openai.set({ greet });
      const client = dial(server);
      const first = await Promise.race([client.closed.then(() => "closed"), client.log.wait("session.created").then(() => "created", () => "late")]);
      if (first === "created") {
        assert.equal(text_of(await client.ask("hello")), "The service says hello.");
        await client.close();
      } else {
        const end = await client.end();
        assert.ok(client.log.all("error").length === 1 || end.code === 1000, JSON.stringify(client.log.events));
        assert.notEqual(end.code, 1006);
      }
      await server.wait_for_sessions(0);
    });
});

/* A turn whose answer goes wrong in the way of `respond`. */
async function turn(respond) {
  openai.set({ on: { "response.create": respond } });
  const client = await join(server);
  client.send(USER_TEXT("hello"));
  client.send({ type: "response.create" });
  return client;
}

async function works_again(client) {
  openai.set({});
  assert.equal(text_of(await client.ask("again")), "The service says hello.");
  await client.close();
}

describe("an upstream that fails in the middle", () => {
  for (const [name, die, code] of [
    ["dies", (it) => it.ws.terminate(), [1011, 1013]],
    ["closes with 1011", (it) => it.ws.close(1011, "server_error"), [1011, 1011]],
    ["closes with 1012", (it) => it.ws.close(1012), [1011, 1013]],
    ["closes with 1000", (it) => it.ws.close(1000), [1000, 1013]],
    ["sends text that is none", (it) => it.ws.send(Buffer.from([0xff, 0xfe]), { binary: false }), [1007, 4999]],
    ["breaks the framing", (it) => it.ws._socket.write(Buffer.from([0xff, 0xff, 0xff])), [1000, 4999]],
  ])
    test(`one that ${name} ends the response as failed, and the session truthfully`, async () => {
      const client = await turn((it) => {
        const answer = it.begin("audio");
        it.send({ type: "response.output_audio.delta", ...answer.place, delta: TONE.toString("base64") });
        setTimeout(() => die(it), 20);
      });
      const { response } = await client.log.wait("response.done");
      assert.equal(response.status, "failed");
      const end = await client.end(10_000);
      assert.ok(end.code >= code[0] && end.code <= code[1], `${end.code} ${end.reason}`);
      assert.equal(client.log.all("response.done").length, 1);
      await server.wait_for_sessions(0);
    });

  test("a session that has expired is told so", async () => {
    const client = await join(server);
    openai.last.error({ code: "session_expired", message: "Your session hit the maximum duration of 60 minutes." }, [1001, "session expired"]);
    const end = await refused(client);
    assert.equal(end.error.code, "session_expired");
    assert.ok([1000, 1001].includes(end.code), String(end.code));
  });

  test("an error in the middle keeps the key hidden and the session alive", async () => {
    const client = await join(server);
    openai.last.error({ code: "server_error", type: "server_error", message: `Trouble with ${KEY} and sk-proj-other0123456789.` });
    const { error } = await client.log.wait("error");
    assert.equal(error.code, "server_error");
    assert.ok(!error.message.includes(KEY) && !error.message.includes("other0123456789"), error.message);
    await works_again(client);
  });

  test("a rate limit inside a response is told as the service says it", async () => {
    const client = await turn((it) => {
      const { response } = it.begin();
      it.send({ type: "response.done", response: { ...response, status: "failed", status_details: { type: "failed", error: { type: "tokens", code: "rate_limit_exceeded", message: "Slow down." } } } });
    });
    const { response } = await client.log.wait("response.done");
    assert.equal(response.status, "failed");
    assert.equal(response.status_details.error.code, "rate_limit_exceeded");
    await works_again(client);
  });

  test("garbage between events is left out and counted", async () => {
    const client = await turn((it) => {
      for (const text of ["", "hello", "[]", "{}", '{"type":7}', "{\"type\":\"response.output_text.delta\"", "null", `{"a":${"[".repeat(3000)}`])
        it.send(text);
      it.send(Buffer.from([1, 2, 3]));
      it.answer("After all.");
    });
    const { response } = await client.log.wait("response.done");
    assert.equal(text_of(response), "After all.");
    assert.deepEqual(client.log.all("error"), []);
    await works_again(client);
  });

  test("an unknown event reaches the client", async () => {
    const client = await turn((it) => {
      it.send({ type: "response.dreaming.delta", delta: "zzz" });
      it.answer("Awake.");
    });
    const dream = await client.log.wait("response.dreaming.delta");
    assert.equal(dream.delta, "zzz");
    await client.log.wait("response.done");
    await works_again(client);
  });

  test("an event of 15 MiB reaches the client", async () => {
    const big = "A".repeat(15 * 1024 * 1024);
    const client = await turn((it) => {
      const answer = it.begin("audio");
      it.send({ type: "response.output_audio.delta", ...answer.place, delta: big });
      it.end(answer, "Long.");
    });
    const { delta } = await client.log.wait("response.output_audio.delta");
    assert.equal(delta.length, big.length);
    await client.log.wait("response.done");
    await works_again(client);
  });

  test("an event above the limit ends the session with words", async () => {
    const client = await turn((it) => {
      const answer = it.begin("audio");
      it.send({ type: "response.output_audio.delta", ...answer.place, delta: "A".repeat(20 * 1024 * 1024) });
    });
    const { response } = await client.log.wait("response.done");
    assert.equal(response.status, "failed");
    const end = await client.end(10_000);
    assert.notEqual(end.code, 1006);
    assert.match(client.log.all("error").at(-1).error.message, /limit|large/);
  });
});

describe("an upstream that lies", () => {
  for (const [name, respond] of Object.entries({
    "deltas of a response that does not run": (it) => {
      it.send({ type: "response.output_text.delta", response_id: "resp_nobody", item_id: "item_nobody", output_index: 0, content_index: 0, delta: "lie" });
      it.answer("Truth.");
    },
    "two response.done": (it) => {
      const answer = it.begin();
      it.end(answer, "Truth.");
      it.done(answer.response, []);
    },
    "a delta after response.done": (it) => {
      const answer = it.begin();
      it.end(answer, "Truth.");
      it.send({ type: "response.output_text.delta", ...answer.place, delta: "lie" });
    },
    "the end of an unknown response": (it) => {
      it.done({ object: "realtime.response", id: "resp_nobody" }, []);
      it.answer("Truth.");
    },
    "an item that was never added": (it) => {
      it.send({ type: "conversation.item.truncated", item_id: "item_nobody", content_index: 0, audio_end_ms: 5 });
      it.send({ type: "conversation.item.deleted", item_id: "item_nobody" });
      it.answer("Truth.");
    },
    "events of clients": (it) => {
      it.send({ type: "response.create" });
      it.send({ type: "session.update", session: {} });
      it.answer("Truth.");
    },
    "a second session.created": (it) => {
      it.created();
      it.answer("Truth.");
    },
    "a response.created twice": (it) => {
      const answer = it.begin();
      it.send({ type: "response.created", response: answer.response });
      it.end(answer, "Truth.");
    },
    "members of the wrong kind": (it) => {
      it.send({ type: "response.created", response: "soon" });
      it.send({ type: "response.done", response: 7 });
      it.send({ type: "conversation.item.added", item: [] });
      it.send({ type: "error", error: "bad" });
      it.send({ type: "error" });
      it.send({ type: "session.updated", session: null });
      it.send({ type: "response.output_item.done", response_id: 7, item: 7 });
      it.send({ type: "input_audio_buffer.speech_started", item_id: null, audio_start_ms: "early" });
      it.send({ type: "conversation.item.input_audio_transcription.completed", item_id: {}, transcript: [] });
      it.answer("Truth.");
    },
    "an error about an event that nobody sent": (it) => {
      it.error({ code: "invalid_value", message: "No.", event_id: "event_nobody" });
      it.answer("Truth.");
    },
  }))
    test(`${name}: the client sees one whole response`, async () => {
      const client = await turn(respond);
      const { response } = await client.log.wait((event) => event.type === "response.done" && event.response.id !== "resp_nobody");
      assert.equal(text_of(response), "Truth.");
      await works_again(client);
      const created = client.log.all("response.created").map((event) => event.response.id);
      const done = client.log.all("response.done").map((event) => event.response.id);
      assert.deepEqual(done, created, "one done for each created");
      assert.equal(client.log.all("session.created").length, 1);
      const after_done = new Set();
      for (const event of client.log.events) {
        assert.ok(!after_done.has(event.response_id), `${event.type} after the end`);
        if (event.type === "response.done")
          after_done.add(event.response.id);
      }
      assert.ok(!JSON.stringify(client.log.all((event) => event.type.endsWith("delta"))).includes("lie"));
    });

  test("one that never ends its response is cancelled by the client, and what it says later is not heard", async () => {
    let answer;
    const client = await turn((it) => { answer = it.begin(); });
    await client.log.wait("response.content_part.added");
    openai.set({ on: { "response.cancel": (it) => it.done(answer.response, [], { status: "cancelled", status_details: { type: "cancelled", reason: "client_cancelled" } }) } });
    client.send({ type: "response.cancel" });
    const { response } = await client.log.wait("response.done");
    assert.equal(response.status, "cancelled");
    openai.last.send({ type: "response.output_text.delta", ...answer.place, delta: "lie" });
    await works_again(client);
    assert.ok(!client.log.all("response.output_text.delta").some(({ delta }) => delta === "lie"));
  });

  test("one that dies without a word while nothing runs ends the session, and the server forgets it", async () => {
    const client = await join(server);
    openai.last.ws.terminate();
    const end = await client.end(10_000);
    assert.ok(end.code >= 1011 && end.code <= 1013, String(end.code));
    await server.wait_for_sessions(0);
  });
});

test("one line of INI sends the same conversation from the script to the service", async () => {
  const both = (model) => ({
    ...sections(),
    "model local": { plugin: "model_script" },
    "agent assistant": { ...sections()["agent assistant"], model },
  });
  const one = await start_server(both("local"), { env: { TEST_OPENAI_KEY: KEY } });
  const asked_before = openai.requests.length;
  const talk = async () => {
    const client = await join(one);
    const text = text_of(await client.ask("hello"));
    await client.close();
    return { text, types: order(client.log.events) };
  };
  const local = await talk();
  assert.equal(openai.requests.length, asked_before);
  one.rewrite({ ...both("openai"), server: one.sections.server, admin: one.sections.admin });
  await one.reload();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const remote = await talk();
  assert.equal(openai.requests.length, asked_before + 1);
  assert.equal(remote.text, "The service says hello.");
  assert.notEqual(local.text, remote.text);
  for (const type of ["session.created", "response.created", "response.output_audio.delta", "response.done"]) {
    assert.ok(local.types.includes(type), `local: ${local.types}`);
    assert.ok(remote.types.includes(type), `remote: ${remote.types}`);
  }
  await one.stop();
});
