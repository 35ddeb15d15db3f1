// SPDX-License-Identifier: Apache-2.0
/* What is left of a conversation on disk: after a good end, after kill -9, and when the file is not what it should be. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { check, run, PARLEYD, start_server, write_config, write_files } from "./support/program.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { USER_TEXT, join } from "./support/raw_client.mjs";

const [ITEM, CALL, RESPONSE, TRUNCATED, DELETED] = [1, 2, 3, 4, 5];

const says = (text) => ({ text: { contains: text } });
const script = JSON.stringify({
  reply: "You said: {{text}}",
  rules: [
    { on: "response.create", match: { output: { contains: "5" } }, do: [{ speak: "It is five." }] },
    { on: "response.create", match: says("plus"), do: [{ call: { name: "calculator", arguments: { expression: "2 + 3" } } }] },
    { on: "response.create", match: says("story"), do: [{ speak: "Once upon a time there was a boat.", ms: 8000, pace: true }] },
  ],
});

/* A folder for one test: its script, its database. */
function place() {
  const folder = write_files({ "script.json": script });
  const sections = (more = {}) => ({
    server: { workers: 2 },
    "model main": { plugin: "model_script", script: `${folder}/script.json` },
    "tools builtin": { plugin: "tools_builtin" },
    "store main": { plugin: "store_sqlite", path: `${folder}/parley.db`, ...more },
    "agent assistant": { model: "main", tools: "builtin", client_may_set: "*" },
  });
  return { folder, path: `${folder}/parley.db`, sections };
}

/* Rows of a query, by another program than the one under test. */
function query(path, sql) {
  const program = "import json, sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.row_factory = sqlite3.Row\n"
    + "rows = [dict(row) for row in db.execute(sys.argv[2]).fetchall()]\ndb.commit()\nprint(json.dumps(rows))";
  return JSON.parse(execFileSync("python3", ["-c", program, path, sql], { encoding: "utf8" }));
}

function records(path, session_id) {
  return query(path, `SELECT kind, id, seq, data FROM records WHERE session_id = '${session_id}' ORDER BY seq`)
    .map((row) => ({ ...row, data: JSON.parse(row.data) }));
}

const of_kind = (rows, kind) => rows.filter((row) => row.kind === kind);
const words = (row) => JSON.stringify(row.data);
const id_of = (client) => client.log.all("session.created")[0].session.id;

