// SPDX-License-Identifier: Apache-2.0
/*
 * Two minutes of talk with a service whose sessions end after 20 seconds, and beside it the same talk with one that also
 * dies without warning. The client sees one session; what the service answers about the past, it was told after the last
 * change (support/limited_upstream.mjs). tests/e2e/run runs this file beside the others.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { speech_of, start_limited } from "./support/limited_upstream.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { join, text_of } from "./support/raw_client.mjs";
import { FRAME_MS, SILENCE, number_of } from "./support/spoken_upstream.mjs";

const LIMIT_MS = 20_000;
const TALK_MS = 120_000;
const ROTATIONS = 6;
const SPEECH_FRAMES = 4;
const BETWEEN_TURNS_MS = 600;

const WORDS = ["walrus", "amber", "violin", "harbour", "lantern", "saffron", "orchid", "granite"];

/* ---- what is said, and what must be answered ---- */

const sum_of = (turn) => ({ a: 10 + turn, b: 2 * turn });

/* Turns go round: a word, a sum, and a question about one of both, ever older. */
function say(turn) {
  const first = 3 * (Math.floor(turn / 3) >> 1);
  const { a, b } = sum_of(turn % 3 === 1 ? turn : first + 1);
  if (turn % 3 === 0)
    return { words: `The word of turn ${turn} is ${WORDS[(turn / 3) % WORDS.length]}.`, answer: "Noted." };
  if (turn % 3 === 1)
    return { words: `How much is ${a} plus ${b}?`, answer: `It is ${a} + ${b} = ${a + b}.` };
  if (turn % 2 === 0)
    return { words: `What was the word of turn ${first}?`, answer: `The word of turn ${first} was ${WORDS[(first / 3) % WORDS.length]}.` };
  return { words: `What came of ${a} plus ${b}?`, answer: `It is ${a} + ${b} = ${a + b}.` };
}

/* After the last rotation: what was said and found out before the first. */
const LAST = [
  { words: "What was the word of turn 0?", answer: "The word of turn 0 was walrus." },
  { words: "What came of 11 plus 2?", answer: "It is 11 + 2 = 13." },
];
const LAST_NUMBER = 1000;
const words_by_number = (number) => (number >= LAST_NUMBER ? LAST[number - LAST_NUMBER] : say(number)).words;

/* ---- a client that talks ---- */

class Talker {
  constructor(client) {
    this.client = client;
    this.saying = null; /* {audio, frames} */
    this.is_over = false;
    this.answers = []; /* {words, answer, heard} */
    this.microphone = this.stream();
  }

  async stream() {
    for (let next_at = performance.now(); !this.is_over; next_at += FRAME_MS, await pause(Math.max(0, next_at - performance.now()))) {
      const is_loud = this.saying !== null && this.saying.frames-- > 0;
      this.client.send({ type: "input_audio_buffer.append", audio: is_loud ? this.saying.audio : SILENCE });
    }
  }

  /* Say it, and hear the answer to its end. */
  async turn(number, { answer }) {
    const from = this.client.log.now;
    this.saying = { audio: speech_of(number), frames: SPEECH_FRAMES };
    const { response } = await this.client.log.wait((event) => event.type === "response.done" && event.response.status === "completed", { from });
    this.answers.push({ number, words: words_by_number(number), answer, heard: text_of(response) });
    await pause(BETWEEN_TURNS_MS);
  }

  async talk() {
    const end_at = performance.now() + TALK_MS;
    for (let turn = 0; performance.now() < end_at; turn++)
      await this.turn(turn, say(turn));
    for (const [i, last] of LAST.entries())
      await this.turn(LAST_NUMBER + i, last);
    this.is_over = true;
    await this.microphone;
  }
}

/* ---- what a client may rely on ---- */

function is_one_unbroken_session(client) {
  const { events } = client.log;
  const ids = events.map(({ event_id }) => event_id);
  assert.equal(client.log.all("session.created").length, 1);
  assert.deepEqual(client.log.all("error"), []);
  assert.equal(new Set(ids).size, ids.length, "no event_id comes twice");
  const added = client.log.all("conversation.item.added");
  added.forEach(({ previous_item_id, item }, i) =>
    assert.equal(previous_item_id, added[i - 1]?.item.id ?? null, `what comes before ${item.id}, number ${i}`));
  for (const type of ["conversation.item.added", "conversation.item.done"]) {
    const items = client.log.all(type).map(({ item }) => item.id);
    assert.equal(new Set(items).size, items.length, `no item has ${type} twice`);
  }
  assert.deepEqual(client.log.all("conversation.item.done").map(({ item }) => item.id).sort(), added.map(({ item }) => item.id).sort());
  const begun = client.log.all("response.created").map(({ response }) => response.id);
  assert.equal(new Set(begun).size, begun.length);
  assert.deepEqual(client.log.all("response.done").map(({ response }) => response.id), begun);
}

