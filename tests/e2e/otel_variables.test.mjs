// SPDX-License-Identifier: Apache-2.0
/* OpenTelemetry's own environment variables, where the configuration says nothing. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { describe, test } from "node:test";
import { open_client } from "./support/openai_client.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { make_certificate, start_parleyd } from "./support/parleyd.mjs";
import { upstreams } from "./support/upstreams.mjs";

const turn = ({ spans }) => spans.find((span) => span.name === "invoke_agent assistant");

/* A turn with these variables and keys; what came is in the receiver. */
async function one_turn(receiver, env, { telemetry = {}, exporter = {} } = {}) {
  const parleyd = await start_parleyd({
    ...upstreams.model_script(),
    telemetry: { metrics_ms: "1s", ...telemetry },
    "exporter collector": { plugin: "exporter_otlp", ...exporter },
  }, { env });
  const client = await open_client(parleyd);
  await client.ask("hello");
  await client.close();
  await parleyd.stop();
  return parleyd;
}

describe("OpenTelemetry's variables", () => {
  test("name the collector, its headers, the service and what histograms are", async () => {
    const receiver = await start_receiver();
    await one_turn(receiver, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: "x-team=voice%20agents",
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: "x-team=scribes",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: "base2_exponential_bucket_histogram",
      OTEL_SERVICE_NAME: "reception",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=other,team=voice%2Cagents",
      OTEL_BSP_SCHEDULE_DELAY: "20",
    });
    const root = await receiver.wait(turn);
    assert.equal(root.resource["service.name"], "reception");
    assert.equal(root.resource.team, "voice,agents");
    const headers = Object.fromEntries(receiver.requests.map((request) => [request.url, request.headers]));
    assert.equal(headers["/v1/traces"]["x-team"], "voice agents");
    assert.equal(headers["/v1/logs"]["x-team"], "scribes");
    assert.equal(headers["/v1/traces"]["content-encoding"], "gzip");
    assert.ok(receiver.metrics.get("gen_ai.invoke_agent.duration")[0].exponential);
    await receiver.close();
  });

  test("give way to the configuration, and their headers do not follow it elsewhere", async () => {
    const [ours, theirs] = [await start_receiver(), await start_receiver()];
    await one_turn(ours, {
      OTEL_EXPORTER_OTLP_ENDPOINT: theirs.url,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${theirs.url}/v1/traces`,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=s3cret",
      OTEL_SERVICE_NAME: "theirs",
    }, { telemetry: { service_name: "ours" }, exporter: { endpoint: ours.url } });
    const root = await ours.wait(turn);
    assert.equal(root.resource["service.name"], "ours");
    assert.equal(theirs.requests.length, 0);
    assert.ok(ours.requests.every(({ headers }) => headers.authorization === undefined));
    await ours.close();
    await theirs.close();
  });

  test("switch signals off, and everything", async () => {
    const receiver = await start_receiver();
    await one_turn(receiver, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" });
    await receiver.wait(turn);
    assert.deepEqual([...new Set(receiver.requests.map(({ url }) => url))], ["/v1/traces"]);
    receiver.requests.length = 0;
    await one_turn(receiver, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SDK_DISABLED: "true" });
    assert.deepEqual(receiver.requests, []);
    await receiver.close();
  });

  test("keep traces here, and give log records a pace of their own", async () => {
    const receiver = await start_receiver();
    const parleyd = await one_turn(receiver, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_PROPAGATORS: "none", OTEL_BLRP_SCHEDULE_DELAY: "20", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "1",
    });
    await receiver.wait(turn);
    const logs = receiver.requests.filter(({ url }) => url === "/v1/logs");
    assert.ok(logs.length > 1 && logs.length === receiver.logs.length, "a record is not a batch of its own");
    assert.doesNotMatch(parleyd.log, /is left out/);
    await receiver.close();
  });

  test("that nothing here goes by are told, with what stands in for them", async () => {
    const receiver = await start_receiver();
    const parleyd = await one_turn(receiver, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_PROPAGATORS: "b3", OTEL_BSP_EXPORT_TIMEOUT: "30000", OTEL_METRICS_EXEMPLAR_FILTER: "trace_based",
    });
    assert.match(parleyd.log, /the variable OTEL_PROPAGATORS is left out: "b3" is not one of tracecontext, /);
    assert.match(parleyd.log, /the variable OTEL_BSP_EXPORT_TIMEOUT is left out: set timeout_ms of the exporter/);
    assert.match(parleyd.log, /the variable OTEL_METRICS_EXEMPLAR_FILTER is left out: metrics have no exemplars/);
    await receiver.close();
  });

  test("a protocol that is not spoken is refused with the one that is", async () => {
    await assert.rejects(one_turn(undefined, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }), /\[exporter collector\] protocol: "grpc" is not spoken; write http\/protobuf.*\(of the variable OTEL_EXPORTER_OTLP_PROTOCOL\)/);
  });

  test("a value that cannot be read is warned about, and parley starts", async () => {
    const receiver = await start_receiver();
    const parleyd = await one_turn(receiver, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: "soon", OTEL_RESOURCE_ATTRIBUTES: "team=voice,floor" });
    assert.match(parleyd.log, /\[telemetry\] batch_ms: the variable OTEL_BSP_SCHEDULE_DELAY is left out: "soon"/);
    assert.match(parleyd.log, /\[telemetry\] resource: of the variable OTEL_RESOURCE_ATTRIBUTES this is left out: "floor"/);
    assert.equal((await receiver.wait(turn)).resource.team, "voice");
    await receiver.close();
  });
});

test("Langfuse's own variables make its exporter, and the file's key puts their address aside", async () => {
  for (const [exporter, count] of [[{}, 1], [{ public_key: "pk-lf-other", secret_key: "sk-lf-other", enabled: "yes", base_url: "http://127.0.0.1:1" }, 0]]) {
    const receiver = await start_receiver();
    const parleyd = await start_parleyd({
      ...upstreams.model_script(),
      "exporter langfuse": { plugin: "exporter_langfuse", ...exporter },
    }, { env: { LANGFUSE_PUBLIC_KEY: "pk-lf-1", LANGFUSE_SECRET_KEY: "sk-lf-1", LANGFUSE_BASE_URL: receiver.url } });
    const client = await open_client(parleyd);
    await client.ask("hello");
    await client.close();
    await parleyd.stop();
    assert.equal(Number(receiver.requests.length > 0), count);
    if (count > 0)
      assert.equal(receiver.requests[0].headers.authorization, `Basic ${Buffer.from("pk-lf-1:sk-lf-1").toString("base64")}`);
    await receiver.close();
  }
});

test("a collector that knows its clients by certificate gets one", async () => {
  const { certificate, key, ca } = make_certificate();
  const paths = [];
  const server = createServer({ key: readFileSync(key), cert: ca, ca, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    paths.push(request.url);
    request.resume();
    request.on("end", () => response.end());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  await one_turn(undefined, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${server.address().port}`,
    OTEL_EXPORTER_OTLP_CERTIFICATE: certificate,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: certificate,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
  });
  assert.ok(paths.includes("/v1/traces"), paths);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
