// SPDX-License-Identifier: Apache-2.0
/*
 * A morning of a small telephone service, for the pictures of the dashboards: parleyd with a script as
 * its model, callers that come and go, and a few things that go wrong.
 *
 *   node load.mjs SECONDS PORT       parleyd serves on PORT of this machine
 */
import http from "node:http";
import { fileURLToPath } from "node:url";
import { open_client } from "../../../tests/e2e/support/openai_client.mjs";
import { start_parleyd } from "../../../tests/e2e/support/parleyd.mjs";
import { scratch_folder } from "../../../tests/e2e/support/wav.mjs";

const [seconds, port] = process.argv.slice(2).map(Number);
const MOST_CALLERS = 24;
const PRICE = { model: "main, standin, scripted", input_text: "4", cached_text: "0.4", input_audio: "32", output_text: "16", output_audio: "64" };
const ASKED = ["quick", "quick", "usual", "usual", "usual", "usual", "think", "think", "hard", "sum", "clock", "sum"];

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const one_of = (list) => list[Math.floor(Math.random() * list.length)];
const begin = Date.now();
const passed = () => (Date.now() - begin) / (seconds * 1000); /* 0 .. 1 */
const is_between = (from, until) => passed() >= from && passed() < until;

/* A collector that refuses everything for a while. */
function start_collector() {
  const server = http.createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(is_between(0.55, 0.7) ? 400 : 200).end());
  });
  server.keepAliveTimeout = 60_000; /* longer than anything waits here */
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const collector = await start_collector();
const agent = (description, more = {}) => ({
  description, model: "main, standin", instructions: "Answer in one short sentence.", tools: "builtin", ...more });
const parleyd = await start_parleyd({
  server: { listen: `127.0.0.1:${port}`, client_queue_bytes: "64k" },
  telemetry: { metrics_ms: "5s" },
  "model main": { plugin: "model_script", script: here("service.json") },
  "model standin": { plugin: "model_script", script: here("standin.json") },
  "tools builtin": { plugin: "tools_builtin" },
  "store main": { plugin: "store_sqlite", path: `${scratch_folder()}/parley.db` },
  "price script": PRICE,
  "exporter collector": { plugin: "exporter_otlp", endpoint: `http://127.0.0.1:${collector.address().port}` },
  "agent receptionist": agent("Answers the phone"),
  "agent orders": agent("Takes orders"),
});

/* What this caller asks now. */
function question() {
  const chance = Math.random();

  if (is_between(0.4, 0.5) && chance < 0.3)
    return "lost";
  if (chance < 0.03)
    return "wrong";
  return one_of(ASKED);
}

/* Half of a second into the answer the caller says something else, and hears the answer to that. */
async function interrupt(client) {
  const from = client.log.now;
  client.type("think");
  client.send({ type: "response.create" });
  await client.log.wait("response.output_audio.delta", { from });
  await pause(500);
  const ended = client.answer(from);
  await client.speak(new Int16Array(24 * 650));
  const { response } = await ended;
  if (response.status === "cancelled")
    await client.answer(client.log.now);
}

async function call(name) {
  const client = await open_client(parleyd, { agent: name });
  for (let turns = 3 + Math.random() * 6; turns > 0 && passed() < 1; turns--) {
    if (Math.random() < 0.12)
      await interrupt(client);
    else
      await client.ask(question());
    await pause(500 + Math.random() * 2500);
  }
  await client.close();
}

/* One whose network stands still while a long answer comes. */
async function stalled_call() {
  const client = await open_client(parleyd, { agent: "receptionist" });
  client.type("story");
  client.send({ type: "response.create" });
  await client.log.wait("response.output_audio.delta", {});
  client.realtime.socket._socket.pause();
  await pause(8000);
  client.realtime.socket.terminate();
}

/* Callers at this moment: few, many at noon, fewer again. */
const wanted = () => Math.round(3 + MOST_CALLERS * Math.sin(Math.PI * Math.min(1, passed())) ** 2);

let callers = 0, failures = 0, stalls = 0;
while (passed() < 1) {
  if (callers < wanted()) {
    callers++;
    call(Math.random() < 0.7 ? "receptionist" : "orders").catch((error) => { failures++; console.error(error.message); })
      .finally(() => { callers--; });
  }
  if (stalls < 6 && passed() > 0.72 + stalls * 0.03) {
    stalls++;
    stalled_call().catch((error) => console.error(error.message));
  }
  await pause(250);
}
await pause(12000);
console.log(`${failures} calls failed`);
parleyd.process.kill("SIGTERM");
collector.close();
