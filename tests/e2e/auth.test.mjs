// SPDX-License-Identifier: Apache-2.0
/* Who may connect: keys wherever clients put them, ephemeral secrets, pages of elsewhere, and what a refusal looks like. */
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { PARLEYD, check, run, start_server, write_config } from "./support/program.mjs";
import { dial, join } from "./support/raw_client.mjs";
import { upstreams } from "./support/upstreams.mjs";

const KEY = "c2f1d7a0b4e94d55-alpha";
const OTHER = "9b0e4cc8a7f24d31-beta";
const sections = (more = {}) => upstreams.model_script({ auth: { keys: `alpha=${KEY}, beta=${OTHER}` }, ...more });

/* A request with headers that fetch() will not send; gives {status, headers, body}. */
function request(server, path, { method = "GET", headers = {}, body = "" } = {}) {
  const [host, port] = server.host.split(":");
  return new Promise((resolve, reject) => {
    const call = http.request({ host, port, path, method, headers }, async (answer) => {
      let text = "";
      for await (const piece of answer)
        text += piece;
      resolve({ status: answer.statusCode, headers: answer.headers, body: text });
    });
    call.on("error", reject);
    call.end(body);
  });
}

/* The refusal after the handshake: its error event and its close. */
async function refusal(client) {
  const { status } = await client.handshake;
  assert.equal(status, 101);
  const { code, reason } = await client.end(5_000);
  assert.equal(client.log.events.length, 1, JSON.stringify(client.log.events));
  const [event] = client.log.events;
  assert.equal(event.type, "error");
  assert.equal(typeof event.event_id, "string");
  return { error: event.error, code, reason };
}

