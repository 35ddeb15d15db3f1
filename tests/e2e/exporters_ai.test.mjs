// SPDX-License-Identifier: Apache-2.0
/* What Langfuse and Confident AI get of a conversation with a tool, decoded by OpenTelemetry's own classes. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open_client } from "./support/openai_client.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { upstreams } from "./support/upstreams.mjs";

const QUESTION = "what is two plus three";

describe("one conversation at Langfuse and Confident AI", () => {
  let langfuse, confident, parleyd, client;
  const named = (receiver, name) => receiver.spans.find((span) => span.name.startsWith(name));

  before(async () => {
    [langfuse, confident] = [await start_receiver(), await start_receiver()];
    parleyd = await start_parleyd({
      ...upstreams.model_script(),
      telemetry: { batch_ms: "100ms", content: "yes" },
      "exporter langfuse": { plugin: "exporter_langfuse", base_url: langfuse.url, public_key: "pk-lf-e2e", secret_key: "sk-lf-e2e", tags: "e2e, voice" },
      "exporter confident": { plugin: "exporter_confident", base_url: confident.url, api_key: "confident-e2e", content: "yes", environment: "staging" },
    });
    client = await open_client(parleyd);
    await client.ask(QUESTION);
    await langfuse.wait((it) => named(it, "invoke_agent"), 20_000);
    await confident.wait((it) => named(it, "invoke_agent"), 20_000);
  });
  after(async () => {
    await client?.close();
    await parleyd?.stop();
    await langfuse?.close();
    await confident?.close();
  });

  test("Langfuse is told what each span is, and whose", () => {
    const turn = named(langfuse, "invoke_agent").attributes;
    const answer = named(langfuse, "realtime_inference").attributes;
    const tool = named(langfuse, "execute_tool").attributes;
    assert.equal(turn["langfuse.observation.type"], "agent");
    assert.equal(answer["langfuse.observation.type"], "generation");
    assert.equal(tool["langfuse.observation.type"], "tool");
    for (const span of [turn, answer, tool]) {
      assert.equal(span["langfuse.session.id"], turn["session.id"]);
      assert.equal(span["langfuse.trace.name"], "assistant");
      assert.equal(span["langfuse.trace.tags"], "e2e,voice");
    }
    const spoken = langfuse.spans.find((span) => span.events["parley.model.first_content"] && span.name.startsWith("realtime_inference"));
    assert.match(spoken.attributes["langfuse.observation.completion_start_time"], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const [{ headers }] = langfuse.requests;
    assert.equal(headers.authorization, `Basic ${Buffer.from("pk-lf-e2e:sk-lf-e2e").toString("base64")}`);
    assert.equal(headers["x-langfuse-ingestion-version"], "4");
  });

  test("what was said goes where content is switched on, and nowhere else", () => {
    assert.ok(!JSON.stringify(langfuse.spans).includes("plus three"));
    assert.match(named(confident, "invoke_agent").attributes["confident.span.input"], /plus three/);
    assert.match(named(confident, "execute_tool").attributes["confident.span.input"], /2 \+ 3/);
  });

  test("Confident AI gets an agent, a model and a tool, and nothing besides", () => {
    const types = confident.spans.map((span) => span.attributes["confident.span.type"]);
    assert.deepEqual([...new Set(types)].sort(), ["agent", "llm", "tool"]);
    const turn = named(confident, "invoke_agent").attributes;
    assert.equal(turn["confident.trace.thread_id"], turn["session.id"]);
    assert.equal(turn["confident.trace.environment"], "staging");
    assert.equal(confident.requests[0].headers["x-confident-api-key"], "confident-e2e");
  });

  test("no key is in the log", () => {
    for (const key of ["sk-lf-e2e", "confident-e2e"])
      assert.ok(!parleyd.log.includes(key), key);
  });
});
