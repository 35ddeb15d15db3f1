// SPDX-License-Identifier: Apache-2.0
/* A realtime model as ears and voice alone: the answers are a text model's. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { start_chat_server } from "./support/chat_server.mjs";
import { start_openai, TONE } from "./support/fake_openai.mjs";
import { open_client } from "./support/openai_client.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { check, start_server } from "./support/program.mjs";
import { duration_ms, rms, speak } from "./support/wav.mjs";

const KEY = "sk-0123456789abcdef";

/* Writes down whatever it hears as one sentence, and reads aloud what it is given. */
function ears_and_voice(heard) {
  const read = [];
  return {
    read,
    on: {
      "input_audio_buffer.commit": (it) => {
        const item_id = it.id("item");
        it.send({ type: "input_audio_buffer.committed", previous_item_id: null, item_id });
        it.item({ id: item_id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
        it.send({ type: "conversation.item.input_audio_transcription.completed", item_id, content_index: 0, transcript: heard, usage: { type: "duration", seconds: 1 } });
      },
      "conversation.item.delete": (it, { item_id }) => it.send({ type: "conversation.item.deleted", item_id }),
      "response.create": (it, { response }) => {
        read.push(response);
        const text = response.input[0].content[0].text;
        const begun = it.begin("audio");
        for (let i = 0; i < 8; i++)
          it.send({ type: "response.output_audio.delta", ...begun.place, delta: TONE.toString("base64") });
        it.end(begun, text);
      },
    },
  };
}

describe("a realtime model as ears and voice", () => {
  let chat, service, voice, server, client;

  before(async () => {
    voice = ears_and_voice("hello from the ears");
    service = await start_openai(voice);
    chat = await start_chat_server({ key: KEY });
    server = await start_server({
      "model text": { plugin: "model_chat", base_url: chat.base_url, api_key: KEY, model: "m" },
      "model voice": { plugin: "model_openai", base_url: service.base_url, api_key: KEY },
      "agent assistant": { model: "text", speech: "voice", voice: "marin", client_may_set: "*" },
    });
    client = await open_client(server);
  });
  after(async () => {
    await client?.close();
    await server?.stop();
    await service?.stop();
    await chat?.stop();
  });
  afterEach(() => service.set(voice));

  test("reads the text model's answer aloud, word for word, in the agent's voice", async () => {
    const { text, samples } = await client.ask("hello");
    assert.equal(text, "You said: hello");
    assert.ok(duration_ms(samples) >= 750 && rms(samples) > 0.05, `${duration_ms(samples)} ms of loudness ${rms(samples)}`);
    const [first] = voice.read;
    assert.equal(first.conversation, "none");
    assert.equal(first.audio.output.voice, "marin");
    assert.match(first.instructions, /word for word/);
    assert.equal(voice.read.map(({ input }) => input[0].content[0].text).join(" "), "You said: hello");
  });

  test("writes down what the user says, and is asked for no answer", async () => {
    const from = client.log.now;
    await client.speak(speak("good morning to you", { tail_ms: 1500 }));
    const { text } = await client.answer(from);
    assert.equal(text, "You said: hello from the ears");
    const { transcript } = await client.log.wait("conversation.item.input_audio_transcription.completed", { from });
    assert.equal(transcript, "hello from the ears");
    const asked = service.connections.flatMap(({ log }) => log.all("response.create"));
    assert.ok(asked.every(({ response }) => response.conversation === "none"));
    const ears = service.connections.find(({ log }) => log.all("input_audio_buffer.commit").length > 0);
    assert.equal(ears.log.all("session.update")[0].session.audio.input.turn_detection, null);
    assert.equal(ears.log.all("conversation.item.delete").length, 1);
  });

  test("its sessions wait for the next sentence instead of being opened anew", async () => {
    const before = service.connections.length;
    for (let i = 0; i < 3; i++)
      await client.ask(`again ${i}`);
    assert.equal(service.connections.length, before);
  });

  test("one that refuses a sentence fails the answer with its words, and the next one is spoken", async () => {
    service.set({ on: { ...voice.on, "response.create": (it) => it.error({ code: "rate_limit_exceeded", type: "tokens", message: "Too many words." }) } });
    const { response } = await client.ask("fail");
    assert.equal(response.status, "failed");
    assert.match(JSON.stringify(response.status_details), /as ears and voice: Too many words/);
    service.set(voice);
    assert.equal((await client.ask("well")).text, "You said: well");
  });

  test("one that dies in mid-sentence fails the answer", async () => {
    service.set({ on: { ...voice.on, "response.create": (it) => it.ws.terminate() } });
    const { response } = await client.ask("die");
    assert.equal(response.status, "failed");
    service.set(voice);
    assert.equal((await client.ask("well again")).text, "You said: well again");
  });

  test("an interruption ends the sentence", async () => {
    const from = client.log.now;
    client.type("long");
    client.send({ type: "response.create" });
    await client.log.wait("response.output_audio.delta", { from });
    client.send({ type: "response.cancel" });
    assert.equal((await client.log.wait("response.done", { from })).response.status, "cancelled");
    assert.equal((await client.ask("after that")).text, "You said: after that");
  });
});

test("a speech that is neither is found by --check", async () => {
  const { code, out, err } = await check(ini_text({
    "model text": { plugin: "model_chat", base_url: "http://127.0.0.1:9/v1", model: "m" },
    "agent assistant": { model: "text", speech: "text" },
  }));
  assert.notEqual(code, 0);
  assert.match(out + err, /\[agent assistant\] speech: there is no enabled \[speech text\] section/);
});
