// SPDX-License-Identifier: Apache-2.0
/* A server's life: ready, reloaded while it serves, drained, stopped; and what operators ask it meanwhile. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PARLEYCTL, PARLEYD, run, start_server, write_config, write_files } from "./support/program.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { USER_TEXT, dial, join, text_of } from "./support/raw_client.mjs";

/* Says the name of its script; a story takes its time. */
const script = (reply, story_ms = 2000) => JSON.stringify({
  reply,
  rules: [{ on: "response.create", match: { text: { contains: "story" } }, do: [{ speak: "Once upon a time.", ms: story_ms, pace: true }] }],
});

const folder = write_files({ "one.json": script("I am one."), "two.json": script("I am two."), "long.json": script("I am long.", 60_000) });
const sections = (more = {}, name = "one") => ({
  server: {},
  "model main": { plugin: "model_script", script: `${folder}/${name}.json` },
  "store main": { plugin: "store_memory" },
  "agent assistant": { model: "main", client_may_set: "*" },
  ...more,
});

async function tell_story(client) {
  const from = client.log.now;
  client.send(USER_TEXT("tell me a story"));
  client.send({ type: "response.create" });
  await client.log.wait("response.output_audio.delta", { from });
  return from;
}

describe("health", () => {
  test("healthz and readyz are good while it serves, and readyz says so when it drains", async () => {
    const server = await start_server(sections({ server: { drain_ms: "5s" } }));
    for (const path of ["healthz", "readyz"])
      assert.equal((await fetch(`${server.url}${path}`)).status, 200);
    assert.equal((await fetch(`${server.url}healthz`, { method: "HEAD" })).status, 200);
    const client = await join(server);
    const from = await tell_story(client);
    /* A kept-alive connection outlives the listener: the balancer's. */
    const agent = await keep_alive(server);
    server.process.kill("SIGTERM");
    await server.wait_for_log(/stopping: no new connections/);
    const answer = await agent.get("/readyz");
    assert.match(answer, /^HTTP\/1\.1 503/);
    agent.end();
    const { response } = await client.log.wait("response.done", { from });
    assert.equal(response.status, "completed");
    assert.equal((await client.end()).code, 1001);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});

/* One connection that stays: {get(path)}. */
async function keep_alive(server) {
  const net = await import("node:net");
  const [host, port] = server.host.split(":");
  const socket = net.connect(Number(port), host);
  await new Promise((resolve) => socket.on("connect", resolve));
  const get = (path) => new Promise((resolve, reject) => {
    socket.once("data", (data) => resolve(String(data)));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed without an answer")));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`);
  });
  await get("/healthz");
  return { get, end: () => socket.destroy() };
}

/* One of the lying plugins of tests/badplugin, built here: the programs' own build has none of them. */
function build_plugin(name) {
  const file = `${write_files({})}/${name}.so`;
  const top = fileURLToPath(new URL("../../", import.meta.url));
  execFileSync("cc", ["-shared", "-fPIC", "-w", `-I${top}sdk/include`, `${top}tests/badplugin/${name}.c`, "-o", file]);
  return file;
}

describe("reload", () => {
  let server;

  before(async () => { server = await start_server(sections()); });
  after(() => server.stop());

  test("a running session keeps its model, a new one gets the new; old instances end with their last session", async () => {
    const old = await join(server);
    assert.equal(text_of(await old.ask("hello")), "I am one.");
    server.rewrite({ ...sections({ "agent second": { model: "main" } }, "two"), server: server.sections.server, admin: server.sections.admin });
    await server.reload();
    await refused_until_there(server, "second");
    const fresh = await join(server);
    assert.equal(text_of(await fresh.ask("hello")), "I am two.");
    assert.equal(text_of(await old.ask("hello")), "I am one.", "a running session is not changed");
    await old.close();
    await fresh.close();
    const second = await join(server, { agent: "second" });
    await second.close();
    const { data } = await (await fetch(`${server.url}v1/models`)).json();
    assert.deepEqual(data.map(({ id }) => id).sort(), ["assistant", "second"]);
  });

  test("instances of before a reload end with their last session, not sooner and not later", async () => {
    const good = server.sections;
    const path = (name) => `${folder}/${name}.db`;
    const with_store = (name) => ({ ...good, "store main": { plugin: "store_sqlite", path: path(name) } });
    const is_open = (name) => server.open_files().includes(path(name));
    server.rewrite(with_store("old"));
    await server.reload();
    await pause(200); /* until the workers have it */
    const client = await join(server);
    await client.ask("hello");
    await wait_until(() => is_open("old"));
    server.rewrite(with_store("new"));
    await server.reload();
    await pause(200);
    for (let i = 0; i < 2; i++)
      assert.equal(text_of(await client.ask("hello")), "I am two.");
    assert.ok(is_open("old"), "its session still writes there");
    await client.close();
    await wait_until(() => !is_open("old"));
    server.rewrite(good);
    await server.reload();
    await wait_until(() => !is_open("new"));
  });

  test("a running turn is not cut by a reload", async () => {
    const client = await join(server);
    const from = await tell_story(client);
    await server.reload();
    assert.equal((await client.log.wait("response.done", { from })).response.status, "completed");
    await client.close();
  });

  for (const [name, text, pattern] of [
    ["an unknown key", () => ini_text({ ...server.sections, "agent assistant": { model: "main", colour: "blue" } }), /parley\.ini:\d+: \[agent assistant\] colour: unknown key/],
    ["an unknown model", () => ini_text({ ...server.sections, "agent assistant": { model: "mian" } }), /\[agent assistant\] model: .*mian/],
    ["a script that is not there", () => ini_text({ ...server.sections, "model main": { plugin: "model_script", script: "/nowhere.json" } }), /\[model main\] .*nowhere/],
    ["a plugin that crashes", () => ini_text({ ...server.sections, "tools bad": { plugin: build_plugin("bad_crash_constructor") } }), /bad_crash_constructor\.so: it crashes .* in its constructors/],
    ["no INI", () => "[server\n", /parley\.ini:1/],
    ["an empty file", () => "", /./],
  ])
    test(`a file with ${name} changes nothing and says why`, async () => {
      const good = server.sections;
      server.rewrite(text());
      await server.reload(name === "an empty file" ? /configuration read again|not reloaded/ : pattern);
      if (name !== "an empty file") {
        await server.wait_for_log(/the configuration was not reloaded; the running one stays/);
        const client = await join(server);
        assert.equal(text_of(await client.ask("hello")), "I am two.");
        await client.close();
      }
      server.rewrite(good);
      await server.reload();
    });

  test("keys change with a reload, also twice in a moment", async () => {
    const key = "0123456789abcdef-new";
    const good = server.sections;
    server.rewrite({ ...good, auth: { keys: key } });
    server.process.kill("SIGHUP");
    server.process.kill("SIGHUP");
    await wait_until(async () => (await fetch(`${server.url}v1/models`)).status === 401);
    assert.equal((await dial(server).end()).code, 3000);
    await (await join(server, { key })).close();
    server.rewrite(good);
    const before_it = server.log.length;
    server.process.kill("SIGHUP");
    await pause(1);
    server.process.kill("SIGHUP");
    await server.wait_since(before_it, /configuration read again/);
    await wait_until(async () => (await fetch(`${server.url}v1/models`)).status === 200);
  });

  test("a reload that comes while another is under way is not lost", async () => {
    const good = server.sections;
    for (let i = 0; i < 5; i++) {
      server.rewrite({ ...good, [`agent extra${i}`]: { model: "main" } });
      server.process.kill("SIGHUP");
      await pause(i);
    }
    await refused_until_there(server, "extra4");
    server.rewrite(good);
    await server.reload();
  });

  test("what a reload cannot change is told", async () => {
    const good = server.sections;
    server.rewrite({ ...good, server: { ...good.server, max_sessions: 17, listen: "127.0.0.1:1" } });
    await server.reload(/\[server\] listen.*restart/);
    await server.wait_for_log(/\[server\] max_sessions.*restart/);
    server.rewrite(good);
    await server.reload();
  });

  test("parleyctl reload asks for one, and tells what is wrong", async () => {
    const good = server.sections;
    const done = await run(PARLEYCTL, ["reload", "--url", server.admin_url]);
    assert.equal(done.code, 0, done.err);
    server.rewrite({ ...good, "agent assistant": { model: "mian" } });
    const failed = await run(PARLEYCTL, ["reload", "--url", server.admin_url]);
    assert.notEqual(failed.code, 0);
    assert.match(failed.err, /\[agent assistant\] model: .*mian/);
    server.rewrite(good);
    await server.reload();
  });
});

async function wait_until(is_so, timeout_ms = 10_000) {
  for (let waited = 0; waited < timeout_ms; waited += 20) {
    if (await is_so())
      return;
    await pause(20);
  }
  throw new Error("it did not become so");
}

/* Until an agent is there for new connections, on each worker: the log line comes from main, before the workers have it. */
async function refused_until_there(server, agent) {
  let in_row = 0;
  await wait_until(async () => {
    const { data } = await (await fetch(`${server.url}v1/models`, { headers: { connection: "close" } })).json();
    in_row = data.some(({ id }) => id === agent) ? in_row + 1 : 0;
    return in_row >= 8;
  });
}

describe("stopping", () => {
  test("an idle session is told and closed with 1001", async () => {
    const server = await start_server(sections());
    const client = await join(server);
    assert.equal((await client.ask("hello")).status, "completed");
    server.process.kill("SIGTERM");
    const { code, reason } = await client.end(5_000);
    assert.equal(code, 1001);
    assert.match(reason, /server_stopping/);
    const [event] = client.log.all("error");
    assert.equal(event.error.code, "server_stopping");
    await server.stop();
  });

  test("a running turn finishes first", async () => {
    const server = await start_server(sections());
    const busy = await join(server);
    const idle = await join(server);
    const from = await tell_story(busy);
    server.process.kill("SIGTERM");
    assert.equal((await idle.end(5_000)).code, 1001);
    const { response } = await busy.log.wait("response.done", { from });
    assert.equal(response.status, "completed");
    assert.equal((await busy.end(5_000)).code, 1001);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    await server.stop();
  });

  test("no connection is taken meanwhile", async () => {
    const server = await start_server(sections());
    const busy = await join(server);
    await tell_story(busy);
    server.process.kill("SIGTERM");
    await server.wait_for_log(/stopping: no new connections/);
    await wait_until(async () => fetch(`${server.url}healthz`).then(() => false, () => true));
    await busy.end();
    await server.stop();
  });

  test("a turn that takes too long is cut at drain_ms", async () => {
    const server = await start_server(sections({ server: { drain_ms: "500ms" } }, "long"));
    const client = await join(server);
    const from = await tell_story(client);
    server.process.kill("SIGTERM");
    const { response } = await client.log.wait("response.done", { from, timeout_ms: 5_000 });
    assert.equal(response.status, "failed");
    assert.equal((await client.end(5_000)).code, 1001);
    await server.stop();
  });

  test("a second SIGTERM stops at once", async () => {
    const server = await start_server(sections({ server: { drain_ms: "60s" } }, "long"));
    const client = await join(server);
    await tell_story(client);
    server.process.kill("SIGTERM");
    await server.wait_for_log(/stopping: no new connections/);
    server.process.kill("SIGTERM");
    await server.wait_for_log(/a second signal/);
    await client.end(5_000);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    await server.stop();
  });

  test("SIGINT is as good", async () => {
    const server = await start_server(sections());
    const client = await join(server);
    server.process.kill("SIGINT");
    assert.equal((await client.end(5_000)).code, 1001);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test("a client that does not answer the close frame holds nobody up", async () => {
    const server = await start_server(sections({ server: { drain_ms: "1s" } }));
    const client = await join(server);
    client.socket.pause();
    const began = performance.now();
    server.process.kill("SIGTERM");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    assert.ok(performance.now() - began < 8_000);
    client.socket.terminate();
  });

  test("it stops during a reload", async () => {
    const server = await start_server(sections());
    const client = await join(server);
    server.process.kill("SIGHUP");
    server.process.kill("SIGTERM");
    assert.equal((await client.end(5_000)).code, 1001);
    await server.stop();
  });
});

describe("workers", () => {
  test("two workers both serve, and the admin API shows the sessions of both", async () => {
    const server = await start_server(sections({ server: { workers: 2 } }));
    assert.match(server.log, /workers=2/);
    const clients = await Promise.all(Array.from({ length: 24 }, () => join(server)));
    const open = await server.wait_for_sessions(24);
    assert.equal(new Set(open.map(({ id }) => id)).size, 24);
    assert.deepEqual([...new Set(open.map(({ worker }) => worker))].sort(), [0, 1]);
    for (const client of clients)
      assert.equal(text_of(await client.ask("hello")), "I am one.");
    for (const client of clients) {
      const { id } = client.log.all("session.created")[0].session;
      const { status, body } = await server.admin("GET", `/admin/v1/sessions/${id}`);
      assert.equal(status, 200);
      assert.equal(body.id, id);
      assert.ok(body.conversation.length >= 2);
    }
    await Promise.all(clients.map((client) => client.close()));
    await server.wait_for_sessions(0);
    await server.stop();
  });

  test("a reload reaches both", async () => {
    const server = await start_server(sections({ server: { workers: 2 } }));
    const old = await Promise.all(Array.from({ length: 12 }, () => join(server)));
    server.rewrite({ ...server.sections, "model main": { plugin: "model_script", script: `${folder}/two.json` } });
    await server.reload();
    await pause(200);
    const fresh = await Promise.all(Array.from({ length: 12 }, () => join(server)));
    for (const client of fresh)
      assert.equal(text_of(await client.ask("hello")), "I am two.");
    for (const client of old)
      assert.equal(text_of(await client.ask("hello")), "I am one.");
    await Promise.all([...old, ...fresh].map((client) => client.close()));
    await server.stop();
  });
});

describe("starting", () => {
  test("an address that is taken is told, with exit code 1", async () => {
    const server = await start_server(sections());
    const { path } = write_config(ini_text({ ...server.sections, admin: { listen: "127.0.0.1:0" }, server: { ...server.sections.server, listen: server.host } }));
    /* A worker of the same user could share the port; a second process must not. */
    const second = await run(PARLEYD, ["-c", path]);
    assert.equal(second.code, 1, second.err);
    assert.match(second.err, new RegExp(`${server.host.replace(/\./g, "\\.")}.*another program listens there`));
    const { path: path2 } = write_config(ini_text({ ...server.sections, admin: { listen: server.admin_url.slice("http://".length) }, server: { ...server.sections.server } }));
    const third = await run(PARLEYD, ["-c", path2]);
    assert.equal(third.code, 1, third.err);
    assert.match(third.err, /another program listens there/);
    const client = await join(server);
    assert.equal(text_of(await client.ask("hello")), "I am one.");
    await client.close();
    await server.stop();
  });

  for (const [name, args, code, pattern] of [
    ["no configuration", [], 2, /-c FILE/],
    ["a file that is not there", ["-c", "/nowhere/parley.ini"], 2, /\/nowhere\/parley\.ini: .*No such file/],
    ["an unknown option", ["--colour"], 2, /usage/],
    ["an argument too many", ["-c", "a.ini", "b.ini"], 2, /too many/],
  ])
    test(`${name} ends with ${code}`, async () => {
      const done = await run(PARLEYD, args);
      assert.equal(done.code, code);
      assert.match(done.err, pattern);
    });

  test("a bad number of workers is told with its place", async () => {
    const { path } = write_config(ini_text(sections({ server: { listen: "127.0.0.1:0", workers: "many", plugin_dir: process.env.PARLEY_PLUGIN_DIR } })));
    const done = await run(PARLEYD, ["-c", path, "--check"]);
    assert.equal(done.code, 2);
    assert.match(done.err, /parley\.ini:\d+: \[server\] workers: .*many/);
  });

  test("--version and --help are good", async () => {
    assert.match((await run(PARLEYD, ["--version"])).out, /^parleyd \d/);
    const help = await run(PARLEYD, ["--help"]);
    assert.equal(help.code, 0);
    assert.match(help.out, /SIGHUP/);
  });
});

describe("parleyctl sessions", () => {
  let server;
  let client;

  before(async () => {
    server = await start_server(sections());
    client = await join(server);
    await client.ask("hello");
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  test("list names the open ones", async () => {
    const { id } = client.log.all("session.created")[0].session;
    const { code, out, err } = await run(PARLEYCTL, ["sessions", "list", "--url", server.admin_url]);
    assert.equal(code, 0, err);
    assert.match(out, new RegExp(id));
    assert.match(out, /assistant/);
    const json = JSON.parse((await run(PARLEYCTL, ["sessions", "list", "--json", "--url", server.admin_url])).out);
    const list = Array.isArray(json) ? json : json.data ?? json.sessions;
    assert.deepEqual(list.map((session) => session.id), [id]);
  });

  test("show tells the conversation", async () => {
    const { id } = client.log.all("session.created")[0].session;
    const { code, out, err } = await run(PARLEYCTL, ["sessions", "show", id, "--url", server.admin_url]);
    assert.equal(code, 0, err);
    assert.match(out, /hello/);
    assert.match(out, /I am one\./);
  });

  test("show of an unknown one fails with words", async () => {
    const { code, err } = await run(PARLEYCTL, ["sessions", "show", "sess_nobody", "--url", server.admin_url]);
    assert.notEqual(code, 0);
    assert.match(err, /no live session/);
  });

  test("a server that is not there is told", async () => {
    const { code, err } = await run(PARLEYCTL, ["sessions", "list", "--url", "http://127.0.0.1:1"]);
    assert.notEqual(code, 0);
    assert.match(err, /no server answers/);
  });

  for (const [method, path, status] of [
    ["GET", "/admin/v1/nothing", 404],
    ["DELETE", "/admin/v1/sessions", 404],
    ["GET", "/admin/v1/sessions/", 404],
    ["GET", `/admin/v1/sessions/${"x".repeat(500)}`, 404],
    ["GET", "/admin/v1/sessions/%00%ff", 404],
    ["GET", "/", 404],
  ])
    test(`${method} ${path.slice(0, 40)} of the admin API is answered with ${status}`, async () => {
      const answer = await server.admin(method, path);
      assert.equal(answer.status, status);
      assert.equal(typeof answer.body.error.message, "string");
    });
});
