// SPDX-License-Identifier: Apache-2.0
/* Clients of Azure, unchanged: the Voice Live package, and the `openai` package's Azure client. */
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { VoiceLiveClient } from "@azure/ai-voicelive";
import { AzureOpenAI } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { EventLog } from "./support/event_log.mjs";
import { start_server } from "./support/program.mjs";
import { dial } from "./support/raw_client.mjs";
import { AUDIENCE, start_issuer, TENANT } from "./support/token_issuer.mjs";
import { STORY, STORY_RESULT, upstreams, WEATHER, WEATHER_RESULT } from "./support/upstreams.mjs";
import { open_voice_live, said } from "./support/voice_live_client.mjs";
import { decode, join_samples, rms, speak, stream } from "./support/wav.mjs";

const KEY = "0123456789abcdef-of-the-tests";
const keyed = (more = {}) => upstreams.model_script({ auth: { keys: `web=${KEY}` }, ...more });
const bytes = (samples) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);

describe("@azure/ai-voicelive", () => {
  let server, client;

  before(async () => {
    server = await start_server(keyed());
    client = await open_voice_live(server, { key: KEY });
  });
  after(async () => {
    await client?.close();
    await server?.stop();
    assert.doesNotMatch(server.log, new RegExp(KEY));
  });

  test("sees the session in its own names", async () => {
    const [{ session }] = client.log.all("session.created");
    assert.equal(session.id, client.session.sessionId);
    assert.deepEqual(session.modalities, ["text", "audio"]);
    assert.deepEqual([session.inputAudioFormat, session.outputAudioFormat, session.inputAudioSamplingRate], ["pcm16", "pcm16", 24000]);
    assert.equal(session.turnDetection.type, "server_vad");
    assert.equal(session.instructions, "Answer in one short sentence.");
  });

  test("is told back what it set, Azure's own fields, too", async () => {
    const session = await client.configure({
      modalities: ["text", "audio"], instructions: "Be brief.", temperature: 0.7,
      voice: { type: "azure-standard", name: "en-US-AvaNeural", rate: "1.1" },
      turnDetection: { type: "azure_semantic_vad", threshold: 0.4, silenceDurationInMs: 600, removeFillerWords: true },
      inputAudioNoiseReduction: { type: "azure_deep_noise_suppression" },
      inputAudioEchoCancellation: { type: "server_echo_cancellation" },
      inputAudioTranscription: { model: "azure-speech", language: "en-US" },
    });
    assert.equal(session.voice.type, "azure-standard");
    assert.equal(session.voice.name, "en-US-AvaNeural");
    assert.deepEqual([session.turnDetection.type, session.turnDetection.silenceDurationInMs], ["azure_semantic_vad", 600]);
    assert.equal(session.inputAudioNoiseReduction.type, "azure_deep_noise_suppression");
    assert.equal(session.inputAudioEchoCancellation.type, "server_echo_cancellation");
    assert.deepEqual([session.inputAudioTranscription.model, session.temperature, session.instructions], ["azure-speech", 0.7, "Be brief."]);
    assert.equal(client.errors.length, 0);
  });

  test("asks in writing and is answered in speech, with the whole usage", async () => {
    const from = client.log.now;
    const response = await client.ask("hello");
    assert.equal(response.status, "completed");
    assert.match(said(response), /./);
    assert.equal(response.usage.inputTokenDetails.cachedTokensDetails.textTokens !== undefined, true);
    assert.equal(response.usage.totalTokens, response.usage.inputTokens + response.usage.outputTokens);
    const types = client.log.events.slice(from).map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    for (const type of ["conversation.item.created", "response.created", "response.output_item.added", "response.audio.delta",
      "response.audio_transcript.done", "response.audio.done", "response.done"])
      assert.ok(types.includes(type), `${type} in ${types}`);
    const deltas = client.log.all((event) => event.type === "response.audio.delta" && event.responseId === response.id);
    assert.ok(rms(join_samples(deltas.map(({ delta }) => typeof delta === "string" ? decode(delta) : new Int16Array(delta.buffer.slice(delta.byteOffset, delta.byteOffset + delta.byteLength))))) > 0.01);
  });

  test("has answers in text alone when it asks for text", async () => {
    const from = client.log.now;
    const response = await client.ask("hello", { modalities: ["text"] });
    assert.match(said(response), /./);
    assert.ok(client.log.all((event) => event.type === "response.text.delta").length > 0);
    assert.deepEqual(client.log.events.slice(from).filter(({ type }) => type === "response.audio.delta"), []);
  });

  test("hears the answer to a spoken question, with a tool that parley runs", async () => {
    const from = client.log.now;
    await stream(speak("what is two plus three"), (frame) => client.session.sendAudio(bytes(frame)));
    assert.match(said(await client.answer(from)), /five/);
    for (const type of ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "conversation.item.input_audio_transcription.completed"])
      assert.ok(client.log.events.slice(from).some((event) => event.type === type), type);
  });

  test("runs a tool of its own", async () => {
    await client.configure({ tools: [WEATHER] });
    const from = client.log.now;
    await client.session.addConversationItem({ type: "message", role: "user", content: [{ type: "input_text", text: "What is the weather in Paris?" }] });
    await client.send({ type: "response.create" });
    const { item } = await client.log.wait((event) => event.type === "response.output_item.done" && event.item.type === "function_call", { from });
    assert.deepEqual([item.name, JSON.parse(item.arguments)], ["get_weather", { city: "Paris" }]);
    await client.log.wait("response.done", { from });
    const then = client.log.now;
    await client.session.addConversationItem({ type: "function_call_output", callId: item.callId, output: WEATHER_RESULT });
    await client.send({ type: "response.create" });
    assert.match(said(await client.answer(then)), /eighteen degrees/);
  });

  test("interrupts: a second response takes the place of the first", async () => {
    await client.configure({ tools: [WEATHER, STORY] });
    const from = client.log.now;
    await client.session.addConversationItem({ type: "message", role: "user", content: [{ type: "input_text", text: "Read me the story." }] });
    await client.send({ type: "response.create" });
    const { item } = await client.log.wait((event) => event.type === "response.output_item.done" && event.item.type === "function_call", { from });
    await client.log.wait("response.done", { from });
    const then = client.log.now;
    await client.session.addConversationItem({ type: "function_call_output", callId: item.callId, output: STORY_RESULT });
    await client.send({ type: "response.create" });
    await client.log.wait("response.audio.delta", { from: then });
    const later = client.log.now;
    await client.session.addConversationItem({ type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] });
    await client.send({ type: "response.create" });
    const first = (await client.log.wait("response.done", { from: later })).response;
    assert.equal(first.status, "cancelled");
    const second = (await client.log.wait((event) => event.type === "response.done" && event.response.id !== first.id, { from: later })).response;
    assert.equal(second.status, "completed");
    assert.equal(client.errors.length, 0);
  });

  for (const [name, fields, param] of [
    ["an avatar", { modalities: ["text", "audio", "avatar"] }, "session.modalities"],
    ["a rate of 16 kHz", { inputAudioSamplingRate: 16000 }, "session.input_audio_sampling_rate"],
    ["a second channel", { inputAudioEchoCancellation: { type: "server_echo_cancellation", channels: 2 } }, "session.input_audio_echo_cancellation.channels"],
  ])
    test(`${name} is refused by the name that it has there, and nothing is changed`, async () => {
      const from = client.log.now;
      await client.session.updateSession({ instructions: "Not taken.", ...fields });
      const { error } = await client.log.wait("error", { from });
      assert.equal(error.param, param);
      const session = await client.configure({ temperature: 0.5 });
      assert.notEqual(session.instructions, "Not taken.");
    });

  test("a refusal of the session names the client's own field", async () => {
    const from = client.log.now;
    await client.session.updateSession({ voice: { type: "openai", name: "ash" } });
    const { error } = await client.log.wait("error", { from });
    assert.deepEqual([error.code, error.param], ["cannot_update_voice", "session.voice"]);
    assert.equal((await client.configure({ temperature: 0.6 })).voice.name, "en-US-AvaNeural");
  });

  test("connects to an agent by the agent's name", async () => {
    const other = await open_voice_live(server, { key: KEY, agent_mode: true });
    assert.match(said(await other.ask("hello")), /./);
    await other.close();
  });

  test("a wrong key or agent is refused by the handshake, as Azure does", async () => {
    const status = async (agent, key) => (await dial(server, { path: "/voice-live/realtime", agent, key }).handshake).status;
    await assert.rejects(new VoiceLiveClient(`http://${server.host}`, { key: "wrong-key-0123456789" }).startSession("assistant"));
    assert.equal(await status("assistant", "wrong-key-0123456789"), 401);
    assert.equal(await status("assistant", null), 401);
    assert.equal(await status("nobody", KEY), 404);
  });

  test("shows a token of Entra", async () => {
    const issuer = await start_issuer();
    const guarded = await start_server(upstreams.model_script({ auth: { method: "entra", authority: issuer.authority, tenants: TENANT, audience: AUDIENCE } }));
    const token = await issuer.token();
    const entra = new VoiceLiveClient(`http://${guarded.host}`, { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 600_000 }) });
    const session = await entra.startSession("assistant");
    assert.ok(session.isConnected);
    await session.dispose();
    await guarded.stop();
    await issuer.stop();
  });
});

describe("the openai package's Azure client", () => {
  test("connects under /openai/v1/realtime with its key", async () => {
    const server = await start_server(keyed());
    const [host, port] = server.host.split(":");
    const azure = new AzureOpenAI({ apiKey: KEY, apiVersion: "v1", endpoint: `https://${server.host}`, deployment: "assistant" });
    const log = new EventLog();
    const realtime = await OpenAIRealtimeWS.azure(azure, { deploymentName: "assistant", options: { createConnection: () => net.connect(Number(port), host) } });
    realtime.on("event", (event) => log.push(event));
    realtime.on("error", () => {});
    await log.wait("session.created");
    const from = log.now;
    realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] } });
    realtime.send({ type: "response.create" });
    assert.equal((await log.wait("response.done", { from })).response.status, "completed");
    realtime.close();
    await server.stop();
  });
});
