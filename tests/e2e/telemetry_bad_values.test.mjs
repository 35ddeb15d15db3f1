// SPDX-License-Identifier: Apache-2.0
/* Values that no destination would take as they are: the span that holds one stays, and so does the rest of its batch. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, test } from "node:test";
import { start_azure } from "./support/azure_receiver.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { join } from "./support/raw_client.mjs";
import { upstreams } from "./support/upstreams.mjs";

const KEY = "00000000-0000-0000-0000-0000e2eba000";
const turns_of = (spans) => spans.filter((span) => span.name.startsWith("invoke_agent"));

/* A chat model whose one answer is these bytes between quotes. */
async function start_model(bytes) {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(Buffer.concat([Buffer.from('data: {"choices":[{"delta":{"content":"'), Buffer.from(bytes), Buffer.from('"}}]}\n\n')]));
      response.end('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, base_url: `http://127.0.0.1:${server.address().port}/v1` };
}

describe("a value that is not well", () => {
  let collector, azure, parleyd;

  beforeEach(async () => {
    [collector, azure] = [await start_receiver(), await start_azure()];
  });
  afterEach(async () => {
    await parleyd?.stop();
    await collector.close();
    await azure.close();
  });

  const start = async (sections) => {
    parleyd = await start_parleyd({
      ...sections,
      telemetry: { batch_ms: "50ms", content: "yes" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: collector.url, content: "yes" },
      "exporter azure": { plugin: "exporter_azure_monitor", connection_string: `InstrumentationKey=${KEY};IngestionEndpoint=${azure.url}/`, content: "yes" },
    });
    return join(parleyd);
  };

  test("words of a megabyte are left out, and their turn arrives with all else, as do the next one's", async () => {
    const client = await start(upstreams.model_script());
    assert.equal((await client.ask("\u00e4".repeat(1 << 19))).status, "completed");
    assert.equal((await client.ask("hello")).status, "completed");
    await collector.wait(({ spans }) => turns_of(spans).length === 2);
    await azure.wait(() => azure.of("RemoteDependency", "invoke_agent").length === 2);
    assert.deepEqual(azure.faults, []);
    const [large, small] = turns_of(collector.spans).map((span) => span.attributes);
    const [large_item, small_item] = azure.of("RemoteDependency", "invoke_agent").map((item) => item.properties);
    for (const said of [large, large_item])
      assert.ok(Buffer.byteLength(said["gen_ai.input.messages"] ?? "") < 1 << 18);
    for (const said of [small, small_item])
      assert.match(said["gen_ai.input.messages"], /hello/);
    for (const said of [large, small, large_item, small_item])
      assert.match(said["gen_ai.output.messages"], /What can I do for you/);
    assert.equal(large["parley.turn.end_reason"], "completed");
    await parleyd.wait_for_log(/words are left out of a turn's span, which holds up to 16384 bytes of them; .* session=/);
    assert.equal(large["gen_ai.usage.output_tokens"], small["gen_ai.usage.output_tokens"]);
    await client.close();
  });

  test("a model's answer that is not UTF-8 fails its turn alone, with its cause", async () => {
    const model = await start_model([0x61, 0xff, 0x62]);
    const client = await start({ server: {}, "model main": { plugin: "model_chat", base_url: model.base_url, model: "m" }, "agent assistant": { model: "main" } });
    const response = await client.ask("hello", { output_modalities: ["text"] });
    assert.equal(response.status, "failed");
    assert.equal(response.status_details.error.message, "the server sent no JSON");
    const [turn] = await collector.wait(({ spans }) => turns_of(spans).length > 0 && turns_of(spans));
    assert.deepEqual([turn.status, turn.attributes["error.type"], turn.attributes["parley.turn.end_reason"]], [2, "server_error", "failed"]);
    assert.match(turn.attributes["gen_ai.input.messages"], /hello/);
    const [item] = await azure.wait(() => azure.of("RemoteDependency", "invoke_agent").length > 0 && azure.of("RemoteDependency", "invoke_agent"));
    assert.equal(item.success, false);
    assert.deepEqual(azure.faults, []);
    await client.close();
    model.server.closeAllConnections();
    model.server.close();
  });
});
