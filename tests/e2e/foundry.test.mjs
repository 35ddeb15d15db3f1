// SPDX-License-Identifier: Apache-2.0
/*
 * One agent, one client, one scenario over OpenAI and the services of Azure: the client sees the same events in the same order. And what
 * Azure's refusals are told as.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, describe, test } from "node:test";
import { start_azure } from "./support/fake_azure.mjs";
import { start_openai } from "./support/fake_openai.mjs";
import { open_client } from "./support/openai_client.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { check, start_server } from "./support/program.mjs";
import { dial, join } from "./support/raw_client.mjs";
import { WEATHER } from "./support/upstreams.mjs";

const KEY = "0123456789abcdef0123456789abcdef";

/* What the scenario needs of a service: it hears a turn after a second and a half, calls a tool when asked for the weather, and speaks
   for long when asked for a story. */
function brain() {
  const heard = new Map(), running = new Map();
  const last_text = (it) => it.log.all("conversation.item.create").at(-1)?.item.content?.[0]?.text ?? "";
  const respond = (it) => {
    const item = it.log.all("conversation.item.create").at(-1)?.item;
    if (item?.type === "function_call_output")
      return it.answer(`It is ${item.output}.`);
    if (last_text(it).includes("weather")) {
      const response = { object: "realtime.response", id: it.id("resp"), status: "in_progress", output: [], conversation_id: "conv_1", output_modalities: ["audio"], usage: null, metadata: null };
      const call = { id: it.id("item"), object: "realtime.item", type: "function_call", status: "in_progress", name: "get_weather", call_id: it.id("call"), arguments: "" };
      const place = { response_id: response.id, item_id: call.id, output_index: 0, call_id: call.call_id };
      it.send({ type: "response.created", response });
      it.send({ type: "response.output_item.added", response_id: response.id, output_index: 0, item: call });
      it.send({ type: "conversation.item.added", previous_item_id: null, item: call });
      it.send({ type: "response.function_call_arguments.delta", ...place, delta: '{"city":"Paris"}' });
      it.send({ type: "response.function_call_arguments.done", ...place, name: call.name, arguments: '{"city":"Paris"}' });
      const whole = { ...call, status: "completed", arguments: '{"city":"Paris"}' };
      it.send({ type: "conversation.item.done", previous_item_id: null, item: whole });
      it.send({ type: "response.output_item.done", response_id: response.id, output_index: 0, item: whole });
      return it.done(response, [whole]);
    }
    if (last_text(it).includes("story")) {
      const begun = it.begin("audio");
      it.send({ type: "response.output_audio_transcript.delta", ...begun.place, delta: "Once upon a time" });
      it.send({ type: "response.output_audio.delta", ...begun.place, delta: Buffer.alloc(48_000).toString("base64") });
      running.set(it, begun);
      return undefined;
    }
    return it.answer("The service says hello.");
  };
  return {
    "response.create": respond,
    "response.cancel": (it) => {
      const begun = running.get(it);
      const cut = { ...begun.item, status: "incomplete", content: [{ type: "output_audio", transcript: "Once upon a time" }] };
      it.send({ type: "response.output_audio.done", ...begun.place });
      it.send({ type: "conversation.item.done", previous_item_id: null, item: cut });
      it.send({ type: "response.output_item.done", response_id: begun.response.id, output_index: 0, item: cut });
      it.done(begun.response, [cut], { status: "cancelled", status_details: { type: "cancelled", reason: "client_cancelled" } });
    },
    "conversation.item.truncate": (it, { item_id, content_index, audio_end_ms }) => it.send({ type: "conversation.item.truncated", item_id, content_index, audio_end_ms }),
    "input_audio_buffer.append": (it, { audio }) => {
      const before = heard.get(it) ?? 0, now = before + Buffer.byteLength(audio, "base64");
      heard.set(it, now);
      if (before >= 72_000 || now < 72_000)
        return;
      const item_id = it.id("item");
      it.send({ type: "input_audio_buffer.speech_started", audio_start_ms: 300, item_id });
      it.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 1500, item_id });
      it.send({ type: "input_audio_buffer.committed", previous_item_id: null, item_id });
      it.item({ id: item_id, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] });
      it.send({ type: "conversation.item.input_audio_transcription.completed", item_id, content_index: 0, transcript: "hello there", usage: { type: "duration", seconds: 1 } });
      it.answer("I heard you.");
    },
  };
}

const order = (events) => events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1] && !/^parley\.|^rate_limits/.test(type));

