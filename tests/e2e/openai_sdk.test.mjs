// SPDX-License-Identifier: Apache-2.0
/* The unmodified Realtime client of the `openai` package against parleyd, with both upstreams. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { knock, open_client } from "./support/openai_client.mjs";
import { make_certificate, start_parleyd } from "./support/parleyd.mjs";
import { STORY, STORY_RESULT, SUM, WEATHER, WEATHER_RESULT, upstreams } from "./support/upstreams.mjs";
import { duration_ms, rms, speak } from "./support/wav.mjs";

const KEY = "0123456789abcdef-of-the-tests";

/* Types in order, runs of one type as one. */
function order(events) {
  return events.map((event) => event.type).filter((type, i, all) => type !== all[i - 1]);
}

/* Run the client's side of a function call. */
async function answer_call(client, from, name, output) {
  const called = (event) => event.type === "response.output_item.done" && event.item.type === "function_call";
  const { item } = await client.log.wait(called, { from });
  assert.equal(item.name, name);
  assert.equal(item.status, "completed");
  await client.log.wait("response.done", { from });
  client.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: item.call_id, output } });
  client.send({ type: "response.create" });
  return item;
}

for (const [name, sections] of Object.entries(upstreams)) {
  describe(`openai with ${name}`, () => {
    let parleyd;
    let client;

    before(async () => {
      parleyd = await start_parleyd(sections());
      client = await open_client(parleyd);
    });
    after(async () => {
      await client?.close();
      await parleyd?.stop();
    });

    test("a written question is answered in speech, its events in the protocol's order", async () => {
      const from = client.log.now;
      const { response, text, samples } = await client.ask("hello");
      assert.equal(response.status, "completed");
      assert.notEqual(text, "");
      assert.ok(duration_ms(samples) > 300 && rms(samples) > 0.01, `${duration_ms(samples)} ms of loudness ${rms(samples)}`);
      const types = order(client.log.events.slice(from)).filter((type) => !type.startsWith("parley.") && !/delta$|^rate_limits/.test(type));
      assert.deepEqual(types.slice(0, 6), [
        "conversation.item.added", "conversation.item.done", "response.created", "response.output_item.added",
        "conversation.item.added", "response.content_part.added"]);
      assert.equal(types.at(-1), "response.done");
      assert.ok(client.log.events.every((event) => typeof event.event_id === "string"));
    });

    test("a written answer is given when it is asked for", async () => {
      const from = client.log.now;
      const { text } = await client.ask("hello", { output_modalities: ["text"] });
      assert.notEqual(text, "");
      assert.ok(client.log.all("response.output_text.delta", from).length > 0);
      assert.equal(client.log.all("response.output_audio.delta", from).length, 0);
    });

    test("a spoken question is detected, written down and answered in speech", async () => {
      const from = client.log.now;
      await client.speak(speak("what is two plus three"));
      const { response, text, samples } = await client.answer(from);
      assert.equal(response.status, "completed");
      assert.match(text, SUM);
      assert.ok(duration_ms(samples) > 200 && rms(samples) > 0.01);
      const [started, stopped, committed] = ["speech_started", "speech_stopped", "committed"]
        .map((type) => client.log.all(`input_audio_buffer.${type}`, from)[0]);
      assert.equal(started.item_id, stopped.item_id);
      assert.equal(started.item_id, committed.item_id);
      assert.ok(stopped.audio_end_ms > started.audio_start_ms);
      const { item_id, transcript } = await client.log.wait("conversation.item.input_audio_transcription.completed", { from });
      assert.equal(item_id, started.item_id);
      assert.notEqual(transcript, "");
    });

    test("a tool of the server is run by the server, once, unseen", async () => {
      const from = client.log.now;
      const { text } = await client.ask("what is two plus three");
      assert.match(text, SUM);
      assert.equal(client.log.all("parley.tool_call.done", from).length, 1);
      const seen = client.log.all((event) => event.item?.type?.startsWith("function_call"), from);
      assert.deepEqual(seen, []);
    });

    test("a tool of the client is called with its arguments, and its result is spoken", async () => {
      await client.configure({ tools: [WEATHER, STORY] });
      const from = client.log.now;
      client.type("what is the weather in Paris");
      client.send({ type: "response.create" });
      const call = await answer_call(client, from, "get_weather", WEATHER_RESULT);
      assert.match(JSON.parse(call.arguments).city, /paris/i);
      const { text } = await client.answer(from);
      assert.match(text, /eighteen degrees/);
      assert.equal(client.log.all((event) => event.type === "response.output_item.done" && event.item.type === "function_call", from).length, 1);
    });

    test("speech interrupts the answer, and what was not heard leaves the conversation", async () => {
      const from = client.log.now;
      client.type("read me the story");
      client.send({ type: "response.create" });
      await answer_call(client, from, "read_story", STORY_RESULT);
      const { item_id, response_id } = await client.log.wait("response.output_audio.delta", { from, timeout_ms: 30_000 });
      const speech = client.speak(speak("excuse me, please stop", { lead_ms: 900 }));
      await client.log.wait("input_audio_buffer.speech_started", { from });
      client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 600 });

      const truncated = await client.log.wait((event) => event.type === "conversation.item.truncated" && event.item_id === item_id, { from });
      assert.equal(truncated.audio_end_ms, 600);
      const { response } = await client.log.wait((event) => event.type === "response.done" && event.response.id === response_id, { from });
      assert.equal(response.status, "cancelled");
      assert.equal(response.status_details.reason, "turn_detected");
      const end = client.log.events.findIndex((event) => event.type === "response.done" && event.response.id === response_id);
      assert.deepEqual(client.log.events.slice(end + 1).filter((event) => event.response_id === response_id), [], "nothing follows response.done");

      client.send({ type: "conversation.item.retrieve", item_id });
      const { item } = await client.log.wait((event) => event.type === "conversation.item.retrieved" && event.item.id === item_id, { from });
      assert.ok((item.content[0].transcript ?? "").length < STORY_RESULT.length / 2, item.content[0].transcript);
      await speech;
      await client.answer(end + 1);
    });

    test("a truncation beyond what was produced ends where the sound ended", async () => {
      const from = client.log.now;
      const { response, samples } = await client.ask("hello");
      const item_id = response.output.find((item) => item.type === "message").id;
      client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 3_600_000 });
      const { audio_end_ms } = await client.log.wait("conversation.item.truncated", { from });
      assert.ok(Math.abs(audio_end_ms - duration_ms(samples)) <= 1, `${audio_end_ms} of ${duration_ms(samples)} ms`);
    });

    const MISTAKES = [
      ["an unknown event", { type: "response.make_coffee" }, "invalid_value"],
      ["a commit of nothing", { type: "input_audio_buffer.commit" }, "input_audio_buffer_commit_empty"],
      ["a cancel of nothing", { type: "response.cancel" }, "response_cancel_not_active"],
      ["a truncation of no item", { type: "conversation.item.truncate", item_id: "item_of_nobody", content_index: 0, audio_end_ms: 0 }, "item_truncate_invalid_item_id"],
      ["a deletion of no item", { type: "conversation.item.delete", item_id: "item_of_nobody" }, "item_delete_invalid_item_id"],
      ["an unknown session field", { type: "session.update", session: { type: "realtime", temperature: 0.8 } }, "unknown_parameter"],
      ["a session without its type", { type: "session.update", session: { instructions: "x" } }, "missing_required_parameter"],
    ];
    for (const [what, event, code] of MISTAKES) {
      test(`${what} is an error that names its event, and the session goes on`, async () => {
        client.send({ type: "input_audio_buffer.clear" });
        const from = client.log.now;
        const event_id = client.send(event);
        const { error } = await client.log.wait("error", { from });
        assert.equal(error.code, code);
        assert.equal(error.event_id, event_id);
        assert.notEqual(error.message, "");
        await client.configure({});
      });
    }
  });
}

