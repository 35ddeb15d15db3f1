// SPDX-License-Identifier: Apache-2.0
/* Voice Live as a model, and what Azure's refusals are told as; scenario.test.mjs talks over all of its services. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { start_entra } from "./support/entra_server.mjs";
import { start_azure } from "./support/fake_azure.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { check, start_server } from "./support/program.mjs";
import { dial, join } from "./support/raw_client.mjs";

const KEY = "0123456789abcdef0123456789abcdef";

const sections = (model, more = {}) => ({
  server: {}, "model main": model, "store main": { plugin: "store_memory" },
  "agent assistant": { model: "main", client_may_set: "*", instructions: "Be kind.", reconnect_ms: 0 }, ...more,
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
