// SPDX-License-Identifier: Apache-2.0
/* What strangers may send over real sockets: each gets an answer in the shape that its reader knows, and the server lives. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { is_sanitized, start_server, write_files } from "./support/program.mjs";
import { USER_TEXT, dial, join, text_of } from "./support/raw_client.mjs";

const says = (text) => ({ text: { contains: text } });
const script = JSON.stringify({
  reply: "You said: {{text}}",
  rules: [
    { on: "acme.ping", do: [{ send: { type: "acme.pong", about: "{{about}}" } }] },
    { on: "response.create", match: says("torrent"), do: [{ speak: "All at once.", ms: 900_000 }] },
    { on: "response.create", match: says("deluge"), do: Array.from({ length: 40 }, () => ({ oversized: { type: "acme.filler", bytes: 1_000_000 } })) },
    { on: "response.create", match: says("story"), do: [{ speak: "Once upon a time.", ms: 3000, pace: true }] },
  ],
});
const folder = write_files({ "script.json": script });
const sections = (server = {}) => ({
  server: { workers: 2, ...server },
  "model main": { plugin: "model_script", script: `${folder}/script.json` },
  "store main": { plugin: "store_memory" },
  "agent assistant": { model: "main", client_may_set: "*" },
});

let server;

before(async () => { server = await start_server(sections()); });
after(() => server.stop());

/* The session still works, and nothing was closed. */
async function still_works(client) {
  assert.match(text_of(await client.ask("are you there")), /are you there/);
}