describe("openai and who may connect", () => {
  let parleyd;
  const certificate = make_certificate();

  before(async () => {
    const sections = upstreams.model_script({ auth: { keys: `tests=${KEY}` } });
    parleyd = await start_parleyd({ ...sections, server: { tls_cert: certificate.certificate, tls_key: certificate.key } });
  });
  after(() => parleyd?.stop());

  test("over TLS with the right key it talks", async () => {
    const client = await open_client(parleyd, { key: KEY, ca: certificate.ca });
    const { response } = await client.ask("hello");
    assert.equal(response.status, "completed");
    assert.equal((await client.close()).code, 1000);
    assert.deepEqual(client.errors, []);
  });

  test("a wrong key is refused with a code that stops reconnecting", async () => {
    const client = knock(parleyd, { key: `${KEY}-not`, ca: certificate.ca });
    const { code, reason } = await client.closed;
    assert.equal(code, 3000);
    assert.equal(reason, "invalid_request_error.invalid_api_key");
    assert.equal(client.log.events.at(-1).error.code, "invalid_api_key");
    assert.ok(!JSON.stringify(client.log.events).includes(KEY), "no part of the key comes back");
  });

  test("an unknown agent is refused and the message says where the list is", async () => {
    const client = knock(parleyd, { agent: "nobody", key: KEY, ca: certificate.ca });
    const { code } = await client.closed;
    assert.equal(code, 4000);
    assert.equal(client.log.events.at(-1).error.code, "invalid_model");
    assert.match(client.log.events.at(-1).error.message, /nobody.*\/v1\/models/);
  });
});
