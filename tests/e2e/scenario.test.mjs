// SPDX-License-Identifier: Apache-2.0
/*
 * One agent, one client, one scenario (a written turn, a spoken one, a tool, an interruption) over every model plugin: the client sees
 * the same events in the same order. Printed: how many kinds of events each step showed.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { start_a2a_host, start_ag_ui_host, start_old_a2a_host, start_responses_host } from "./support/agent_hosts.mjs";
import { start_chat_server } from "./support/chat_server.mjs";
import { start_entra } from "./support/entra_server.mjs";
import { start_azure } from "./support/fake_azure.mjs";
import { start_openai } from "./support/fake_openai.mjs";
import { open_client } from "./support/openai_client.mjs";
import { start_server } from "./support/program.mjs";
import { brain } from "./support/scenario_brain.mjs";
import { WEATHER } from "./support/upstreams.mjs";
import { duration_ms, speak } from "./support/wav.mjs";

const KEY = "0123456789abcdef0123456789abcdef";
const TOOLS = [WEATHER, { type: "function", name: "calculator", description: "Adds", parameters: { type: "object", properties: { expression: { type: "string" } } } }];

/* What a model is asked in each step, and what it needs beside its section. */
const REALTIME = { tool: "what is the weather", story: "tell me a story" };
const CASCADE = { more: { "speech main": { plugin: "speech_local" } } };
let entra;

const models = {
  "model_openai": async () => {
    const fake = await start_openai({ on: brain() });
    return { fake, section: { plugin: "model_openai", api_key: KEY, base_url: fake.base_url }, ...REALTIME };
  },
  "model_foundry azure-openai": async () => {
    const fake = await start_azure({ service: "azure-openai", key: KEY, on: brain() });
    return { fake, section: { plugin: "model_foundry", service: "azure-openai", endpoint: fake.endpoint, deployment: "my-voice", api_key: KEY }, ...REALTIME };
  },
  "model_foundry voice-live": async () => {
    const fake = await start_azure({ service: "voice-live", key: KEY, on: brain() });
    return { fake, section: { plugin: "model_foundry", service: "voice-live", endpoint: fake.endpoint, model: "gpt-realtime", api_key: KEY,
      turn_detection: "azure_semantic_vad", noise_suppression: "yes", transcription_model: "azure-speech" }, ...REALTIME };
  },
  "model_foundry voice-agent": async () => {
    const fake = await start_azure({ service: "voice-agent", token: "token-1", on: brain() });
    return { fake, section: { plugin: "model_foundry", service: "voice-agent", endpoint: fake.endpoint, agent_name: "desk", credential: "app" }, ...REALTIME,
      more: { "credential app": { type: "client-secret", tenant_id: "t", client_id: "c", client_secret: "s3cret", authority: entra.url } } };
  },
  "model_chat": async () => {
    const fake = await start_chat_server({ key: KEY });
    return { fake, section: { plugin: "model_chat", base_url: fake.base_url, api_key: KEY, model: "m" }, tool: "what is 2 plus 3", story: "please go on and on", ...CASCADE };
  },
  "model_local": async () => ({ section: { plugin: "model_local" }, tool: "what is the weather in Paris", story: "hello", ...CASCADE }),
};
for (const [protocol, start] of Object.entries({ "responses": start_responses_host, "a2a 1.0": start_a2a_host, "a2a 0.3": start_old_a2a_host, "ag-ui": start_ag_ui_host }))
  models[`model_agents ${protocol}`] = async () => {
    const fake = await start();
    return { fake, section: { plugin: "model_agents", ...fake.section }, own_tools: "the weather?", story: "count", ...CASCADE };
  };

/* Without pieces, of which there are as many as a model likes, and without what may come at any time. */
const order = (events) => events.map(({ type }) => type)
  .filter((type) => !/^parley\.|^rate_limits|delta$|^conversation\.item\.input_audio_transcription/.test(type))
  .filter((type, i, all) => type !== all[i - 1]);

async function scenario(client, { tool, own_tools, story }) {
  const steps = {};
  const step = async (name, run) => {
    const from = client.log.now;
    await run(from);
    steps[name] = order(client.log.events.slice(from));
  };
  await client.configure({ tools: own_tools ? [] : TOOLS });
  let sound;
  await step("written turn", async () => {
    const { text, samples } = await client.ask("hello");
    assert.match(text, /./);
    sound = samples;
  });
  await pause(duration_ms(sound) + 200); /* it is heard to its end */
  await step("spoken turn", async (from) => {
    await client.speak(speak("hello there", { lead_ms: 500, tail_ms: 1500 }));
    assert.match((await client.answer(from)).text, /./);
  });
  if (own_tools)
    await step("tool of the agent", async () => assert.match((await client.ask(own_tools)).text, /rains/));
  else
    await step("tool", async (from) => {
      client.type(tool);
      client.send({ type: "response.create" });
      const { item } = await client.log.wait((event) => event.type === "response.output_item.done" && event.item.type === "function_call", { from });
      await client.log.wait("response.done", { from });
      const then = client.log.now;
      client.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: item.call_id, output: "5" } });
      client.send({ type: "response.create" });
      assert.match((await client.answer(then)).text, /5|five/);
    });
  await step("interruption", async (from) => {
    client.type(story);
    client.send({ type: "response.create" });
    const { item_id } = await client.log.wait("response.output_audio.delta", { from });
    client.send({ type: "response.cancel" });
    const { response } = await client.log.wait("response.done", { from });
    assert.equal(response.status, "cancelled");
    client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 100 });
    await client.log.wait("conversation.item.truncated", { from });
  });
  return steps;
}

describe("one scenario", () => {
  const views = {};

  before(async () => { entra = await start_entra(() => "token-1"); });
  after(async () => {
    await entra.stop();
    for (const [model, steps] of Object.entries(views))
      console.log(`# ${model.padEnd(26)} ${Object.entries(steps).map(([name, types]) => `${name} ${types.length}`).join(", ")}`);
  });

  for (const [name, start] of Object.entries(models))
    test(`over ${name}`, { timeout: 120_000 }, async () => {
      const it = await start();
      const server = await start_server({ "model main": it.section, "store main": { plugin: "store_memory" }, ...it.more,
        "agent assistant": { model: "main", client_may_set: "*", instructions: "Be kind.", reconnect_ms: 0 } });
      const client = await open_client(server);
      views[name] = await scenario(client, it);
      await client.close();
      await server.stop();
      await it.fake?.stop();
      assert.doesNotMatch(server.log, new RegExp(`${KEY}|token-1|s3cret`));
    });

  for (const name of Object.keys(models).slice(1))
    test(`the client's view over ${name} is that over model_openai`, () => {
      for (const [step, types] of Object.entries(views[name]))
        if (step !== "tool of the agent")
          assert.deepEqual(types, views.model_openai[step], step);
    });
});
