// SPDX-License-Identifier: Apache-2.0
/* What the agent says while a tool takes long, as the unmodified `@openai/agents` sees it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open_session } from "./support/agents_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { scratch_folder } from "./support/wav.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

describe("a tool that takes long", () => {
  const held = join(scratch_folder(), "held");
  let parleyd;
  let session;

  before(async () => {
    parleyd = await start_parleyd({
      server: {},
      "model main": { plugin: "model_script", script: here("scripts/held.json") },
      "tools own": {
        plugin: "tools_mcp", command: process.execPath, args: `${here("support/mcp_server.mjs")}\nargs = held=${held}`,
        "held.filler": "One moment, please.", "held.filler_after_ms": "100ms",
      },
      "agent assistant": { model: "main", tools: "own", client_trace: "yes", client_may_set: "*" },
    });
    session = await open_session(parleyd);
  });
  after(async () => {
    session?.close();
    await parleyd?.stop();
  });

  test("has the filler spoken once, and then its answer", async () => {
    const from = session.log.now;
    const news = session.news.now;
    session.session.sendMessage("wait for it");
    const is_filler = ({ response }) => response?.metadata?.parley_filler === "One moment, please.";
    await session.log.wait((event) => event.type === "response.done" && is_filler(event), { from });
    assert.equal(session.log.all("parley.tool_call.done", from).length, 0, "it fills the wait");
    writeFileSync(held, "");
    const spoken = (transcript) => session.news.wait((event) => event.type === "agent_end" && event.transcript === transcript, { from: news });
    await spoken("It was let go.");
    await spoken("One moment, please.");
    const responses = session.log.all("response.created", from);
    assert.deepEqual(responses.map(is_filler), [true, false]);
    assert.deepEqual(session.errors, []);
  });
});