describe("events", () => {
  let client;

  before(async () => { client = await join(server); });
  after(() => client.close());

  const item = (more) => ({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: "x" }], ...more } });
  const update = (session) => ({ type: "session.update", session: { type: "realtime", ...session } });
  const input = (more) => update({ audio: { input: more } });

  for (const [name, event, code, param] of [
    ["no JSON", "hello", "invalid_json"],
    ["an empty message", "", "invalid_json"],
    ["half an object", '{"type":"response.create"', "invalid_json"],
    ["more than an object", '{"type":"response.create"} {}', "invalid_json"],
    ["single quotes", "{'type':'response.create'}", "invalid_json"],
    ["a bare control character", '{"type":"response.create","a":"\u0001"}', "invalid_json"],
    ["a lone surrogate", '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"\\ud800"}]}}', /invalid/],
    ["a number that is none", '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":00}', "invalid_json"],
    ["an array", "[]", "invalid_event"],
    ["a number", "7", "invalid_event"],
    ["null", "null", "invalid_event"],
    ["no type", "{}", "invalid_event"],
    ["a type that is no text", { type: 7 }, "invalid_event"],
    ["an empty type", { type: "" }, /invalid_/],
    ["two types", '{"type":"response.create","type":"response.cancel"}', "invalid_event"],
    ["an event of the server", { type: "session.created" }, "invalid_value", "type"],
    ["an escaped type", '{"type":"response\\u002ecreate"}', "invalid_event"],
    ["depth", `{"type":"session.update","session":${"[".repeat(2000)}${"]".repeat(2000)}}`, "invalid_json"],
    ["depth without end", `{"type":"session.update","session":${"{\"a\":".repeat(200_000)}`, "invalid_json"],
    ["depth that the fast scan need not see", `{"type":"input_audio_buffer.append","audio":"AAAA","more":${"[".repeat(5000)}${"]".repeat(5000)}}`, "invalid_json"],
    ["an event id that is no text", { type: "response.create", event_id: 7 }, /invalid_/],
    ["an event id of 513 characters", { type: "response.create", event_id: "e".repeat(513) }, /string_above_max_length|invalid/],
    ["no session", { type: "session.update" }, "missing_required_parameter", "session"],
    ["a session in words", { type: "session.update", session: "fast" }, "invalid_type", "session"],
    ["a session without type", { type: "session.update", session: {} }, "missing_required_parameter", "session.type"],
    ["an unknown session type", { type: "session.update", session: { type: "dream" } }, "invalid_value", "session.type"],
    ["an unknown field", update({ colour: "blue" }), "unknown_parameter", "session.colour"],
    ["an unknown field deep inside", input({ turn_detection: { type: "server_vad", colour: 1 } }), "unknown_parameter", "session.audio.input.turn_detection.colour"],
    ["a wrong rate", input({ format: { type: "audio/pcm", rate: 8000 } }), /invalid_value|integer_below_min_value/, "session.audio.input.format.rate"],
    ["an unknown format", input({ format: { type: "audio/mp3" } }), "invalid_value", "session.audio.input.format.type"],
    ["a threshold above 1", input({ turn_detection: { type: "server_vad", threshold: 2 } }), /decimal_above_max_value|invalid_value/, "session.audio.input.turn_detection.threshold"],
    ["an unknown turn detection", input({ turn_detection: { type: "telepathy" } }), "invalid_value", "session.audio.input.turn_detection.type"],
    ["modalities that do not go together", update({ output_modalities: ["audio", "text"] }), "invalid_value", /output_modalities/],
    ["tools that are no list", update({ tools: {} }), "invalid_type", "session.tools"],
    ["a tool without name", update({ tools: [{ type: "function" }] }), "missing_required_parameter", "session.tools[0].name"],
    ["instructions that are no text", update({ instructions: 7 }), "invalid_type", "session.instructions"],
    ["no item", { type: "conversation.item.create" }, "missing_required_parameter", "item"],
    ["an item without type", { type: "conversation.item.create", item: {} }, "missing_required_parameter", "item.type"],
    ["an unknown item", { type: "conversation.item.create", item: { type: "thought" } }, "invalid_value", "item.type"],
    ["an unknown role", item({ role: "king" }), "invalid_value", "item.role"],
    ["content that is no list", item({ content: "x" }), "invalid_type", "item.content"],
    ["an unknown part", item({ content: [{ type: "smell" }] }), "invalid_value", "item.content[0].type"],
    ["a part without text", item({ content: [{ type: "input_text" }] }), "missing_required_parameter", "item.content[0].text"],
    ["an item after one that is not there", { ...item({}), previous_item_id: "item_nobody" }, /invalid/, "previous_item_id"],
    ["truncation without an item", { type: "conversation.item.truncate", content_index: 0, audio_end_ms: 0 }, "missing_required_parameter", "item_id"],
    ["truncation of an unknown item", { type: "conversation.item.truncate", item_id: "item_nobody", content_index: 0, audio_end_ms: 0 }, "item_truncate_invalid_item_id"],
    ["truncation before the beginning", { type: "conversation.item.truncate", item_id: "item_nobody", content_index: 0, audio_end_ms: -1 }, "integer_below_min_value", "audio_end_ms"],
    ["truncation at a fraction", { type: "conversation.item.truncate", item_id: "item_nobody", content_index: 0, audio_end_ms: 0.5 }, "invalid_type", "audio_end_ms"],
    ["truncation beyond every number", '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":99999999999999999999999999}', /invalid/],
    ["deletion of an unknown item", { type: "conversation.item.delete", item_id: "item_nobody" }, "item_delete_invalid_item_id"],
    ["deletion of nothing", { type: "conversation.item.delete" }, "missing_required_parameter", "item_id"],
    ["retrieval of an unknown item", { type: "conversation.item.retrieve", item_id: "item_nobody" }, "item_retrieve_invalid_item_id"],
    ["an append without audio", { type: "input_audio_buffer.append" }, "missing_required_parameter", "audio"],
    ["an append of a number", { type: "input_audio_buffer.append", audio: 7 }, /missing_required_parameter|invalid_type/, "audio"],
    ["a commit of nothing", { type: "input_audio_buffer.commit" }, "input_audio_buffer_commit_empty"],
    ["a cancellation of nothing", { type: "response.cancel" }, "response_cancel_not_active"],
    ["a response in words", { type: "response.create", response: "now" }, "invalid_type", "response"],
    ["a response with an unknown field", { type: "response.create", response: { colour: 1 } }, "unknown_parameter", "response.colour"],
    ["too much metadata", { type: "response.create", response: { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])) } }, /above_max|invalid/, /metadata/],
  ])
    test(`${name} is answered by an error`, async () => {
      const is_text = typeof event === "string";
      const event_id = is_text || "event_id" in event ? null : "of_the_test";
      const error = await client.refused(is_text || event_id === null ? event : { event_id, ...event });
      if (code instanceof RegExp)
        assert.match(error.code, code);
      else
        assert.equal(error.code, code, error.message);
      assert.equal(error.type, "invalid_request_error");
      assert.ok(error.message.length > 10 && error.message.length < 1000);
      if (param instanceof RegExp)
        assert.match(error.param, param);
      else if (param)
        assert.equal(error.param, param, error.message);
      if (event_id)
        assert.equal(error.event_id, event_id);
      await still_works(client);
    });

  test("an error names the event even when its id is a strange one", async () => {
    for (const event_id of ["é\u2028\"\\\n", "𝄞", "e".repeat(512)]) {
      const error = await client.refused({ type: "response.cancel", event_id });
      assert.equal(error.event_id, event_id);
    }
  });

  test("an unknown event is passed on, and the answer comes back", async () => {
    const from = client.log.now;
    client.send({ type: "acme.ping", about: "é \u2028 ok" });
    const pong = await client.log.wait("acme.pong", { from });
    assert.equal(pong.about, "é \u2028 ok");
  });

  test("audio that is no base64 costs nobody the session", async () => {
    for (const audio of ["!!!!", "AAA", "A", "=", "AAAA=AAA", "\u00e9".repeat(50), ""])
      client.send({ type: "input_audio_buffer.append", audio });
    await still_works(client);
  });

  test("four thousand bad events in a row leave a usable session", async () => {
    const from = client.log.now;
    for (let i = 0; i < 4000; i++)
      client.send({ type: "response.cancel", event_id: `flood_${i}` });
    await client.log.wait((event) => event.error?.event_id === "flood_3999", { from });
    assert.deepEqual(client.log.all("error", from).map(({ error }) => error.event_id), Array.from({ length: 4000 }, (_, i) => `flood_${i}`));
    await still_works(client);
  });

  test("many audio events in one go arrive, in order, at their model", async () => {
    const from = client.log.now;
    const audio = Buffer.alloc(960).toString("base64");
    for (let i = 0; i < 3000; i++)
      client.send({ type: "input_audio_buffer.append", audio });
    client.send({ type: "input_audio_buffer.commit" });
    await client.log.wait("input_audio_buffer.committed", { from });
    await still_works(client);
  });
});