describe("store_sqlite", () => {
  test("holds items, calls, responses, truncations and deletions in order after a conversation", async () => {
    const { path, sections } = place();
    const server = await start_server(sections());
    const client = await join(server);
    const id = id_of(client);
    await client.ask("what is two plus three");
    await client.log.wait((event) => event.type === "response.done" && event.response.output.some((item) => item.type === "message"));
    const from = client.log.now;
    await client.ask("hello");
    const { item } = client.log.all("response.output_item.done", from).at(-1);
    client.send({ type: "conversation.item.truncate", item_id: item.id, content_index: 0, audio_end_ms: 100 });
    await client.log.wait("conversation.item.truncated", { from });
    client.send(USER_TEXT("forget this"));
    const forgotten = await client.log.wait((event) => event.type === "conversation.item.done" && JSON.stringify(event).includes("forget this"), { from });
    client.send({ type: "conversation.item.delete", item_id: forgotten.item.id });
    await client.log.wait("conversation.item.deleted", { from });
    await client.close();
    await server.wait_for_sessions(0);
    await server.stop();

    const [session] = query(path, "SELECT * FROM sessions");
    assert.equal(session.session_id, id);
    assert.equal(session.agent, "assistant");
    assert.equal(session.user, "local");
    const rows = records(path, id);
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_row, i) => rows[0].seq + i), "no gap");
    assert.equal(session.record_count, rows.length);
    const items = of_kind(rows, ITEM);
    assert.ok(items.some((row) => words(row).includes("what is two plus three")));
    assert.ok(items.some((row) => words(row).includes("It is five.")));
    assert.ok(items.some((row) => words(row).includes("function_call")));
    assert.equal(of_kind(rows, CALL).length, 1);
    assert.match(words(of_kind(rows, CALL)[0]), /calculator/);
    assert.match(words(of_kind(rows, CALL)[0]), /5/);
    assert.ok(of_kind(rows, RESPONSE).length >= 3);
    assert.match(words(of_kind(rows, RESPONSE)[0]), /usage/);
    assert.deepEqual(of_kind(rows, TRUNCATED).map((row) => row.id), [item.id]);
    assert.deepEqual(of_kind(rows, DELETED).map((row) => row.id), [forgotten.item.id]);
    const call_item = items.findIndex((row) => words(row).includes("function_call"));
    const answer = items.findIndex((row) => words(row).includes("It is five."));
    assert.ok(call_item < answer, "in the order of the conversation");
  });

  test("is readable by its owner only, and sound", async () => {
    const { path, sections } = place();
    const server = await start_server(sections());
    const client = await join(server);
    await client.ask("hello");
    await client.close();
    await server.stop();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(query(path, "PRAGMA integrity_check")[0].integrity_check, "ok");
  });

  test("kill -9 in the middle loses at most the turn in flight, and the file opens again", { timeout: 60_000 }, async () => {
    const { path, sections } = place();
    const server = await start_server(sections());
    const clients = await Promise.all(Array.from({ length: 8 }, () => join(server)));
    for (const client of clients)
      for (const text of ["first", "second", "third"])
        await client.ask(text);
    await pause(300); /* the journal runs beside the conversation */
    for (const client of clients) {
      client.send(USER_TEXT("tell me a story"));
      client.send({ type: "response.create" });
      await client.log.wait((event) => event.type === "response.output_audio.delta" && client.log.all("response.created").length === 4);
    }
    server.process.kill("SIGKILL");
    await server.exited;

    const again = await start_server(sections());
    for (const client of clients) {
      const rows = records(path, id_of(client));
      const text = JSON.stringify(of_kind(rows, ITEM).map(({ data }) => data));
      for (const said of ["first", "second", "third"]) {
        assert.ok(text.includes(`"${said}"`), `${said} is kept`);
        assert.ok(text.includes(`You said: ${said}`), `the answer to ${said} is kept`);
      }
      assert.equal(of_kind(rows, RESPONSE).length, 3);
      assert.ok(!text.includes("there was a boat"), "what was not said to its end is not kept as if it had been");
    }
    assert.equal(query(path, "PRAGMA integrity_check")[0].integrity_check, "ok");
    const client = await join(again);
    await client.ask("after the fall");
    await client.close();
    await again.wait_for_sessions(0);
    assert.ok(of_kind(records(path, id_of(client)), ITEM).length >= 2);
    await again.stop();
  });

  test("SIGTERM loses nothing", async () => {
    const { path, sections } = place();
    const server = await start_server(sections());
    const clients = await Promise.all(Array.from({ length: 10 }, () => join(server)));
    await Promise.all(clients.map((client) => client.ask("last words")));
    await server.stop();
    for (const client of clients) {
      const rows = records(path, id_of(client));
      assert.ok(JSON.stringify(rows).includes("You said: last words"));
      assert.equal(of_kind(rows, RESPONSE).length, 1);
    }
    assert.deepEqual(query(path, "SELECT DISTINCT state FROM sessions").length, 1);
  });

  test("two processes may share a file", async () => {
    const { path, sections } = place();
    const [one, two] = await Promise.all([start_server(sections()), start_server(sections())]);
    const clients = [await join(one), await join(two)];
    for (let i = 0; i < 5; i++)
      await Promise.all(clients.map((client) => client.ask(`turn ${i}`)));
    await Promise.all(clients.map((client) => client.close()));
    await one.stop();
    await two.stop();
    for (const client of clients)
      assert.equal(of_kind(records(path, id_of(client)), RESPONSE).length, 5);
  });

  test("a file that another program locks costs a conversation nothing but its record", { timeout: 60_000 }, async () => {
    const { path, sections } = place();
    const server = await start_server(sections({ busy_timeout: "200ms" }));
    const { spawn } = await import("node:child_process");
    const locker = spawn("python3", ["-c", "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None)\ndb.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\nsys.stdin.read()", path]);
    await new Promise((resolve) => locker.stdout.once("data", resolve));
    const client = await join(server);
    for (let i = 0; i < 3; i++)
      assert.equal((await client.ask("hello")).status, "completed");
    await server.wait_for_log(/store/, 15_000);
    locker.stdin.end();
    await client.close();
    await server.stop();
  });

  const refuse = async (sections, pattern) => {
    const text = ini_text({ ...sections(), server: { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR } });
    const { path } = write_config(text);
    const started = await run(PARLEYD, ["-c", path], { timeout_ms: 15_000 });
    assert.ok(started.code === 1 || started.code === 2, `${started.code} ${started.signal}\n${started.err}`);
    assert.match(started.err, pattern);
  };

  test("a file of a newer version is refused and left alone", async () => {
    const { path, sections } = place();
    const server = await start_server(sections());
    await server.stop();
    const [{ user_version }] = query(path, "PRAGMA user_version");
    query(path, `PRAGMA user_version = ${user_version + 1}`);
    const bytes = readFileSync(path);
    await refuse(sections, /parley\.db was written by a newer parley \(schema \d+, this one knows \d+\)/);
    assert.deepEqual(readFileSync(path), bytes);
  });

  test("a database of another program is refused and left alone", async () => {
    const { path, sections } = place();
    query(path, "CREATE TABLE recipes (name TEXT)");
    const bytes = readFileSync(path);
    await refuse(sections, /database of another program/);
    assert.deepEqual(readFileSync(path), bytes);
  });

  test("a file that is no database is refused and left alone", async () => {
    const { path, sections } = place();
    writeFileSync(path, "Dear diary, ".repeat(1000));
    await refuse(sections, /not an SQLite database/);
    assert.equal(readFileSync(path, "utf8"), "Dear diary, ".repeat(1000));
  });

  test("a damaged file is told with the way out, and conversations go on", async () => {
    const { path, sections } = place();
    const first = await start_server(sections());
    const writer = await join(first);
    for (let i = 0; i < 20; i++)
      await writer.ask(`turn ${i}`);
    await writer.close();
    await first.stop();
    const bytes = readFileSync(path);
    assert.ok(bytes.length > 8192);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xa5)]));
    const server = await start_server(sections());
    const client = await join(server);
    for (let i = 0; i < 3; i++)
      assert.equal((await client.ask("hello")).status, "completed");
    await server.wait_for_log(/the store does not take this conversation now.*parley\.db.*the file is damaged: put a backup in its place/);
    await client.close();
    await server.stop();
  });

  test("a folder that is not there is told", async () => {
    const { sections, folder } = place();
    await refuse(() => sections({ path: `${folder}/nowhere/parley.db` }), /nowhere/);
  });

  test("a folder in place of the file is told", async () => {
    const { path, sections } = place();
    mkdirSync(path);
    await refuse(sections, /parley\.db/);
  });

  test("a file that may not be written is told", { skip: process.getuid() === 0 ? "root may write everything" : false }, async () => {
    const { path, sections } = place();
    const server = await start_server(sections());
    await server.stop();
    chmodSync(path, 0o400);
    await refuse(sections, /parley\.db/);
  });

  test("a path that is missing is found by --check", async () => {
    const { sections } = place();
    const { code, err } = await check(ini_text({ ...sections({ path: undefined }), server: { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR } }));
    assert.equal(code, 2);
    assert.match(err, /\[store main\] path: /);
  });
});
