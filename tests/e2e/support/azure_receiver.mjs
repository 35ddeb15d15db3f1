// SPDX-License-Identifier: Apache-2.0
/*
 * Application Insights' ingestion, as far as a test needs it: takes POST /v2.1/track, holds every envelope against
 * the rules of its schema (required fields, types, lengths, forms of times and ids), and answers as it is told to.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/;
const DURATION = /^(\d+\.)?([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,7})?$/;
const SEVERITIES = ["Verbose", "Information", "Warning", "Error", "Critical"];
const TAGS = {
  "ai.operation.id": 128, "ai.operation.parentId": 128, "ai.operation.name": 1024, "ai.cloud.role": 256, "ai.cloud.roleInstance": 256,
  "ai.application.ver": 1024, "ai.session.id": 64, "ai.user.id": 128, "ai.user.authUserId": 1024, "ai.location.ip": 45,
  "ai.user.userAgent": 2048, "ai.operation.syntheticSource": 1024, "ai.internal.sdkVersion": 64,
};
const SAID = /^gen_ai\.(input\.messages|output\.messages|system_instructions|tool\.definitions|tool\.call\.(arguments|result)|evaluation\.explanation)$/;

const bytes = (text) => Buffer.byteLength(text);
const is_text = (value, most, what) => {
  assert.equal(typeof value, "string", what);
  assert.ok(bytes(value) <= most, `${what} has ${bytes(value)} bytes`);
};
const is_number = (value, what) => assert.ok(typeof value === "number" && Number.isFinite(value), what);

/* Each kind: its fields, required ones first. */
const KINDS = {
  Request: ["RequestData", ["id", "duration", "responseCode", "success"], { id: 128, responseCode: 1024, name: 1024, url: 2048, source: 1024 }],
  RemoteDependency: ["RemoteDependencyData", ["name", "duration"], { name: 1024, id: 128, resultCode: 1024, data: 8192, type: 1024, target: 1024 }],
  Message: ["MessageData", ["message"], { message: 32768 }],
  Exception: ["ExceptionData", ["exceptions"], { problemId: 1024 }],
  Metric: ["MetricData", ["metrics"], {}],
  Event: ["EventData", ["name"], { name: 512 }],
};
const OTHER_FIELDS = ["ver", "duration", "success", "severityLevel", "exceptions", "metrics", "properties", "measurements"];

function check_properties(properties = {}) {
  for (const [key, value] of Object.entries(properties)) {
    assert.ok(key.length > 0 && bytes(key) <= 150, key);
    is_text(value, SAID.test(key) ? 256 << 10 : 8192, key);
  }
}

function check_metric([metric, ...more]) {
  assert.equal(more.length, 0, "exactly one metric");
  is_text(metric.name, 1024, "metric name");
  is_number(metric.value, metric.name);
  assert.ok(["Measurement", "Aggregation"].includes(metric.kind), metric.kind);
  assert.ok(Number.isInteger(metric.count) && metric.count > 0, `${metric.name}: count ${metric.count}`);
  if (metric.min !== undefined || metric.max !== undefined)
    assert.ok(metric.min <= metric.max, `${metric.name}: ${metric.min} to ${metric.max}`);
}

function check_exception(exception) {
  is_text(exception.message, 32768, "exception message");
  assert.ok(exception.message.length > 0);
  assert.equal(typeof exception.hasFullStack, "boolean");
  if (exception.typeName !== undefined) is_text(exception.typeName, 1024, "typeName");
}

function check_data(kind, data) {
  const [, required, texts] = KINDS[kind];
  assert.equal(data.ver, 2);
  for (const field of required) assert.notEqual(data[field], undefined, `${kind} without ${field}`);
  for (const field of Object.keys(data)) assert.ok(field in texts || OTHER_FIELDS.includes(field), `${kind} has ${field}`);
  for (const [field, most] of Object.entries(texts)) if (data[field] !== undefined) is_text(data[field], most, `${kind} ${field}`);
  if (data.duration !== undefined) assert.match(data.duration, DURATION);
  if (data.success !== undefined) assert.equal(typeof data.success, "boolean");
  if (data.severityLevel !== undefined) assert.ok(SEVERITIES.includes(data.severityLevel), data.severityLevel);
  data.metrics && check_metric(data.metrics);
  data.exceptions?.forEach(check_exception);
  check_properties(data.properties);
  for (const value of Object.values(data.measurements ?? {})) is_number(value, "measurement");
}

