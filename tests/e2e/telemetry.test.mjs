// SPDX-License-Identifier: Apache-2.0
/* What an operator gets of a conversation: spans and metrics at a collector, a line on the console, GET /metrics. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { open_client } from "./support/openai_client.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { SUM, upstreams } from "./support/upstreams.mjs";

const LINE = /^\d\d:\d\d:\d\d {2}assistant turn (\d+) by (\w+) {2}first (audio|text) (.+?) {2}total (.+?)(?: {2}tools (.+?))?(?: {2}tokens (\d+) in (\d+) out)?(?: {2}(interrupted))? {2}(sess_\w+)$/m;
const QUESTION = "what is two plus three";

const dashboard = () => readFileSync(new URL("../../docs/dashboards/grafana.json", import.meta.url), "utf8");
const SERIES = /\b[a-z_]+(?=\{instance)/g;
/* A series begins with its first value; these have none here. */
const RARE = /_(errors|reconnects|dropped|dropped_seconds|lost|lost_seconds|rejected|cost|slow_calls|stuck_calls)_total$|session_(cost|duration)|cache_read/;
const OF_TOKENS = /usage_detailed/;

/* The names of a tree, children in the order of their start. */
function tree(spans, root) {
  const children = spans.filter((span) => span.parent === root.id).sort((a, b) => a.start_ms - b.start_ms);
  return [root.name, ...children.map((span) => span.name)];
}

function turns(spans) {
  return spans.filter((span) => span.name.startsWith("invoke_agent"));
}

