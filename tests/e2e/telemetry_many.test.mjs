// SPDX-License-Identifier: Apache-2.0
/* 500 conversations at once with every exporter on: nobody's trace holds a stranger's span, and no token is lost or counted twice. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { start_azure } from "./support/azure_receiver.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { dial } from "./support/raw_client.mjs";
import { upstreams } from "./support/upstreams.mjs";
import { scratch_folder } from "./support/wav.mjs";

const SESSIONS = 500;
const WAIT_MS = 60_000;
const SCRIPT = fileURLToPath(new URL("./scripts/many.json", import.meta.url));
const QUESTIONS = ["hello", "what is two plus three", "and hello again"];
const ANSWERS_WITH_A_TOOL = 2; /* the call, and what is made of its result */
const KEY = "00000000-0000-0000-0000-0000e2e05000";

const TURNS = SESSIONS * QUESTIONS.length;
const ANSWERS = SESSIONS * (QUESTIONS.length - 1 + ANSWERS_WITH_A_TOOL);
const AGENT_SPANS = TURNS + ANSWERS + SESSIONS; /* with the tool of each */
const SPANS = AGENT_SPANS + SESSIONS; /* with the opening of its model */

const sum_of = (list, value) => list.reduce((sum, one) => sum + value(one), 0);
const group_by = (list, key) => list.reduce((groups, one) => groups.set(key(one), [...(groups.get(key(one)) ?? []), one]), new Map());
const named = (spans, name) => spans.filter((span) => span.name.startsWith(name));

/* What the script reports for all sessions, by the names that spans use. */
function reported() {
  const [result, call, hello] = JSON.parse(readFileSync(SCRIPT)).rules.map((rule) => rule.do[0].usage);
  const all = [result, call, ...Array(QUESTIONS.length - 1).fill(hello)];
  const total = (value) => SESSIONS * sum_of(all, value);
  return {
    input: total((usage) => usage.input_tokens),
    output: total((usage) => usage.output_tokens),
    cached: total((usage) => usage.input_token_details.cached_tokens),
    text_input: total((usage) => usage.input_token_details.text_tokens),
    audio_input: total((usage) => usage.input_token_details.audio_tokens),
    text_cached: total((usage) => usage.input_token_details.cached_tokens_details.text_tokens),
    audio_cached: total((usage) => usage.input_token_details.cached_tokens_details.audio_tokens),
    text_output: total((usage) => usage.output_token_details.text_tokens),
    audio_output: total((usage) => usage.output_token_details.audio_tokens),
  };
}
const TOKENS = reported();

const ATTRIBUTES = {
  input: "gen_ai.usage.input_tokens", output: "gen_ai.usage.output_tokens", cached: "gen_ai.usage.cache_read.input_tokens",
  text_input: "gen_ai.usage.text.input_tokens", audio_input: "gen_ai.usage.audio.input_tokens",
  text_cached: "gen_ai.usage.text.cache_read.input_tokens", audio_cached: "gen_ai.usage.audio.cache_read.input_tokens",
  text_output: "gen_ai.usage.text.output_tokens", audio_output: "gen_ai.usage.audio.output_tokens",
};
const COUNTERS = {
  input: "gen_ai.client.inference.usage.detailed.input_tokens",
  cached: "gen_ai.client.inference.usage.detailed.cache_read.input_tokens",
  output: "gen_ai.client.inference.usage.detailed.output_tokens",
};

function tokens_of_spans(spans) {
  return Object.fromEntries(Object.entries(ATTRIBUTES).map(([key, name]) => [key, sum_of(spans, (span) => Number(span.attributes[name] ?? 0))]));
}

/* value(name, {attribute: wanted}) is the sum over the points that have these. */
function tokens_of_metrics(value) {
  const of = (counter, modality) => value(COUNTERS[counter], { "gen_ai.token.modality": modality });
  return {
    input: value("gen_ai.client.token.usage", { "gen_ai.token.type": "input" }),
    output: value("gen_ai.client.token.usage", { "gen_ai.token.type": "output" }),
    cached: of("cached", "text") + of("cached", "audio"),
    text_input: of("input", "text"), audio_input: of("input", "audio"),
    text_cached: of("cached", "text"), audio_cached: of("cached", "audio"),
    text_output: of("output", "text"), audio_output: of("output", "audio"),
  };
}

const has_all = (attributes, wanted) => Object.entries(wanted).every(([key, value]) => attributes[key] === value);

function value_at_collector(collector) {
  return (name, wanted) => sum_of((collector.metrics.get(name) ?? []).filter((point) => has_all(point.attributes, wanted)), (point) => point.sum ?? point.value);
}

