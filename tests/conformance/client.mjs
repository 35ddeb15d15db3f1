#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * What the suite starts as the client under test, with the address of its server as the argument. It writes a
 * configuration for that server and uses parleyctl: everything that the suite sees on the wire is parley's doing.
 *
 *     client.mjs URL      MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_CONTEXT (JSON), PARLEYCTL
 *
 * Ends with 0 when the tools were listed and every call was answered.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const url = process.argv.at(-1);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? "";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const folder = mkdtempSync(join(tmpdir(), "parley-conformance-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

function file(name, text) {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/* How a token is come by, from what the scenario gives to the client. */
function identity() {
  const { client_id } = context;
  if (context.private_key_pem)
    return { auth: "private_key_jwt", client_id, private_key_file: file("key.pem", context.private_key_pem), signing_alg: context.signing_algorithm };
  if (context.valid_jwt)
    return { auth: "jwt_bearer", client_id, assertion_file: file("assertion", context.valid_jwt) };
  if (scenario.includes("client-credentials"))
    return { auth: "client_credentials", client_id, client_secret_file: file("secret", context.client_secret) };
  const person = { auth: "authorization_code", open_command: fileURLToPath(new URL("browser.mjs", import.meta.url)) };
  if (context.client_secret)
    return { ...person, client_id, client_secret_file: file("secret", context.client_secret) };
  return { ...person, client_metadata_url: "https://conformance-test.local/client-metadata.json" };
}

function configuration() {
  const keys = {
    plugin: "tools_mcp",
    url,
    name_prefix: "none",
    elicitation: "accept-defaults",
    ...(scenario.startsWith("auth/") ? { allow_loopback: "yes", ...identity() } : {}),
  };
  const lines = Object.entries(keys).filter(([, value]) => value !== undefined).map(([key, value]) => `${key} = ${value}\n`);
  return file("parley.ini", `[tools server]\n${lines.join("")}`);
}

function parleyctl(...args) {
  const { status, error, stdout, stderr } = spawnSync(process.env.PARLEYCTL, ["tools", ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
  process.stderr.write(`parleyctl tools ${args.join(" ").slice(0, 300)}: ${error?.message ?? status}\n${stderr}`);
  return { status, stdout };
}

/* Some value that fits a schema; of an object what is required. */
function sample(schema, name) {
  if (schema.const !== undefined || schema.enum)
    return schema.const ?? schema.enum[0];
  switch ([schema.type].flat()[0]) {
  case "object":
    return Object.fromEntries((schema.required ?? []).map((key) => [key, sample(schema.properties?.[key] ?? {}, key)]));
  case "array": return [];
  case "boolean": return true;
  case "integer":
  case "number": return { a: 2, b: 3 }[name] ?? 1;
  case "null": return null;
  default: return "text";
  }
}

/* The calls that the scenario wants; without a wish each tool once. */
function calls_for(tools) {
  if (scenario === "json-schema-ref-no-deref")
    return []; /* its server lists, and answers nothing else */
  if (context.toolCalls)
    return context.toolCalls;
  const echo = tools.find(({ name }) => name === "json_schema_echo");
  const shown = tools.find(({ name }) => name === "json_schema_2020_12_tool");
  if (echo && shown)
    return [{ name: echo.name, arguments: { schema: shown.inputSchema } }];
  return tools.map(({ name, inputSchema }) => ({ name, arguments: sample(inputSchema, name) }));
}

const config = configuration();

/* With an authorization, in one go, as a program keeps its token: a call lists before it. */
function calls() {
  if (scenario.startsWith("auth/"))
    return [{ name: "test-tool", arguments: {} }];
  const list = parleyctl("list", "-c", config);
  return list.status === 0 ? calls_for(JSON.parse(list.stdout)) : null;
}

function call({ name, arguments: args }) {
  const { status, stdout } = parleyctl("call", "-c", config, name, JSON.stringify(args));
  process.stdout.write(`${name}: ${stdout}`);
  return status === 0;
}

process.exitCode = calls()?.map(call).every(Boolean) ? 0 : 1;