for (const [name, sections] of Object.entries(upstreams)) {
  describe(`telemetry with ${name}`, () => {
    let receiver;
    let parleyd;
    let client;
    let answer;

    before(async () => {
      receiver = await start_receiver();
      parleyd = await start_parleyd({
        ...sections(),
        telemetry: { batch_ms: "100ms", metrics_ms: "1s", service_name: "parley-of-the-tests" },
        "exporter console": { plugin: "exporter_console" },
        "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url, compression: "gzip" },
      });
      client = await open_client(parleyd);
      answer = await client.ask(QUESTION);
    });
    after(async () => {
      await client?.close();
      await parleyd?.stop();
      await receiver?.close();
    });

    test("a turn with a tool arrives as a tree of spans", async () => {
      assert.match(answer.text, SUM);
      const root = await receiver.wait(({ spans }) => turns(spans)[0], 20_000);
      const names = tree(receiver.spans, root);
      assert.deepEqual(names, ["invoke_agent assistant", "realtime_inference main", "execute_tool calculator", "realtime_inference main"]);
      assert.equal(root.parent, "");
      assert.equal(root.resource["service.name"], "parley-of-the-tests");
      assert.equal(root.attributes["parley.turn.trigger"], "text");
      assert.equal(root.attributes["parley.turn.end_reason"], "completed");
      assert.equal(root.attributes["session.id"], root.attributes["gen_ai.conversation.id"]);
      const first_ms = root.events["parley.client.first_output"] - root.start_ms;
      assert.ok(Math.abs(first_ms / 1000 - root.attributes["parley.turn.response_latency"]) < 0.01);
      const [tool] = receiver.spans.filter((span) => span.name === "execute_tool calculator");
      assert.equal(tool.trace, root.trace);
      assert.equal(tool.attributes["gen_ai.tool.name"], "calculator");
      const [connect] = receiver.spans.filter((span) => span.name === "parley.backend.connect");
      assert.equal(connect.attributes["session.id"], root.attributes["session.id"]);
    });

    test("what was said is not in it", () => {
      const all = JSON.stringify(receiver.spans);
      assert.ok(!all.includes("plus three"), all);
      assert.ok(!all.includes("2 + 3"), all);
    });

    test("the console prints one line of it", async () => {
      const [, number, trigger, kind, first, , tools, input, output] = await parleyd.wait_for_log(LINE);
      assert.deepEqual([number, trigger, kind], ["1", "text", "audio"]);
      assert.match(first, /^(<1 ms|\d+ ms|\d+\.\d\d s)$/);
      assert.match(tools, /^calculator (<1 ms|\d+ ms)$/);
      if (name === "model_script") /* the local model knows no tokens */
        assert.ok(Number(input) > 0 && Number(output) > 0, `${input} in, ${output} out`);
    });

    test("the log arrives, too, and a line about a session has its trace", async () => {
      const opened = await receiver.wait(({ logs }) => logs.find((record) => record.body.startsWith("session open")));
      const [connect] = receiver.spans.filter((span) => span.name === "parley.backend.connect");
      assert.match(opened.body, /^session open session=sess_\w+ agent=assistant /);
      assert.deepEqual([opened.severity, opened.severity_text], [9, "INFO"]);
      assert.equal(opened.attributes["session.id"], connect.attributes["session.id"]);
      assert.equal(opened.attributes["gen_ai.agent.name"], "assistant");
      assert.deepEqual([opened.trace, opened.span], [connect.trace, connect.id]);
      assert.equal(opened.resource["service.name"], "parley-of-the-tests");
      assert.ok(receiver.logs.some((record) => record.body.startsWith("listening on") && record.trace === ""));
    });

    test("metrics arrive, and GET /metrics says the same", async () => {
      const has_turn = ({ metrics }) => metrics.get("parley.turn.count");
      const [point] = await receiver.wait(has_turn, 5_000);
      assert.equal(point.value, 1);
      assert.deepEqual(point.attributes, { "gen_ai.agent.name": "assistant", "parley.turn.end_reason": "completed" });
      assert.equal(receiver.metrics.get("gen_ai.execute_tool.duration")[0].attributes["gen_ai.tool.name"], "calculator");
      assert.equal(receiver.metrics.get("parley.session.active")[0].value, 1);
      assert.ok(receiver.metrics.get("parley.audio.duration").find((p) => p.attributes["parley.direction"] === "out").value > 0.3);
      const upgrade = receiver.metrics.get("http.server.request.duration").find((p) => p.attributes["http.route"] === "/v1/realtime");
      assert.deepEqual(upgrade.attributes, { "http.request.method": "GET", "http.response.status_code": 101, "http.route": "/v1/realtime", "url.scheme": "http" });
      const text = await (await fetch(new URL("/metrics", parleyd.url))).text();
      assert.match(text, /^parley_turn_count_total\{gen_ai_agent_name="assistant",parley_turn_end_reason="completed"\} 1$/m);
      assert.match(text, /^http_server_request_duration_seconds_count\{http_request_method="GET",http_response_status_code="101",http_route="\/v1\/realtime",url_scheme="http"\} 1$/m);
    });

    test("what the Grafana dashboard asks for is there, but for what did not happen", async () => {
      const text = await (await fetch(new URL("/metrics", parleyd.url))).text();
      const missing = [...new Set(dashboard().match(SERIES))].filter((series) => !new RegExp(`^${series}\\{?`, "m").test(text));
      assert.deepEqual(missing.filter((series) => !RARE.test(series) && (name === "model_script" || !OF_TOKENS.test(series))), []);
    });
  });
}

