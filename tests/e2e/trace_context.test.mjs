// SPDX-License-Identifier: Apache-2.0
/* A client's trace goes on to the model and to the tools, and comes back in the spans. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { start_openai } from "./support/fake_openai.mjs";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, tracestate: "vendor=a1,ot=rv:6e6d1a75832a2f" };

/* An MCP server with one function, that keeps the _meta of its calls. */
async function start_mcp() {
  const metas = [];
  const results = {
    initialize: (params) => ({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "t", version: "1" } }),
    "tools/list": () => ({ tools: [{ name: "look_up", description: "Looks something up.", inputSchema: { type: "object" } }] }),
    "tools/call": (params) => {
      metas.push(params._meta ?? {});
      return { content: [{ type: "text", text: "found" }] };
    },
  };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method !== "POST") return response.writeHead(405).end();
    const { id, method, params } = JSON.parse(Buffer.concat(chunks));
    if (id === undefined) return response.writeHead(202).end();
    response.writeHead(200, { "content-type": "application/json" });
    const result = results[method]?.(params);
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...(result ? { result } : { error: { code: -32601, message: "no such method" } }) }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { metas, url: `http://127.0.0.1:${server.address().port}/mcp`, stop: () => { server.closeAllConnections(); server.close(); } };
}

async function connect(parleyd, headers) {
  const socket = new WebSocket(`${parleyd.realtime_url}?model=assistant`, { headers });
  await once(socket, "open");
  return socket;
}

test("a tool's server sees the client's trace, below the tool's own span, unless it is a stranger's", async () => {
  const [receiver, ours, theirs] = [await start_receiver(), await start_mcp(), await start_mcp()];
  const script = fileURLToPath(new URL("scripts/mcp.json", import.meta.url));
  const parleyd = await start_parleyd({
    server: {},
    "model main": { plugin: "model_script", script },
    "tools ours": { plugin: "tools_mcp", url: ours.url, protocol: "legacy" },
    "tools theirs": { plugin: "tools_mcp", url: theirs.url, protocol: "legacy", trace_context: "no" },
    "agent assistant": { model: "main", tools: "ours, theirs", client_may_set: "*" },
    telemetry: { batch_ms: "20ms" },
    "exporter collector": { plugin: "exporter_otlp", endpoint: receiver.url },
  });
  const socket = await connect(parleyd, CLIENT);
  for (const name of ["ours_look_up", "theirs_look_up"]) {
    socket.send(JSON.stringify({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: name }] } }));
    socket.send(JSON.stringify({ type: "response.create", response: { output_modalities: ["text"] } }));
    await new Promise((resolve) => socket.on("message", (data) => String(data).includes("It said: found") && resolve()));
    socket.removeAllListeners("message");
  }
  const tool = await receiver.wait(({ spans }) => spans.find((span) => span.name === "execute_tool ours_look_up"));
  assert.equal(tool.trace, TRACE);
  assert.equal(ours.metas[0].traceparent, `00-${TRACE}-${tool.id}-01`);
  assert.equal(ours.metas[0].tracestate, CLIENT.tracestate);
  assert.equal(theirs.metas.length, 1);
  assert.deepEqual([theirs.metas[0].traceparent, theirs.metas[0].tracestate], [undefined, undefined]);
  socket.close();
  await parleyd.stop();
  await receiver.close();
  ours.stop();
  theirs.stop();
});

for (const sends of ["yes", "no"])
  test(`the model's handshake has the trace only where that is wished: ${sends}`, async () => {
    const openai = await start_openai();
    const parleyd = await start_parleyd({
      server: {},
      "model openai": { plugin: "model_openai", api_key: "k", base_url: openai.base_url, ...(sends === "yes" ? { trace_context: sends } : {}) },
      "agent assistant": { model: "openai", client_may_set: "*" },
    });
    const socket = await connect(parleyd, CLIENT);
    await once(socket, "message");
    const { traceparent, tracestate } = openai.requests[0].headers;
    if (sends === "yes") {
      assert.match(traceparent, new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
      assert.equal(tracestate, CLIENT.tracestate);
    } else {
      assert.deepEqual([traceparent, tracestate], [undefined, undefined]);
    }
    socket.close();
    await parleyd.stop();
    await openai.stop();
  });

/* Spans that nobody gets would cut the client's trace off from what lies behind parley. */
test("where telemetry is off the client's trace goes on as it came", async () => {
  const openai = await start_openai();
  const parleyd = await start_parleyd({
    server: {},
    "model openai": { plugin: "model_openai", api_key: "k", base_url: openai.base_url, trace_context: "yes" },
    "agent assistant": { model: "openai", client_may_set: "*" },
  }, { env: { OTEL_SDK_DISABLED: "true" } });
  const socket = await connect(parleyd, CLIENT);
  await once(socket, "message");
  const { traceparent, tracestate } = openai.requests[0].headers;
  assert.deepEqual({ traceparent, tracestate }, CLIENT);
  socket.close();
  await parleyd.stop();
  await openai.stop();
});
