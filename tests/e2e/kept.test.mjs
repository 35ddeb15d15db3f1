// SPDX-License-Identifier: Apache-2.0
/* What stores keep of sessions, as an operator lists, exports and deletes it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PARLEYCTL, run, start_server } from "./support/program.mjs";
import { join } from "./support/raw_client.mjs";
import { scratch_folder } from "./support/wav.mjs";

const ANN = "ann-0123456789abcdef";
const BOB = "bob-0123456789abcdef";

const SCRIPT = fileURLToPath(new URL("scripts/assistant.json", import.meta.url));

for (const [store, more] of Object.entries({ store_memory: {}, store_sqlite: { path: "parley.db" } })) {
  describe(store, () => {
    let server;
    const ctl = (...words) => run(PARLEYCTL, ["sessions", ...words, "--url", server.admin_url]);
    const json = async (...words) => JSON.parse((await ctl(...words, "--json")).out);

    before(async () => {
      const folder = scratch_folder();
      server = await start_server({
        "model script": { plugin: "model_script", script: SCRIPT },
        "tools builtin": { plugin: "tools_builtin" },
        "store main": { plugin: store, ...more, ...(more.path ? { path: `${folder}/${more.path}` } : {}) },
        "agent assistant": { model: "script", output: "text", client_may_set: "*", tools: "builtin", store: "main" },
        auth: { keys: `ann=${ANN}, bob=${BOB}` },
      });
    });
    after(() => server?.stop());

    async function talk(key, ...words) {
      const client = await join(server, { key });
      const { session: { id } } = client.log.all("session.created")[0];
      for (const text of words)
        await client.ask(text);
      return { client, id };
    }

    async function end({ client }) {
      await client.close();
      await server.wait_for_sessions(0);
    }

    test("a session is exported with its items, calls and responses, in order and with times", async () => {
      const session = await talk(ANN, "hello", "what is two plus three");
      await session.client.log.wait((event) => JSON.stringify(event).includes("five"));
      await end(session);
      const { code, out } = await ctl("export", session.id);
      assert.equal(code, 0);
      const kept = JSON.parse(out);
      assert.equal(kept.session.id, session.id);
      assert.deepEqual([kept.session.agent, kept.session.user, kept.session.state], ["assistant", "ann", "ended"]);
      const types = kept.items.map(({ item }) => item.type);
      assert.deepEqual(types.filter((type) => type.startsWith("function")), ["function_call", "function_call_output"]);
      assert.match(JSON.stringify(kept.items[0].item), /hello/);
      const [call] = kept.tool_calls;
      assert.equal(kept.tool_calls.length, 1);
      assert.equal(call.name, "calculator");
      assert.match(call.output, /5/);
      assert.ok(call.started_ms <= call.time_ms && call.started_ms >= kept.session.created_ms);
      assert.ok(kept.responses.length >= 3);
      for (const response of kept.responses) {
        assert.equal(response.model, "model script");
        assert.match(response.by, /^(client|tools)$/);
        const order = [response.asked_at_ms, response.created_at_ms, response.first_output_at_ms, response.done_at_ms].filter((at) => at !== undefined);
        assert.deepEqual(order, order.toSorted((a, b) => a - b), JSON.stringify(response));
        assert.ok(response.created_at_ms >= 0 && response.usage.total_tokens >= 0);
      }
      assert.deepEqual(kept.responses.map(({ turn }) => turn), [1, 2, 2]);
      assert.ok(kept.session.usage.total_tokens > 0);
      const times = kept.items.map(({ time_ms }) => time_ms);
      assert.deepEqual(times, times.toSorted((a, b) => a - b));
    });

    test("what is kept is listed, newest first, by user", async () => {
      const mine = await talk(BOB, "hello");
      await end(mine);
      const { data } = await json("list", "--kept", "--user", "bob");
      assert.deepEqual(data.map(({ id, user }) => [id, user]), [[mine.id, "bob"]]);
      assert.ok((await json("list", "--kept")).data.length >= 2);
      const { out } = await ctl("list", "--kept");
      assert.match(out, new RegExp(`${mine.id}.*bob`));
      assert.equal((await json("list", "--kept", "--limit", "1")).has_more, true);
    });

    test("a live session is not deleted, one that has ended is, for good", async () => {
      const session = await talk(ANN, "hello");
      for (let i = 0; i < 100 && (await ctl("export", session.id)).code !== 0; i++)
        continue;
      const live = await ctl("delete", session.id, "--yes");
      assert.equal(live.code, 1);
      assert.match(live.err, /The session is live/);
      await end(session);
      assert.equal((await ctl("delete", session.id)).code, 1, "nobody said yes");
      assert.equal((await ctl("delete", session.id, "--yes")).code, 0);
      const gone = await ctl("export", session.id);
      assert.equal(gone.code, 1);
      assert.match(gone.err, /was deleted, or has expired|has no session/);
    });

    test("all that a user has said is deleted, and nobody else's", async () => {
      await end(await talk(ANN, "one"));
      await end(await talk(ANN, "two"));
      const live = await talk(ANN, "three");
      for (let i = 0; i < 100 && (await ctl("export", live.id)).code !== 0; i++)
        continue;
      const { code, out } = await ctl("delete", "--user", "ann", "--yes");
      assert.equal(code, 1, "one is live");
      assert.match(out, /[23] sessions of ann are deleted\n1 are live and stay/);
      assert.deepEqual((await json("list", "--kept", "--user", "ann")).data.map(({ id }) => id), [live.id]);
      assert.equal((await json("list", "--kept", "--user", "bob")).data.length, 1);
      await end(live);
    });

    test("a store and a session that are not there are told", async () => {
      assert.match((await ctl("list", "--kept", "--store", "other")).err, /No agent has a store other\./);
      assert.match((await ctl("export", "sess_00000000000000000000")).err, /The store main has no session sess_0/);
      assert.equal((await ctl("export", "a/../b")).code, 2);
    });
  });
}
