// SPDX-License-Identifier: Apache-2.0
/*
 * The model's connection, the client's and parleyd itself are killed at random moments of a conversation, with SQLite (one
 * parleyd, started again on its file) and with Cosmos DB (two parleyd on one account; the client comes back to either).
 * A moment is a number of events, calls and requests to the store, not a time. What was told must be there afterwards, once;
 * no tool may run twice; the conversation goes on. tests/e2e/run runs this file beside the others.
 *
 * PARLEY_KILLS        kills for each store (200)
 * PARLEY_KILLS_SEED   repeats the choices of a run, which prints it; when the parts meet is still chance
 * PARLEY_KILLS_TRACE  all that happened goes to this file
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Chance, Moment } from "./support/chance.mjs";
import { Cosmos, KEY } from "./support/cosmos.mjs";
import { start_overseer } from "./support/overseer.mjs";
import { start_server, write_files } from "./support/program.mjs";
import { start_recalling } from "./support/recalling_upstream.mjs";
import { KEY_OF_CLIENT, ReturningClient } from "./support/returning_client.mjs";

const KILLS = Number(process.env.PARLEY_KILLS ?? 200);
const SEED = Number(process.env.PARLEY_KILLS_SEED ?? Math.floor(Math.random() * 1e9));
const TRACE = process.env.PARLEY_KILLS_TRACE;
const MOST_TICKS = 120; /* until a kill; a turn is about as many */
const KILLS_OF_A_SESSION = 12;
const MODELS_OF_A_SESSION = 4; /* that are killed: the sixth loss in a minute ends a session */
const PATIENCE_MS = 60_000; /* to see the end of a session in the store */
const MCP = fileURLToPath(new URL("support/counted_mcp.mjs", import.meta.url));

/* ---- what is killed ---- */

/* parleyd, upstream, tools and store of one run; `tick` is called at all that happens. */
class World {
  constructor(chance, moment) {
    Object.assign(this, { chance, tick: moment.tick, hosts: [], started: [], happened: [] });
  }

  /* For who looks for the cause of a failure. */
  note(...words) {
    this.happened.push(words.join(" "));
  }

  async start({ hosts, workers, store }) {
    const note_event = (way, { type, item, call_id }) => this.note(way, type, item?.id ?? "", item?.type ?? "", item?.call_id ?? call_id ?? "");
    this.service = await start_recalling({ random: this.chance, tick: this.tick, note_event });
    this.overseer = await start_overseer();
    const keep = this.overseer.log.push.bind(this.overseer.log);
    this.overseer.log.push = (event) => {
      keep(event);
      this.note("tool runs", event.token);
      this.tick();
      setImmediate(() => {
        this.tick();
        this.overseer.end(event.token, { result: { content: [{ type: "text", text: `${event.token} is done` }] } });
      });
    };
    this.far = spawn(process.execPath, [MCP, "http"], { env: { ...process.env, OVERSEER: this.overseer.url }, stdio: ["ignore", "pipe", "inherit"] });
    const port = String(await new Promise((resolve) => this.far.stdout.once("data", resolve))).trim();
    this.sections = {
      server: { workers },
      "model openai": { plugin: "model_openai", api_key: "sk-none", base_url: this.service.url },
      "tools far": { plugin: "tools_mcp", url: `http://127.0.0.1:${port}/mcp` },
      "store main": store,
      "agent assistant": { model: "openai", tools: "far", store: "main", output: "text", show_tools: "yes", client_may_set: "*", model_cooldown_ms: 1 },
      auth: { keys: `ann=${KEY_OF_CLIENT}` },
    };
    await Promise.all(Array.from({ length: hosts }, (_, place) => this.start_host(place)));
  }

  async start_host(place) {
    const server = await start_server(this.sections);
    server.is_dead = false;
    this.hosts[place] = server;
    this.started.push(server);
    await server.wait_for_log(/the MCP server is ready/).catch((error) => {
      if (!server.is_dead)
        throw error;
    });
  }

  /* kill -9; the next one is started at once. */
  kill_host(place) {
    const server = this.hosts[place];
    server.is_dead = true;
    server.process.kill("SIGKILL");
    this.starting = Promise.all([this.starting, server.exited.then(() => this.start_host(place))]);
  }

  /* False: there is none. */
  kill_upstream() {
    const open = this.service.openai.connections.filter(({ ws }) => ws.readyState === ws.OPEN);
    if (open.length === 0)
      return false;
    open.at(-1).ws.terminate();
    return true;
  }

  async stop() {
    await this.starting;
    for (const server of this.hosts)
      await server?.stop();
    this.far?.kill("SIGKILL");
    await this.overseer?.stop();
    await this.service?.stop();
  }
}

/* ---- a run ---- */

class Run {
  constructor(seed, world, moment, chance) {
    Object.assign(this, { seed, world, moment, chance, kills: { upstream: 0, client: 0, parleyd: 0 }, talkers: [], turns: 0 });
  }

  get killed() {
    return this.kills.upstream + this.kills.client + this.kills.parleyd;
  }

  arm() {
    const kind = this.chance.one_of(["upstream", "client", "parleyd"]);
    this.moment.after(1 + this.chance.below(MOST_TICKS), () => {
      const has_hit = this.strike(kind);
      this.kills[kind] += has_hit;
      this.world.note("kill", kind, has_hit, this.talker.id);
      if (this.killed < KILLS)
        this.arm();
    });
  }

