// SPDX-License-Identifier: Apache-2.0
/*
 * Many sessions for a while: they speak, are answered, interrupt, call a tool, leave and come back. Not part
 * of the ordinary run; meant for a build with sanitizers:
 *
 *     PARLEYD=build-asan/core/parleyd node tests/e2e/soak.mjs [SESSIONS [SECONDS]]       (500, 60)
 *
 * Fails when anything is refused, a response is lost, sessions or descriptors are left, memory keeps
 * growing, or a sanitizer speaks.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { is_sanitized, start_server, write_files } from "./support/program.mjs";
import { USER_TEXT, join } from "./support/raw_client.mjs";

const [sessions = 500, seconds = 60] = process.argv.slice(2).map(Number);
const FRAME = Buffer.alloc(9600).toString("base64"); /* 200 ms */

const says = (text) => ({ text: { contains: text } });
const folder = write_files({ "script.json": JSON.stringify({
  rules: [
    { on: "response.create", match: { output: { contains: "5" } }, do: [{ speak: "It is five." }] },
    { on: "response.create", match: says("plus"), do: [{ call: { name: "calculator", arguments: { expression: "2 + 3" } } }] },
    { on: "response.create", do: [{ speak: "One two three four five six.", ms: 2000, chunk_ms: 200, pace: true }] },
  ],
}) });

const server = await start_server({
  server: { workers: 2 },
  "model main": { plugin: "model_script", script: `${folder}/script.json` },
  "tools builtin": { plugin: "tools_builtin" },
  "store main": { plugin: "store_sqlite", path: `${folder}/parley.db` },
  "agent assistant": { model: "main", tools: "builtin", client_may_set: "*", turn_detection: "none" },
});

const tally = { sessions: 0, turns: 0, cancelled: 0, appends: 0, errors: new Map() };
const end_at = performance.now() + seconds * 1000;

function note_errors(client) {
  for (const { error } of client.log.all("error"))
    if (error.code !== "response_cancel_not_active")
      tally.errors.set(error.code ?? error.message, (tally.errors.get(error.code ?? error.message) ?? 0) + 1);
}

async function turn(client, n) {
  const from = client.log.now;
  if (n % 3 === 0) {
    for (let i = 0; i < 5; i++, tally.appends++) {
      client.send({ type: "input_audio_buffer.append", audio: FRAME });
      await pause(200);
    }
    client.send({ type: "input_audio_buffer.commit" });
  } else {
    client.send(USER_TEXT(n % 3 === 1 ? "what is two plus three" : "tell me"));
  }
  client.send({ type: "response.create" });
  if (n % 4 === 2) {
    await client.log.wait("response.output_audio.delta", { from, timeout_ms: 60_000 });
    client.send({ type: "response.cancel" });
    tally.cancelled++;
  }
  await client.log.wait((event) => event.type === "response.done"
    && (event.response.status !== "completed" || event.response.output.some((item) => item.type === "message")), { from, timeout_ms: 60_000 });
  tally.turns++;
}

/* One place among the many: sessions after sessions until the time is over. */
async function seat(number) {
  await pause(((number % 100) * 50) + Math.random() * 500);
  while (performance.now() < end_at) {
    const client = await join(server);
    tally.sessions++;
    for (let n = number; n < number + 4 && performance.now() < end_at; n++) {
      await turn(client, n);
      client.log.events.splice(0, client.log.events.length, ...client.log.all("error"));
    }
    note_errors(client);
    if (number % 5 === 0)
      client.socket.terminate();
    else
      await client.close();
  }
}

const samples = [];
const watch = setInterval(() => {
  samples.push(server.memory_mib());
  process.stderr.write(`${Math.round((end_at - performance.now()) / 1000)} s left, ${samples.at(-1).toFixed(0)} MiB, ${server.fd_count()} descriptors, ${tally.turns} turns\n`);
}, 5000);

await server.sessions();
const descriptors = server.fd_count();
await Promise.all(Array.from({ length: sessions }, (_, i) => seat(i)));
clearInterval(watch);
await server.wait_for_sessions(0, 30_000);
for (let waited = 0; server.fd_count() > descriptors && waited < 10_000; waited += 100)
  await pause(100);
const left = server.fd_count() - descriptors;
await server.stop();

console.log(`${tally.sessions} sessions, ${tally.turns} turns, ${tally.cancelled} interrupted, ${tally.appends} appends; `
  + `${samples[0]?.toFixed(0)} MiB at first, ${samples.at(-1)?.toFixed(0)} at last; ${left} descriptors left; errors: ${JSON.stringify(Object.fromEntries(tally.errors))}`);
assert.ok(left <= 0, "descriptors are left");
assert.equal(tally.errors.size, 0, "errors came");
if (!is_sanitized) {
  const [half, last] = [samples[Math.floor(samples.length / 2)], samples.at(-1)];
  assert.ok(last < half * 1.3 + 20, `memory keeps growing: ${half} MiB at half time, ${last} at the end`);
}
