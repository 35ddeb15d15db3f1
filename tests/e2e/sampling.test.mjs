// SPDX-License-Identifier: Apache-2.0
/* Which turns an operator gets to see when not all of them are exported. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { upstreams } from "./support/upstreams.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

/* Ask once, with the trace context of a client; gives the number of spans that were left out. */
async function ask(parleyd, traceparent) {
  const headers = traceparent === undefined ? {} : { traceparent };
  const socket = new WebSocket(`${parleyd.realtime_url}?model=assistant`, { headers });
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "response.create" }));
  await new Promise((resolve) => socket.on("message", (data) => JSON.parse(data).type === "response.done" && resolve()));
  socket.close();
  await once(socket, "close");
  await parleyd.wait_for_log(/session ended/);
}

async function left_out(parleyd) {
  const text = await (await fetch(new URL("/metrics", parleyd.url))).text();
  return Number(text.match(/^parley_telemetry_span_left_out_total (\d+)$/m)[1]);
}

describe("sampling", () => {
  let receiver;
  let parleyd;

  before(async () => { receiver = await start_receiver(); });
  after(() => receiver?.close());

  async function with_options(telemetry, look) {
    receiver.spans.length = 0;
    parleyd = await start_parleyd({
      ...upstreams.model_script(),
      "model main": { plugin: "model_script", script: fileURLToPath(new URL("scripts/thinks.json", import.meta.url)) },
      telemetry: { batch_ms: "20ms", ...telemetry },
      "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url },
    });
    try {
      await look();
    } finally {
      await parleyd.stop(); /* everything is delivered then */
    }
    return receiver.spans;
  }

  test("turns that nobody asked for are left out and counted", async () => {
    const spans = await with_options({ sample: "0" }, async () => {
      await ask(parleyd);
      assert.ok(await left_out(parleyd) >= 3);
    });
    assert.deepEqual(spans, []);
  });

  test("a slow turn is kept whole, and stands for itself", async () => {
    const spans = await with_options({ sample: "0", slow_ms: "1ms" }, () => ask(parleyd));
    const names = spans.map((span) => span.name).sort();
    assert.deepEqual(names, ["invoke_agent assistant", "realtime_inference main"]);
    for (const span of spans) assert.equal(span.trace_state, "ot=th:0");
  });

  test("nothing is kept nevertheless where that is not wished", async () => {
    const spans = await with_options({ sample: "0", slow_ms: "1ms", always_keep: "errors" }, () => ask(parleyd));
    assert.deepEqual(spans, []);
  });

  test("a client that records its trace gets all of it", async () => {
    const spans = await with_options({ sample: "0" }, () => ask(parleyd, `00-${TRACE}-${PARENT}-01`));
    const root = spans.find((span) => span.name === "invoke_agent assistant");
    assert.deepEqual([root.trace, root.parent], [TRACE, PARENT]);
    assert.ok(spans.every((span) => span.trace === TRACE));
  });

  test("a client that does not record its trace decides, too, unless told otherwise", async () => {
    const context = `00-${TRACE}-${PARENT}-00`;
    assert.deepEqual(await with_options({}, () => ask(parleyd, context)), []);
    const spans = await with_options({ sample_parent: "no" }, () => ask(parleyd, context));
    assert.ok(spans.some((span) => span.name === "invoke_agent assistant"));
  });
});
