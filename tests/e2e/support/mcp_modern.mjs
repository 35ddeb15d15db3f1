// SPDX-License-Identifier: Apache-2.0
/*
 * An MCP server made with the official package of 2026-07-28: on standard input and output, or as `http PORT` over HTTP.
 * With `alone` it speaks no older revision.
 */
import { createServer } from "node:http";
import { McpServer, acceptedContent, createMcpHandler, inputRequired } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const words = process.argv.slice(2);
const legacy = words.includes("alone") ? "reject" : undefined;
const text = (words) => ({ content: [{ type: "text", text: words }] });
let has_learned = false;
let tell_of_tools = () => {};

function register(server) {
  server.registerTool("echo", { description: "Says it again.", inputSchema: z.object({ text: z.string() }) },
    async ({ text: said }) => text(`Echo: ${said}`));
  server.registerTool("weather", {
    description: "The weather of a city.",
    inputSchema: z.object({ city: z.string() }),
    outputSchema: z.object({ city: z.string(), degrees: z.number() }),
  }, async ({ city }) => ({ ...text(`21 in ${city}`), structuredContent: { city, degrees: 21 } }));
  server.registerTool("deploy", { description: "Asks before it does anything.", inputSchema: z.object({ where: z.string() }) },
    async ({ where }, ctx) => {
      const schema = z.object({ confirm: z.boolean().default(true) });
      const answer = ctx.mcpReq.inputResponses?.confirm;
      if (answer === undefined)
        return inputRequired({ inputRequests: { confirm: inputRequired.elicit({ message: `To ${where}?`, requestedSchema: schema }) } });
      return text(acceptedContent(ctx.mcpReq.inputResponses, "confirm", schema)?.confirm ? `deployed to ${where}` : "not deployed");
    });
  server.registerTool("learn", { description: "Learns another tool.", inputSchema: z.object({}) }, async () => {
    if (!has_learned)
      learn(server); /* on standard output this is the only one, which tells of it by itself */
    has_learned = true;
    tell_of_tools();
    return text("learned");
  });
  if (has_learned)
    learn(server);
}

function learn(server) {
  server.registerTool("learned", { description: "Was learned.", inputSchema: z.object({}) }, async () => text("I am new"));
}

function make() {
  const server = new McpServer({ name: "modern", version: "1.0.0" }, { capabilities: { tools: { listChanged: true } } });
  register(server);
  return server;
}

/* A Request of the web's kind from one of Node's, and the answer back; streams are streamed. */
async function serve(handler, request, response) {
  const chunks = [];
  for await (const chunk of request)
    chunks.push(chunk);
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const answer = await handler.fetch(new Request(`http://${request.headers.host}${request.url}`, {
    method: request.method,
    headers: request.headers,
    body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
    signal: gone.signal,
  }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  try {
    for await (const chunk of answer.body ?? [])
      response.write(chunk);
  } catch { /* the client is gone */ }
  response.end();
}

const at = words.indexOf("http");
if (at < 0) {
  serveStdio(make, { legacy });
} else {
  const handler = createMcpHandler(make, { legacy, onerror: (error) => console.error(error.message) });
  tell_of_tools = () => handler.notify.toolsChanged();
  createServer((request, response) => serve(handler, request, response))
    .listen(Number(words[at + 1]), "127.0.0.1", () => console.log("listening"));
}
