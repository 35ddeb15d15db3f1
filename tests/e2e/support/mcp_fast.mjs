// SPDX-License-Identifier: Apache-2.0
/* An MCP server made with fastmcp: on standard input and output, or at `http PORT`, where it has Streamable HTTP and HTTP+SSE. */
import { FastMCP } from "fastmcp";
import { z } from "zod";

const server = new FastMCP({ name: "fast", version: "1.0.0" });

server.addTool({
  name: "add",
  description: "Adds two numbers.",
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: async ({ a, b }) => String(a + b),
});
server.addTool({
  name: "count",
  description: "Counts, and tells how far it is.",
  parameters: z.object({ to: z.number() }),
  execute: async ({ to }, { log, reportProgress }) => {
    log.info("counting", { to });
    for (let i = 1; i <= to; i++)
      await reportProgress({ progress: i, total: to });
    return `counted to ${to}`;
  },
});

const [mode, port] = process.argv.slice(2);
await server.start(mode === "http" ? { transportType: "httpStream", httpStream: { port: Number(port), host: "127.0.0.1" } } : { transportType: "stdio" });
if (mode === "http")
  console.log("listening");
