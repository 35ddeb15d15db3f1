// SPDX-License-Identifier: Apache-2.0
/*
 * An MCP server whose one tool `work` does what the test says, when the test says it: each call asks the test (support/
 * overseer.mjs) at OVERSEER with its token, and ends as the answer tells.
 *
 *     counted_mcp.mjs          over standard input and output
 *     counted_mcp.mjs http     over Streamable HTTP; prints its port
 */
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const INPUT = { type: "object", properties: { token: { type: "string" } }, required: ["token"] };
const WORK = { name: "work", description: "Does what is wanted", inputSchema: INPUT, annotations: { readOnlyHint: false, destructiveHint: false } };

/* {result} or {error}; nothing while the test lets it wait for ever. */
async function work({ token }) {
  const answer = await fetch(`${process.env.OVERSEER}/${encodeURIComponent(token)}`, { method: "POST" });
  return answer.json();
}

async function answer({ method, params }) {
  switch (method) {
  case "initialize":
    return { result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "counted", version: "1" } } };
  case "tools/list":
    return { result: { tools: [WORK] } };
  case "tools/call":
    return work(params.arguments);
  default:
    return { error: { code: -32601, message: `no ${method}` } };
  }
}

const reply = async (message) => JSON.stringify({ jsonrpc: "2.0", id: message.id, ...await answer(message) });

function serve_http() {
  const server = createServer(async (request, response) => {
    if (request.method !== "POST")
      return response.writeHead(405).end();
    let body = "";
    for await (const piece of request)
      body += piece;
    const message = JSON.parse(body);
    if (message.id === undefined)
      return response.writeHead(202).end();
    const text = await reply(message);
    return response.writeHead(200, { "content-type": "application/json" }).end(text);
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

function serve_lines() {
  createInterface({ input: process.stdin }).on("line", async (line) => {
    const message = JSON.parse(line);
    if (message.id !== undefined)
      process.stdout.write(`${await reply(message)}\n`);
  });
}

if (process.argv[2] === "http")
  serve_http();
else
  serve_lines();