/* Changes, which add up. */
function value_at_azure(azure) {
  return (name, wanted) => sum_of(azure.items.filter((item) => item.metrics?.[0].name === name && has_all(item.properties, wanted)), (item) => item.metrics[0].value);
}

/* The samples of a family in Prometheus' text: [{labels, value}]. */
function samples(text, name) {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.map((line) => ({
    labels: Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
    value: Number(line.slice(line.lastIndexOf(" "))),
  }));
}

function value_in_text(text) {
  return (name, wanted) => {
    const family = name.replaceAll(".", "_");
    const labels = Object.fromEntries(Object.entries(wanted).map(([key, value]) => [key.replaceAll(".", "_"), value]));
    const found = ["_total", "_sum", "_tokens_sum"].flatMap((ending) => samples(text, family + ending));
    return sum_of(found.filter((sample) => has_all(sample.labels, labels)), (sample) => sample.value);
  };
}

/* Each trace has one session; ids are there once; parents are in the trace, with one root. */
function assert_unmixed(spans, session_of) {
  assert.equal(new Set(spans.map((span) => span.id)).size, spans.length, "an id came twice");
  const traces = group_by(spans, (span) => span.trace);
  for (const [trace, members] of traces) {
    const ids = new Set(members.map((span) => span.id));
    const sessions = new Set(members.map(session_of));
    assert.equal(sessions.size, 1, `${trace} is of ${[...sessions]}`);
    assert.ok(!sessions.has(undefined), `${trace} is of nobody`);
    const roots = members.filter((span) => !span.parent);
    assert.equal(roots.length, 1, `${trace} has ${roots.map((span) => span.name)} as roots`);
    for (const span of members)
      assert.ok(!span.parent || ids.has(span.parent), `the parent of ${span.name} is not in its trace`);
  }
  return traces;
}

