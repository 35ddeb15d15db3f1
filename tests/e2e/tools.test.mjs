// SPDX-License-Identifier: Apache-2.0
/* Tools from the outside: parleyctl with real MCP servers, and the functions of tools_builtin in a session. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ini_text } from "./support/parleyd.mjs";
import { PARLEYCTL, run, start_server, write_config, write_files } from "./support/program.mjs";
import { join, text_of } from "./support/raw_client.mjs";

const script_of = (name) => fileURLToPath(new URL(`node_modules/@modelcontextprotocol/${name}/dist/index.js`, import.meta.url));

describe("parleyctl tools", () => {
  const folder = write_files({ "hello.txt": "Hello, file." });
  const { path } = write_config(ini_text({
    server: { plugin_dir: process.env.PARLEY_PLUGIN_DIR },
    "tools every": { plugin: "tools_mcp", command: process.execPath, args: script_of("server-everything") },
    "tools files": { plugin: "tools_mcp", command: process.execPath, args: `${script_of("server-filesystem")}\nargs = ${folder}` },
    "tools gone": { plugin: "tools_mcp", command: "/nonexistent/server" },
  }));
  const tools = (...args) => run(PARLEYCTL, ["tools", args[0], "--config", path, ...args.slice(1)]);
  const call = async (name, args) => {
    const { code, out, err } = await tools("call", name, JSON.stringify(args));
    return { code, err, result: JSON.parse(out) };
  };

  test("list gives what the servers said, and tells of the one that is not there", async () => {
    const { code, out, err } = await tools("list");
    const list = JSON.parse(out);
    assert.equal(code, 1);
    assert.match(err, /tools gone: .*\/nonexistent\/server cannot be started/);
    assert.equal(new Set(list.map(({ name }) => name)).size, list.length);
    const weather = list.find(({ name }) => name === "every_get-structured-content");
    assert.equal(weather.instance, "every");
    assert.equal(weather.inputSchema.type, "object");
    assert.ok(weather.inputSchema.$schema.startsWith("http"));
    assert.deepEqual(Object.keys(weather.outputSchema.properties), ["temperature", "conditions", "humidity"]);
    assert.ok(list.every(({ description }) => typeof description === "string"));
  });

  for (const name of ["files.read_text_file", "files.files_read_text_file", "files_read_text_file", "read_text_file"])
    test(`a function is found as ${name}`, async () => {
      const { code, result } = await call(name, { path: `${folder}/hello.txt` });
      assert.equal(code, 0);
      assert.equal(result.isError, false);
      assert.deepEqual(result.content, [{ type: "text", text: "Hello, file." }]);
    });

  test("structured content and blocks of all kinds come as the server gave them", async () => {
    const { result } = await call("get-structured-content", { location: "Chicago" });
    assert.deepEqual(Object.keys(result.structuredContent), ["temperature", "conditions", "humidity"]);
    const { result: picture } = await call("every.get-tiny-image", {});
    assert.deepEqual(picture.content.map(({ type }) => type), ["text", "image", "text"]);
    assert.equal(picture.content[1].mimeType, "image/png");
  });

  test("a tool's own failure is a result, and the exit code tells of it", async () => {
    const { code, result } = await call("files.read_text_file", { path: "/etc/shadow" });
    assert.equal(code, 1);
    assert.equal(result.isError, true);
    assert.match(result.content[0].text, /denied/i);
  });

  test("arguments that do not fit are told with their place, and the server never hears of them", async () => {
    const { code, result } = await call("every.get-sum", { a: 1, b: "two" });
    assert.equal(code, 1);
    assert.match(result.content[0].text, /^The tool every_get-sum was not called: arguments\.b: "two" is a string; it must be a number/);
  });

  test("progress comes as lines of JSON on standard error", async () => {
    const { code, out, err } = await tools("call", "every.trigger-long-running-operation", '{"duration":1,"steps":4}', "--progress");
    assert.equal(code, 0);
    assert.equal(JSON.parse(out).isError, false);
    const lines = err.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ progress, total }) => [progress, total]), [[1, 4], [2, 4], [3, 4], [4, 4]]);
  });

  test("Ctrl-C cancels the call", async () => {
    const child = spawn(PARLEYCTL, ["tools", "call", "-c", path, "every.trigger-long-running-operation", '{"duration":60,"steps":600}', "--progress"],
      { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    child.stdout.on("data", (data) => { out += data; });
    child.stderr.once("data", () => child.kill("SIGINT")); /* it runs */
    const code = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(code, 130);
    assert.match(JSON.parse(out).content[0].text, /cancelled/);
  });

  test("a function of the server that is not there says why it is unknown", async () => {
    const { code, err } = await tools("call", "gone.anything", "{}");
    assert.equal(code, 1);
    assert.match(err, /anything is not known, since tools gone failed: .*cannot be started/);
  });
});

describe("tools_builtin in a session", () => {
  const says = (text) => ({ text: { contains: text }, output: { exists: false } });
  const calls = (text, name, args = {}) => ({ on: "response.create", match: says(text), do: [{ call: { name, arguments: args } }] });
  const script = JSON.stringify({ rules: [
    { on: "response.create", match: { output: { exists: true } }, do: [{ text: "{{output}}" }] },
    calls("tokyo", "clock_now", { time_zone: "Tokyo" }),
    calls("sum", "calculator", { expression: "19.99 * 2" }),
    calls("milk", "notes_add", { text: "buy milk" }),
    calls("read", "notes_list"),
    calls("moment", "wait", { seconds: 0.2 }),
    calls("too long", "wait", { seconds: "long" }),
    calls("teleport", "teleport"),
    calls("bye", "end_conversation"),
  ] });
  const folder = write_files({ "script.json": script });
  let server, client;

  before(async () => {
    server = await start_server({
      server: {},
      "model main": { plugin: "model_script", script: `${folder}/script.json` },
      "tools builtin": { plugin: "tools_builtin" },
      "agent assistant": { model: "main", tools: "builtin" },
    });
    client = await join(server);
  });
  after(() => server.stop());

  const answer = async (text) => text_of(await client.ask(text));

  test("the clock knows time zones", async () => assert.match(await answer("time in tokyo"), /^It is \d+:\d\d [AP]M on .* in Tokyo, time zone JST\.$/));
  test("the calculator calculates", async () => assert.equal(await answer("the sum please"), "19.99 * 2 = 39.98"));

  test("notes are kept for the session, and for no other", async () => {
    assert.equal(await answer("note: milk"), "The note is written down.");
    assert.equal(await answer("read my notes"), "There is 1 note. 1: buy milk.");
    const other = await join(server);
    assert.equal(text_of(await other.ask("read my notes")), "There are no notes.");
    await other.close();
  });

  test("waiting waits", async () => assert.equal(await answer("a moment"), "0.2 seconds have passed."));

  test("arguments that do not fit, and functions that there are not, are told to the model", async () => {
    assert.equal(await answer("far too long"), 'The tool wait was not called: arguments.seconds: "long" is a string; it must be a number.');
    assert.equal(await answer("teleport me"), "There is no tool teleport. The tools are clock_now, calculator, notes_add, notes_list, notes_clear, wait, end_conversation.");
  });

  test("the end of the conversation comes after the last words", async () => {
    assert.match(await answer("good bye"), /say goodbye/);
    assert.deepEqual(await client.closed, { code: 1000, reason: "The agent has ended the conversation." });
  });
});
