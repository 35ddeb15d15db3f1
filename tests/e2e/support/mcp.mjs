// SPDX-License-Identifier: Apache-2.0
/* Sections of tools of MCP servers, the servers themselves, and their tools without parleyd. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ini_text } from "./parleyd.mjs";
import { PARLEYCTL, run, write_config } from "./program.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export const SCRIPT = at("../scripts/mcp.json");
export const SERVERS = {
  everything: at("../node_modules/@modelcontextprotocol/server-everything/dist/index.js"),
  filesystem: at("../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"),
  memory: at("../node_modules/@modelcontextprotocol/server-memory/dist/index.js"),
  fast: at("mcp_fast.mjs"),
  modern: at("mcp_modern.mjs"),
  own: at("mcp_server.mjs"),
};

/* A section of tools; arguments that are repeated stand one a line. */
export function child(...args) {
  return { plugin: "tools_mcp", command: process.execPath, args: args.join("\nargs = ") };
}

export function config_of(sections) {
  const server = { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR };
  return write_config(ini_text({ server, ...sections })).path;
}

/* Sections of a parleyd whose model calls what the user names, with these tools. */
export function talking(sections, agent = {}) {
  const tools = Object.keys(sections).filter((name) => name.startsWith("tools ")).map((name) => name.slice(6)).join(", ");
  return {
    "model main": { plugin: "model_script", script: SCRIPT },
    "store main": { plugin: "store_memory" },
    "agent assistant": { model: "main", tools, ...agent },
    ...sections,
  };
}

/* A tool's result without parleyd: {code, err, isError, content, structuredContent}, and its text as `output`. */
export async function call(sections, name, args = {}, more = []) {
  const { code, out, err } = await run(PARLEYCTL, ["tools", "call", "--json", ...more, "-c", config_of(sections), name, JSON.stringify(args)]);
  assert.notEqual(out, "", err);
  const result = JSON.parse(out);
  const output = result.content.filter(({ type }) => type === "text").map(({ text }) => text).join("\n");
  return { code, err, output, ...result };
}

export async function names(sections) {
  const { code, out, err } = await run(PARLEYCTL, ["tools", "list", "--json", "-c", config_of(sections)]);
  assert.equal(code, 0, err);
  return JSON.parse(out).map((tool) => tool.name);
}

export async function until(condition, what, timeout_ms = 10_000) {
  for (const end = Date.now() + timeout_ms; !(await condition()); await pause(50))
    assert.ok(Date.now() < end, `not in ${timeout_ms} ms: ${what}`);
}

export async function free_port() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/* Start a server that is a program of its own, until it says that it listens: {log, stop()}. */
export async function start_program(args, { env = {}, says = /listening/i } = {}) {
  const process_ = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const program = { log: "" };
  const ended = new Promise((resolve) => process_.once("exit", resolve));
  process_.stdout.on("data", (data) => { program.log += data; });
  process_.stderr.on("data", (data) => { program.log += data; });
  program.stop = async () => {
    process_.kill("SIGKILL");
    await ended;
  };
  await until(() => says.test(program.log), `${args[0]} listens: ${program.log}`);
  return program;
}
