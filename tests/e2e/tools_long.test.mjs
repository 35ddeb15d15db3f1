// SPDX-License-Identifier: Apache-2.0
/*
 * Five minutes of talk in which 200 tools are called, a third of them while the user interrupts, a tenth of them failing.
 * Beside it the same talk without tools, through a parleyd of its own at the same upstream: what the machine does to the one
 * it does to the other, and what is left is the tools' doing. tests/e2e/run runs this file beside the others.
 *
 * PARLEY_LONG_CALLS   how many calls (200); the talk is as much shorter
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { start_overseer } from "./support/overseer.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { join } from "./support/raw_client.mjs";
import { FRAME_MS, SILENCE, SPEECH, number_of, start_spoken } from "./support/spoken_upstream.mjs";

const CALLS = Number(process.env.PARLEY_LONG_CALLS ?? 200);
const LAST_MS = CALLS * 1500; /* five minutes for 200 */
const SPEECH_FRAMES = 4;
const BEFORE_INTERRUPTION = 6; /* pieces of sound */
const MCP = fileURLToPath(new URL("support/counted_mcp.mjs", import.meta.url));

const is_interrupted = (turn) => turn % 3 === 0; /* by the next one */

/* ---- what is called ---- */

const text = (words) => ({ content: [{ type: "text", text: words }] });

/* Ways to fail: {order} ends the call so, {args} are refused by the tool, neither is never answered. */
const FAILURES = [
  { order: (token) => ({ result: { isError: true, ...text(`${token} is not to be had`) } }), tells: /is not to be had/ },
  { order: (token) => ({ error: { code: -32000, message: `${token} broke` } }), tells: /broke/ },
  { tool: "builtin", tells: /expression/ },
  { tells: /did not answer within/ },
];

/* The sections of tools; what each does with a call that the user speaks into is its name. */
const SECTIONS = { keep: {}, cancel: { on_interrupt: "cancel" }, detach: { on_interrupt: "detach" } };

/* The number of a call decides what it is. */
function call_of(number) {
  const turn = Math.floor(number / 2);
  const failure = number % 10 === 9 ? FAILURES[Math.floor(number / 10) % FAILURES.length] : null;
  const token = `c${number}`;
  const sums = failure?.tool ?? (number % 4 === 3 && !failure && !is_interrupted(turn));
  const section = sums ? "builtin" : number % 2 === 0 ? "keep" : turn % 2 === 0 ? "cancel" : "detach";
  return {
    call_id: `call_${number}`, token, section, fails: failure !== null, hear_first: 4 + (number % 9), is_repeated: number % 25 === 4,
    name: section === "builtin" ? "calculator" : `${section}_work`,
    arguments: JSON.stringify(section !== "builtin" ? { token } : { expression: failure ? ")(" : `${number} + 1` }),
    order: failure ? failure.order?.(token) : { result: text(`${token} is done`) },
    tells: failure?.tells ?? (section === "builtin" ? new RegExp(`\\b${number + 1}\\b`) : new RegExp(`${token} is done`)),
  };
}

/* The next call, made while this one runs and with the same arguments. */
function twin_of(call) {
  return { ...call_of(Number(call.token.slice(1)) + 1), name: call.name, arguments: call.arguments, section: "twin", tells: /still runs; this one was not started/ };
}

const calls = Array.from({ length: CALLS }, (_, number) => {
  const has_twin = number % 20 === 13 && !is_interrupted(Math.floor(number / 2));
  return has_twin ? twin_of(call_of(number - 1)) : call_of(number);
});
const calls_of = (turn) => calls.slice(2 * turn, 2 * turn + 2);
const is_held = ({ section }) => section in SECTIONS;

/* What the model must have been told of a call at once, and later. */
function expected(call) {
  if (call.was_interrupted && call.section === "cancel")
    return { at_once: /cancelled before it finished: the user began to speak/, later: [] };
  if (call.was_interrupted && call.section === "detach")
    return { at_once: /goes on in the background/, later: [call.tells] };
  return { at_once: call.tells, later: [] };
}

/* ---- a client that talks ---- */

class Talker {
  constructor(client, service) {
    this.client = client;
    this.service = service;
    this.loud = 0;
    this.pieces = []; /* of sound: {number, at, sent_at, response_id} */
    this.is_over = false;
    const keep = client.log.push.bind(client.log);
    client.log.push = (event) => keep(event.type === "response.output_audio.delta" ? this.note(event) : event);
    this.microphone = this.stream();
  }