describe("frames", () => {
  test("a binary frame is an error, and the session goes on", async () => {
    const client = await join(server);
    for (const size of [0, 1, 100_000]) {
      const from = client.log.now;
      client.socket.send(randomBytes(size));
      const { error } = await client.log.wait("error", { from });
      assert.equal(error.code, "invalid_event");
      assert.match(error.message, /[Bb]inary/);
    }
    await still_works(client);
    await client.close();
  });

  for (const [name, bytes] of Object.entries({
    "a byte that begins nothing": [0xff],
    "half a character": [0x22, 0xe2, 0x82],
    "an overlong slash": [0x22, 0xc0, 0xaf, 0x22],
    "a surrogate": [0x22, 0xed, 0xa0, 0x80, 0x22],
  }))
    test(`text with ${name} closes with 1007`, async () => {
      const client = await join(server);
      client.socket.send(Buffer.from(bytes), { binary: false });
      assert.equal((await client.end(5_000)).code, 1007);
    });

  test("an append of 15 MiB is taken", async () => {
    const client = await join(server);
    client.send({ type: "input_audio_buffer.append", audio: "A".repeat(15 * 1024 * 1024) });
    const from = client.log.now;
    client.send({ type: "input_audio_buffer.commit" });
    await client.log.wait("input_audio_buffer.committed", { from });
    assert.deepEqual(client.log.all("error"), []);
    await still_works(client);
    await client.close();
  });

  for (const [name, send] of Object.entries({
    "in one frame": (client) => client.socket.send("x".repeat(17 * 1024 * 1024)),
    "in many frames": (client) => {
      for (let i = 0; i < 40; i++)
        client.socket.send("x".repeat(512 * 1024), { fin: false });
    },
  }))
    test(`a message above the limit ${name} closes with 1009`, async () => {
      const client = await join(server);
      send(client);
      const { code, reason } = await client.end(10_000);
      assert.equal(code, 1009);
      assert.match(reason, /limit of 16777216 bytes/);
    });

  test("a message in pieces is one message, also when the cut is inside a character", async () => {
    const client = await join(server);
    const bytes = Buffer.from(JSON.stringify({ type: "acme.ping", about: "é𝄞é𝄞" }));
    const from = client.log.now;
    for (let i = 0; i < bytes.length; i++)
      client.socket.send(bytes.subarray(i, i + 1), { binary: false, fin: i === bytes.length - 1 });
    assert.equal((await client.log.wait("acme.pong", { from })).about, "é𝄞é𝄞");
    const again = client.log.now;
    client.socket.send('{"type":"acme.ping",', { fin: false });
    client.socket.ping("between");
    client.socket.send("", { fin: false });
    client.socket.send('"about":"pieces"}', { fin: true });
    assert.equal((await client.log.wait("acme.pong", { from: again })).about, "pieces");
    await client.close();
  });

  test("a ping is answered with its bytes", async () => {
    const client = await join(server);
    const pong = new Promise((resolve) => client.socket.once("pong", resolve));
    client.socket.ping("1234");
    assert.equal(String(await pong), "1234");
    await client.close();
  });

  for (const [name, bytes] of Object.entries({
    "a frame without a mask": [0x81, 0x02, 0x7b, 0x7d],
    "a reserved bit": [0xc1, 0x82, 0, 0, 0, 0, 0x7b, 0x7d],
    "an unknown kind of frame": [0x83, 0x82, 0, 0, 0, 0, 0x7b, 0x7d],
    "a continuation of nothing": [0x80, 0x82, 0, 0, 0, 0, 0x7b, 0x7d],
    "a ping in pieces": [0x09, 0x81, 0, 0, 0, 0, 0x7b],
    "a ping that is too long": [0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0, ...Array(126).fill(0)],
    "a length of 2^63": [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "a length of 2^62": [0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...Array(64).fill(0x20)],
    "a text inside a text": [0x01, 0x81, 0, 0, 0, 0, 0x7b, 0x81, 0x81, 0, 0, 0, 0, 0x7d],
    "a close frame with one byte": [0x88, 0x81, 0, 0, 0, 0, 0x03],
    "a close code that nobody may send": [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed],
  }))
    test(`${name} ends this connection only`, async () => {
      const bystander = await join(server);
      const socket = await raw_session();
      socket.write(Buffer.from(bytes));
      await gone(socket, 12_000);
      await still_works(bystander);
      await bystander.close();
    });
});

/* A socket that has been upgraded by hand; what comes in is in .received. */
async function raw_session() {
  const socket = await connect();
  socket.write(`GET /v1/realtime?model=assistant HTTP/1.1\r\nHost: ${server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  for (let waited = 0; !/session\.created/.test(socket.received); waited += 10) {
    assert.ok(waited < 5000, socket.received);
    await pause(10);
  }
  return socket;
}

async function connect() {
  const [host, port] = server.host.split(":");
  const socket = net.connect(Number(port), host);
  socket.received = "";
  socket.on("data", (data) => { socket.received += data.toString("latin1"); });
  socket.on("error", () => {}); /* a reset is an answer, too */
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return socket;
}

/* Until the other side has ended; gives what it said. */
async function gone(socket, timeout_ms) {
  const timer = setTimeout(() => socket.destroy(new Error("late")), timeout_ms);
  let late = false;
  socket.once("error", (error) => { late ||= error.message === "late"; });
  if (!socket.closed)
    await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(timer);
  assert.ok(!late, `the connection was still open after ${timeout_ms} ms; it said: ${socket.received.slice(-300)}`);
  return socket.received;
}

/* One request by hand; gives the head of the answer. */
async function say(text, timeout_ms = 5_000) {
  const socket = await connect();
  socket.write(text);
  for (let waited = 0; !/\r\n\r\n/.test(socket.received) && !socket.closed; waited += 10) {
    if (waited >= timeout_ms)
      break;
    await pause(10);
  }
  socket.destroy();
  return socket.received;
}

describe("HTTP", () => {
  const get = (path, more = "") => `GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\n${more}\r\n`;
  const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

  for (const [name, request, status] of [
    ["a path that nobody has", () => get("/nothing"), /^HTTP\/1\.1 404/],
    ["a path with a way up", () => get("/../../etc/passwd"), /^HTTP\/1\.1 40[034]/],
    ["a path with an encoded way up", () => get("/%2e%2e/%2e%2e/etc/passwd"), /^HTTP\/1\.1 40[034]/],
    ["the realtime path without an upgrade", () => get("/v1/realtime?model=assistant"), /^HTTP\/1\.1 426/],
    ["an upgrade of another path", () => get("/v1/models", upgrade), /^HTTP\/1\.1 404/],
    ["an upgrade of nothing", () => get("/nothing", upgrade), /^HTTP\/1\.1 404/],
    ["DELETE", () => `DELETE /v1/models HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`, /^HTTP\/1\.1 40[0-9]/],
    ["POST of a page", () => `POST /healthz HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 0\r\n\r\n`, /^HTTP\/1\.1 405/],
    ["an upgrade without a key", () => get("/v1/realtime?model=assistant", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"), /^(HTTP\/1\.1 4|$)/],
    ["a body above the limit", () => `POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 999999999\r\n\r\n`, /^HTTP\/1\.1 413|^$/],
    ["a body of negative length", () => `POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: -1\r\n\r\n`, /^HTTP\/1\.1 4|^$/],
    ["no HTTP at all", () => "\u0016\u0003\u0001hello\r\n\r\n", /^(HTTP\/1\.[01] 4|$)/],
    ["an unknown method", () => `BREW /pot HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`, /^(HTTP\/1\.[01] 4|$)/],
    ["one header of a megabyte", () => get("/v1/models", `X-Bomb: ${"x".repeat(1 << 20)}\r\n`), /^(HTTP\/1\.[01] 4|$)/],
    ["ten thousand headers", () => get("/v1/models", "X-Bomb: x\r\n".repeat(10_000)), /^(HTTP\/1\.[01] [24]|$)/],
    ["a path of a megabyte", () => get(`/${"x".repeat(1 << 20)}`), /^(HTTP\/1\.[01] 4|$)/],
    ["a query of 60,000 characters", () => get(`/v1/realtime?model=${"x".repeat(60_000)}`, upgrade), /^(HTTP\/1\.[01] [14]|$)/],
    ["a header without a colon", () => get("/v1/models", "nonsense\r\n"), /^(HTTP\/1\.[01] [24]|$)/],
  ])
    test(`${name} is answered or refused, and others are served`, async () => {
      const answer = await say(request());
      assert.match(answer, status);
      assert.equal((await fetch(`${server.url}healthz`)).status, 200);
    });

  test("requests that stop in the middle are let go", { timeout: 40_000 }, async () => {
    const sockets = await Promise.all(["", "GET", `GET /v1/models HTTP/1.1\r\nHost: ${server.host}\r\n`,
      `POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 100\r\n\r\n{"a":`].map(async (text) => {
      const socket = await connect();
      if (text)
        socket.write(text);
      return socket;
    }));
    for (const socket of sockets)
      await gone(socket, 25_000);
  });

  test("a request that comes byte by byte is answered", async () => {
    const socket = await connect();
    for (const letter of `GET /healthz HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`) {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let waited = 0; !/ok\n$/.test(socket.received); waited += 10) {
      assert.ok(waited < 5000, socket.received);
      await pause(10);
    }
    assert.match(socket.received, /^HTTP\/1\.1 200/);
    socket.destroy();
  });
});

describe("slow clients", () => {
  test("audio is dropped with notice, oldest first, and the memory of the process stays bounded", { timeout: 60_000 }, async () => {
    const slow = await start_server(sections({ workers: 1, client_queue_bytes: "1m", client_queue_limit_bytes: "8m" }));
    const client = await join(slow);
    await still_works(client);
    const before_it = slow.memory_mib();
    const from = client.log.now;
    client.socket.pause();
    client.send(USER_TEXT("torrent"));
    client.send({ type: "response.create" });
    await slow.wait_for_log(/reads too slowly; audio was dropped/, 30_000);
    const most = slow.memory_mib();
    client.socket.resume();
    const { response } = await client.log.wait("response.done", { from, timeout_ms: 30_000 });
    assert.equal(response.status, "completed");
    const notices = client.log.all((event) => event.error?.code === "output_audio_dropped", from);
    assert.ok(notices.length >= 1);
    assert.match(notices[0].error.message, /audio events/);
    assert.ok(client.log.all("response.output_audio.delta", from).length < 9000);
    assert.ok(client.log.all("response.output_audio_transcript.delta", from).length > 0, "words are not dropped");
    if (!is_sanitized)
      assert.ok(most - before_it < 40, `${before_it} MiB before, ${most} MiB while the client slept`);
    await still_works(client);
    await client.close();
    await slow.stop();
  });

  test("what cannot be dropped ends the session with 1013, and the memory stays bounded", { timeout: 60_000 }, async () => {
    const slow = await start_server(sections({ workers: 1, client_queue_bytes: "1m", client_queue_limit_bytes: "8m" }));
    const client = await join(slow);
    await still_works(client);
    const before_it = slow.memory_mib();
    client.socket.pause();
    client.send(USER_TEXT("deluge"));
    client.send({ type: "response.create" });
    await slow.wait_for_log(/reads too slowly; its connection is closed/, 30_000);
    const most = slow.memory_mib();
    client.socket.resume();
    const { code, reason } = await client.end(10_000);
    assert.equal(code, 1013);
    assert.match(reason, /client_too_slow/);
    if (!is_sanitized)
      assert.ok(most - before_it < 60, `${before_it} MiB before, ${most} MiB while the client slept`);
    assert.equal((await slow.wait_for_sessions(0)).length, 0);
    await slow.stop();
  });

  test("one that never reads again is let go", { timeout: 60_000 }, async () => {
    const slow = await start_server(sections({ workers: 1, client_queue_bytes: "1m", client_queue_limit_bytes: "8m" }));
    await slow.sessions();
    const before_it = slow.fd_count();
    const client = await join(slow);
    client.socket.pause();
    client.send(USER_TEXT("deluge"));
    client.send({ type: "response.create" });
    await slow.wait_for_log(/its connection is closed/, 20_000);
    for (let waited = 0; slow.fd_count() > before_it && waited < 15_000; waited += 100)
      await pause(100);
    assert.ok(slow.fd_count() <= before_it, "its descriptor is closed");
    await slow.wait_for_sessions(0);
    client.socket.terminate();
    await slow.stop();
  });

  test("one that sends without reading is held, not hoarded", { timeout: 60_000 }, async () => {
    const slow = await start_server(sections({ workers: 1, client_queue_bytes: "1m", client_queue_limit_bytes: "8m" }));
    const client = await join(slow);
    const bystander = await join(slow);
    await still_works(client);
    const before_it = slow.memory_mib();
    client.socket.pause();
    for (let i = 0; i < 60_000; i++)
      client.send({ type: "response.cancel", event_id: `flood_${i}` });
    await pause(3_000);
    const most = slow.memory_mib();
    await still_works(bystander);
    if (!is_sanitized)
      assert.ok(most - before_it < 60, `${before_it} MiB before, ${most} MiB while the client slept`);
    client.socket.terminate();
    await bystander.close();
    await slow.wait_for_sessions(0);
    await slow.stop();
  });
});

describe("connections that are dropped", () => {
  /* Each leaves at another point of its life. */
  const leave = {
    async at_once() { (await connect()).destroy(); },
    async in_the_request() {
      const socket = await connect();
      socket.write("GET /v1/realtime?model=assi");
      socket.destroy();
    },
    async after_the_request() {
      const socket = await connect();
      socket.write(`GET /v1/realtime?model=assistant HTTP/1.1\r\nHost: ${server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", () => socket.destroy());
    },
    async in_a_frame() {
      const socket = await raw_session();
      socket.write(Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5, 6]), () => socket.destroy());
    },
    async by_reset() {
      const socket = await raw_session();
      socket.resetAndDestroy();
    },
    async half_closed() {
      const socket = await raw_session();
      socket.end();
      await gone(socket, 10_000);
    },
    async in_a_turn() {
      const client = await join(server);
      client.send(USER_TEXT("tell me a story"));
      client.send({ type: "response.create" });
      await client.log.wait("response.output_audio.delta");
      client.socket.terminate();
    },
    async in_a_torrent() {
      const client = await join(server);
      client.send(USER_TEXT("torrent"));
      client.send({ type: "response.create" });
      await client.log.wait("response.output_audio.delta");
      client.socket.terminate();
    },
    async in_good_order() { await (await join(server)).close(); },
    async with_a_wrong_model() { await dial(server, { agent: "nobody" }).end(); },
  };

  test("200 that leave at different points leave nothing behind", { timeout: 120_000 }, async () => {
    await server.wait_for_sessions(0);
    await pause(300);
    const before_it = server.fd_count();
    const ways = Object.values(leave);
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 20 }, (_, i) => ways[(round * 7 + i) % ways.length]()));
    await server.wait_for_sessions(0, 15_000);
    let now = server.fd_count();
    for (let waited = 0; now > before_it && waited < 15_000; waited += 100) {
      await pause(100);
      now = server.fd_count();
    }
    assert.ok(now <= before_it, `${before_it} descriptors before, ${now} after`);
    const client = await join(server);
    await still_works(client);
    await client.close();
  });
});
