// SPDX-License-Identifier: Apache-2.0
/*
 * From voice to voice: a spoken question in real time through parleyd and its local model, the tool it
 * needs run once, and the spoken answer understood by the same recogniser that heard the question.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { SUM, upstreams } from "./support/upstreams.mjs";
import { RATE, duration_ms, speak, with_silence, write_wav } from "./support/wav.mjs";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));

let parleyd;

before(async () => {
  parleyd = await start_parleyd(upstreams.model_local({
    /* The recogniser alone: what it hears is written down and nobody answers. */
    "agent listener": { model: "main", create_response: "no" },
  }));
});
after(() => parleyd?.stop());

/* What parley's recogniser makes of these samples. */
async function recognise(samples) {
  const client = await open_client(parleyd, { agent: "listener" });
  await client.speak(with_silence(samples, 300, 1500));
  const { transcript } = await client.log.wait("conversation.item.input_audio_transcription.completed", { timeout_ms: 30_000 });
  await client.close();
  return transcript;
}

test("a spoken sum is answered aloud, by one call of the calculator", async (t) => {
  const client = await open_client(parleyd);
  const from = client.log.now;
  await client.speak(speak("what is two plus three", { tail_ms: 1500 }));
  const { text, samples } = await client.answer(from);
  assert.match(text, SUM);

  const tools = client.log.all("parley.tool_call.done", from);
  assert.equal(tools.length, 1);
  assert.equal(tools[0].name, "calculator");
  assert.equal(tools[0].status, "ok");

  mkdirSync(ARTIFACTS, { recursive: true });
  write_wav(`${ARTIFACTS}spoken-answer.wav`, samples, RATE);
  await client.close();

  const heard = await recognise(samples);
  t.diagnostic(`said "${text}" in ${Math.round(duration_ms(samples))} ms; heard again as "${heard}"`);
  assert.match(heard, SUM);
});
