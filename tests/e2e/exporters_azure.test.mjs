// SPDX-License-Identifier: Apache-2.0
/* What Application Insights gets of a conversation, every envelope held against its schema; and what becomes of it when it is not well. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { start_azure } from "./support/azure_receiver.mjs";
import { open_client } from "./support/openai_client.mjs";
import { Parleyd, ini_text, start_parleyd } from "./support/parleyd.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_server } from "./support/program.mjs";
import { STORY, STORY_RESULT, upstreams } from "./support/upstreams.mjs";
import { scratch_folder } from "./support/wav.mjs";

const PROGRAM = process.env.PARLEYD ?? fileURLToPath(new URL("../../build/core/parleyd", import.meta.url));
const KEY = "00000000-0000-0000-0000-0000e2e0e2e0";
const connection = (azure) => `InstrumentationKey=${KEY};IngestionEndpoint=${azure.url}/;LiveEndpoint=https://live.example/;ApplicationId=${KEY}`;
const section = (azure, more = {}) => ({ plugin: "exporter_azure_monitor", connection_string: connection(azure), retry_ms: "300ms", ...more });
const TELEMETRY = { batch_ms: "100ms", metrics_ms: "1s", service_name: "parley-e2e" };

/* A model that is never there, in front of the one that is. */
function failing_over() {
  const path = join(scratch_folder(), "refuses.json");
  writeFileSync(path, JSON.stringify({ open: { refuse: { code: "down", status: "unavailable" } } }));
  const sections = upstreams.model_script();
  return { ...sections, "model away": { plugin: "model_script", script: path }, "agent assistant": { ...sections["agent assistant"], model: "away, main" } };
}

describe("one conversation at Application Insights", () => {
  let azure, collector, parleyd, client;

  before(async () => {
    [azure, collector] = [await start_azure(), await start_receiver()];
    parleyd = await start_parleyd({
      ...failing_over(), telemetry: TELEMETRY,
      "exporter azure": section(azure),
      "exporter collector": { plugin: "exporter_otlp", endpoint: collector.url },
    });
    client = await open_client(parleyd);
    await client.ask("what is two plus three");
    await client.configure({ tools: [STORY] });
    const from = client.log.now;
    client.type("read me the story");
    client.send({ type: "response.create" });
    const { response: { output: [call] } } = await client.log.wait((event) => event.type === "response.done", { from });
    client.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id: call.call_id, output: STORY_RESULT } });
    const told = client.log.now;
    client.send({ type: "response.create" });
    await client.log.wait("response.output_audio.delta", { from: told });
    client.send({ type: "response.cancel" });
    await client.log.wait("response.done", { from: told });
    await azure.wait(() => azure.of("RemoteDependency", "invoke_agent").find((turn) => turn.properties["parley.turn.end_reason"] === "interrupted"));
    await client.close();
    await azure.wait(() => azure.of("Event", "session.end")[0]);
  });
  after(async () => {
    await parleyd?.stop();
    await azure?.close();
    await collector?.close();
  });

  test("every envelope keeps to the schema, and no item came twice", () => {
    assert.deepEqual(azure.faults, []);
    const ids = azure.items.filter((item) => item.id).map((item) => item.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(azure.items.every((item) => item.iKey === KEY && item.sampleRate === 100));
    assert.ok(azure.items.every(({ tags }) => tags["ai.cloud.role"] === "parley-e2e" && tags["ai.internal.sdkVersion"].startsWith("c:parley")));
  });

  test("a turn with a tool is one operation, as the collector sees it", () => {
    const [turn] = azure.of("RemoteDependency", "invoke_agent");
    const trace = turn.tags["ai.operation.id"];
    const items = azure.items.filter(({ tags }) => tags["ai.operation.id"] === trace);
    const children = items.filter((item) => item.kind === "RemoteDependency" && item.tags["ai.operation.parentId"] === turn.id);
    assert.deepEqual(children.sort((a, b) => a.time_ms - b.time_ms).map(({ name, type }) => [name, type]), [
      ["realtime_inference main", children[0].type], ["execute_tool calculator", "InProc"], ["realtime_inference main", children[0].type]]);
    assert.match(children[0].type, /^GenAI \| ./);
    for (const { tags } of items.filter((item) => item.id)) {
      assert.equal(tags["ai.operation.name"], "invoke_agent assistant");
      assert.equal(tags["ai.session.id"], turn.properties["gen_ai.conversation.id"]);
    }
    assert.equal(turn.tags["ai.operation.parentId"], undefined);
    assert.ok(items.some((item) => item.message === "parley.client.first_output" && item.tags["ai.operation.parentId"] === turn.id));
    const span = collector.spans.find(({ id }) => id === turn.id);
    assert.deepEqual([span.trace, span.name], [trace, turn.name]);
    assert.ok(Math.abs(span.start_ms - turn.time_ms) <= 1);
    const [, hours, minutes, seconds] = turn.duration.match(/^(\d\d):(\d\d):([\d.]+)$/).map(Number);
    assert.ok(Math.abs((hours * 60 + minutes) * 60e3 + seconds * 1e3 - (span.end_ms - span.start_ms)) < 0.01);
  });

  test("an interruption is no failure, a model that is away is one", () => {
    const turn = azure.of("RemoteDependency", "invoke_agent").find(({ properties }) => properties["parley.turn.end_reason"] === "interrupted");
    assert.equal(turn.success, true);
    assert.ok(azure.of("Message", "parley.interruption").some(({ tags }) => tags["ai.operation.parentId"] === turn.id));
    const opened = azure.of("RemoteDependency", "parley.backend.connect");
    assert.ok(opened.some(({ success, properties }) => !success && properties["error.type"]), JSON.stringify(opened));
    assert.ok(opened.some(({ success }) => success));
  });

  test("logs and metrics arrive", async () => {
    assert.ok(azure.of("Event", "session.start")[0].tags["ai.session.id"]);
    assert.ok(azure.of("Message").some(({ severityLevel }) => severityLevel === "Information"));
    const turns = () => azure.of("Metric", "parley.turn.count").reduce((sum, { metrics: [{ value }] }) => sum + value, 0);
    await azure.wait(() => turns() >= 2);
    assert.ok(Number.isInteger(turns()), "changes add up");
    const [latency] = azure.of("Metric", "parley.turn.response_latency");
    assert.ok(latency.metrics[0].min <= latency.metrics[0].value / latency.metrics[0].count + 1e-9);
    assert.ok(azure.of("Metric", "_OTELRESOURCE_").length > 0);
  });

  test("neither what was said nor the key is anywhere", () => {
    const all = JSON.stringify(azure.items);
    assert.ok(!all.includes("plus three") && !all.includes("Once upon"));
    assert.ok(!parleyd.log.includes(KEY));
  });
});

