// SPDX-License-Identifier: Apache-2.0
/*
 * What a store adds to the time that a message takes through parleyd: sessions with a model that speaks all
 * the time, without a store and with each one, round by round. Prints ratios of the median and of the 99th
 * percentile to those without a store; used by tests/bench/store/run.
 *
 *   store_latency.mjs COSMOS_URL SESSIONS SECONDS ROUNDS
 */
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { start_parleyd } from "./parleyd.mjs";
import { scratch_folder } from "./wav.mjs";

const [cosmos_url, sessions, seconds, rounds] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const KEY = "cGFybGV5LWxvY2FsLXRlc3Qta2V5";
const DELTA_MS = 20;
const DELTAS = 20; /* of one answer */
const AUDIO = "A".repeat(1280);

const sent = new Map(); /* number of a delta -> when */
let number = 0;

/* The number goes along as the first bytes of the audio. */
const audio_of = (n) => Buffer.from(String(n).padStart(12, "0")).toString("base64") + AUDIO;
const number_of = (delta) => Number(Buffer.from(delta.slice(0, 16), "base64").toString());

async function answer(socket, turn) {
  const send = (event) => socket.readyState === 1 && socket.send(JSON.stringify(event));
  const response = { object: "realtime.response", id: `resp_${turn}`, status: "in_progress", output: [] };
  const item = { id: `item_${turn}`, object: "realtime.item", type: "message", role: "assistant", status: "completed",
    content: [{ type: "output_audio", transcript: "We are open from nine to five, and on Saturdays until noon." }] };
  const place = { response_id: response.id, item_id: item.id, output_index: 0, content_index: 0 };
  send({ type: "response.created", response });
  send({ type: "response.output_item.added", ...place, item: { ...item, status: "in_progress", content: [] } });
  for (let i = 0; i < DELTAS && socket.readyState === 1; i++) {
    const n = ++number;
    sent.set(n, performance.now());
    send({ type: "response.output_audio.delta", ...place, delta: audio_of(n) });
    await pause(DELTA_MS);
  }
  send({ type: "response.output_item.done", ...place, item });
  send({ type: "response.done", response: { ...response, status: "completed", output: [item],
    usage: { total_tokens: 30, input_tokens: 10, output_tokens: 20 } } });
}

function start_model() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    let turn = 0;
    socket.send(JSON.stringify({ type: "session.created", session: { type: "realtime", id: "sess_up", object: "realtime.session" } }));
    socket.on("message", (data) => {
      const event = JSON.parse(data);
      if (event.type === "session.update")
        socket.send(JSON.stringify({ type: "session.updated", session: { ...event.session, id: "sess_up", object: "realtime.session" } }));
      else if (event.type === "conversation.item.create")
        socket.send(JSON.stringify({ type: "conversation.item.added", item: { ...event.item, status: "completed", object: "realtime.item" } }));
      else if (event.type === "response.create")
        answer(socket, `${process.pid}_${++turn}_${number}`);
    });
  });
  return new Promise((resolve) => server.on("listening", () => resolve(server)));
}

/* One that asks again as soon as it was answered. */
function talk(parleyd, times) {
  const socket = new WebSocket(`${parleyd.realtime_url}?model=bench`);
  const ask = () => socket.send('{"type":"response.create"}');
  socket.on("message", (data) => {
    const event = JSON.parse(data);
    if (event.type === "session.created" || event.type === "response.done")
      ask();
    else if (event.type === "response.output_audio.delta") {
      const n = number_of(event.delta);
      times.push(performance.now() - sent.get(n));
      sent.delete(n);
    } else if (event.type === "error")
      throw new Error(JSON.stringify(event.error));
  });
  return socket;
}

async function measure(model, store) {
  const times = [];
  const parleyd = await start_parleyd({
    server: { workers: 1 },
    "model main": { plugin: "model_openai", base_url: `ws://127.0.0.1:${model.address().port}/v1`, model: "bench", api_key: "bench" },
    ...(store ? { "store main": store } : {}),
    "agent bench": { model: "main", instructions: "Be brief." },
  });
  const clients = Array.from({ length: sessions }, () => talk(parleyd, times));
  await pause(1000); /* until all are there */
  times.length = 0;
  await pause(seconds * 1000);
  const measured = [...times].sort((a, b) => a - b);
  for (const client of clients)
    client.terminate();
  await parleyd.stop();
  sent.clear();
  if (measured.length < sessions * 20)
    throw new Error(`only ${measured.length} messages came`);
  return [0.5, 0.99].map((part) => measured[Math.floor(measured.length * part)]);
}

const folder = scratch_folder();
const stores = {
  none: () => undefined,
  store_memory: () => ({ plugin: "store_memory", max_bytes: "1g" }),
  store_sqlite: (round) => ({ plugin: "store_sqlite", path: `${folder}/${round}.db` }),
  store_cosmos: () => ({ plugin: "store_cosmos", endpoint: cosmos_url, key: KEY, create: "yes" }),
};

const model = await start_model();
const figures = Object.fromEntries(Object.keys(stores).map((name) => [name, []]));
for (let round = 0; round < rounds; round++)
  for (const [name, store] of Object.entries(stores))
    figures[name].push(await measure(model, store(round)));

/* The least of the rounds: what else runs here only adds. */
const least = (name, which) => Math.min(...figures[name].map((figure) => figure[which]));
for (const name of Object.keys(stores).slice(1)) {
  const [median, late] = [0, 1].map((which) => (least(name, which) / least("none", which)).toFixed(2));
  console.log(`bench/store: a message's time with ${name} to that without a store: median ${median}, 99th percentile ${late}`);
}
process.exit(0);