/* The client's view of each step. */
async function scenario(client) {
  const steps = {};
  const step = async (name, run) => {
    const from = client.log.now;
    await run(from);
    steps[name] = order(client.log.events.slice(from));
  };
  await client.configure({ tools: [WEATHER] });
  await step("text turn", async () => assert.match((await client.ask("hello")).text, /The service says hello/));
  await step("spoken turn", async (from) => {
    for (let i = 0; i < 40; i++)
      client.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(1920).toString("base64") });
    assert.match((await client.answer(from)).text, /I heard you/);
  });
  await step("tool call", async (from) => {
    client.type("what is the weather");
    client.send({ type: "response.create" });
    const { item } = await client.log.wait((event) => event.type === "response.output_item.done" && event.item.type === "function_call", { from });
    assert.equal(item.name, "get_weather");
    await client.log.wait("response.done", { from });
    const then = client.log.now;
    client.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: item.call_id, output: "sunny" } });
    client.send({ type: "response.create" });
    assert.match((await client.answer(then)).text, /It is sunny/);
  });
  await step("interruption", async (from) => {
    client.type("tell me a story");
    client.send({ type: "response.create" });
    const { item_id } = await client.log.wait("response.output_audio.delta", { from });
    client.send({ type: "response.cancel" });
    const { response } = await client.log.wait("response.done", { from });
    assert.equal(response.status, "cancelled");
    client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 400 });
    await client.log.wait("conversation.item.truncated", { from });
  });
  return steps;
}

const services = {
  "model_openai": async () => {
    const fake = await start_openai({ on: brain() });
    return { fake, model: { plugin: "model_openai", api_key: KEY, base_url: fake.base_url } };
  },
  "azure-openai": async () => {
    const fake = await start_azure({ service: "azure-openai", key: KEY, on: brain() });
    return { fake, model: { plugin: "model_foundry", service: "azure-openai", endpoint: fake.endpoint, deployment: "my-voice", api_key: KEY } };
  },
  "voice-live": async () => {
    const fake = await start_azure({ service: "voice-live", key: KEY, on: brain() });
    return { fake, model: { plugin: "model_foundry", service: "voice-live", endpoint: fake.endpoint, model: "gpt-realtime", api_key: KEY,
      turn_detection: "azure_semantic_vad", noise_suppression: "yes", transcription_model: "azure-speech" } };
  },
  "voice-agent": async () => {
    const fake = await start_azure({ service: "voice-agent", token: "token-1", on: brain() });
    return { fake, model: { plugin: "model_foundry", service: "voice-agent", endpoint: fake.endpoint, agent_name: "desk", credential: "fixed" },
      more: { "credential fixed": { type: "workload-identity", tenant_id: "t", client_id: "c" } } };
  },
};

/* Entra, as far as a federated token is exchanged. */
async function start_entra(token) {
  const http = createServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ access_token: token(), token_type: "Bearer", expires_in: 3600 }));
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, stop: () => new Promise((resolve) => { http.closeAllConnections(); http.close(resolve); }) };
}

const sections = (model, more = {}) => ({
  server: {}, "model main": model, "store main": { plugin: "store_memory" },
  "agent assistant": { model: "main", client_may_set: "*", instructions: "Be kind.", reconnect_ms: 0 }, ...more,
});

describe("one scenario", () => {
  const views = {};
  let entra;

  after(async () => {
    await entra?.stop();
    const names = Object.keys(Object.values(views)[0] ?? {});
    console.log(`# ${"service".padEnd(14)} ${names.map((name) => name.padEnd(13)).join(" ")}`);
    for (const [service, steps] of Object.entries(views))
      console.log(`# ${service.padEnd(14)} ${names.map((name) => `${steps[name].length} kinds`.padEnd(13)).join(" ")}`);
  });

  for (const [name, start] of Object.entries(services))
    test(`over ${name}`, async () => {
      entra ??= await start_entra(() => "token-1");
      const { fake, model, more } = await start();
      const credential = more && { "credential fixed": { type: "client-secret", tenant_id: "t", client_id: "c", client_secret: "s3cret", authority: entra.url } };
      const server = await start_server(sections(model, credential));
      const client = await open_client(server);
      views[name] = await scenario(client);
      await client.close();
      await server.stop();
      await fake.stop();
      assert.doesNotMatch(server.log, new RegExp(`${KEY}|token-1|s3cret`));
    });

  for (const name of Object.keys(services).slice(1))
    test(`the client's view over ${name} is that over model_openai`, () => {
      assert.deepEqual(views[name], views.model_openai);
    });
});

