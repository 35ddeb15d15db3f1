// SPDX-License-Identifier: Apache-2.0
/* What a conversation costs, by the prices of the configuration. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { open_client } from "./support/openai_client.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { upstreams } from "./support/upstreams.mjs";

const PRICE = { input_text: "4", input_audio: "32", output_text: "16", output_audio: "64" };

/* As one may do it with a pencil. */
function by_hand(usage) {
  const of = (kind) => usage[`gen_ai.usage.${kind}_tokens`] ?? 0;
  return (of("text.input") * 4 + of("audio.input") * 32 + of("text.output") * 16 + of("audio.output") * 64) / 1e6;
}

const is_near = (a, b) => Math.abs(a - b) < 1e-12;

/* Ask twice; gives what came and the log. */
async function converse(price) {
  const receiver = await start_receiver();
  const parleyd = await start_parleyd({
    ...upstreams.model_script(),
    ...price,
    telemetry: { batch_ms: "20ms" },
    "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url },
  });
  const client = await open_client(parleyd);
  await client.ask("what is two plus three");
  await client.ask("hello");
  await client.close();
  await parleyd.wait_for_log(/session ended/);
  await parleyd.stop();
  await receiver.close();
  const turns = receiver.spans.filter((span) => span.name === "invoke_agent assistant").sort((a, b) => a.start_ms - b.start_ms);
  const answers = receiver.spans.filter((span) => span.name === "realtime_inference main");
  return { receiver, turns, answers, log: parleyd.log };
}

describe("cost", () => {
  test("is told by answer, turn and session", async () => {
    const { receiver, turns, answers, log } = await converse({ "price script": { model: "main, scripted", ...PRICE, currency: "EUR" } });
    assert.equal(answers.length, 3); /* the first turn has two */
    for (const { attributes } of [...answers, ...turns]) {
      assert.ok(by_hand(attributes) > 0);
      assert.ok(is_near(attributes["parley.cost"], by_hand(attributes)), JSON.stringify(attributes));
      assert.equal(attributes["parley.cost.currency"], "EUR");
    }
    const sum = turns[0].attributes["parley.cost"] + turns[1].attributes["parley.cost"];
    assert.ok(is_near(turns[1].attributes["parley.session.cost"], sum));
    const [point] = receiver.metrics.get("parley.cost");
    assert.ok(is_near(point.value, sum));
    assert.equal(point.attributes["parley.cost.currency"], "EUR");
    assert.equal(receiver.metrics.get("parley.session.cost")[0].value, 1);
    const [, told] = log.match(/session ended .* cost=(\S+) currency=EUR/);
    assert.ok(is_near(Number(told), sum), told);
  });

  test("of a model without a price is not guessed, and that is told once", async () => {
    const { turns, log } = await converse({ "price other": PRICE });
    assert.equal(turns.length, 2);
    assert.ok(turns.every(({ attributes }) => !("parley.cost" in attributes) && !("parley.session.cost" in attributes)));
    assert.equal(log.match(/what a model costs is not known/g).length, 1);
    assert.ok(!/session ended .* cost=/.test(log));
  });

  test("is no matter where nobody gives prices", async () => {
    const { turns, log } = await converse({});
    assert.ok(turns.every(({ attributes }) => !("parley.cost" in attributes)));
    assert.ok(!log.includes("what a model costs"));
  });
});
