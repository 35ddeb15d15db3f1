// SPDX-License-Identifier: Apache-2.0
/* parleyctl telemetry test: one marked span, metric and log through each exporter, and what became of them. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, test } from "node:test";
import { start_azure } from "./support/azure_receiver.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { PARLEYCTL, run, write_config } from "./support/program.mjs";
import { scratch_folder } from "./support/wav.mjs";

const KEY = "00000000-0000-0000-0000-0000e2eba000";
const SIGNALS = ["trace", "metric", "log"];
const SERVER = { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR };

/* A destination that answers everything with this, or its requests with these in turn. */
async function start_answering(status, headers = {}, body = "") {
  const requests = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    requests.push(request.url);
    request.on("end", () => {
      bodies.push({ headers: request.headers, bytes: Buffer.concat(chunks) });
      const code = Array.isArray(status) ? status[Math.min(bodies.length, status.length) - 1] : status;
      if (code !== 0) response.writeHead(code, headers).end(body);
    });
  });
  const bodies = [];
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, requests, bodies, url: `http://127.0.0.1:${server.address().port}` };
}

describe("parleyctl telemetry test", () => {
  let collector, azure;
  const others = [];

  beforeEach(async () => {
    [collector, azure] = [await start_receiver(), await start_azure()];
  });
  afterEach(async () => {
    await collector.close();
    await azure.close();
    for (const { server } of others.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const answering = async (...args) => {
    others.push(await start_answering(...args));
    return others.at(-1);
  };
  const probe = (sections, ...args) => {
    const { path } = write_config(ini_text({ server: SERVER, ...sections }));
    return run(PARLEYCTL, ["telemetry", "test", "-c", path, ...args]);
  };
  const probe_json = async (sections, ...args) => {
    const { code, out, err } = await probe(sections, "--json", ...args);
    const { mark, results } = JSON.parse(out);
    const outcomes = Object.fromEntries(SIGNALS.map((signal) => [signal, Object.fromEntries(
      results.filter((r) => r.signal === signal).map(({ exporter, outcome, message }) => [exporter, { outcome, message }]))]));
    return { code, err, mark, results, outcomes };
  };
  const azure_section = (more = {}) => ({ plugin: "exporter_azure_monitor", connection_string: `InstrumentationKey=${KEY};IngestionEndpoint=${azure.url}/`, ...more });
  const otlp_section = (url, more = {}) => ({ plugin: "exporter_otlp", endpoint: url, ...more });

  test("what is taken arrives once, with the mark and the resource of the configuration", async () => {
    const { code, mark, results } = await probe_json({
      telemetry: { service_name: "desk", environment: "staging" },
      "exporter collector": otlp_section(collector.url),
      "exporter azure": azure_section(),
      "exporter off": otlp_section("http://127.0.0.1:9", { enabled: "no" }),
    });
    assert.equal(code, 0);
    assert.match(mark, /^[0-9a-f]{32}$/);
    for (const exporter of ["azure", "collector"])
      assert.deepEqual(results.filter((r) => r.exporter === exporter).map(({ signal, outcome, message }) => [signal, outcome, message]),
        SIGNALS.map((signal) => [signal, "taken", ""]));
    assert.equal(results.length, 6);
    assert.ok(results.every(({ duration_ms }) => duration_ms > 0));

    assert.equal(collector.spans.length, 1);
    const [span] = collector.spans;
    assert.equal(span.trace, mark);
    assert.equal(span.attributes["parley.test"], mark);
    assert.equal(span.resource["service.name"], "desk");
    assert.equal(span.resource["deployment.environment.name"], "staging");
    assert.deepEqual([...collector.metrics.keys()], ["parley.telemetry.test"]);
    const [point] = collector.metrics.get("parley.telemetry.test");
    assert.deepEqual([point.value, point.unit, point.attributes["parley.test"]], [1, "{test}", mark]);
    assert.deepEqual(collector.logs.map(({ body, trace, attributes }) => [body, trace, attributes["parley.test"]]),
      [["parleyctl telemetry test", mark, mark]]);

    assert.deepEqual(azure.faults, []);
    const marked = azure.items.filter(({ properties }) => properties?.["parley.test"] === mark); /* besides the duration's metric */
    assert.deepEqual(marked.map(({ kind }) => kind).sort(), ["Message", "Metric", "RemoteDependency"]);
  });

  test("an exporter that sends no such signal says so, which is no failure", async () => {
    const langfuse = await answering(200, { "content-type": "application/x-protobuf" });
    const { code, outcomes } = await probe_json({
      "exporter langfuse": { plugin: "exporter_langfuse", base_url: langfuse.url, public_key: "pk-lf-e2e", secret_key: "sk-lf-e2e" },
      "exporter console": { plugin: "exporter_console" },
    });
    assert.equal(code, 0);
    for (const exporter of ["langfuse", "console"])
      assert.deepEqual(SIGNALS.map((signal) => outcomes[signal][exporter].outcome), ["taken", "not_wanted", "not_wanted"]);
    assert.deepEqual(langfuse.requests, ["/api/public/otel/v1/traces"]);
  });

  test("a wrong key is told with the destination's code, at once, and without the key", async () => {
    const refusing = await answering(401);
    const { code, out, err } = await probe({ "exporter collector": otlp_section(refusing.url, { headers: "authorization=Bearer s3cret" }) }, "--timeout", "30");
    assert.equal(code, 1);
    assert.match(out, /^mark [0-9a-f]{32}\ncollector \(exporter_otlp\)\n {2}trace {3}failed: .*401.*\n {2}metric {2}failed: .*401.*\n {2}log {5}failed: .*401.*\n$/);
    assert.doesNotMatch(out + err, /s3cret/);
    assert.equal(refusing.requests.length, 3);
  });

  test("a destination that answers no text is told of, too", async () => {
    const refusal = Buffer.from([0x12, 5, 0x6e, 0x6f, 0x20, 0xe9, 0x21]); /* google.rpc.Status: "no \u00e9!" in Latin-1 */
    const refusing = await answering(400, { "content-type": "application/x-protobuf" }, refusal);
    const { code, outcomes } = await probe_json({ "exporter collector": otlp_section(refusing.url) });
    assert.equal(code, 1);
    for (const signal of SIGNALS) assert.match(outcomes[signal].collector?.message ?? "", /answered 400: no .!/);
  });

  test("one that refuses leaves the others' results as they are", async () => {
    azure.answer = (_items, response) => response.writeHead(400).end();
    const { code, outcomes } = await probe_json({ "exporter azure": azure_section(), "exporter collector": otlp_section(collector.url) });
    assert.equal(code, 1);
    for (const signal of SIGNALS) {
      assert.equal(outcomes[signal].collector.outcome, "taken");
      assert.equal(outcomes[signal].azure.outcome, "failed");
      assert.match(outcomes[signal].azure.message, /400/);
    }
  });

  test("a destination that is down is told with its cause when the time is over", async () => {
    const { code, outcomes } = await probe_json({ "exporter azure": azure_section(), "exporter gone": otlp_section("http://127.0.0.1:9") }, "--exporter", "gone", "--timeout", "0.2");
    assert.equal(code, 1);
    for (const signal of SIGNALS) {
      assert.deepEqual(Object.keys(outcomes[signal]), ["gone"]);
      assert.equal(outcomes[signal].gone.outcome, "failed");
      assert.match(outcomes[signal].gone.message, /connect/);
    }
    assert.equal(azure.requests.length, 0);
  });

  test("one that is busy is told with its code, and one that is silent with the time", async () => {
    const [busy, silent] = [await answering(429, { "retry-after": "60" }), await answering(0)];
    const { code, outcomes } = await probe_json({
      "exporter busy": otlp_section(busy.url),
      "exporter silent": otlp_section(silent.url, { timeout_ms: "300ms" }),
    }, "--timeout", "1");
    assert.equal(code, 1);
    for (const signal of SIGNALS) {
      assert.match(outcomes[signal].busy.message, /429/);
      assert.equal(outcomes[signal].silent.outcome, "failed");
      assert.notEqual(outcomes[signal].silent.message, "");
    }
  });

  test("what is laid down for later is not called taken", async () => {
    const folder = scratch_folder();
    azure.answer = (_items, response) => response.writeHead(503).end();
    const { code, err, outcomes } = await probe_json({ "exporter azure": azure_section({ storage_dir: folder }) });
    assert.equal(code, 1);
    for (const signal of SIGNALS)
      assert.equal(outcomes[signal].azure.outcome, "kept");
    assert.match(err, /telemetry is not delivered and kept for later .*503/);
    assert.ok(readdirSync(folder, { recursive: true }).length > 0);
  });

  test("without an exporter, with a wrong one and with wrong words it says what to do", async () => {
    const none = await probe({});
    assert.equal(none.code, 1);
    assert.match(none.err, /no exporter is switched on in .*parley\.ini; docs\/exporters\.md shows sections/);
    const other = await probe({ "exporter collector": otlp_section(collector.url) }, "--exporter", "colector");
    assert.equal(other.code, 1);
    assert.match(other.err, /no section \[exporter colector\] is switched on/);
    const wrong = await probe({ "exporter collector": { plugin: "exporter_otlp", endpoint: "nonsense" } });
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /\[exporter collector\] endpoint/);
    const late = await probe({ "exporter collector": otlp_section(collector.url) }, "--timeout", "soon");
    assert.equal(late.code, 2);
    assert.match(late.err, /--timeout is soon; it is a number of seconds, up to 30/);
    const words = await run(PARLEYCTL, ["telemetry"]);
    assert.equal(words.code, 2);
    assert.match(words.err, /say what to do: test or score/);
    assert.deepEqual(collector.requests, []);
  });

  test("when parleyd itself would export nothing, that is said", async () => {
    const { code, err } = await probe({ telemetry: { enabled: "no" }, "exporter collector": otlp_section(collector.url) });
    assert.equal(code, 0);
    assert.match(err, /parleyd itself exports nothing/);
  });

  const langfuse_section = (url, more = {}) => ({ plugin: "exporter_langfuse", base_url: url, public_key: "pk-lf-e2e", secret_key: "sk-lf-e2e", ...more });
  const score = (sections, ...args) => {
    const { path } = write_config(ini_text({ server: SERVER, telemetry: { environment: "staging" }, ...sections }));
    return run(PARLEYCTL, ["telemetry", "score", "-c", path, ...args]);
  };

  for (const [value, sent] of [["0.8", { dataType: "NUMERIC", value: 0.8 }], ["true", { dataType: "BOOLEAN", value: 1 }], ["false", { dataType: "BOOLEAN", value: 0 }], ["so-so", { dataType: "CATEGORICAL", value: "so-so" }]])
    test(`a score of ${value} reaches Langfuse as ${sent.dataType}, with its session`, async () => {
      const langfuse = await answering(200, { "content-type": "application/json" }, '{"id":"x"}');
      const { code, out } = await score({ "exporter langfuse": langfuse_section(langfuse.url) }, "--session", "sess_1", "helpful", value, "--comment", "said \"thank you\" \u00fc");
      assert.equal(code, 0);
      assert.match(out, /^langfuse \(exporter_langfuse\)\n {2}score {3}taken in \d+ ms\n$/);
      assert.deepEqual(langfuse.requests, ["/api/public/scores"]);
      const [{ headers, bytes }] = langfuse.bodies;
      assert.equal(headers["content-type"], "application/json");
      assert.equal(headers.authorization, `Basic ${Buffer.from("pk-lf-e2e:sk-lf-e2e").toString("base64")}`);
      const { id, ...rest } = JSON.parse(bytes);
      assert.match(id, /^parley-[0-9a-f-]{33}$/);
      assert.deepEqual(rest, { name: "helpful", sessionId: "sess_1", ...sent, comment: 'said "thank you" \u00fc', environment: "staging" });
    });

  test("a score of one turn goes to its trace, and sent again it keeps its id", async () => {
    const langfuse = await answering([503, 200]);
    const trace = "0123456789abcdef0123456789ABCDEF";
    const { code } = await score({ "exporter langfuse": langfuse_section(langfuse.url) }, "--session", "sess_1", "--trace", trace, "polite", "1");
    assert.equal(code, 0);
    const [first, second] = langfuse.bodies.map(({ bytes }) => JSON.parse(bytes));
    assert.equal(langfuse.bodies.length, 2);
    assert.deepEqual(first, second);
    assert.equal(first.traceId, trace.toLowerCase());
    assert.equal(first.sessionId, undefined);
  });

  test("others get a score as the event of the conventions", async () => {
    const { code } = await score({ "exporter collector": otlp_section(collector.url), "exporter azure": azure_section(), "exporter console": { plugin: "exporter_console" } },
      "--session", "sess_1", "helpful", "0.8", "--comment", "quick");
    assert.equal(code, 0);
    assert.deepEqual([collector.spans.length, collector.metrics.size, collector.logs.length], [0, 0, 1]);
    assert.deepEqual(collector.logs[0].attributes, { "session.id": "sess_1", "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 0.8, "gen_ai.evaluation.explanation": "quick" });
    assert.deepEqual(azure.faults, []);
    const [event] = azure.of("Event", "gen_ai.evaluation.result");
    assert.equal(event.properties["gen_ai.evaluation.name"], "helpful");
  });

  test("a score that nobody takes, or that says nothing, is told", async () => {
    const alone = await score({ "exporter console": { plugin: "exporter_console" } }, "--session", "sess_1", "helpful", "1");
    assert.equal(alone.code, 1);
    assert.match(alone.err, /no exporter of .*parley\.ini takes scores; exporter_langfuse does/);
    const refusing = await answering(400, {}, '{"message":"invalid"}');
    const refused = await score({ "exporter langfuse": langfuse_section(refusing.url) }, "--session", "sess_1", "helpful", "1");
    assert.equal(refused.code, 1);
    assert.match(refused.out, /score {3}failed: .*\/api\/public\/scores: answered 400/);
    for (const [args, wanted] of [
      [["--session", "sess_1", "helpful"], /score needs a name and a value/],
      [["helpful", "1"], /--session, the id of the conversation, is missing/],
      [["--session", "sess_1", "", "1"], /the name of the score is missing/],
      [["--session", "sess_1", "x".repeat(201), "1"], /the name of the score is too long or not UTF-8; at most 200 bytes/],
      [["--session", "sess_1", "--trace", "0".repeat(32), "helpful", "1"], /--trace is "0+"; it is the id of a turn's trace/],
    ]) {
      const { code, err } = await score({ "exporter langfuse": langfuse_section(refusing.url) }, ...args);
      assert.equal(code, 2);
      assert.match(err, wanted);
    }
    assert.equal(refusing.requests.length, 1);
  });
});
