// SPDX-License-Identifier: Apache-2.0
/*
 * A client of one session that asks in turns (recalling_upstream.mjs answers), loses its connection at any moment, and comes
 * back to one host or another until it has its answer. What it was told, its witness knows.
 *
 * The world around it has `hosts`, each with `is_dead`; `tick()`, for each event; and `note(...words)`.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { dial } from "./raw_client.mjs";
import { sound_of } from "./recalling_upstream.mjs";
import { Witness } from "./witness.mjs";

export const KEY_OF_CLIENT = "ann-0123456789abcdef";

const MOST_ASKED = 30; /* times, for one answer */
const PATIENCE_MS = 60_000; /* to come back: a busy machine starts parleyd slowly, and a lease has to end */
const TRY_AGAIN = new Set(["session_already_connected", "session_on_another_host", "session_not_resumed"]);

const text_of = (item) => (item.content ?? []).map((part) => part.text ?? part.transcript ?? "").join("");

/* The connection is no more, for whatever reason. */
class Lost extends Error {}

/* A client of one session, which comes back until the session is closed. */
export class ReturningClient {
  constructor(world, chance) {
    Object.assign(this, { world, chance, witness: new Witness(), resumes: 0, place: 0, kills: 0, models: 0 });
  }

  /* The connection's events, in the order in which they came. */
  attach(client, place) {
    this.keep = client.log.push.bind(client.log);
    this.client = client;
    this.place = place;
    this.is_lost = false;
    client.log.push = (event) => {
      if (this.client !== client || this.is_lost)
        return;
      this.world.note("client <", event.type, event.item?.id ?? event.response?.id ?? event.parley?.resumed ?? "", event.item?.type ?? event.response?.status ?? "");
      if (event.type === "session.created")
        this.created(event);
      else
        this.witness.take(event);
      this.keep(event);
      this.world.tick();
    };
    client.closed.then(() => this.lose(client));
  }

  created({ event_id, session, parley }) {
    this.id = session.id;
    this.home = this.world.hosts[this.place];
    this.token = parley.resume_token;
    if (parley.resumed !== "events") /* those follow the last one that it had seen */
      this.witness.last_event_id = event_id;
    if (parley.resumed === undefined)
      return;
    this.resumes++;
    this.is_half_told = true; /* what it is told comes before the end of another response */
    this.witness.back(parley.resumed);
  }

  lose(client, has_died = this.home !== undefined && this.home.is_dead) {
    if (client !== this.client)
      return;
    this.is_lost = true;
    this.witness.lost(has_died);
    this.keep({ type: "lost" });
  }

  kill() {
    const { client } = this;
    if (!client || this.is_lost)
      return false;
    this.lose(client, false);
    client.socket.terminate();
    return true;
  }

  /* The first of these types, or Lost. */
  async wait(client, types, from = 0) {
    const closed = client.closed.then(() => {
      throw new Lost();
    });
    closed.catch(() => {});
    const looked_for = (event) => types.includes(event.type) || event.type === "lost";
    if (this.is_lost)
      throw new Lost();
    return Promise.race([client.log.wait(looked_for, { from }), closed]);
  }

  async try_once() {
    const place = this.chance.below(this.world.hosts.length);
    const server = this.world.hosts[place];
    if (server.is_dead)
      return "dead";
    const last = this.chance.chance(0.8) ? this.witness.last_event_id : "event_nobody_knows";
    const client = this.id === undefined ? dial(server, { key: KEY_OF_CLIENT, query: "resume=on" })
      : dial(server, { agent: null, key: KEY_OF_CLIENT, query: `session_id=${this.id}&last_event_id=${last ?? ""}`, headers: { "parley-resume-token": this.token } });
    this.attach(client, place);
    const came = await this.wait(client, ["session.created", "error"]).catch((error) => {
      if (error instanceof Lost)
        return { type: "lost" };
      throw error;
    });
    if (came.type === "session.created")
      return null;
    client.socket.terminate();
    this.client = null;
    this.world.note("refused by", place, came.error?.code);
    return came.error?.code ?? "lost";
  }

