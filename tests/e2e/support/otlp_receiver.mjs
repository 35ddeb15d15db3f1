// SPDX-License-Identifier: Apache-2.0
/*
 * An OpenTelemetry collector, as far as a test needs one: takes OTLP over HTTP in protobuf, decodes it with
 * the classes that OpenTelemetry's own JavaScript SDK generates from the protocol, and keeps it.
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { gunzipSync } from "node:zlib";

const proto = createRequire(import.meta.url)("@opentelemetry/otlp-transformer/build/src/generated/root.js").opentelemetry.proto.collector;
const REQUESTS = {
  "/v1/traces": proto.trace.v1.ExportTraceServiceRequest,
  "/v1/metrics": proto.metrics.v1.ExportMetricsServiceRequest,
  "/v1/logs": proto.logs.v1.ExportLogsServiceRequest,
  "/api/public/otel/v1/traces": proto.trace.v1.ExportTraceServiceRequest, /* Langfuse's */
};
const SHAPE = { longs: Number, enums: Number, bytes: (bytes) => Buffer.from(bytes), defaults: false };

const hex = (bytes) => Buffer.from(bytes ?? []).toString("hex");

function value_of(any) {
  return any.stringValue ?? any.intValue ?? any.doubleValue ?? any.boolValue ?? any.arrayValue?.values.map(value_of) ?? null;
}

/* [{key, value}] as {key: value} */
function attributes(list) {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, value_of(value)]));
}

function span_of(span, resource, scope) {
  return {
    name: span.name, kind: span.kind, resource, scope,
    trace: hex(span.traceId), id: hex(span.spanId), parent: hex(span.parentSpanId),
    start_ms: span.startTimeUnixNano / 1e6, end_ms: span.endTimeUnixNano / 1e6,
    attributes: attributes(span.attributes),
    events: Object.fromEntries((span.events ?? []).map((event) => [event.name, event.timeUnixNano / 1e6])),
    status: span.status?.code ?? 0, trace_state: span.traceState ?? "",
  };
}

function log_of(record, resource) {
  return {
    time_ms: record.timeUnixNano / 1e6, severity: record.severityNumber, severity_text: record.severityText,
    body: value_of(record.body ?? {}), attributes: attributes(record.attributes), resource,
    trace: hex(record.traceId), span: hex(record.spanId),
  };
}

/* One row per point. */
function points_of(metric) {
  const data = metric.sum ?? metric.gauge ?? metric.histogram ?? metric.exponentialHistogram;
  return data.dataPoints.map((point) => ({
    name: metric.name, unit: metric.unit, attributes: attributes(point.attributes),
    value: point.asDouble ?? point.asInt ?? point.count ?? 0, sum: point.sum,
    exponential: point.positive === undefined ? undefined
      : { scale: point.scale ?? 0, offset: point.positive.offset ?? 0, counts: point.positive.bucketCounts, zero: point.zeroCount ?? 0 },
  }));
}

export async function start_receiver() {
  const receiver = new Receiver();
  await receiver.listen();
  return receiver;
}

class Receiver {
  constructor() {
    this.spans = [];
    this.logs = [];
    this.metrics = new Map(); /* the last report of each name */
    this.requests = [];
    this.waiting = [];
    this.answer = null; /* (request, body, response) => truthy when it has answered a request that is not OTLP's */
    this.server = createServer((request, response) => this.#take(request, response));
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  #take(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const type = REQUESTS[request.url];
      this.requests.push({ url: request.url, headers: request.headers });
      if (type === undefined) {
        if (!this.answer?.(request, body, response))
          response.writeHead(404).end();
        this.waiting = this.waiting.filter((look) => !look());
        return;
      }
      const plain = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      this.#keep(type.toObject(type.decode(plain), SHAPE));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      this.waiting = this.waiting.filter((look) => !look());
    });
  }

  #keep({ resourceSpans = [], resourceMetrics = [], resourceLogs = [] }) {
    for (const { resource, scopeSpans } of resourceSpans)
      for (const { scope, spans } of scopeSpans)
        this.spans.push(...spans.map((span) => span_of(span, attributes(resource.attributes), scope)));
    for (const { scopeMetrics } of resourceMetrics)
      for (const { metrics } of scopeMetrics)
        for (const metric of metrics) this.metrics.set(metric.name, points_of(metric));
    for (const { resource, scopeLogs } of resourceLogs)
      for (const { logRecords } of scopeLogs)
        this.logs.push(...logRecords.map((record) => log_of(record, attributes(resource.attributes))));
  }

  /* What look() gives, once it gives something. */
  wait(look, timeout_ms = 10_000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing of the kind came; there is ${JSON.stringify(this.spans.map((s) => s.name))}`)), timeout_ms);
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
