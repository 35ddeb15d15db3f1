// SPDX-License-Identifier: Apache-2.0
/* One agent of parley over agents hosted elsewhere, by each protocol: the client's view is the same in all of them. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { start_a2a_host, start_ag_ui_host, start_old_a2a_host, start_responses_host } from "./support/agent_hosts.mjs";
import { open_client, text_of } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { speak } from "./support/wav.mjs";

const HOSTS = {
  "Responses": { start: start_responses_host, has_calls: true },
  "A2A 1.0": { start: start_a2a_host },
  "A2A 0.3": { start: start_old_a2a_host },
  "AG-UI": { start: start_ag_ui_host, has_calls: true },
};

/* The host learns it on a connection of its own, so a moment later. */
async function is_called_off(host, times) {
  for (let i = 0; i < 500 && host.called_off < times; i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(host.called_off, times);
}

for (const [name, { start, has_calls }] of Object.entries(HOSTS)) {
  describe(`an agent over ${name}`, () => {
    let host, parleyd, client;

    before(async () => {
      host = await start();
      parleyd = await start_parleyd({
        "model main": { plugin: "model_agents", ...host.section },
        "speech main": { plugin: "speech_local" },
        "store main": { plugin: "store_memory" },
        "agent assistant": { model: "main", output: "text", instructions: "Be brief." },
        "agent speaker": { model: "main", speech: "main" },
      });
      client = await open_client(parleyd);
    });
    after(async () => {
      await client?.close();
      await parleyd?.stop();
      await host?.stop();
    });

    test("answers", async () => {
      const { response, text } = await client.ask("hello");
      assert.equal(text, "You said: hello", JSON.stringify(response.status_details));
      assert.equal(response.status, "completed");
    });

    test("goes on with the conversation", async () => {
      assert.equal((await client.ask("again")).text, "You said: again");
      const [first, second] = host.requests.slice(-2);
      if (name === "Responses")
        assert.equal(second.previous_response_id, "resp_1");
      else if (name === "AG-UI")
        assert.deepEqual([second.threadId, second.state], [first.threadId, { turns: 1 }]);
      else
        assert.equal(second.contextId, first.contextId);
    });

    test("shows the calls that the agent runs itself", { skip: !has_calls && "A2A has none" }, async () => {
      const { response, text } = await client.ask("the weather?");
      assert.equal(text, "It rains.");
      const call = response.output.find(({ type }) => type === "mcp_call");
      assert.deepEqual([call.name, call.arguments, call.output], ["weather", '{"city":"Oslo"}', "rain"]);
      assert.ok(client.log.all(({ type }) => type === "response.mcp_call.completed").length > 0);
    });

    test("is called off when the client cancels, and goes on after that", async () => {
      const from = client.log.now;
      client.type("count");
      client.send({ type: "response.create" });
      await client.log.wait("response.output_text.delta", { from });
      client.send({ type: "response.cancel" });
      const { response } = await client.log.wait("response.done", { from });
      assert.equal(response.status, "cancelled");
      await is_called_off(host, 1);
      assert.match((await client.ask("enough")).text, /enough$/);
    });

    test("is asked aloud, answers aloud, and is interrupted by voice", async () => {
      const speaker = await open_client(parleyd, { agent: "speaker" });
      const from = speaker.log.now;
      await speaker.speak(speak("please count to one hundred", { tail_ms: 1500 }));
      await speaker.log.wait("response.output_audio.delta", { from, timeout_ms: 30_000 });
      const { called_off } = host;
      await speaker.speak(speak("what is the weather", { tail_ms: 1500 }));
      const ended = (status) => speaker.log.wait(({ type, response }) => type === "response.done" && response.status === status, { from, timeout_ms: 30_000 });
      assert.equal((await ended("cancelled")).response.status_details.reason, "turn_detected");
      const { response } = await ended("completed");
      assert.match(text_of(response), /rains/);
      assert.ok(speaker.sound_of(response.id).length > 0);
      await is_called_off(host, called_off + 1);
      assert.match(JSON.stringify(host.requests.at(-1)), /1 and on/, "the agent is told what was heard");
      await speaker.close();
    });
  });
}