async function create_secret(server, body, key = KEY, path = "/v1/realtime/client_secrets") {
  const answer = await fetch(`http://${server.host}${path}`, {
    method: "POST", headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

describe("keys", () => {
  let server;

  before(async () => { server = await start_server(sections()); });
  after(async () => {
    await server.stop();
    for (const secret of [KEY, OTHER, "wrong-key-0123456789"])
      assert.ok(!server.log.includes(secret), "a key is in the log");
  });

  for (const [name, options] of Object.entries({
    "as bearer": { headers: { authorization: `Bearer ${KEY}` } },
    "as bearer, in small letters": { headers: { authorization: `bearer ${KEY}` } },
    "as api-key header": { headers: { "api-key": KEY } },
    "in the query": { query: `api-key=${KEY}` },
    "as the second key": { headers: { authorization: `Bearer ${OTHER}` } },
  }))
    test(`a key is taken ${name}`, async () => {
      const client = await join(server, options);
      const { headers } = await client.handshake;
      assert.equal(headers["sec-websocket-protocol"], undefined, "none was offered");
      assert.equal((await client.close()).code, 1000);
    });

  for (const [name, protocols] of Object.entries({
    "of the openai package": ["realtime", `openai-insecure-api-key.${KEY}`],
    "of the openai package with organisation": ["realtime", `openai-insecure-api-key.${KEY}`, "openai-organization.org-1", "openai-project.p-1"],
    "of the agents package": ["realtime", `openai-insecure-api-key.${KEY}`, "openai-agents-sdk.0.20.0"],
    "in another order": [`openai-insecure-api-key.${KEY}`, "realtime"],
  }))
    test(`the subprotocols ${name} are answered by realtime`, async () => {
      const client = await join(server, { protocols });
      assert.equal((await client.handshake).headers["sec-websocket-protocol"], "realtime");
      assert.equal(client.socket.protocol, "realtime");
      await client.close();
    });

  test("a bearer key beats the one among the subprotocols", async () => {
    const client = await join(server, { key: KEY, protocols: ["realtime", "openai-insecure-api-key.wrong-key-0123456789"] });
    await client.close();
  });

  for (const [name, options] of Object.entries({
    "as bearer": { key: "wrong-key-0123456789" },
    "as api-key": { headers: { "api-key": "wrong-key-0123456789" } },
    "in the query": { query: "api-key=wrong-key-0123456789" },
    "among the subprotocols": { protocols: ["realtime", "openai-insecure-api-key.wrong-key-0123456789"] },
    "with a piece of the right one": { key: KEY.slice(0, -1) },
    "with more than the right one": { key: `${KEY}x` },
    "as an unknown ephemeral one": { key: "ek_0123456789abcdef0123456789abcdef" },
  }))
    test(`a wrong key ${name} is told after the handshake, with 3000`, async () => {
      const { error, code, reason } = await refusal(dial(server, options));
      assert.equal(error.type, "invalid_request_error");
      assert.equal(error.code, "invalid_api_key");
      assert.equal(code, 3000);
      assert.equal(reason, "invalid_request_error.invalid_api_key");
    });

  test("no key at all is told with 3000 and no code", async () => {
    const { error, code, reason } = await refusal(dial(server));
    assert.equal(error.code ?? null, null);
    assert.equal(code, 3000);
    assert.equal(reason, "invalid_request_error");
    assert.match(error.message, /Authorization: Bearer/);
  });

  test("plain HTTP is refused with 401 and JSON", async () => {
    for (const headers of [{}, { authorization: "Bearer wrong-key-0123456789" }, { "api-key": "wrong-key-0123456789" }]) {
      const answer = await request(server, "/v1/models", { headers });
      assert.equal(answer.status, 401);
      assert.match(answer.headers["content-type"], /application\/json/);
      const { error } = JSON.parse(answer.body);
      assert.equal(error.code, "invalid_api_key");
      assert.equal(error.type, "invalid_request_error");
    }
    assert.equal((await request(server, "/metrics")).status, 401);
  });

  test("plain HTTP is answered with a key", async () => {
    for (const headers of [{ authorization: `Bearer ${KEY}` }, { "api-key": KEY }]) {
      const answer = await request(server, "/v1/models", { headers });
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.body).data.map(({ id }) => id), ["assistant"]);
    }
    assert.equal((await request(server, "/openai/v1/models", { headers: { "api-key": KEY } })).status, 200);
    assert.equal((await request(server, "/v1/models/assistant", { headers: { "api-key": KEY } })).status, 200);
    assert.equal((await request(server, "/v1/models/nobody", { headers: { "api-key": KEY } })).status, 404);
  });

  test("health is told to everybody", async () => {
    assert.equal((await request(server, "/healthz")).status, 200);
    assert.equal((await request(server, "/readyz")).status, 200);
  });

  test("the path under /openai serves too", async () => {
    const client = await join(server, { key: KEY, path: "/openai/v1/realtime" });
    await client.close();
  });

  test("a page of elsewhere may connect when it has the key", async () => {
    const client = await join(server, { key: KEY, headers: { origin: "https://app.example.com" } });
    await client.close();
  });

  for (const [name, options, code, close] of [
    ["no model", { agent: null }, "missing_model", 4000],
    ["an empty model", { agent: "" }, "missing_model", 4000],
    ["an unknown model", { agent: "nobody" }, "invalid_model", 4000],
    ["a call", { agent: null, query: "call_id=rtc_1" }, "unknown_parameter", 4000],
    ["a transcription", { agent: null, query: "intent=transcription" }, "unknown_parameter", 4000],
    ["the preview dialect by header", { headers: { "openai-beta": "realtime=v1" } }, "beta_api_shape_disabled", 4000],
    ["the preview dialect among others", { headers: { "openai-beta": "assistants=v2, realtime=v1" } }, "beta_api_shape_disabled", 4000],
    ["the preview dialect by subprotocol", { protocols: ["realtime", "openai-beta.realtime-v1"] }, "beta_api_shape_disabled", 4000],
  ])
    test(`${name} is refused with ${code}`, async () => {
      const refused = await refusal(dial(server, { key: KEY, ...options }));
      assert.equal(refused.error.code, code);
      assert.equal(refused.code, close);
      assert.equal(refused.reason, `invalid_request_error.${code}`);
    });

  test("the name of an unknown model comes back harmless", async () => {
    const { error } = await refusal(dial(server, { key: KEY, agent: `no"body\u0007\u00e9${"x".repeat(400)}` }));
    assert.equal(error.code, "invalid_model");
    assert.ok(error.message.length < 400);
  });
});

describe("ephemeral secrets", () => {
  let server;

  before(async () => { server = await start_server(sections({ "agent other": { model: "main" } })); });
  after(async () => {
    await server.stop();
    assert.ok(!/ek_[A-Za-z0-9]{8}/.test(server.log), "a secret is in the log");
  });

  test("one is made with the real key and opens sessions with its preset", async () => {
    const { status, body } = await create_secret(server, {
      expires_after: { anchor: "created_at", seconds: 60 },
      session: { type: "realtime", model: "assistant", output_modalities: ["text"], instructions: "Be brief." } });
    assert.equal(status, 200, JSON.stringify(body));
    assert.match(body.value, /^ek_/);
    assert.ok(Math.abs(body.expires_at - Date.now() / 1000 - 60) < 3);
    assert.match(body.session.id, /^sess_/);
    assert.equal(body.session.object, "realtime.session");
    assert.equal(body.session.expires_at, 0);
    assert.equal(body.session.instructions, "Be brief.");
    assert.deepEqual(body.session.output_modalities, ["text"]);
    for (let i = 0; i < 2; i++) {
      const client = await join(server, { agent: null, protocols: ["realtime", `openai-insecure-api-key.${body.value}`] });
      const { session } = client.log.all("session.created")[0];
      assert.equal(session.instructions, "Be brief.");
      assert.deepEqual(session.output_modalities, ["text"]);
      const response = await client.ask("hello");
      assert.equal(response.output[0].content[0].type, "output_text");
      await client.close();
    }
  });

  test("the path under /openai makes one, and an empty body takes the defaults of a named agent", async () => {
    const { status, body } = await create_secret(server, { session: { type: "realtime", model: "assistant" } }, KEY, "/openai/v1/realtime/client_secrets");
    assert.equal(status, 200);
    assert.ok(Math.abs(body.expires_at - Date.now() / 1000 - 600) < 3);
  });

  test("one is good for nothing else", async () => {
    const { body: { value } } = await create_secret(server, { session: { model: "assistant" } });
    const models = await request(server, "/v1/models", { headers: { authorization: `Bearer ${value}` } });
    assert.equal(models.status, 401);
    assert.equal(JSON.parse(models.body).error.code, "invalid_api_key");
    const again = await create_secret(server, { session: { model: "assistant" } }, value);
    assert.equal(again.status, 401);
  });

  test("the preset cannot be left through another model", async () => {
    const { body: { value } } = await create_secret(server, { session: { model: "assistant", instructions: "Be brief." } });
    for (const agent of ["assistant", "other", "gpt-realtime"]) { // SDKs name their default model unasked
      const client = await join(server, { agent, key: value });
      const { session } = client.log.all("session.created")[0];
      assert.equal(session.model, "assistant");
      assert.equal(session.instructions, "Be brief.");
      await client.close();
    }
  });

  for (const [name, body, message] of [
    ["too short a life", { expires_after: { anchor: "created_at", seconds: 9 } }, /9 is outside 10 to 7200/],
    ["too long a life", { expires_after: { anchor: "created_at", seconds: 7201 } }, /7201 is outside 10 to 7200/],
    ["a life in words", { expires_after: { anchor: "created_at", seconds: "long" } }, /expires_after/],
    ["a life in fractions", { expires_after: { anchor: "created_at", seconds: 60.5 } }, /expires_after/],
    ["another anchor", { expires_after: { anchor: "last_used", seconds: 60 } }, /expires_after/],
    ["no object for a life", { expires_after: 60 }, /expires_after/],
    ["an unknown agent", { session: { model: "nobody" } }, /no agent "nobody"/],
    ["a model that is no text", { session: { model: 7 } }, /session\.model/],
    ["no object for a session", { session: "assistant" }, /session/],
    ["an unknown field", { session: { model: "assistant", colour: "blue" } }, /colour/],
    ["a wrong value", { session: { model: "assistant", output_modalities: ["smell"] } }, /output_modalities/],
    ["no JSON", "{", /JSON/],
    ["an array", "[]", /JSON object/],
    ["depth", "[".repeat(5000), /JSON/],
  ])
    test(`${name} is refused with 400`, async () => {
      const with_model = typeof body === "string" ? body : { session: { model: "assistant" }, ...body };
      const answer = await create_secret(server, with_model);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(`${answer.body.error.param}: ${answer.body.error.message}`, message);
      assert.equal(answer.body.error.type, "invalid_request_error");
    });

  for (const seconds of [10, 7200])
    test(`${seconds} seconds are within the bounds`, async () => {
      const { status } = await create_secret(server, { expires_after: { anchor: "created_at", seconds }, session: { model: "assistant" } });
      assert.equal(status, 200);
    });

  test("without the real key none is made", async () => {
    assert.equal((await create_secret(server, {}, null)).status, 401);
    assert.equal((await create_secret(server, {}, "wrong-key-0123456789")).status, 401);
  });

  test("GET of the path says which method it takes", async () => {
    assert.equal((await request(server, "/v1/realtime/client_secrets", { headers: { "api-key": KEY } })).status, 405);
  });
});

test("an ephemeral secret ends when its time is over, and open sessions go on", { timeout: 30_000 }, async () => {
  const server = await start_server(sections());
  const { body: { value } } = await create_secret(server, { expires_after: { anchor: "created_at", seconds: 10 }, session: { model: "assistant" } });
  const client = await join(server, { key: value });
  let refused = null;
  for (let tries = 0; refused === null && tries < 60; tries++) {
    const late = dial(server, { key: value });
    await Promise.race([late.log.wait("session.created"), late.closed]);
    if (late.log.all("error").length > 0)
      refused = await late.closed;
    else
      await late.close();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.equal(refused?.code, 3000);
  assert.equal((await client.ask("hello")).status, "completed");
  await client.close();
  await server.stop();
});

test("a key has its limit of sessions, ephemeral ones counted with the key that made them", async () => {
  const server = await start_server(sections({ server: { max_sessions_per_key: 2 } }));
  const { body: { value } } = await create_secret(server, { session: { model: "assistant" } });
  const first = await join(server, { key: KEY });
  const second = await join(server, { key: value });
  for (const key of [KEY, value]) {
    const { status, body, headers } = await dial(server, { key }).handshake;
    assert.equal(status, 429);
    assert.match(headers["content-type"], /json/);
    const { error } = JSON.parse(body);
    assert.equal(error.code, "too_many_sessions");
    assert.match(error.message, /"alpha" has 2 sessions/);
  }
  const other = await join(server, { key: OTHER });
  await second.close();
  await server.wait_for_sessions(2);
  const third = await join(server, { key: KEY });
  await Promise.all([first, third, other].map((client) => client.close()));
  await server.wait_for_sessions(0);
  await server.stop();
});

test("keys come from a file, with names, comments and empty lines", async () => {
  const { folder } = write_config("", { keys: `# those of the shop\nshop=${KEY}\n\n${OTHER}\n` });
  const server = await start_server(sections({ auth: { keys: `file:${folder}/keys` } }));
  for (const key of [KEY, OTHER])
    await (await join(server, { key })).close();
  assert.equal((await refusal(dial(server, { key: "wrong-key-0123456789" }))).code, 3000);
  await server.stop();
});

describe("without [auth]", () => {
  let server;
  let own;

  before(async () => {
    server = await start_server(upstreams.model_script({ server: { allowed_origins: "https://app.example.com" } }));
    own = server.host;
  });
  after(() => server.stop());

  const port_of = () => own.split(":")[1];

  for (const [name, headers] of Object.entries({
    "a program without an origin": () => ({}),
    "its own page": () => ({ origin: `http://${own}` }),
    "its own page by name": () => ({ host: `localhost:${port_of()}`, origin: `http://localhost:${port_of()}` }),
    "a page that is listed": () => ({ origin: "https://app.example.com" }),
  }))
    test(`${name} is let in`, async () => {
      const client = await join(server, { headers: headers() });
      await client.close();
      assert.equal((await request(server, "/v1/models", { headers: headers() })).status, 200);
    });

  for (const [name, headers] of Object.entries({
    "a page of elsewhere": () => ({ origin: "https://evil.example" }),
    "a page of another port": () => ({ origin: "http://127.0.0.1:1" }),
    "a page from a file": () => ({ origin: "null" }),
    "a foreign name that resolves here": () => ({ host: "evil.example", origin: "http://evil.example" }),
    "a foreign name without an origin": () => ({ host: `evil.example:${port_of()}` }),
    "a foreign name that looks like ours": () => ({ host: "127.0.0.1.evil.example", origin: "http://127.0.0.1.evil.example" }),
    "a foreign name in front of ours": () => ({ host: "localhost.evil.example" }),
    "a page whose name begins like a listed one": () => ({ origin: "https://app.example.com.evil.example" }),
  }))
    test(`${name} is refused with 403`, async () => {
      const { status, body } = await dial(server, { headers: headers() }).handshake;
      assert.equal(status, 403);
      assert.equal(JSON.parse(body).error.code, "origin_not_allowed");
      assert.equal((await request(server, "/v1/models", { headers: headers() })).status, 403);
      assert.equal((await request(server, "/v1/realtime/client_secrets", { method: "POST", headers: headers() })).status, 403);
    });

  test("any key does", async () => {
    const client = await join(server, { key: "none" });
    await client.close();
  });

  test("a secret is made and used all the same", async () => {
    const { status, body } = await create_secret(server, { session: { model: "assistant", instructions: "Be brief." } }, null);
    assert.equal(status, 200);
    const client = await join(server, { key: body.value });
    assert.equal(client.log.all("session.created")[0].session.instructions, "Be brief.");
    await client.close();
  });

  test("the admin API is not for pages", async () => {
    const { status, body } = await server.admin("GET", "/admin/v1/sessions", { origin: server.admin_url });
    assert.equal(status, 403);
    assert.equal(body.error.code, "origin_not_allowed");
  });

  test("the admin API is not for a foreign name that resolves here", async () => {
    const [host, port] = server.admin_url.slice("http://".length).split(":");
    const answer = await request({ host: `${host}:${port}` }, "/admin/v1/sessions", { headers: { host: "evil.example" } });
    assert.equal(answer.status, 403);
  });
});

describe("listening beyond this machine", () => {
  const text = (listen, more = "") => `[server]\nlisten = ${listen}\n${process.env.PARLEY_PLUGIN_DIR ? `plugin_dir = ${process.env.PARLEY_PLUGIN_DIR}\n` : ""}`
    + `[model main]\nplugin = model_script\n[agent assistant]\nmodel = main\n${more}`;

  for (const listen of ["0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:8080"])
    test(`${listen} without [auth] is refused by --check and at the start`, async () => {
      const checked = await check(text(listen));
      assert.equal(checked.code, 2, checked.out + checked.err);
      assert.match(checked.err, /parley\.ini:2: \[server\] listen: .*reached from other machines.*\[auth\]/);
      const { path } = write_config(text(listen));
      const started = await run(PARLEYD, ["-c", path]);
      assert.equal(started.code, 2);
      assert.match(started.err, /no \[auth\] section/);
    });

  test("it is good with [auth]", async () => {
    const { code, err } = await check(text("0.0.0.0:0", `[auth]\nkeys = ${KEY}\n`));
    assert.equal(code, 0, err);
  });

  test("an admin API beyond this machine needs a token", async () => {
    const { code, err } = await check(text("127.0.0.1:0", "[admin]\nlisten = 0.0.0.0:0\n"));
    assert.equal(code, 2);
    assert.match(err, /\[admin\] listen: .*token/);
  });

  test("a short key is refused without being shown", async () => {
    const { code, err } = await check(text("0.0.0.0:0", "[auth]\nkeys = alpha=short-secret\n"));
    assert.equal(code, 2);
    assert.match(err, /\[auth\] keys: .*16/);
    assert.ok(!err.includes("short-secret"));
  });
});

test("the admin API wants its token when it has one", async () => {
  const token = "admin-token-0123456789";
  const server = await start_server(upstreams.model_script({ admin: { listen: "127.0.0.1:0", token } }));
  for (const headers of [{}, { authorization: "Bearer nope" }, { authorization: `Basic ${token}` }]) {
    const { status, body } = await server.admin("GET", "/admin/v1/sessions", headers);
    assert.equal(status, 401);
    assert.equal(body.error.code, "invalid_token");
  }
  const { status } = await server.admin("GET", "/admin/v1/sessions", { authorization: `Bearer ${token}` });
  assert.equal(status, 200);
  await server.stop();
  assert.ok(!server.log.includes(token));
});