describe("a service that is not well", () => {
  const ask = async (parleyd, words = "hello") => {
    const client = await open_client(parleyd);
    const { response } = await client.ask(words);
    assert.equal(response.status, "completed");
    await client.close();
  };
  const turns = (azure) => azure.of("RemoteDependency", "invoke_agent");

  test("takes a part: the rest comes again, once", async () => {
    const azure = await start_azure();
    let parts = 0;
    azure.answer = (items, response) => {
      if (parts++ > 0 || !items.some((item) => item.kind === "RemoteDependency")) return parts-- && false;
      const at = items.findIndex((item) => item.kind === "RemoteDependency");
      azure.items.push(...items.filter((_, i) => i !== at));
      response.writeHead(206).end(JSON.stringify({ itemsReceived: items.length, itemsAccepted: items.length - 1, errors: [{ index: at, statusCode: 503, message: "busy" }] }));
      return true;
    };
    const parleyd = await start_parleyd({ ...upstreams.model_script(), telemetry: TELEMETRY, "exporter azure": section(azure) });
    await ask(parleyd);
    await azure.wait(() => turns(azure)[0]);
    await azure.wait(() => azure.of("RemoteDependency").length >= 3);
    const ids = azure.items.filter((item) => item.id).map((item) => item.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(azure.faults, []);
    await parleyd.stop();
    await azure.close();
  });

  test("is away until after a restart: what was laid down comes then, once", async () => {
    const azure = await start_azure();
    const storage_dir = join(scratch_folder(), "kept");
    azure.answer = (_, response) => response.writeHead(503).end();
    const parleyd = await start_parleyd({ ...upstreams.model_script(), telemetry: TELEMETRY, "exporter azure": section(azure, { storage_dir }) });
    await ask(parleyd);
    await azure.wait(() => azure.refused > 0);
    await parleyd.stop();
    const [folder] = readdirSync(storage_dir);
    const files = readdirSync(join(storage_dir, folder));
    assert.ok(files.length > 0);
    assert.equal(statSync(join(storage_dir, folder, files[0])).mode & 0o777, 0o600);
    assert.ok(!folder.includes(KEY.slice(-8)));
    azure.answer = null;
    const again = new Parleyd(parleyd.config, process.env);
    await again.ready();
    /* Looked at with every request; metrics keep coming. */
    await azure.wait(() => turns(azure)[0] && !readdirSync(join(storage_dir, folder)).some((name) => files.includes(name)));
    await again.stop();
    assert.equal(turns(azure).length, 1);
    const ids = azure.items.filter((item) => item.id).map((item) => item.id);
    assert.equal(new Set(ids).size, ids.length);
    await azure.close();
  });

  test("is silent when parleyd stops: the stop does not wait, and nothing is lost", async () => {
    const azure = await start_azure();
    const storage_dir = join(scratch_folder(), "kept");
    azure.answer = () => true; /* and says nothing */
    const parleyd = await start_parleyd({ ...upstreams.model_script(), telemetry: TELEMETRY, "exporter azure": section(azure, { storage_dir }) });
    await ask(parleyd);
    await azure.wait(() => azure.refused > 0);
    await parleyd.stop();
    azure.answer = null;
    const again = new Parleyd(parleyd.config, process.env);
    await again.ready();
    await azure.wait(() => turns(azure)[0]);
    await again.stop();
    assert.equal(turns(azure).length, 1);
    await azure.close();
  });

  test("redirects, and breaks off in mid answer: the conversation goes on, and nothing comes twice", async () => {
    const [azure, other] = [await start_azure(), await start_azure()];
    azure.answer = (_, response) => response.writeHead(307, { location: `${other.url}/v2.1/track` }).end();
    let broken = 0;
    other.answer = (items, response) => {
      if (broken++ > 0) return false;
      other.items.push(...items); /* accepted, and then the line is lost */
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"itemsReceived":', () => response.destroy());
      return true;
    };
    const parleyd = await start_parleyd({ ...upstreams.model_script(), telemetry: TELEMETRY, "exporter azure": section(azure) });
    await ask(parleyd);
    await other.wait(() => turns(other)[0]);
    await parleyd.stop();
    const ids = other.items.filter((item) => item.id).map((item) => item.id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(azure.items.length, 0);
    await azure.close();
    await other.close();
  });

  test("a reload does not report everything once more", async () => {
    const azure = await start_azure();
    const parleyd = await start_server({ ...upstreams.model_script(), telemetry: TELEMETRY, "exporter azure": section(azure) });
    const counted = () => azure.items.filter((item) => item.metrics?.[0].name === "parley.turn.count");
    await ask(parleyd);
    await azure.wait(() => counted()[0]);
    for (let i = 0; i < 2; i++) {
      const already = azure.of("Metric").length;
      await parleyd.reload();
      await azure.wait(() => azure.of("Metric").length > already + 1);
    }
    await parleyd.stop();
    assert.deepEqual(counted().map((item) => item.metrics[0].value), [1]);
    await azure.close();
  });
});

describe("what --check says", () => {
  function check(keys) {
    const config = join(scratch_folder(), "parley.ini");
    mkdirSync(dirname(config), { recursive: true });
    writeFileSync(config, ini_text({ server: { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR }, ...upstreams.model_script(), "exporter azure": { plugin: "exporter_azure_monitor", ...keys } }));
    const { status, stdout, stderr } = spawnSync(PROGRAM, ["-c", config, "--check"], { encoding: "utf8" });
    return { status, said: stdout + stderr };
  }

  test("a malformed connection string is told by its part", () => {
    const rows = [
      ["", /exporter azure.*connection_string: is missing/],
      [`InstrumentationKey=${KEY};oops`, /exporter azure.*connection_string: part 2 has no =/],
      [`InstrumentationKey=${KEY};IngestionEndpoint=http://example.org`, /IngestionEndpoint: http:\/\/example.org: plain http is for this machine only/],
    ];
    for (const [connection_string, words] of rows) {
      const { status, said } = check({ connection_string: connection_string || undefined });
      assert.notEqual(status, 0);
      assert.match(said, words);
      assert.ok(!said.includes(KEY), said);
    }
  });

  test("a folder that cannot be written is told, and no reason to stop", () => {
    const file = join(scratch_folder(), "file");
    writeFileSync(file, "");
    const { status, said } = check({ connection_string: `InstrumentationKey=${KEY}`, storage_dir: `${file}/kept` });
    assert.equal(status, 0, said);
    assert.match(said, /kept in memory only: storage_dir: .*file\/kept: Not a directory/);
  });
});
