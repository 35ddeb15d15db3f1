// SPDX-License-Identifier: Apache-2.0
/*
 * The cases of MCP that need a whole parley, real sockets or several servers. The others are tests of the plugin
 * (tests/plugin/tools_mcp), where the clock can be moved; tests/plugin/tools_mcp/cases.py counts them all.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SERVERS, call, child, config_of, free_port, names, talking } from "./support/mcp.mjs";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { PARLEYCTL, run, start_server } from "./support/program.mjs";
import { SILENCE } from "./support/spoken_upstream.mjs";
import { scratch_folder } from "./support/wav.mjs";

const own = (...does) => child(SERVERS.own, ...does);

/* ---- servers beside each other ---- */

test("case 21: a server that dies at every start leaves the others alone", async () => {
  const sections = { "tools broken": child("-e", "process.exit(1)"), "tools own": own() };
  assert.equal((await call(sections, "own.echo", { text: "a" })).output, "a \u00fc\u20ac");
  const { code, out, err } = await run(PARLEYCTL, ["tools", "list", "--json", "-c", config_of(sections)]);
  assert.equal(code, 1);
  assert.match(err, /tools broken: the MCP server is unavailable: its process has ended/);
  assert.ok(JSON.parse(out).some(({ name }) => name === "own_echo"));
});

test("case 48: two servers with the same tools are told apart", async () => {
  const sections = { "tools left": { ...own(), env: "SIDE=left" }, "tools right": { ...own(), env: "RIGHT=right" } };
  const listed = await names(sections);
  assert.equal(new Set(listed).size, listed.length);
  assert.match((await call(sections, "left.env")).output, /\bSIDE\b/);
  assert.match((await call(sections, "right.env")).output, /\bRIGHT\b/);
});

/* ---- conversations ---- */

describe("in a conversation", () => {
  test("case 61: a call during which the user speaks is cancelled at the server, and the conversation goes on", async () => {
    const parleyd = await start_parleyd(talking({ "tools own": { ...own(), on_interrupt: "cancel" } }));
    const client = await open_client(parleyd);
    client.type("own_never");
    client.send({ type: "response.create" });
    await parleyd.wait_for_log(/the MCP server says "calling never"/);
    client.send({ type: "input_audio_buffer.append", audio: SILENCE });
    await parleyd.wait_for_log(/the MCP server says "cancelled \d+"/);
    let text = "";
    for (let i = 0; i < 3 && text === ""; i++) /* the end of the interrupted response may be told first */
      ({ text } = await client.ask("hello"));
    assert.match(text, /Nothing to do/);
    await client.close();
    await parleyd.stop();
  });

  test("case 61: a call that is to be kept goes on while the user speaks", async () => {
    const held = join(scratch_folder(), "held");
    const parleyd = await start_parleyd(talking({ "tools own": { ...own(`held=${held}`), on_interrupt: "keep" } }));
    const client = await open_client(parleyd);
    client.type("own_held");
    client.send({ type: "response.create" });
    await parleyd.wait_for_log(/the MCP server says "calling held"/);
    client.send({ type: "input_audio_buffer.append", audio: SILENCE });
    await client.log.wait("input_audio_buffer.speech_started");
    writeFileSync(held, "");
    await parleyd.wait_for_log(/the MCP server says "answered held"/);
    assert.doesNotMatch(parleyd.log, /cancelled \d/);
    await client.close();
    await parleyd.stop();
  });

  test("case 87: one begins without the tools of a server that is not there, and the next one has them", async () => {
    const port = await free_port();
    const sections = { "tools web": { plugin: "tools_mcp", url: `http://127.0.0.1:${port}/mcp` } };
    const parleyd = await start_parleyd(talking(sections));
    const first = await open_client(parleyd);
    assert.match((await first.ask("hello")).text, /Nothing to do/);
    const server = await start_http(port);
    await parleyd.wait_for_log(/the MCP server is ready/, 30_000);
    const second = await open_client(parleyd);
    assert.match((await second.ask("web_echo")).text, /It said: echo 1/);
    await first.close();
    await second.close();
    await parleyd.stop();
    await server.stop();
  });

  test("a server that never answers holds up no conversation longer than it may", async () => {
    const silent = child("-e", "process.stdin.resume()");
    const parleyd = await start_parleyd(talking({ "tools silent": { ...silent, ready_timeout_ms: "500ms" } }));
    const client = await open_client(parleyd); /* long before the start_timeout_ms of 30 s */
    assert.match((await client.ask("hello")).text, /Nothing to do/);
    await client.close();
    await parleyd.stop();
  });

  test("the first conversation after the start has the tools of a server that takes a moment to start", async () => {
    const parleyd = await start_parleyd(talking({ "tools own": { ...own(), ready_timeout_ms: "30s" } }));
    const client = await open_client(parleyd);
    assert.match((await client.ask("own_echo")).text, /It said: undefined/);
    await client.close();
    await parleyd.stop();
  });
});