describe("Voice Live", () => {
  test("is asked in its own names, with what the section says of Azure", async () => {
    const fake = await start_azure({ service: "voice-live", key: KEY });
    const server = await start_server(sections({ plugin: "model_foundry", service: "voice-live", endpoint: fake.endpoint, model: "gpt-realtime", api_key: KEY,
      turn_detection: "azure_semantic_vad_multilingual", remove_filler_words: "yes", echo_cancellation: "yes", voice_rate: "1.1", interim_texts: "One moment." },
    { "agent assistant": { model: "main", voice: "en-US-AvaNeural", instructions: "Be kind.", reconnect_ms: 0 } }));
    const client = await join(server);
    const { session } = await fake.last.log.wait("session.update");
    assert.deepEqual(session.voice, { type: "azure-standard", name: "en-US-AvaNeural", rate: "1.1" });
    assert.equal(session.turn_detection.type, "azure_semantic_vad_multilingual");
    assert.equal(session.turn_detection.remove_filler_words, true);
    assert.deepEqual(session.input_audio_echo_cancellation, { type: "server_echo_cancellation" });
    assert.deepEqual(session.interim_response.texts, ["One moment."]);
    assert.deepEqual([session.input_audio_format, session.output_audio_format, session.modalities], ["pcm16", "pcm16", ["text", "audio"]]);
    assert.equal(session.audio, undefined);
    assert.match(fake.requests[0].url, /^\/voice-live\/realtime\?api-version=2026-04-10&model=gpt-realtime$/);
    assert.equal(client.log.all("session.created")[0].session.audio.output.voice, "en-US-AvaNeural");
    await client.close();
    await server.stop();
    await fake.stop();
  });
});

describe("a refusal", () => {
  let fake, server;

  afterEach(async () => {
    await server?.stop();
    await fake?.stop();
    server = fake = undefined;
  });

  const refuse = async (model, more) => {
    server = await start_server(sections({ plugin: "model_foundry", endpoint: fake.endpoint, ...model }, more));
    const client = dial(server);
    await client.closed;
    return server.log;
  };

  test("of a wrong key says so", async () => {
    fake = await start_azure({ service: "azure-openai", key: KEY });
    assert.match(await refuse({ deployment: "d", api_key: "wrong-key-0123456789" }), /http_status=401 reason="the key is wrong, renewed, or of another resource than endpoint"/);
  });

  test("of a model's name in place of a deployment's says so", async () => {
    fake = await start_azure({ service: "azure-openai", key: KEY, http: { status: 404, body: { error: { code: "DeploymentNotFound", message: "The API deployment for this resource does not exist." } } } });
    assert.match(await refuse({ deployment: "gpt-realtime", api_key: KEY }), /there is no deployment "gpt-realtime" here: deployment is the name given to it in the portal, not the model's/);
  });

  test("of a token for another service names the scope; another token is tried once", async () => {
    const entra = await start_entra(() => "token-of-graph");
    fake = await start_azure({ service: "voice-agent", token: "token-1" });
    const log = await refuse({ service: "voice-agent", agent_name: "desk", credential: "app" },
      { "credential app": { type: "client-secret", tenant_id: "t", client_id: "c", client_secret: "s3cret", authority: entra.url } });
    assert.match(log, /the token is for another service: check scope, now https:\/\/ai\.azure\.com\/\.default/);
    assert.equal(fake.requests.length, 2);
    await entra.stop();
  });

  test("of a token that was taken back is no refusal: the next one is good", async () => {
    let n = 0;
    const entra = await start_entra(() => `token-${++n}`);
    fake = await start_azure({ service: "azure-openai", token: "token-2" });
    server = await start_server(sections({ plugin: "model_foundry", endpoint: fake.endpoint, deployment: "d", credential: "app" },
      { "credential app": { type: "client-secret", tenant_id: "t", client_id: "c", client_secret: "s3cret", authority: entra.url } }));
    const client = await join(server);
    assert.equal(fake.requests.length, 2);
    await client.close();
    await entra.stop();
  });
});

describe("--check", () => {
  for (const [name, model, message] of [
    ["an api-version in a v1 address", { endpoint: "https://r.openai.azure.com/openai/v1?api-version=2025-04-01-preview", deployment: "d", api_key: KEY }, /endpoint: it has an api-version, which the v1 API refuses; write it as https:\/\/RESOURCE\.openai\.azure\.com/],
    ["a model where a deployment is needed", { endpoint: "https://r.openai.azure.com", model: "gpt-realtime", api_key: KEY }, /deployment: service = azure-openai needs it: the name that the deployment has in the portal/],
    ["the portal's address", { endpoint: "https://ai.azure.com/foundry", deployment: "d", api_key: KEY }, /ai\.azure\.com is the portal, not a resource/],
    ["nobody who calls", { endpoint: "https://r.openai.azure.com", deployment: "d" }, /credential: Azure wants to know who calls; set credential = managed-identity, or api_key/],
    ["a key for a voice agent", { service: "voice-agent", endpoint: "https://r.services.ai.azure.com/api/projects/p", agent_name: "a", api_key: KEY }, /api_key: service = voice-agent takes no key/],
    ["an unknown credential", { endpoint: "https://r.openai.azure.com", deployment: "d", credential: "azur" }, /credential: there is no \[credential azur\]/],
    ["Voice Live's options elsewhere", { endpoint: "https://r.openai.azure.com", deployment: "d", api_key: KEY, noise_suppression: "yes" }, /noise_suppression: goes with service = voice-live only/],
  ])
    test(`finds ${name}`, async () => {
      const { code, out, err } = await check(ini_text(sections({ plugin: "model_foundry", ...model })));
      assert.notEqual(code, 0);
      assert.match(out + err, message);
    });
});