  strike(kind) {
    const { talker } = this;
    if (kind === "upstream" && (talker.models >= MODELS_OF_A_SESSION || !this.world.kill_upstream()))
      return false;
    if (kind === "client" && !talker.kill())
      return false;
    if (kind === "parleyd" && !this.strike_host(talker))
      return false;
    talker.models += kind === "upstream";
    talker.kills++;
    return true;
  }

  /* The one that has the session, mostly. */
  strike_host(talker) {
    const home = this.world.hosts.indexOf(talker.home);
    const place = home >= 0 && this.chance.chance(0.8) ? home : this.chance.below(this.world.hosts.length);
    const server = this.world.hosts[place];
    if (server.is_dead)
      return false;
    this.world.kill_host(place);
    if (server === talker.home)
      talker.witness.lost(true);
    if (talker.client && place === talker.place)
      talker.lose(talker.client);
    return true;
  }

  async go() {
    this.arm();
    while (this.killed < KILLS) {
      this.talker = new ReturningClient(this.world, this.chance);
      this.talkers.push(this.talker);
      while (this.killed < KILLS && this.talker.kills < KILLS_OF_A_SESSION)
        await this.turn();
      await this.end();
    }
  }

  async turn() {
    const number = ++this.turns;
    const kind = this.chance.one_of(["say", "say", "do", "do", "speech"]);
    await this.talker.turn({ kind, number, id: `user_${number}`, modality: this.chance.one_of(["text", "text", "audio"]) });
  }

  /* The session is over: what has the store of it? */
  async end() {
    this.moment.hold(true);
    const { talker } = this;
    await this.talker.turn({ kind: "say", number: ++this.turns, id: `user_${this.turns}`, modality: "text" });
    await talker.close();
    await this.world.starting;
    const server = this.world.hosts[0];
    const until = Date.now() + PATIENCE_MS;
    while (Date.now() < until) {
      const { status, body } = await server.admin("GET", `/admin/v1/kept/${talker.id}`);
      if (status === 200 && body.session.state === "ended") {
        talker.witness.compare(body.items.filter(({ deleted_ms }) => deleted_ms === undefined));
        this.moment.hold(false);
        return;
      }
      await pause(10);
    }
    throw new Error(`the store does not tell that ${talker.id} has ended`);
  }

  all(what) {
    return this.talkers.flatMap(({ witness }) => [...witness.counts[what]]);
  }

  get findings() {
    const all = Object.fromEntries(["missing", "twice", "changed", "moved"].map((what) => [what, this.all(what)]));
    return { ...all, told_twice: this.world.service.told_twice, run_twice: this.twice_run };
  }

  get twice_run() {
    return [...this.world.overseer.started].filter(([, count]) => count > 1).map(([token]) => token);
  }

  summary() {
    const { upstream, client, parleyd } = this.kills;
    const resumes = this.talkers.reduce((sum, talker) => sum + talker.resumes, 0);
    const ran = [...this.world.overseer.started.values()].reduce((sum, count) => sum + count, 0);
    return `seed ${this.seed}: ${this.killed} kills (upstream ${upstream}, client ${client}, parleyd ${parleyd}), ${resumes} resumes, ` +
      `${this.talkers.length} sessions, ${this.turns} turns, ${this.all("told").length} items told, missing ${this.all("missing").length}, ` +
      `twice ${this.all("twice").length + this.world.service.told_twice.length}, changed ${this.all("changed").length}, moved ${this.all("moved").length}; ` +
      `side effects run ${ran}, twice ${this.twice_run.length}`;
  }
}

function killing(name, prepare) {
  describe(name, () => {
    const chance = new Chance(SEED);
    const moment = new Moment();
    const world = new World(chance, moment);
    const run = new Run(SEED, world, moment, chance);
    let finish;

    before(async () => {
      const { close, ...rest } = await prepare(moment.tick);
      finish = close;
      await world.start(rest);
    });
    after(async () => {
      await world.stop();
      await finish?.();
    });

    test(`survives ${KILLS} kills`, { timeout: 400_000 }, async () => {
      try {
        await run.go();
      } catch (error) {
        const logs = world.started.slice(-4).map((server) => server.log.slice(-3000)).join("\n---\n");
        throw new Error(`${error.message}\n${run.summary()}\n${logs}`, { cause: error });
      } finally {
        console.log(`${name}: ${run.summary()}`);
        if (TRACE)
          writeFileSync(`${TRACE}.${name}`, [...world.happened, ...world.started.map(({ log }) => log), JSON.stringify(run.findings, null, 2)].join("\n"));
      }
    });

    test("nothing that the client was told is missing, or is there twice", () => {
      assert.deepEqual({ ...run.findings, run_twice: null }, { missing: [], twice: [], changed: [], moved: [], told_twice: [], run_twice: null });
      assert.ok(run.all("told").length > KILLS);
    });

    test("no tool with side effects ran twice", () => {
      assert.deepEqual(run.twice_run, []);
      assert.ok(world.overseer.started.size > 0);
    });
  });
}

killing("store_sqlite", () => {
  const folder = write_files({});
  return { hosts: 1, workers: 2, store: { plugin: "store_sqlite", path: `${folder}/parley.db` } };
});

killing("store_cosmos", async (tick) => {
  const cosmos = await Cosmos.start();
  cosmos.fault = () => tick();
  return { hosts: 2, workers: 1, store: { plugin: "store_cosmos", endpoint: cosmos.url, key: KEY, create: "yes" }, close: () => cosmos.close() };
});
