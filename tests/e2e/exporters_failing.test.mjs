// SPDX-License-Identifier: Apache-2.0
/* Every exporter at once, and every destination unwell in the same way: conversations go on, nothing that was accepted comes twice, and what is lost is counted. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import path from "node:path";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { start_parleyd } from "./support/parleyd.mjs";
import { join } from "./support/raw_client.mjs";
import { upstreams } from "./support/upstreams.mjs";
import { scratch_folder } from "./support/wav.mjs";

const KEY = "00000000-0000-0000-0000-0000e2efa111";
const ALL = ["collector", "langfuse", "confident", "azure"];

/* A destination that takes every request, tells it from others by what it holds, and answers as the test says. */
class Destination {
  constructor(answer) {
    this.taken = []; /* {url, hash} */
    this.server = createServer((request, response) => {
      const hash = createHash("sha256");
      request.on("data", (chunk) => hash.update(chunk));
      request.on("end", () => {
        this.taken.push({ url: request.url, hash: `${request.url} ${hash.digest("hex")}` });
        answer(response);
      });
    });
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

function start(url) {
  return start_parleyd({
    ...upstreams.model_script(),
    telemetry: { batch_ms: "20ms", metrics_ms: "1s", logs: "no" },
    "exporter collector": { plugin: "exporter_otlp", endpoint: url, timeout_ms: "500ms" },
    "exporter langfuse": { plugin: "exporter_langfuse", base_url: url, public_key: "pk-lf-e2e", secret_key: "sk-lf-e2e", timeout_ms: "500ms" },
    "exporter confident": { plugin: "exporter_confident", base_url: url, api_key: "confident-e2e", timeout_ms: "500ms" },
    "exporter azure": { plugin: "exporter_azure_monitor", connection_string: `InstrumentationKey=${KEY};IngestionEndpoint=${url}/`, timeout_ms: "500ms", retry_ms: "1h", storage_dir: path.join(scratch_folder(), "kept") },
  });
}

/* What /metrics says of an exporter: {delivered, lost, kept} in spans; kept ones are Application Insights' and may be other items, too. */
async function counted(parleyd, exporter) {
  const text = await (await fetch(new URL("/metrics", parleyd.url))).text();
  const lines = text.split("\n").filter((line) => line.includes(`otel_component_name="${exporter}"`));
  const sum = (begin, is_wanted = () => true) => lines.filter((line) => line.startsWith(begin) && is_wanted(line))
    .reduce((all, line) => all + Number(line.slice(line.lastIndexOf(" "))), 0);
  const spans = "otel_sdk_exporter_span_exported_total{";
  const errors = lines.filter((line) => line.startsWith(spans)).map((line) => line.match(/error_type="(\w+)"/)?.[1]);
  return { errors, lost: sum(spans, (line) => line.includes("error_type")), delivered: sum(spans, (line) => !line.includes("error_type")), kept: sum("parley_exporter_kept_total{") };
}

async function until(look, what) {
  for (let tried = 0; tried < 200; tried++) {
    if (await look()) return;
    await pause(100);
  }
  assert.fail(`${what} did not come`);
}

async function talk(parleyd, client) {
  for (const question of ["hello", "what is two plus three", "hello again"]) {
    const response = await client.ask(question);
    assert.equal(response.status, "completed");
  }
  assert.deepEqual(client.errors, []);
}

/* Talk, wait until what is lost (or accepted) is counted, talk on, and stop. */
async function endure(url, is_counted) {
  const parleyd = await start(url);
  const client = await join(parleyd);
  await talk(parleyd, client);
  for (const exporter of ALL)
    await until(async () => is_counted(exporter, await counted(parleyd, exporter)), `the count of ${exporter}`);
  await talk(parleyd, client);
  await client.close();
  await parleyd.stop();
  assert.doesNotMatch(parleyd.log, new RegExp(`sk-lf-e2e|confident-e2e|${KEY}`));
  return parleyd;
}

/* The opening of a model is nothing that Confident AI is sent; it counts neither as delivered nor as lost. */
const lost_or_kept = (exporter, { lost, kept, delivered }) =>
  exporter === "azure" ? kept + lost > 0 : lost > 0 && delivered === 0;

/* Application Insights alone, with the least memory that there may be and no folder. */
function start_narrow(url) {
  return start_parleyd({
    ...upstreams.model_script(),
    telemetry: { batch_ms: "20ms", metrics_ms: "1s", logs: "no" },
    "exporter azure": { plugin: "exporter_azure_monitor", connection_string: `InstrumentationKey=${KEY};IngestionEndpoint=${url}/`, timeout_ms: "500ms", retry_ms: "1h", max_queue_bytes: "64k" },
  });
}

test("an exporter whose queue is full says so, and which option is about it", async () => {
  const silent = await new Destination(() => {}).listen();
  const parleyd = await start_narrow(silent.url);
  const client = await join(parleyd);
  await until(async () => {
    await talk(parleyd, client);
    return (await counted(parleyd, "azure")).lost > 0;
  }, "the count of what found no room");
  assert.match(parleyd.log, /an exporter gave up a batch exporter=azure \S+ \S+ \S+ reason="the queue is full; see max_queue_bytes"/);
  await client.close();
  await parleyd.stop();
  await silent.close();
});

describe("every destination at once", () => {
  test("is down", async () => {
    const gone = await new Destination(() => {}).listen();
    await gone.close();
    const parleyd = await endure(gone.url, lost_or_kept);
    assert.match(parleyd.log, /telemetry not delivered url=\S+\/v1\/traces/);
  });

  for (const [words, answer, error] of [
    ["is so slow that nothing is answered in time", () => {}, "unavailable"],
    ["answers 429 and wants an hour", (response) => response.writeHead(429, { "retry-after": "3600" }).end(), "unavailable"],
    ["refuses the key", (response) => response.writeHead(401).end(), "refused"],
  ])
    test(words, async () => {
      const destination = await new Destination(answer).listen();
      await endure(destination.url, (exporter, found) => lost_or_kept(exporter, found) && (exporter === "azure" || found.errors.includes(error)));
      assert.ok(destination.taken.length >= ALL.length);
      await destination.close();
    });

  test("redirects: Application Insights' is followed on the same host, others are told", async () => {
    const other = await new Destination((response) => response.writeHead(200, { "content-type": "application/json" }).end()).listen();
    const destination = await new Destination((response) => response.writeHead(307, { location: `${other.url}/v2.1/track` }).end()).listen();
    const parleyd = await endure(destination.url, (exporter, { lost, delivered }) => (exporter === "azure" ? delivered > 0 && lost === 0 : lost > 0));
    assert.match(parleyd.log, /answered 307, a redirect, which is not followed; write the address that it leads to/);
    assert.ok(other.taken.length > 0 && other.taken.every(({ url }) => url === "/v2.1/track"));
    await destination.close();
    await other.close();
  });

  test("takes each batch and breaks off in mid answer: nothing comes twice, nothing is lost", async () => {
    const destination = await new Destination((response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("{", () => response.destroy());
    }).listen();
    await endure(destination.url, (_, { lost, delivered }) => delivered > 0 && lost === 0);
    const traces = destination.taken.filter(({ url }) => !url.endsWith("/v1/metrics"));
    assert.equal(new Set(traces.map(({ hash }) => hash)).size, traces.length);
    await destination.close();
  });

  test("is silent when parleyd stops: the stop is in time", async () => {
    const destination = await new Destination(() => {}).listen();
    const parleyd = await start(destination.url);
    const client = await join(parleyd);
    await talk(parleyd, client);
    await until(() => destination.taken.length >= ALL.length, "a request of each");
    await parleyd.stop();
    await client.end();
    await destination.close();
  });
});
