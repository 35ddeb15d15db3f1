// SPDX-License-Identifier: Apache-2.0
/* The unmodified `@openai/agents` (RealtimeAgent, RealtimeSession over WebSocket) against parleyd, with both upstreams. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { open_session, tool } from "./support/agents_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { STORY, STORY_RESULT, SUM, WEATHER, WEATHER_RESULT, upstreams } from "./support/upstreams.mjs";
import { duration_ms, rms, speak } from "./support/wav.mjs";

const calls = [];

const weather = tool({
  name: WEATHER.name,
  description: WEATHER.description,
  parameters: z.object({ city: z.string().describe("The city") }),
  execute: async ({ city }) => {
    calls.push({ name: WEATHER.name, city });
    return WEATHER_RESULT;
  },
});

const story = tool({
  name: STORY.name,
  description: STORY.description,
  parameters: z.object({}),
  execute: async () => STORY_RESULT,
});

const VAD = { audio: { input: { turnDetection: { type: "server_vad", createResponse: true, interruptResponse: true } } } };

for (const [name, sections] of Object.entries(upstreams)) {
  describe(`@openai/agents with ${name}`, () => {
    let parleyd;
    let session;

    before(async () => {
      parleyd = await start_parleyd(sections());
      session = await open_session(parleyd, { tools: [weather, story], config: VAD });
    });
    after(async () => {
      session?.close();
      await parleyd?.stop();
    });

    test("a written turn ends with text, sound and a history of both sides", async () => {
      const text = await session.ask("hello");
      assert.notEqual(text, "");
      assert.ok(duration_ms(session.samples) > 300 && rms(session.samples) > 0.01);
      const roles = session.history.filter((item) => item.type === "message").map((item) => item.role);
      assert.deepEqual(roles.slice(0, 2), ["user", "assistant"]);
      assert.deepEqual(session.errors, []);
    });

    test("a spoken turn is written down in the history and answered", async () => {
      const from = session.news.now;
      const began = session.log.now;
      await session.speak(speak("what is two plus three"));
      assert.match(await session.answer(from), SUM);
      const { item_id } = await session.log.wait("conversation.item.input_audio_transcription.completed", { from: began });
      await session.log.wait((event) => event.type === "conversation.item.retrieved" && event.item.id === item_id, { from: began });
      const item = session.history.find((entry) => entry.itemId === item_id);
      assert.ok(item.content[0].transcript, "the transcript is in the history");
      assert.deepEqual(session.errors, []);
    });

    test("a tool of the server is run once, and the client never sees it", async () => {
      const from = session.log.now;
      assert.match(await session.ask("what is two plus three"), SUM);
      assert.equal(session.log.all("parley.tool_call.done", from).length, 1);
      assert.deepEqual(session.log.all((event) => event.item?.type === "function_call", from), []);
      assert.deepEqual(session.errors, []);
    });

    test("a tool of the client is run once and its result is spoken", async () => {
      calls.length = 0;
      const from = session.news.now;
      const text = await session.ask("what is the weather in Paris");
      assert.match(text, /eighteen degrees/);
      assert.deepEqual(calls.map(({ city }) => city.toLowerCase()), ["paris"]);
      assert.equal(session.news.all("tool_end", from).length, 1);
      assert.deepEqual(session.errors, []);
    });

    test("speech interrupts the answer and truncates it", async () => {
      const from = session.log.now;
      const said = session.news.now;
      session.session.sendMessage("read me the story");
      const { item_id, response_id } = await session.log.wait("response.output_audio.delta", { from, timeout_ms: 30_000 });
      const speech = session.speak(speak("excuse me, please stop", { lead_ms: 1200 }));
      await session.news.wait("audio_interrupted", { from: said });
      const truncated = await session.log.wait((event) => event.type === "conversation.item.truncated" && event.item_id === item_id, { from });
      assert.ok(truncated.audio_end_ms > 200, `${truncated.audio_end_ms} ms`);
      const { response } = await session.log.wait((event) => event.type === "response.done" && event.response.id === response_id, { from });
      assert.equal(response.status, "cancelled");
      const stopped = session.log.now;
      await speech;
      await session.log.wait("response.done", { from: stopped, timeout_ms: 30_000 }); // what was said is answered too
      assert.deepEqual(session.errors, []);
    });

    test("interrupt() stops an answer, and the session answers again", async () => {
      const from = session.log.now;
      session.session.sendMessage("read me the story");
      const { response_id } = await session.log.wait("response.output_audio.delta", { from, timeout_ms: 30_000 });
      session.session.interrupt();
      const { response } = await session.log.wait((event) => event.type === "response.done" && event.response.id === response_id, { from });
      assert.equal(response.status, "cancelled");
      assert.equal(response.status_details.reason, "client_cancelled");
      assert.match(await session.ask("what is two plus three"), SUM);
    });

    test("an error of the server reaches the session's error listener and harms nothing", async () => {
      const before_it = session.errors.length;
      const from = session.log.now;
      session.session.transport.sendEvent({ type: "response.make_coffee" });
      const { error } = await session.log.wait("error", { from });
      assert.equal(error.code, "invalid_value");
      assert.equal(session.errors.length, before_it + 1);
      assert.notEqual(await session.ask("hello"), "");
    });
  });
}