  note(event) {
    const number = number_of(event.delta);
    this.pieces.push({ number, at: performance.now(), sent_at: this.service.sent_at(number), response_id: event.response_id });
    return { type: event.type, response_id: event.response_id };
  }

  async stream() {
    for (let next_at = performance.now(); !this.is_over; next_at += FRAME_MS, await pause(Math.max(0, next_at - performance.now())))
      this.client.send({ type: "input_audio_buffer.append", audio: this.loud-- > 0 ? SPEECH : SILENCE });
  }

  /* Speak, until an answer begins; gives the place in the log where it does. */
  async speak() {
    const from = this.client.log.now;
    this.loud = SPEECH_FRAMES;
    const stopped = await this.client.log.wait("input_audio_buffer.speech_stopped", { from });
    const place = this.client.log.events.indexOf(stopped, from);
    await this.client.log.wait("response.created", { from: place });
    return place;
  }

  /* Until so many pieces of sound have come since a place in the log. */
  hear(count, from) {
    return this.client.log.wait(() => this.client.log.all("response.output_audio.delta", from).length >= count, { from });
  }

  done(count, from) {
    return this.client.log.wait(() => this.client.log.all("response.done", from).length >= count, { from });
  }

  async end() {
    this.is_over = true;
    await this.microphone;
    await this.client.close();
  }
}

/* Calls that the test ends, in the middle of the answer that follows. */
async function end_calls(talker, ending, overseer, from) {
  for (const { token, order, hear_first } of ending.filter(({ order }) => order)) {
    await talker.hear(hear_first, from);
    overseer.end(token, order);
  }
}

/*
 * Turn after turn until the time is over. A turn's calls are ended while its answer is heard; those of a turn that is interrupted
 * run on, and are ended in the middle of the next answer.
 */
async function talk(talker, { service, overseer, wanted }) {
  const end_at = performance.now() + LAST_MS;
  let left = [];
  for (let turn = 0; performance.now() < end_at || wanted(turn).length > 0 || left.length > 0; turn++) {
    const running = left.filter(({ token }) => overseer.runs(token));
    const from = await talker.speak();
    for (const call of running)
      call.was_interrupted = true;
    const held = wanted(turn).filter(is_held);
    await end_calls(talker, left, overseer, from);
    left = [];
    if (is_interrupted(turn)) {
      await talker.hear(BEFORE_INTERRUPTION, from);
      await Promise.all(held.map(({ token }) => overseer.until_started(token)));
      left = held;
    } else {
      await end_calls(talker, held, overseer, from);
      await talker.done(wanted(turn).length > 0 ? 2 : 1, from);
    }
  }
}

/* ---- what was heard ---- */

/* Times between two pieces of one answer, as they were heard, in order of size. */
function gaps_of(pieces) {
  return pieces.slice(1).map((piece, i) => ({ ...piece, before: pieces[i] }))
    .filter(({ response_id, before }) => response_id === before.response_id)
    .map(({ at, before }) => at - before.at).sort((a, b) => a - b);
}

const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
const ms = (value) => `${value.toFixed(1)} ms`;

async function start_far(overseer) {
  const child = spawn(process.execPath, [MCP, "http"], { env: { ...process.env, OVERSEER: overseer.url }, stdio: ["ignore", "pipe", "inherit"] });
  child.port = String(await new Promise((resolve) => child.stdout.once("data", resolve))).trim();
  return child;
}