const pieces_of = (client) => client.log.all("response.output_audio.delta").map(({ delta }) => number_of(delta));
const changes_of = (parleyd, reason) => [...parleyd.log.matchAll(new RegExp(`goes on with another session of a model .*reason=${reason}`, "g"))].length;

async function start(service) {
  const parleyd = await start_parleyd({
    server: { workers: 1 },
    "model openai": { plugin: "model_openai", api_key: "sk-none", base_url: service.url },
    "tools builtin": { plugin: "tools_builtin" },
    "agent assistant": { model: "openai", tools: "builtin" },
  });
  return { service, parleyd, talker: new Talker(await join(parleyd)) };
}

/* Ends connections without a word: after an answer, in the middle of one, and when a tool was called. */
function let_die(service) {
  const deaths = [];
  const due = { idle: 25_000, answer: 55_000, call: 85_000 };
  const began = performance.now();
  const die = (kind, connection) => {
    if (due[kind] === undefined || performance.now() - began < due[kind])
      return;
    delete due[kind];
    deaths.push({ kind, connection });
    connection.ws.terminate();
  };
  service.on_frame = (connection, place) => {
    if (place === 2)
      die("answer", connection);
    if (place === 5)
      setTimeout(die, 4 * FRAME_MS, "idle", connection);
  };
  service.on_call = (connection) => die("call", connection);
  return deaths;
}

describe("two minutes with a service whose sessions end after 20 s", () => {
  let kept, lost, deaths;

  before(async () => {
    const services = await Promise.all([0, 1].map(() => start_limited({ limit_ms: LIMIT_MS, words: words_by_number })));
    [kept, lost] = await Promise.all(services.map(start));
    deaths = let_die(lost.service);
  });

  after(async () => {
    for (const one of [kept, lost])
      await one?.parleyd.stop();
    for (const one of [kept, lost])
      await one?.service.stop();
  });

  test("run to their end", async () => {
    await Promise.all([kept.talker.talk(), lost.talker.talk()]);
  });

  test("are one unbroken session, whose model was changed six times", async () => {
    const { service, parleyd, talker } = kept;
    const rotations = changes_of(parleyd, "limit");
    const items = talker.client.log.all("conversation.item.added").length;
    const pieces = pieces_of(talker.client);
    console.log(`${rotations} rotations, ${service.openai.connections.length} connections, ${talker.answers.length} turns, ${items} items in one chain, ` +
      `${pieces.length} of ${service.frames.length} pieces of sound, ${talker.client.log.all("error").length} errors`);
    assert.ok(rotations >= ROTATIONS, `${rotations} rotations`);
    assert.equal(service.openai.connections.length, rotations + 1);
    assert.equal(service.expired, 0, "no session reached its end");
    is_one_unbroken_session(talker.client);
    assert.deepEqual(pieces, service.frames.map((_, number) => number), "every piece of sound came once, and in order");
  });

  test("are remembered by a model that was told of them", () => {
    for (const { words, answer, heard } of kept.talker.answers)
      assert.equal(heard, answer, words);
    const told = kept.service.openai.last.listener.memory.items;
    console.log(`the last model knows ${told.length} items; ${kept.talker.answers.slice(-2).map(({ words, heard }) => `${words} ${heard}`).join(" ")}`);
    assert.ok(told.filter(({ type }) => type === "function_call_output").length > 10);
  });

  test("survive a service that dies without warning", async () => {
    const { service, parleyd, talker } = lost;
    const [rotations, losses] = [changes_of(parleyd, "limit"), changes_of(parleyd, "error")];
    const failed = talker.client.log.all((event) => event.type === "response.done" && event.response.status !== "completed");
    const pieces = pieces_of(talker.client);
    console.log(`${deaths.map(({ kind }) => kind).join(", ")}: ${losses} losses, ${rotations} rotations, ${talker.answers.length} turns, ` +
      `${failed.length} answers given again, ${pieces.length} of ${service.frames.length} pieces of sound`);
    assert.deepEqual(deaths.map(({ kind }) => kind), ["idle", "answer", "call"]);
    assert.ok(losses >= 1, "one that dies while its successor is opened counts as a rotation");
    assert.equal(service.openai.connections.length, losses + rotations + 1);
    is_one_unbroken_session(talker.client);
    for (const { words, answer, heard } of talker.answers)
      assert.equal(heard, answer, words);
    assert.deepEqual(failed.map(({ response }) => response.status), ["failed"]);
    assert.deepEqual(pieces, pieces.toSorted((a, b) => a - b));
    assert.equal(new Set(pieces).size, pieces.length, "no sound came twice");
    const missing = service.frames.filter((_, number) => !pieces.includes(number));
    const dead = deaths.map(({ connection }) => connection);
    assert.ok(missing.every(({ connection }) => dead.includes(connection)), "what is missing never left the service");
  });
});
