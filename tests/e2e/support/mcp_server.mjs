// SPDX-License-Identifier: Apache-2.0
/*
 * An MCP server over standard input and output that misbehaves as its arguments say, beside answering:
 *
 *   noise      banners, blank and broken lines on standard output; a message in single bytes
 *   chatty     1 MiB on standard error before it reads anything
 *   stubborn   ignores the end of its input, and SIGTERM
 *   exits      ends when it is asked server/discover
 *   silent     does not answer server/discover
 *   stateless  speaks 2026-07-28 alone
 *   pid=FILE   writes its process id there
 *   held=FILE  until that file is there, the tool "held" does not answer
 */
import { appendFileSync, existsSync } from "node:fs";
import { createInterface } from "node:readline";

const does = new Set(process.argv.slice(2));
const pid_file = process.argv.find((word) => word.startsWith("pid="))?.slice(4);
const held_by = process.argv.find((word) => word.startsWith("held="))?.slice(5);
const schema = { type: "object", properties: { text: { type: "string" } }, $defs: { unused: { const: 1 } } };
const text_result = (text) => ({ content: [{ type: "text", text }] });

function write(message) {
  const line = `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
  if (!does.has("noise")) {
    process.stdout.write(line);
    return;
  }
  process.stdout.write("Starting up...\n\n{\"half\": \r\n");
  for (const byte of Buffer.from(line))
    process.stdout.write(Buffer.of(byte));
}

const tools = {
  echo: ({ text }) => text_result(`${text} \u00fc\u20ac`),
  env: () => text_result(Object.keys(process.env).sort().join(" ")),
  fds: async () => {
    const { readdirSync } = await import("node:fs");
    return text_result(String(readdirSync("/proc/self/fd").length));
  },
  wrong: () => ({ isError: true, content: [{ type: "text", text: "That city is not known." }] }),
  huge: () => text_result("x".repeat(5 * 1024 * 1024)),
  die: () => process.exit(3),
  never: () => new Promise(() => {}),
  held: () => new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!existsSync(held_by))
        return;
      clearInterval(timer);
      resolve(text_result("let go"));
    }, 20);
  }),
};

async function answer({ id, method, params }) {
  if (method === "server/discover" && does.has("exits"))
    process.exit(1);
  if (method === "server/discover" && does.has("silent"))
    return null;
  if (does.has("stateless") && params?._meta?.["io.modelcontextprotocol/protocolVersion"] !== "2026-07-28")
    return { id, error: { code: -32602, message: "no revision in _meta" } };
  if (does.has("stateless") && method === "server/discover")
    return { id, result: { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: { tools: {} } } };
  if (method === "initialize")
    return { id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "own", version: "1" } } };
  if (method === "tools/list")
    return { id, result: { tools: Object.keys(tools).map((name) => ({ name, description: `Does ${name}`, inputSchema: schema })) } };
  if (method === "tools/call" && tools[params.name]) {
    process.stderr.write(`calling ${params.name}\n`);
    const result = await tools[params.name](params.arguments);
    process.stderr.write(`answered ${params.name}\n`);
    return { id, result };
  }
  return { id, error: { code: method === "tools/call" ? -32602 : -32601, message: `no ${method}` } };
}

if (pid_file)
  appendFileSync(pid_file, `${process.pid}\n`);
if (does.has("chatty"))
  process.stderr.write(`${"x".repeat(1023)}\n`.repeat(1024));
if (does.has("stubborn")) {
  process.on("SIGTERM", () => {});
  setInterval(() => {}, 1000);
}
createInterface({ input: process.stdin }).on("line", async (line) => {
  const message = JSON.parse(line);
  if (message.method === "notifications/cancelled")
    process.stderr.write(`cancelled ${message.params.requestId}\n`);
  const said = message.id === undefined ? null : await answer(message);
  if (said)
    write(said);
});