describe(`a talk with ${CALLS} calls, and the same without`, () => {
  let service, overseer, far, with_tools, without;
  const talkers = {};

  before(async () => {
    [service, overseer] = await Promise.all([start_spoken(), start_overseer()]);
    far = await start_far(overseer);
    const common = {
      server: { workers: 1 },
      "model openai": { plugin: "model_openai", api_key: "sk-none", base_url: service.url },
      "store main": { plugin: "store_memory" },
    };
    with_tools = await start_parleyd({
      ...common,
      "tools builtin": { plugin: "tools_builtin" },
      "tools keep": { plugin: "tools_mcp", command: process.execPath, args: MCP, env: `OVERSEER=${overseer.url}`, ...SECTIONS.keep },
      "tools cancel": { plugin: "tools_mcp", url: `http://127.0.0.1:${far.port}/mcp`, ...SECTIONS.cancel },
      "tools detach": { plugin: "tools_mcp", url: `http://127.0.0.1:${far.port}/mcp`, ...SECTIONS.detach },
      "agent assistant": { model: "openai", tools: "builtin, keep, cancel, detach", tool_timeout_ms: "3s" },
    });
    without = await start_parleyd({ ...common, "agent assistant": { model: "openai" } });
    await with_tools.wait_for_log(/(the MCP server is ready[\s\S]*){3}/);
    for (const [name, parleyd] of Object.entries({ with_tools, without })) {
      talkers[name] = new Talker(await join(parleyd), service);
      talkers[name].speaker = service.openai.last.speaker;
    }
    talkers.with_tools.speaker.plan = calls_of;
  });

  after(async () => {
    await with_tools?.stop();
    await without?.stop();
    far?.kill("SIGKILL");
    await overseer?.stop();
    await service?.stop();
  });

  test("runs to its end", async () => {
    await Promise.all([
      talk(talkers.with_tools, { service, overseer, wanted: calls_of }),
      talk(talkers.without, { service, overseer, wanted: () => [] }),
    ]);
    await talkers.with_tools.end();
    await talkers.without.end();
  });

  test("every call has exactly one result, and the right one", () => {
    assert.deepEqual([...service.called.keys()].sort(), calls.map(({ call_id }) => call_id).sort());
    for (const call of calls) {
      const { outputs, later } = service.called.get(call.call_id);
      const wanted = expected(call);
      assert.equal(outputs.length, 1, `${call.call_id} has the results ${JSON.stringify(outputs)}`);
      assert.match(outputs[0], wanted.at_once, call.call_id);
      assert.equal(later.length, wanted.later.length, `${call.call_id}: later ${JSON.stringify(later)}`);
      wanted.later.forEach((words, i) => assert.match(later[i], words, call.call_id));
    }
    const interrupted = calls.filter((call) => call.was_interrupted);
    const failed = calls.filter((call) => call.fails).length;
    const ways = Object.keys(SECTIONS).map((name) => `${name} ${interrupted.filter(({ section }) => section === name).length}`);
    console.log(`# ${calls.length} calls, ${service.called.size} with one result each, ${interrupted.length} interrupted (${ways.join(", ")}), ${failed} failed`);
    assert.ok(interrupted.length >= Math.floor(CALLS / 3), `${interrupted.length} interrupted`);
    assert.equal(failed, CALLS / 10);
  });

  test("nothing is started twice", async () => {
    const held = calls.filter(is_held).map(({ token }) => token);
    const twice = [...overseer.started].filter(([, count]) => count > 1);
    const metrics = await (await fetch(`${with_tools.url}metrics`)).text();
    const runs = [...metrics.matchAll(/^gen_ai_execute_tool_duration_seconds_count\S* (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    const repeated = calls.filter(({ is_repeated, section }) => is_repeated || section === "twin").length;
    console.log(`# ${runs} calls run, ${overseer.started.size} of them by MCP servers, ${repeated} made twice, ${twice.length} started twice`);
    assert.deepEqual([...overseer.started.keys()].sort(), held.sort());
    assert.deepEqual(twice, []);
    assert.equal(runs, calls.filter(({ section }) => section !== "twin").length);
  });

  test("the sound has no gap longer than without tools", () => {
    const [tools, plain] = [talkers.with_tools, talkers.without].map(({ pieces }) => gaps_of(pieces));
    for (const [name, gaps] of [["with tools", tools], ["without", plain]])
      console.log(`# ${name}: ${gaps.length} gaps, half below ${ms(share(gaps, 0.5))}, 99 of 100 below ${ms(share(gaps, 0.99))}, longest ${ms(gaps.at(-1))}`);
    assert.ok(tools.length > CALLS * 8 && plain.length > CALLS * 8, "both have spoken");
    /* Every eleventh gap has a call in it. The rarer a gap, the more of it is chance: a busy machine keeps the one or the other waiting. */
    assert.ok(share(tools, 0.95) <= share(plain, 0.95) * 1.25, "gaps are longer with tools");
    assert.ok(share(tools, 0.99) <= share(plain, 0.99) * 1.5, "some gaps are longer with tools");
    assert.ok(tools.at(-1) <= plain.at(-1) * 2, "one gap is longer with tools");
  });
});