  forget() {
    this.id = undefined;
    this.witness.begin();
  }

  async come_back() {
    const until = Date.now() + PATIENCE_MS;
    while (Date.now() < until) {
      const refusal = await this.try_once();
      if (refusal === null)
        return;
      const is_unknown = refusal === "session_not_found";
      if (is_unknown && this.home.is_dead && this.witness.is_owed_nothing())
        this.forget(); /* nothing of it was promised */
      else if (is_unknown && !this.home.is_dead && this.world.hosts.length > 1)
        continue; /* the store has not heard of it yet: its own host has it */
      else if (!TRY_AGAIN.has(refusal) && !["dead", "lost"].includes(refusal))
        throw new Error(`the client may not come back: ${refusal}`);
      await pause(5);
    }
    throw new Error("the client could not come back");
  }

  /* ---- a turn ---- */

  say(...events) {
    for (const event of events) {
      if (this.is_lost)
        throw new Lost();
      this.witness.speak(this.is_spoken);
      this.client.send(event);
      this.world.note("client >", event.type, event.item?.content[0].text ?? "");
      this.world.tick();
    }
  }

  is_asked({ kind, number, id }) {
    return kind === "speech" ? this.witness.find((item) => item.role === "user" && text_of(item) === `say ${number}`) : this.witness.has(id);
  }

  is_answered({ kind, number }) {
    const wanted = kind === "do" ? new RegExp(`^Did ${number}: .* Over\\.$`) : new RegExp(`^Answer ${number}\\.$`);
    return this.witness.find((item) => item.role === "assistant" && wanted.test(text_of(item)));
  }

  ask({ kind, number, id }) {
    if (kind === "speech")
      this.say({ type: "input_audio_buffer.append", audio: sound_of(number) }, { type: "input_audio_buffer.commit" });
    else
      this.say({ type: "conversation.item.create", item: { id, type: "message", role: "user", content: [{ type: "input_text", text: `${kind} ${number}` }] } });
  }

  /* Until the turn is answered, or the connection is lost. */
  async advance(turn) {
    const { client } = this;
    this.is_spoken = turn.modality === "audio";
    for (let i = 0; this.is_half_told || !this.is_answered(turn); i++) {
      assert.ok(i < MOST_ASKED, `"${turn.kind} ${turn.number}" is not answered, but: ${client.log.events.slice(-30).map(({ type }) => type).join(", ")}`);
      if (!this.is_asked(turn) && (i === 0 || turn.kind === "speech")) /* what a model that dies had not heard to its end is lost */
        this.ask(turn);
      const from = client.log.now;
      this.say({ type: "response.create", response: { output_modalities: [turn.modality] } });
      const came = await this.wait(client, ["response.done", "error"], from);
      if (came.type === "lost")
        throw new Lost();
      if (came.type === "error")
        await this.refused(client, came.error, from);
      this.is_half_told &&= client.log.all("response.done", from).length === 0;
    }
  }

  /* A response runs: of the turn before the connection broke, perhaps. Or the item has arrived after all. */
  async refused(client, { code, param, message }, from) {
    if (code === "conversation_already_has_active_response") {
      if (client.log.all("response.done", from).length === 0)
        await this.wait(client, ["response.done"], from);
    } else if (param !== "item.id") {
      throw new Error(`the client is told ${code}: ${message}`);
    }
  }

  async turn(turn) {
    for (;;) {
      try {
        if (!this.client || this.is_lost)
          await this.come_back();
        await this.advance(turn);
        break;
      } catch (error) {
        if (!(error instanceof Lost))
          throw error;
      }
    }
    this.witness.check();
  }

  async close() {
    this.client.socket.close(1000);
    await this.client.closed;
  }
}
