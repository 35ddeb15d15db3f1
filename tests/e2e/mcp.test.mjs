// SPDX-License-Identifier: Apache-2.0
/* Tools of MCP servers: the official ones from npm over both transports, and one of our own that misbehaves. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SERVERS, call, child, config_of, free_port, names, start_program, until } from "./support/mcp.mjs";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { PARLEYCTL, run } from "./support/program.mjs";
import { scratch_folder } from "./support/wav.mjs";

const SCRIPT = fileURLToPath(new URL("scripts/tools.json", import.meta.url));
const ECHO_SCRIPT = fileURLToPath(new URL("scripts/echo_tool.json", import.meta.url));
const { everything: EVERYTHING, filesystem: FILESYSTEM, own: OWN } = SERVERS;

function is_alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const pids_in = (path) => readFileSync(path, "utf8").trim().split("\n").map(Number);

describe("official servers as child processes", () => {
  const folder = scratch_folder();
  const files = { "tools files": child(FILESYSTEM, folder) };
  const everything = { "tools all": child(EVERYTHING, "stdio") };

  test("server-filesystem lists its tools and reads a file", async () => {
    writeFileSync(join(folder, "hours.txt"), "We open at nine.");
    assert.ok((await names(files)).includes("files_read_text_file"));
    const { code, output } = await call(files, "files.files_read_text_file", { path: join(folder, "hours.txt") });
    assert.deepEqual([code, output], [0, "We open at nine."]);
  });

  test("a tool's own error reaches the model in its words", async () => {
    const { code, output } = await call(files, "files.files_read_text_file", { path: "/etc/hostname" });
    assert.equal(code, 1);
    assert.match(output, /Access denied/);
  });

  test("server-everything answers with text, structure, images and links", async () => {
    assert.equal((await call(everything, "all.all_echo", { message: "h\u00e9llo" })).output, "Echo: h\u00e9llo");
    assert.match((await call(everything, "all.all_get-sum", { a: 2, b: 3 })).output, /\b5\b/);
    assert.equal(typeof JSON.parse((await call(everything, "all.all_get-structured-content", { location: "Chicago" })).output).temperature, "number");
    const { content } = await call(everything, "all.all_get-tiny-image");
    assert.deepEqual(content.find(({ type }) => type === "image")?.mimeType, "image/png");
    assert.equal((await call(everything, "all.all_trigger-long-running-operation", { duration: 1, steps: 4 })).code, 0);
  });

  test("only allowed tools are offered, without a prefix when none is wanted", async () => {
    const few = { "tools all": { ...child(EVERYTHING, "stdio"), allow: "echo\nallow = get-sum", name_prefix: "none" } };
    assert.deepEqual(await names(few), ["echo", "get-sum"]);
  });
});

describe("server-everything over the HTTP+SSE of 2024-11-05", () => {
  for (const [how, more] of Object.entries({ "it is named": { transport: "sse" }, "parley finds it out": {} })) {
    test(`tools are listed and called when ${how}`, async () => {
      const port = await free_port();
      const server = await start_program([EVERYTHING, "sse"], { env: { PORT: String(port) }, says: /running on port/ });
      try {
        const sections = { "tools all": { plugin: "tools_mcp", url: `http://127.0.0.1:${port}/sse`, ...more } };
        assert.ok((await names(sections)).includes("all_echo"));
        assert.equal((await call(sections, "all.all_echo", { message: "old" })).output, "Echo: old");
      } finally {
        await server.stop();
      }
    });
  }
});

describe("server-everything over Streamable HTTP", () => {
  let port;
  let server;
  let sections;

  const start_server = async () => {
    server = await start_program([EVERYTHING, "streamableHttp"], { env: { PORT: String(port) }, says: /listening on port/ });
  };
  const stop_server = () => server.stop();

  before(async () => {
    port = await free_port();
    await start_server();
    sections = { "tools all": { plugin: "tools_mcp", url: `http://127.0.0.1:${port}/mcp` } };
  });
  after(() => server && stop_server());

  test("tools are listed and called", async () => {
    assert.ok((await names(sections)).includes("all_echo"));
    assert.equal((await call(sections, "all.all_echo", { message: "hi" })).output, "Echo: hi");
  });

  test("the session is ended at the stop", async () => {
    await until(() => server.log.includes("Received session termination request"), "DELETE");
  });

  test("a call that takes too long is cancelled", async () => {
    const { code, output } = await call(sections, "all.all_trigger-long-running-operation", { duration: 20, steps: 2 }, ["--timeout", "1"]);
    assert.equal(code, 1);
    assert.match(output, /did not answer within/);
  });

  describe("in a conversation", () => {
    let parleyd;
    let client;

    before(async () => {
      parleyd = await start_parleyd({
        ...sections,
        "model main": { plugin: "model_script", script: ECHO_SCRIPT },
        "store main": { plugin: "store_memory" },
        "agent assistant": { model: "main", tools: "all" },
      });
      await parleyd.wait_for_log(/the MCP server is ready/);
      client = await open_client(parleyd);
    });
    after(async () => {
      await client?.close();
      await parleyd?.stop();
    });

    test("a call is answered", async () => {
      assert.match((await client.ask("echo")).text, /Echo: over HTTP/);
    });

    test("a server that was started anew knows no session, and gets a new one", async () => {
      await stop_server();
      await start_server();
      assert.match((await client.ask("echo")).text, /Echo: over HTTP/);
    });

    test("while the server is gone the conversation goes on, and the tools come back with it", async () => {
      await stop_server();
      assert.match((await client.ask("echo")).text, /unavailable/);
      await start_server();
      await until(async () => /Echo: over HTTP/.test((await client.ask("echo")).text), "the tools are back", 20_000);
    });
  });
});

describe("a server that misbehaves", () => {
  const own = (...does) => ({ "tools own": child(OWN, ...does) });

  test("noise on standard output is skipped, and messages come in single bytes", async () => {
    assert.equal((await call(own("noise"), "own.own_echo", { text: "\u4f60" })).output, "\u4f60 \u00fc\u20ac");
  });

  const revisions = { exits: "ends when it is asked for its revision", silent: "does not say its revision", stateless: "speaks 2026-07-28 alone" };
  for (const [what, words] of Object.entries(revisions)) {
    test(`it is reached although it ${words}`, async () => {
      assert.equal((await call(own(what), "own.own_echo", { text: "a" })).output, "a \u00fc\u20ac");
    });
  }

  test("a flood on standard error does not hold it up", async () => {
    assert.equal((await call(own("chatty"), "own.own_echo", { text: "a" })).output, "a \u00fc\u20ac");
  });

  test("it gets no descriptor and no variable but those that are meant for it", async () => {
    process.env.PARLEY_TEST_KEY = "hidden";
    const sections = { "tools own": { ...child(OWN), env: "CITY=Paris, France\nenv = EMPTY=" } };
    const { output } = await call(sections, "own.own_env");
    const extra = output.split(" ").filter((name) => !["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "USER"].includes(name));
    assert.deepEqual(extra, ["CITY", "EMPTY"]);
  });

  test("its schema reaches the model unaltered", async () => {
    const { out } = await run(PARLEYCTL, ["tools", "list", "--json", "-c", config_of(own())]);
    assert.ok(out.replace(/\s/g, "").includes('"$defs":{"unused":{"const":1}}'), out);
  });

  test("a message above the limit fails the call, not parley", async () => {
    const { code, output } = await call(own(), "own.own_huge");
    assert.equal(code, 1);
    assert.match(output, /unavailable/);
  });

  test("an unknown command leaves the agent without tools, and says so", async () => {
    const parleyd = await start_parleyd({
      "tools own": { plugin: "tools_mcp", command: "no-such-server" },
      "model main": { plugin: "model_script", script: SCRIPT },
      "store main": { plugin: "store_memory" },
      "agent assistant": { model: "main", tools: "own" },
    });
    await parleyd.wait_for_log(/command no-such-server cannot be started: No such file/);
    const client = await open_client(parleyd);
    assert.match((await client.ask("hello")).text, /Nothing to do/);
    await client.close();
    await parleyd.stop();
  });

  test("one that dies in a call is replaced, and the conversation goes on", async () => {
    const pid_file = join(scratch_folder(), "pids");
    const parleyd = await start_parleyd({
      ...own(`pid=${pid_file}`),
      server: { workers: 2 },
      "model main": { plugin: "model_script", script: SCRIPT },
      "store main": { plugin: "store_memory" },
      "agent assistant": { model: "main", tools: "own" },
    });
    await parleyd.wait_for_log(/the MCP server is ready/);
    const client = await open_client(parleyd);
    assert.match((await client.ask("an echo")).text, /an echo/);
    assert.match((await client.ask("die")).text, /unavailable/);
    assert.match((await client.ask("an echo again")).text, /an echo \u00fc/);
    assert.equal(pids_in(pid_file).length, 2);
    await client.close();
    await parleyd.stop();
    await until(() => !pids_in(pid_file).some(is_alive), "both processes have ended");
  });

  test("one process serves the conversations of all workers", async () => {
    const pid_file = join(scratch_folder(), "pids");
    const parleyd = await start_parleyd({
      ...own(`pid=${pid_file}`),
      server: { workers: 4 },
      "model main": { plugin: "model_script", script: SCRIPT },
      "store main": { plugin: "store_memory" },
      "agent assistant": { model: "main", tools: "own" },
    });
    await parleyd.wait_for_log(/the MCP server is ready/);
    const clients = await Promise.all(Array.from({ length: 12 }, () => open_client(parleyd)));
    const answers = await Promise.all(clients.map((client) => client.ask("an echo")));
    for (const { text } of answers)
      assert.match(text, /an echo \u00fc/);
    assert.equal(pids_in(pid_file).length, 1);
    await Promise.all(clients.map((client) => client.close()));
    await parleyd.stop();
    await until(() => !pids_in(pid_file).some(is_alive), "the process has ended");
  });

  test("one that ignores the end of its input and SIGTERM is killed", async () => {
    const pid_file = join(scratch_folder(), "pids");
    const started = Date.now();
    await call(own("stubborn", `pid=${pid_file}`), "own.own_echo", { text: "a" });
    const took = Date.now() - started;
    assert.ok(took > 3500 && took < 8000, `${took} ms`);
    assert.ok(!pids_in(pid_file).some(is_alive));
  });
});