describe(`${SESSIONS} sessions with every exporter on`, () => {
  const callers = new Map(); /* session -> number of its caller */
  let collector, langfuse, confident, azure, parleyd, metrics_text, lines;

  async function converse(client, caller) {
    for (const question of QUESTIONS) {
      const { status } = await client.ask(`caller ${caller}. ${question}`);
      assert.equal(status, "completed");
      if (question.includes("plus")) /* the answer to the tool's result */
        await client.log.wait((event) => event.type === "response.done" && JSON.stringify(event).includes("is five"), { timeout_ms: WAIT_MS });
    }
  }

  before(async () => {
    [collector, langfuse, confident, azure] = [await start_receiver(), await start_receiver(), await start_receiver(), await start_azure()];
    const console_file = join(scratch_folder(), "turns.jsonl");
    parleyd = await start_parleyd({
      ...upstreams.model_script(),
      "model main": { plugin: "model_script", script: SCRIPT },
      telemetry: { batch_ms: "100ms", metrics_ms: "1s", content: "yes" },
      "exporter collector": { plugin: "exporter_otlp", endpoint: collector.url, content: "yes" },
      "exporter azure": { plugin: "exporter_azure_monitor", connection_string: `InstrumentationKey=${KEY};IngestionEndpoint=${azure.url}/` },
      "exporter langfuse": { plugin: "exporter_langfuse", base_url: langfuse.url, public_key: "pk-lf-e2e", secret_key: "sk-lf-e2e" },
      "exporter confident": { plugin: "exporter_confident", base_url: confident.url, api_key: "confident-e2e" },
      "exporter console": { plugin: "exporter_console", format: "json", file: console_file },
    });
    const clients = Array.from({ length: SESSIONS }, () => dial(parleyd));
    await Promise.all(clients.map(async (client, caller) => {
      const { session } = await client.log.wait("session.created", { timeout_ms: WAIT_MS });
      callers.set(session.id, caller);
    }));
    await Promise.all(clients.map(converse));
    await Promise.all(clients.map((client) => client.close()));
    await collector.wait(({ spans }) => spans.length >= SPANS, WAIT_MS);
    await langfuse.wait(({ spans }) => named(spans, "invoke_agent").length >= TURNS, WAIT_MS);
    await confident.wait(({ spans }) => spans.length >= AGENT_SPANS, WAIT_MS);
    await azure.wait(() => azure.of("RemoteDependency").length >= SPANS, WAIT_MS);
    await collector.wait(() => value_at_collector(collector)(COUNTERS.output, {}) >= TOKENS.output, WAIT_MS);
    await azure.wait(() => value_at_azure(azure)(COUNTERS.output, {}) >= TOKENS.output, WAIT_MS);
    metrics_text = await (await fetch(new URL("/metrics", parleyd.url))).text();
    await parleyd.stop();
    lines = readFileSync(console_file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  });
  after(async () => {
    for (const receiver of [collector, langfuse, confident, azure]) await receiver?.close();
  });

  test("the collector has every span once, and no trace mixes two sessions", () => {
    assert.equal(callers.size, SESSIONS);
    assert.equal(collector.spans.length, SPANS);
    const traces = assert_unmixed(collector.spans, (span) => span.attributes["session.id"]);
    assert.equal(traces.size, TURNS + SESSIONS);
    const turns = named(collector.spans, "invoke_agent");
    for (const span of turns) {
      const caller = callers.get(span.attributes["session.id"]);
      assert.match(span.attributes["gen_ai.input.messages"], new RegExp(`\\bcaller ${caller}\\. `));
    }
    for (const [session, theirs] of group_by(turns, (span) => span.attributes["session.id"]))
      assert.deepEqual(theirs.map((span) => span.attributes["parley.turn.number"]).sort(), [1, 2, 3], session);
  });

  test("nor at Langfuse, Confident AI and Application Insights", () => {
    assert_unmixed(langfuse.spans, (span) => span.attributes["langfuse.session.id"]);
    assert.equal(confident.spans.length, AGENT_SPANS);
    assert_unmixed(confident.spans, (span) => span.attributes["session.id"] ?? span.attributes["gen_ai.conversation.id"] ?? span.attributes["confident.trace.thread_id"]);
    assert.deepEqual(azure.faults, []);
    const operations = azure.of("RemoteDependency").map((item) => ({
      name: item.name, id: item.id, parent: item.tags["ai.operation.parentId"], trace: item.tags["ai.operation.id"], session: item.tags["ai.session.id"] }));
    assert.equal(operations.length, SPANS);
    assert_unmixed(operations, ({ session }) => session);
    for (const { tags } of azure.items.filter((item) => item.tags["ai.session.id"]))
      assert.ok(callers.has(tags["ai.session.id"]), tags["ai.session.id"]);
  });

  test("tokens of spans are what the model reported, to the token", () => {
    assert.deepEqual(tokens_of_spans(named(collector.spans, "realtime_inference")), TOKENS);
    assert.deepEqual(tokens_of_spans(named(collector.spans, "invoke_agent")), TOKENS);
    const operations = azure.of("RemoteDependency", "realtime_inference");
    assert.deepEqual(tokens_of_spans(operations.map((item) => ({ attributes: { ...item.properties, ...item.measurements } }))), TOKENS);
    const details = named(langfuse.spans, "realtime_inference").map((span) => JSON.parse(span.attributes["langfuse.observation.usage_details"]));
    const all = (begin) => sum_of(details, (usage) => sum_of(Object.entries(usage).filter(([key]) => key.startsWith(begin)), ([, value]) => value));
    assert.deepEqual([all("input_"), all("output_"), all("input_cached_")], [TOKENS.input, TOKENS.output, TOKENS.cached]);
    const answers = confident.spans.filter((span) => span.attributes["confident.span.type"] === "llm");
    const count = (which) => sum_of(answers, (span) => span.attributes[`confident.llm.${which}_token_count`]);
    assert.deepEqual([count("input"), count("output")], [TOKENS.input, TOKENS.output]);
  });

  test("and tokens of metrics", () => {
    assert.deepEqual(tokens_of_metrics(value_at_collector(collector)), TOKENS);
    assert.deepEqual(tokens_of_metrics(value_at_azure(azure)), TOKENS);
    assert.deepEqual(tokens_of_metrics(value_in_text(metrics_text)), TOKENS);
  });

  test("the console has a line for each turn", () => {
    assert.equal(lines.length, TURNS);
    for (const [session, theirs] of group_by(lines, (line) => line.session))
      assert.ok(callers.has(session) && theirs.length === QUESTIONS.length, `${session}: ${theirs.length}`);
  });

  test("nothing was dropped", () => {
    const families = ["otel_sdk_processor_span_processed", "otel_sdk_processor_log_processed", "otel_sdk_exporter_span_exported",
      "otel_sdk_exporter_log_exported", "otel_sdk_exporter_metric_data_point_exported"];
    for (const family of families) {
      const all = samples(metrics_text, `${family}_total`);
      assert.ok(all.length > 0, family);
      assert.deepEqual(all.filter(({ labels, value }) => labels.error_type && value > 0), [], family);
    }
    assert.equal(sum_of(samples(metrics_text, "otel_sdk_processor_span_processed_total"), ({ value }) => value), SPANS);
    for (const family of ["parley_exporter_dropped_total", "parley_telemetry_span_left_out_total"])
      assert.equal(sum_of(samples(metrics_text, family), ({ value }) => value), 0, family);
  });
});
