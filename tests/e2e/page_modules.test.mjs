// SPDX-License-Identifier: Apache-2.0
/* Modules of the console that need no browser: resampling, sound, the model of turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { base64_ms, decode_pcm, encode_pcm, rms } from "../../core/net/console/pcm.js";
import { Resampler, to_int16 } from "../../core/net/console/resample.js";
import { span_of, sentence } from "../../core/net/console/timeline.js";
import { Turns, bars, is_going_on, wait_ms } from "../../core/net/console/turns.js";

function tone(hz, rate, seconds) {
  return Float32Array.from({ length: rate * seconds }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate));
}

function through(resampler, samples, block = 128) {
  const parts = [];
  for (let at = 0; at < samples.length; at += block)
    parts.push(...resampler.push(samples.subarray(at, at + block)));
  return Float32Array.from(parts);
}

for (const rate of [16000, 24000, 44100, 48000, 96000]) {
  test(`from ${rate} Hz a voice keeps its loudness and length`, () => {
    const out = through(new Resampler(rate, 24000), tone(1000, rate, 1));
    assert.ok(Math.abs(out.length - 24000) < 60, `${out.length} samples`);
    assert.ok(Math.abs(rms(out.subarray(1000, 23000)) - 0.3536) < 0.01);
  });
}

test("what 24 kHz cannot hold does not fold back", () => {
  const out = through(new Resampler(48000, 24000), tone(15000, 48000, 1));
  assert.ok(rms(out.subarray(1000)) < 0.002, `${rms(out.subarray(1000))}`);
});

test("block borders leave no trace", () => {
  const input = tone(440, 44100, 0.5);
  const [whole, pieces] = [through(new Resampler(44100, 24000), input, 22050), through(new Resampler(44100, 24000), input, 37)];
  const length = Math.min(whole.length, pieces.length);
  for (let i = 0; i < length; i++)
    assert.ok(Math.abs(whole[i] - pieces[i]) < 1e-5, `sample ${i}`);
});

test("too loud is clipped, not wrapped", () => {
  assert.deepEqual([...to_int16([2, -2, 0, 0.5])], [32767, -32767, 0, 16384]);
});

test("sound survives base64, and its length is known without decoding", () => {
  const samples = Int16Array.from({ length: 961 }, (_, i) => i * 31 - 15000);
  assert.deepEqual(decode_pcm(encode_pcm(samples)), samples);
  for (const length of [480, 481, 482])
    assert.equal(base64_ms(encode_pcm(new Int16Array(length))), length / 24);
});

function played(...events) {
  const turns = new Turns(() => {});
  for (const [at, type, rest = {}, direction = "in"] of events)
    turns.event({ type, ...rest }, direction, at);
  return turns;
}

const SPOKEN = [
  [1000, "input_audio_buffer.speech_started", { audio_start_ms: 800, item_id: "u1" }],
  [3000, "input_audio_buffer.speech_stopped", { audio_end_ms: 2900, item_id: "u1" }],
  [3001, "input_audio_buffer.committed", { item_id: "u1" }],
  [3010, "response.created", { response: { id: "r1" } }],
];
const SOUND = encode_pcm(new Int16Array(24000));
const audio = (at, item_id) => [at, "response.output_audio.delta", { item_id, response_id: "r1", delta: SOUND }];

test("the wait runs from the end of speech to the first audio", () => {
  const turns = played(...SPOKEN, audio(3600, "a1"), audio(3700, "a1"));
  assert.equal(turns.list.length, 1);
  assert.equal(wait_ms(turns.current), 600);
  assert.equal(turns.current.speech_ms, 2100);
  assert.equal(turns.current.audio_ms, 2000);
});

test("the silence that ends a turn belongs to the wait, not to the speech", () => {
  const session = { audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 500 } } } };
  const turns = played([0, "session.created", { session }], ...SPOKEN, audio(3600, "a1"));
  assert.equal(wait_ms(turns.current), 1100);
  assert.equal(turns.current.speech_ms, 1600);
  const [you, hush, think] = bars(turns.current, 4000);
  assert.deepEqual([you.from, you.to, hush.from, hush.to, think.from, think.to], [-1600, 0, 0, 500, 500, 1100]);
});

test("a pause before any answer goes on with the same turn", () => {
  const turns = played(...SPOKEN.slice(0, 2),
    [3200, "input_audio_buffer.speech_started", { audio_start_ms: 3100, item_id: "u2" }],
    [4200, "input_audio_buffer.speech_stopped", { audio_end_ms: 4100, item_id: "u2" }]);
  assert.equal(turns.list.length, 1);
  assert.equal(turns.current.speech_ms, 3300);
});

test("the response that follows a tool belongs to the turn that called it", () => {
  const turns = played(...SPOKEN,
    [3100, "parley.tool_call.started", { call_id: "c1", name: "add", arguments: "{}", server: true }],
    [3150, "response.done", { response: { id: "r1", status: "completed" } }],
    [3200, "parley.tool_call.done", { call_id: "c1", name: "add", status: "ok", output: "5", duration_ms: 90 }],
    [3210, "response.created", { response: { id: "r2" } }],
    audio(3500, "a1"),
    [3900, "response.done", { response: { id: "r2", status: "completed" } }]);
  assert.equal(turns.list.length, 1);
  const tool = bars(turns.current, 5000).find((bar) => bar.kind === "tool");
  assert.deepEqual(tool, { kind: "tool", from: 100, to: 190, label: "add" });
  assert.equal(is_going_on(turns.current), false);
});

test("an answer that nobody asked for is a turn of its own", () => {
  const turns = played(...SPOKEN, audio(3600, "a1"), [3900, "response.done", { response: { id: "r1", status: "completed" } }],
    [9000, "response.created", { response: { id: "r2" } }]);
  assert.deepEqual(turns.list.map((turn) => turn.kind), ["spoken", "unasked"]);
});

test("an interruption shows what was heard and what was not", () => {
  const turns = played(...SPOKEN, audio(3600, "a1"), audio(3600, "a1"));
  turns.play_started("a1", 3650);
  turns.cut("a1", 500, 4150);
  const kinds = Object.fromEntries(bars(turns.current, 9000).map((bar) => [bar.kind, [bar.from, bar.to]]));
  assert.deepEqual(kinds, { you: [-2100, 0], think: [0, 650], agent: [650, 1150], unheard: [1150, 2650], cut: [1150, 1150] });
  assert.match(sentence(turns.current), /^Turn 1: you spoke 2\.10 s, first audio after 600 ms, interrupted after 500 ms\.$/);
});

test("the scale shows all turns, but one endless turn does not shrink the others to nothing", () => {
  const turns = played([0, "conversation.item.create", { item: { type: "message", role: "user" } }, "out"],
    [10, "response.created", { response: { id: "r1" } }], audio(300, "a1"));
  turns.play_started("a1", 300);
  assert.ok(span_of(turns.list, 120_000).to < 16_000);
});