/* ---- connections ---- */

const BODY = (id, result) => JSON.stringify({ jsonrpc: "2.0", id, result });

/* A server of 2025-11-25 without sessions; `on_call(request, count)` may do something to a call's request. */
async function start_http(port, on_call = () => false) {
  const seen = { connections: 0, calls: 0, lists: 0 };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request)
      text += chunk;
    const { id, method, params } = text ? JSON.parse(text) : {};
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    const results = {
      initialize: () => ({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "web", version: "1" } }),
      "tools/list": () => ({ tools: [{ name: "echo", inputSchema: { type: "object" } }] }),
      "tools/call": () => ({ content: [{ type: "text", text: `echo ${++seen.calls}` }] }),
    };
    if (method === "tools/call" && on_call(request, seen))
      return;
    if (id === undefined)
      response.writeHead(202).end();
    else if (results[method])
      response.writeHead(200, { "content-type": "application/json" }).end(BODY(id, results[method]()));
    else
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } }));
  });
  server.on("connection", () => seen.connections++);
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  seen.port = server.address().port;
  seen.stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return seen;
}

test("case 89: a connection that the server has closed meanwhile costs no call", async () => {
  let cut = 0;
  const server = await start_http(0, (request) => {
    if (cut++ > 0)
      return false;
    request.socket.destroy(); /* it was used before, and nothing of an answer was sent */
    return true;
  });
  const sections = { "tools web": { plugin: "tools_mcp", url: `http://127.0.0.1:${server.port}/mcp` } };
  const { code, output } = await call(sections, "web.echo");
  await server.stop();
  assert.deepEqual([code, output, cut, server.calls], [0, "echo 1", 2, 1]);
});

describe("case 90: a configuration that is read again", () => {
  const held = join(scratch_folder(), "held");
  const pids = join(scratch_folder(), "pids");
  const changed = { ...own(`pid=${pids}`), ready_timeout_ms: "30s" };
  let parleyd;
  let client;
  before(async () => {
    parleyd = await start_server(talking({
      "tools kept": { ...own(`held=${held}`), ready_timeout_ms: "30s" },
      "tools changed": changed,
    }));
    client = await open_client(parleyd);
  });
  after(async () => {
    await client?.close();
    await parleyd?.stop();
  });

  test("case 90: a call under way ends as it would have, and the next conversation has what was changed", async () => {
    client.type("kept_held");
    const from = client.log.now;
    client.send({ type: "response.create" });
    await parleyd.wait_for_log(/the MCP server says "calling held"/);
    parleyd.rewrite({ ...parleyd.sections, "tools changed": { ...changed, name_prefix: "new" } });
    await parleyd.reload();
    writeFileSync(held, "");
    assert.match((await client.answer(from)).text, /let go/);
    assert.match((await client.ask("changed_echo")).text, /undefined/); /* what it began with */
    const next = await open_client(parleyd);
    assert.match((await next.ask("new_echo")).text, /undefined/);
    await next.close();
    assert.equal(readFileSync(pids, "utf8").trim().split("\n").length, 2); /* it was started again */
  });
});