function check(envelope) {
  const kind = envelope.name.replace(/^Microsoft\.ApplicationInsights\./, "");
  assert.ok(kind in KINDS && kind !== envelope.name, envelope.name);
  assert.deepEqual(Object.keys(envelope).filter((key) => !["ver", "name", "time", "sampleRate", "seq", "iKey", "tags", "data"].includes(key)), []);
  assert.equal(envelope.ver, 1);
  assert.match(envelope.time, TIME);
  const age_ms = Date.now() - Date.parse(envelope.time);
  assert.ok(age_ms < 48 * 3600e3 && age_ms > -2 * 3600e3, `${envelope.time} is not taken`);
  assert.ok(envelope.sampleRate > 0 && envelope.sampleRate <= 100);
  is_text(envelope.iKey, 40, "iKey");
  for (const [tag, value] of Object.entries(envelope.tags)) {
    assert.ok(tag in TAGS, tag);
    is_text(value, TAGS[tag], tag);
  }
  if (envelope.tags["ai.operation.id"]) assert.match(envelope.tags["ai.operation.id"], /^(?!0+$)[0-9a-f]{32}$/);
  if (envelope.tags["ai.operation.parentId"]) assert.match(envelope.tags["ai.operation.parentId"], /^(?!0+$)[0-9a-f]{16}$/);
  assert.equal(envelope.data.baseType, KINDS[kind][0]);
  if (envelope.data.baseData.id !== undefined) assert.match(envelope.data.baseData.id, /^(?!0+$)[0-9a-f]{16}$/);
  check_data(kind, envelope.data.baseData);
  return { kind, time_ms: Date.parse(envelope.time), tags: envelope.tags, ...envelope.data.baseData, sampleRate: envelope.sampleRate, iKey: envelope.iKey };
}

export async function start_azure() {
  const azure = new Azure();
  await new Promise((resolve) => azure.server.listen(0, "127.0.0.1", resolve));
  azure.url = `http://127.0.0.1:${azure.server.address().port}`;
  return azure;
}

class Azure {
  constructor() {
    this.items = []; /* accepted */
    this.refused = 0;
    this.faults = [];
    this.requests = [];
    this.answer = null; /* (items, response) => truthy when it has answered by itself */
    this.waiting = [];
    this.server = createServer((request, response) => this.#take(request, response));
  }

  #take(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      this.requests.push({ url: request.url, headers: request.headers });
      try {
        assert.equal(`${request.method} ${request.url}`, "POST /v2.1/track");
        assert.equal(request.headers["content-type"], "application/json");
        const body = Buffer.concat(chunks);
        const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
        const envelopes = JSON.parse(text);
        assert.ok(Array.isArray(envelopes) && envelopes.length > 0);
        this.#answer(envelopes.map(check), response);
      } catch (error) {
        this.faults.push(error);
        response.writeHead(400).end();
      }
      this.waiting = this.waiting.filter((look) => !look());
    });
  }

  #answer(items, response) {
    if (this.answer?.(items, response)) {
      this.refused += items.length;
      return;
    }
    this.items.push(...items);
    response.writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ itemsReceived: items.length, itemsAccepted: items.length, errors: [] }));
  }

  of(kind, name) {
    return this.items.filter((item) => item.kind === kind && (name === undefined || (item.name ?? item.message ?? item.metrics?.[0].name).startsWith(name)));
  }

  /* What look() gives, once it gives something. */
  wait(look, timeout_ms = 20_000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing of the kind came; there is ${JSON.stringify(this.items.map((i) => [i.kind, i.name]))}, and ${this.faults[0]}`)), timeout_ms);
      const try_it = () => {
        const found = look(this);
        if (!found) return false;
        clearTimeout(timer);
        resolve(found);
        return true;
      };
      if (!try_it()) this.waiting.push(try_it);
    });
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