describe("telemetry and its end", () => {
  test("a collector that does not answer holds up neither a turn nor the stop", async () => {
    const receiver = await start_receiver();
    receiver.server.removeAllListeners("request"); /* takes requests, and is silent */
    const parleyd = await start_parleyd({
      ...upstreams.model_script(),
      telemetry: { batch_ms: "50ms" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url },
    });
    const client = await open_client(parleyd);
    const asked = new Promise((resolve) => receiver.server.once("request", resolve));
    const { response } = await client.ask("hello");
    assert.equal(response.status, "completed");
    await asked;
    await client.close();
    await parleyd.stop();
    await receiver.close();
  });

  test("what fails at a collector is not sent to it as log, again and again", async () => {
    const receiver = await start_receiver();
    receiver.server.removeAllListeners("request");
    const bodies = [];
    receiver.server.on("request", (request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        if (request.url === "/v1/logs") bodies.push(Buffer.concat(chunks));
        response.writeHead(400).end();
      });
    });
    const parleyd = await start_parleyd({
      ...upstreams.model_script(),
      telemetry: { batch_ms: "20ms" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url },
    });
    const client = await open_client(parleyd);
    await client.ask("hello");
    await parleyd.wait_for_log(/telemetry not delivered url=\S+\/v1\/logs/);
    await client.close();
    await parleyd.wait_for_log(/session ended/);
    await parleyd.stop();
    assert.ok(bodies.length > 0);
    assert.ok(!Buffer.concat(bodies).includes("not delivered"));
    assert.ok(!Buffer.concat(bodies).includes("gave up"));
    await receiver.close();
  });

  test("histograms are exponential for an exporter that wants them so", async () => {
    const receiver = await start_receiver();
    const parleyd = await start_parleyd({
      ...upstreams.model_script(),
      telemetry: { batch_ms: "50ms", metrics_ms: "1s" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url, histograms: "exponential" },
    });
    const client = await open_client(parleyd);
    await client.ask("hello");
    const point = await receiver.wait(({ metrics }) => metrics.get("gen_ai.invoke_agent.duration")?.find(({ value }) => value > 0));
    const { scale, offset, counts, zero } = point.exponential;
    assert.deepEqual([point.value, zero, counts], [1, 0, [1]]);
    const bound = (index) => 2 ** (index / 2 ** scale);
    assert.ok(point.sum > bound(offset) * 0.999999 && point.sum <= bound(offset + 1) * 1.000001, JSON.stringify(point));
    await client.close();
    await parleyd.stop();
    await receiver.close();
  });

  test("an agent may switch content on for itself, and off", async () => {
    for (const [telemetry, agent, is_there] of [["no", "yes", true], ["yes", "no", false], ["yes", "default", true], ["no", "default", false]]) {
      const receiver = await start_receiver();
      const sections = upstreams.model_script();
      const parleyd = await start_parleyd({
        ...sections,
        "agent assistant": { ...sections["agent assistant"], telemetry_content: agent },
        telemetry: { batch_ms: "20ms", content: telemetry },
        "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url, content: "yes" },
      });
      const client = await open_client(parleyd);
      await client.ask(QUESTION);
      await receiver.wait(({ spans }) => turns(spans)[0]);
      await client.close();
      await parleyd.stop();
      assert.equal(JSON.stringify(receiver.spans).includes("plus three"), is_there, `telemetry ${telemetry}, agent ${agent}`);
      await receiver.close();
    }
  });

  test("what is to be redacted reaches no exporter", async () => {
    const receiver = await start_receiver();
    const parleyd = await start_parleyd({
      ...upstreams.model_script(),
      telemetry: { batch_ms: "20ms", content: "yes", redact: "(?i)\\btwo plus \\w+" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url, content: "yes" },
    });
    const client = await open_client(parleyd);
    await client.ask(QUESTION);
    const root = await receiver.wait(({ spans }) => turns(spans)[0]);
    assert.match(root.attributes["gen_ai.input.messages"], /what is \[redacted\]/);
    await client.close();
    await parleyd.stop();
    assert.ok(!JSON.stringify(receiver.spans).includes("plus three"));
    await receiver.close();
  });

  test("a client's trace context is the parent of its turns", async () => {
    const receiver = await start_receiver();
    const parleyd = await start_parleyd({
      ...upstreams.model_script(),
      telemetry: { batch_ms: "50ms" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url },
    });
    const [trace, parent] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
    const { WebSocket } = await import("ws");
    const socket = new WebSocket(`${parleyd.realtime_url}?model=assistant`, { headers: { traceparent: `00-${trace}-${parent}-01` } });
    await new Promise((resolve) => socket.on("open", resolve));
    socket.send(JSON.stringify({ type: "response.create" }));
    const root = await receiver.wait(({ spans }) => turns(spans)[0]);
    assert.deepEqual([root.trace, root.parent], [trace, parent]);
    socket.close();
    await parleyd.stop();
    await receiver.close();
  });
});
