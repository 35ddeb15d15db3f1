// SPDX-License-Identifier: Apache-2.0
/* MCP servers as people make them: from npm, with fastmcp, and with the official package of 2026-07-28; mcp.test.mjs has more. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { SERVERS, call, child, config_of, free_port, names, start_program, talking, until } from "./support/mcp.mjs";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { PARLEYCTL, run } from "./support/program.mjs";
import { scratch_folder } from "./support/wav.mjs";

test("server-memory keeps what it is told from one call to the next", async () => {
  const memory = { "tools memory": { ...child(SERVERS.memory), env: `MEMORY_FILE_PATH=${join(scratch_folder(), "memory.json")}` } };
  const entity = { name: "parley", entityType: "program", observations: ["speaks MCP"] };
  assert.equal((await call(memory, "memory.create_entities", { entities: [entity] })).code, 0);
  const { structuredContent } = await call(memory, "memory.read_graph");
  assert.deepEqual(structuredContent.entities.map(({ name, observations }) => [name, ...observations]), [["parley", "speaks MCP"]]);
});

describe("fastmcp", () => {
  let port;
  let server;
  before(async () => {
    port = await free_port();
    server = await start_program([SERVERS.fast, "http", String(port)], { says: /^listening$/m });
  });
  after(() => server?.stop());

  const ways = {
    "as a child process": () => child(SERVERS.fast),
    "over Streamable HTTP": () => ({ plugin: "tools_mcp", url: `http://127.0.0.1:${port}/mcp` }),
    "over HTTP+SSE": () => ({ plugin: "tools_mcp", transport: "sse", url: `http://127.0.0.1:${port}/sse` }),
    "over HTTP+SSE that parley finds out": () => ({ plugin: "tools_mcp", url: `http://127.0.0.1:${port}/sse` }),
  };
  for (const [way, section] of Object.entries(ways)) {
    test(`is reached ${way}`, async () => {
      const sections = { "tools fast": section() };
      assert.deepEqual(await names(sections), ["fast_add", "fast_count"]);
      assert.equal((await call(sections, "fast.add", { a: 2, b: 3 })).output, "5");
    });
  }

  test("tells its progress", async () => {
    const { output, err } = await call({ "tools fast": child(SERVERS.fast) }, "fast.count", { to: 5 }, ["--progress"]);
    assert.equal(output, "counted to 5");
    assert.match(err, /"progress":\s*5/);
  });
});

describe("the official package of 2026-07-28", () => {
  let port;
  let server;
  before(async () => {
    port = await free_port();
    server = await start_program([SERVERS.modern, "http", String(port), "alone"], { says: /^listening$/m });
  });
  after(() => server?.stop());

  const ways = {
    "as a child process": () => child(SERVERS.modern, "alone"),
    "over HTTP": () => ({ plugin: "tools_mcp", url: `http://127.0.0.1:${port}/mcp` }),
  };
  for (const [way, section] of Object.entries(ways)) {
    describe(way, () => {
      const sections = (more = {}) => ({ "tools modern": { ...section(), ...more } });

      test("its tools are listed and called", async () => {
        assert.deepEqual((await names(sections())).slice(0, 3), ["modern_echo", "modern_weather", "modern_deploy"]);
        assert.equal((await call(sections(), "modern.echo", { text: "\u4f60" })).output, "Echo: \u4f60");
        assert.deepEqual((await call(sections(), "modern.weather", { city: "Rome" })).structuredContent, { city: "Rome", degrees: 21 });
      });

      test("a tool that asks back is answered as the operator wants", async () => {
        assert.equal((await call(sections(), "modern.deploy", { where: "here" })).output, "not deployed");
        const willing = sections({ elicitation: "accept-defaults" });
        assert.equal((await call(willing, "modern.deploy", { where: "here" })).output, "deployed to here");
      });

      test("it is insisted on by its name", async () => {
        assert.equal((await call(sections({ protocol: "2026-07-28" }), "modern.echo", { text: "a" })).output, "Echo: a");
      });

      test("a tool that it learns is there for the next conversation", async () => {
        const parleyd = await start_parleyd(talking(sections()));
        const clients = [await open_client(parleyd)];
        assert.match((await clients[0].ask("modern_learn")).text, /learned/);
        const is_known = async () => {
          const client = await open_client(parleyd);
          clients.push(client);
          return /I am new/.test((await client.ask("modern_learned")).text);
        };
        await until(is_known, "the learned tool is listed");
        for (const client of clients)
          await client.close();
        await parleyd.stop();
      });
    });
  }

  test("a server of both eras is spoken to in the newer one, and in the older one when that is wanted", async () => {
    const both = { "tools modern": child(SERVERS.modern) };
    assert.equal((await call(both, "modern.echo", { text: "a" })).output, "Echo: a");
    for (const protocol of ["legacy", "2025-06-18"])
      assert.equal((await call({ "tools modern": { ...child(SERVERS.modern), protocol } }, "modern.echo", { text: "a" })).output, "Echo: a");
  });

  test("a server of the newer era alone is not reached in the older way, and says so", async () => {
    const path = config_of({ "tools modern": { ...child(SERVERS.modern, "alone"), protocol: "legacy" } });
    const { code, err } = await run(PARLEYCTL, ["tools", "list", "--json", "-c", path]);
    assert.equal(code, 1);
    assert.match(err, /the MCP server is unavailable: it answered initialize with error -32022/);
  });
});
