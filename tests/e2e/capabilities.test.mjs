// SPDX-License-Identifier: Apache-2.0
/* What a model lacks: told before a session begins, or made up for. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { knock, open_client } from "./support/openai_client.mjs";
import { ini_text, start_parleyd } from "./support/parleyd.mjs";
import { check, start_server } from "./support/program.mjs";
import { upstreams } from "./support/upstreams.mjs";
import { scratch_folder } from "./support/wav.mjs";

/* A model_script that lacks these. */
function model(caps, more = {}) {
  const path = join(scratch_folder(), "script.json");
  writeFileSync(path, JSON.stringify({ caps, ...more }));
  return { plugin: "model_script", script: path };
}

const sections = (caps, agent = {}, more = {}) => {
  const all = upstreams.model_script({ "model main": model(caps, more) });
  return { ...all, "agent assistant": { ...all["agent assistant"], ...agent } };
};

describe("--check names the capability that is missing", () => {
  for (const [name, caps, agent, message] of [
    ["tools", { tools: false }, {}, /\[agent assistant\] tools: needs function calls, which \[model main\] does not have; take it out, or name another model/],
    ["semantic_vad", { semantic_vad: false }, { turn_detection: "semantic_vad" }, /turn_detection: needs semantic_vad, which/],
    ["text", { text_output: false }, { output: "text" }, /output: needs answers in text, which/],
  ])
    test(name, async () => {
      const { code, out, err } = await check(ini_text(sections(caps, agent)));
      assert.notEqual(code, 0);
      assert.match(out + err, message);
    });

  test("of a model that is only a further one, as a warning", async () => {
    const all = sections({});
    const { code, out, err } = await check(ini_text({ ...all, "model spare": model({ tools: false }),
      "agent assistant": { ...all["agent assistant"], model: "main, spare" } }));
    assert.equal(code, 0, err);
    assert.match(out + err, /tools: needs function calls, which \[model spare\] does not have: it will never take over/);
  });
});

test("a session that was preset to something the model lacks is refused by name", async () => {
  const server = await start_server(sections({ semantic_vad: false }, {}));
  const answer = await fetch(`http://${server.host}/v1/realtime/client_secrets`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ session: { type: "realtime", model: "assistant", audio: { input: { turn_detection: { type: "semantic_vad" } } } } }) });
  const client = knock(server, { key: (await answer.json()).value });
  assert.equal((await client.closed).code, 4000);
  assert.equal(client.errors[0].error.code, "capability_missing");
  assert.equal(client.errors[0].error.message, "The session needs semantic_vad, which the model main of agent assistant does not have.");
  await server.stop();
});

describe("a model that knows PCM alone serves clients of G.711", () => {
  /* Heard audio makes a turn of half a second; the answer speaks for 800 ms. */
  const script = { rules: [
    { on: "input_audio_buffer.append", audio_ms: 400, times: 1, do: [{ user_turn: { transcript: "hi", speech_ms: 300 } }] },
    { on: "response.create", do: [{ speak: "Good day.", ms: 800 }] },
  ] };

  for (const type of ["audio/pcmu", "audio/pcma"])
    test(type, async () => {
      const parleyd = await start_parleyd(sections({ g711: false }, {}, script));
      const client = await open_client(parleyd);
      const { audio } = await client.configure({ audio: { input: { format: { type } }, output: { format: { type } } } });
      assert.deepEqual([audio.input.format.type, audio.output.format.type], [type, type]);
      const from = client.log.now;
      const frame = Buffer.alloc(160, type === "audio/pcmu" ? 0xff : 0xd5).toString("base64");
      for (let i = 0; i < 25; i++)
        client.send({ type: "input_audio_buffer.append", audio: frame });
      const { response } = await client.answer(from);
      const deltas = client.log.all((event) => event.type === "response.output_audio.delta" && event.response_id === response.id);
      const bytes = Buffer.concat(deltas.map(({ delta }) => Buffer.from(delta, "base64")));
      assert.ok(Math.abs(bytes.length - 6400) <= 16, `${bytes.length} bytes for 800 ms at 8 kHz`);
      assert.ok(new Set(bytes).size > 30, "a tone has many levels");
      await client.close();
      await parleyd.stop();
    });
});
