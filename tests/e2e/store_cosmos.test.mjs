// SPDX-License-Identifier: Apache-2.0
/* Conversations in Cosmos DB: what reaches an account over real sockets, and what hosts that share one do to each other. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Cosmos, KEY } from "./support/cosmos.mjs";
import { ini_text, make_certificate } from "./support/parleyd.mjs";
import { check, start_server, write_files } from "./support/program.mjs";
import { USER_TEXT, dial, join } from "./support/raw_client.mjs";

const [ITEM, CALL, RESPONSE] = [1, 2, 3];

const script = JSON.stringify({
  reply: "You said: {{text}}",
  rules: [
    { on: "response.create", match: { output: { contains: "5" } }, do: [{ speak: "It is five." }] },
    { on: "response.create", match: { text: { contains: "plus" } }, do: [{ call: { name: "calculator", arguments: { expression: "2 + 3" } } }] },
    { on: "response.create", match: { text: { contains: "story" } }, do: [{ speak: "Once upon a time there was a boat.", ms: 8000, pace: true }] },
  ],
});

const id_of = (client) => client.log.all("session.created")[0].session.id;
const of_kind = (rows, kind) => rows.filter((row) => row.record_kind === kind);
const words = (value) => JSON.stringify(value);

describe("store_cosmos", () => {
  let cosmos, folder;

  before(() => {
    folder = write_files({ "script.json": script });
  });

  beforeEach(async () => {
    await cosmos?.close();
    cosmos = await Cosmos.start();
  });

  after(() => cosmos?.close());

  const sections = (more = {}, agent = {}) => ({
    server: { workers: 2 },
    "model main": { plugin: "model_script", script: `${folder}/script.json` },
    "tools builtin": { plugin: "tools_builtin" },
    "store main": { plugin: "store_cosmos", endpoint: cosmos.url, key: KEY, create: "yes", ...more },
    "agent assistant": { model: "main", tools: "builtin", client_may_set: "*", ...agent },
  });

  /* Until the account holds what is looked for. */
  async function until(look) {
    for (let i = 0; i < 200; i++) {
      const found = look(await cosmos.documents());
      if (found)
        return found;
      await pause(25);
    }
    throw new Error(`not found in ${words(await cosmos.documents())}`);
  }

  test("a conversation is there afterwards, in order, and was asked for as the service wants it", async () => {
    const server = await start_server(sections());
    const client = await join(server);
    const id = id_of(client);
    await client.ask("what is two plus three");
    await client.log.wait((event) => event.type === "response.done" && event.response.output.some((item) => item.type === "message"));
    await client.ask("hello \u{1F600}");
    await client.close();
    await server.wait_for_sessions(0);
    await server.stop();

    const documents = await cosmos.documents();
    const head = documents.find((document) => document.pk === `s:${id}` && document.kind === "head");
    const rows = cosmos.records(documents, id);
    assert.equal(head.agent, "assistant");
    assert.equal(head.state, 1, "it has ended");
    assert.equal(head.record_count, rows.length);
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_row, i) => i + 1));
    const items = of_kind(rows, ITEM);
    assert.ok(items.some((row) => words(row).includes("hello \u{1F600}")));
    assert.ok(items.some((row) => words(row).includes("It is five.")));
    assert.equal(of_kind(rows, CALL).length, 1);
    assert.ok(of_kind(rows, RESPONSE).length >= 2);
    assert.equal(documents.filter(({ kind }) => kind === "row").length, 1);

    assert.equal(cosmos.seen.filter(({ url }) => url === "/").length, 1, "the account was read once for both workers");
    const batches = cosmos.seen.filter(({ headers }) => headers["x-ms-cosmos-is-batch-request"]);
    assert.ok(batches.length > 0);
    for (const { body } of batches) {
      const [first, ...others] = JSON.parse(body);
      if (first.operationType !== "Create" || others[0].resourceBody.kind !== "data") {
        assert.equal(first.operationType, "Replace");
        assert.ok(first.ifMatch, "fenced by the head's entity tag");
      }
      assert.ok(others.length > 0 && others.every(({ operationType }) => operationType === "Upsert"));
    }
    for (const { url, headers } of cosmos.seen.filter(({ url }) => url.includes("/docs")))
      assert.ok(headers["x-ms-documentdb-partitionkey"], url);
    assert.ok(cosmos.connections < cosmos.seen.length / 2, `${cosmos.connections} connections for ${cosmos.seen.length} requests`);
    assert.ok(!server.log.includes(KEY));
  });

  test("charges and retries are metrics", async () => {
    let times = 3;
    cosmos.fault = ({ headers }) => headers["x-ms-cosmos-is-batch-request"] && times-- > 0
      ? { code: 429, headers: { "x-ms-substatus": "3200", "x-ms-retry-after-ms": "30", "x-ms-request-charge": "0.5" } } : undefined;
    const server = await start_server(sections());
    const client = await join(server);
    await client.ask("hello");
    await until((documents) => of_kind(cosmos.records(documents, id_of(client)), RESPONSE).length === 1);
    const page = await (await fetch(`${server.url}metrics`)).text();
    assert.match(page, /parley_store_request_charge\w*\{[^}]*parley_store_operation="append"[^}]*\} [0-9.]+/);
    assert.match(page, /parley_store_retries\w*\{[^}]*error_type="429"[^}]*\} 3/);
    await client.close();
    await server.stop();
  });

  test("answers that are lost after the write leave nothing out and nothing twice", async () => {
    let number = 0;
    cosmos.fault = ({ method, url }) => method !== "GET" && url.includes("/docs") && ++number % 2 === 1 ? "reset after" : undefined;
    const server = await start_server(sections());
    const client = await join(server);
    for (const text of ["first", "second", "third"])
      await client.ask(text);
    await client.close();
    await server.wait_for_sessions(0);
    await server.stop();
    const documents = await cosmos.documents();
    const rows = cosmos.records(documents, id_of(client));
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_row, i) => i + 1));
    assert.equal(of_kind(rows, RESPONSE).length, 3);
    for (const text of ["first", "second", "third"])
      assert.equal(of_kind(rows, ITEM).filter((row) => words(row).includes(`"${text}"`)).length, 1);
    assert.equal(documents.find(({ kind }) => kind === "head").record_count, rows.length);
    assert.ok(!server.log.includes("the store failed"));
  });

  test("half an answer, and one that drips, are no answers", async () => {
    const faults = ["cut", "drip"];
    cosmos.fault = ({ headers }) => headers["x-ms-cosmos-is-batch-request"] ? faults.shift() : undefined;
    const server = await start_server(sections({ timeout_ms: "4s" }));
    const client = await join(server);
    await client.ask("first");
    await client.ask("second");
    await client.close();
    await server.wait_for_sessions(0);
    await server.stop();
    const rows = cosmos.records(await cosmos.documents(), id_of(client));
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_row, i) => i + 1));
    assert.equal(of_kind(rows, RESPONSE).length, 2);
    assert.equal(faults.length, 0);
  });

  test("a service that hangs for one session costs the others nothing", async () => {
    const server = await start_server(sections({ timeout_ms: "2s" }));
    await server.wait_for_log(/the store is ready/);
    const [stuck, free] = [await join(server), await join(server)];
    cosmos.fault = ({ headers, body }) => (headers["x-ms-documentdb-partitionkey"] + body).includes(id_of(stuck)) ? "hang" : undefined;
    assert.equal((await stuck.ask("hello")).status, "completed");
    await free.ask("hello");
    await until((documents) => of_kind(cosmos.records(documents, id_of(free)), RESPONSE).length === 1);
    assert.equal((await stuck.ask("hello again")).status, "completed");
    await server.wait_for_log(/the store does not take this conversation now.*timed out/i, 15_000);
    cosmos.fault = undefined;
    await until((documents) => of_kind(cosmos.records(documents, id_of(stuck)), RESPONSE).length === 2);
    await Promise.all([stuck.close(), free.close()]);
    await server.stop();
  });

  test("a certificate is checked: refused with the way out, taken with its authority", async () => {
    const tls = make_certificate();
    const secure = await Cosmos.start({ tls });
    const refused = await start_server(sections({ endpoint: secure.url, timeout_ms: "5s" }));
    await refused.wait_for_log(/the store cannot be used.*certificate.*trust its authority with ca_file/i, 20_000);
    await refused.stop();
    assert.equal(secure.seen.length, 0);
    const trusted = await start_server(sections({ endpoint: secure.url, ca_file: tls.certificate }));
    await trusted.wait_for_log(/the store is ready/);
    await trusted.stop();
    await secure.close();
  });

  test("an account that is away costs a conversation nothing, and gets its record when it is back", async () => {
    const server = await start_server(sections({ timeout_ms: "1s" }));
    await server.wait_for_log(/the store is ready/);
    cosmos.fault = () => "reset";
    const client = await join(server);
    for (let i = 0; i < 3; i++)
      assert.equal((await client.ask("hello")).status, "completed");
    await server.wait_for_log(/the store does not take this conversation now/, 15_000);
    cosmos.fault = undefined;
    const rows = await until((documents) => {
      const found = cosmos.records(documents, id_of(client));
      return of_kind(found, RESPONSE).length === 3 && found;
    });
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_, i) => i + 1));
    assert.match(server.log, /the store takes this conversation again/);
    await client.close();
    await server.stop();
  });

  test("an item over 2 MB is kept without its contents, and the rest goes on", async () => {
    const server = await start_server(sections());
    const client = await join(server);
    await client.ask("hello");
    const item = { id: "item_big", type: "message", role: "user", content: [{ type: "input_text", text: `It begins. ${"x".repeat(2_500_000)}` }] };
    client.send({ type: "conversation.item.create", item });
    await client.log.wait((event) => event.type === "conversation.item.done" && event.item.id === "item_big");
    await client.ask("and goes on");
    const rows = await until((documents) => {
      const found = cosmos.records(documents, id_of(client));
      return of_kind(found, RESPONSE).length === 2 && found;
    });
    const kept = rows.find(({ record_id }) => record_id === "item_big")?.data ?? rows.map(({ data }) => data).find(({ id }) => id === "item_big");
    assert.match(kept.content[0].text, /^It begins\. x+ \[cut: the record had 25\d{5} bytes, more than the store takes\]$/);
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_, i) => i + 1));
    assert.match(server.log, /a record is too large for the store, and kept without its contents.*id=item_big/);
    assert.ok(cosmos.seen.every(({ body }) => (body?.length ?? 0) < 2_100_000), "nothing larger was sent");
    await client.close();
    await server.stop();
  });

  test("a host whose lease was taken over writes nothing more, and the session is told", async () => {
    const server = await start_server(sections({}, { on_store_failure: "end" }));
    const client = await join(server);
    const id = id_of(client);
    await client.ask("hello");
    const { rows, head } = await until((documents) => {
      const head = documents.find(({ pk, kind }) => pk === `s:${id}` && kind === "head");
      const rows = cosmos.records(documents, id);
      return of_kind(rows, RESPONSE).length === 1 && head.record_count === rows.length && { head, rows };
    });
    await cosmos.ask("PUT", "/dbs/parley/colls/sessions/docs/head", { ...head, epoch: head.epoch + 1, owner: "another host" },
      { "x-ms-documentdb-partitionkey": words([`s:${id}`]), "if-match": head._etag });
    await client.ask("are you still there").catch(() => undefined);
    await server.wait_for_log(/epoch 1 is not the current 2, which another host holds/);
    const documents = await cosmos.documents();
    assert.equal(cosmos.records(documents, id).length, rows.length);
    assert.equal(documents.find(({ pk, kind }) => pk === `s:${id}` && kind === "head").owner, "another host");
    await server.stop();
  });

  test("two hosts share an account", async () => {
    const [one, two] = await Promise.all([start_server(sections()), start_server(sections())]);
    const clients = [await join(one), await join(two)];
    for (let i = 0; i < 4; i++)
      await Promise.all(clients.map((client) => client.ask(`turn ${i}`)));
    await Promise.all(clients.map((client) => client.close()));
    await one.stop();
    await two.stop();
    const documents = await cosmos.documents();
    for (const client of clients)
      assert.equal(of_kind(cosmos.records(documents, id_of(client)), RESPONSE).length, 4);
    assert.equal(documents.filter(({ kind }) => kind === "row").length, 2);
  });

  test("SIGTERM loses nothing", async () => {
    const server = await start_server(sections());
    const clients = await Promise.all(Array.from({ length: 10 }, () => join(server)));
    await Promise.all(clients.map((client) => client.ask("last words")));
    await server.stop();
    const documents = await cosmos.documents();
    for (const client of clients)
      assert.ok(words(cosmos.records(documents, id_of(client))).includes("You said: last words"));
  });

  test("SIGTERM waits for writes that are under way", async () => {
    const server = await start_server(sections());
    const clients = await Promise.all(Array.from({ length: 3 }, () => join(server)));
    cosmos.fault = ({ method }) => method === "GET" ? undefined : "slow";
    await Promise.all(clients.map((client) => client.ask("last words")));
    await server.stop();
    const documents = await cosmos.documents();
    for (const client of clients) {
      const head = documents.find(({ pk, kind }) => pk === `s:${id_of(client)}` && kind === "head");
      const rows = cosmos.records(documents, id_of(client));
      assert.ok(words(rows).includes("You said: last words"));
      assert.equal(head.record_count, rows.length);
      assert.equal(head.state, 1);
    }
  });

  test("kill -9 in the middle loses at most the turn in flight, and another host goes on with the account", { timeout: 60_000 }, async () => {
    const server = await start_server(sections());
    const clients = await Promise.all(Array.from({ length: 6 }, () => join(server)));
    for (const client of clients)
      for (const text of ["first", "second"])
        await client.ask(text);
    await until((documents) => clients.every((client) => of_kind(cosmos.records(documents, id_of(client)), RESPONSE).length === 2));
    for (const client of clients) {
      client.send(USER_TEXT("tell me a story"));
      client.send({ type: "response.create" });
      await client.log.wait((event) => event.type === "response.output_audio.delta" && client.log.all("response.created").length === 3);
    }
    server.process.kill("SIGKILL");
    await server.exited;

    const other = await start_server(sections());
    const documents = await cosmos.documents();
    for (const client of clients) {
      const rows = cosmos.records(documents, id_of(client));
      const head = documents.find(({ pk, kind }) => pk === `s:${id_of(client)}` && kind === "head");
      assert.ok(rows.length >= head.record_count, "all that the head counts is there");
      const counted = rows.slice(0, head.record_count);
      assert.deepEqual(counted.map(({ seq }) => seq), counted.map((_row, i) => i + 1));
      for (const said of ["first", "second"])
        assert.equal(of_kind(counted, ITEM).filter((row) => words(row).includes(`You said: ${said}`)).length, 1);
      assert.equal(of_kind(counted, RESPONSE).length, 2);
      assert.ok(!words(counted).includes("there was a boat"), "what was not said to its end is not kept as if it had been");
    }
    const client = await join(other);
    await client.ask("after the fall");
    await client.close();
    await other.wait_for_sessions(0);
    await other.stop();
    assert.ok(of_kind(cosmos.records(await cosmos.documents(), id_of(client)), ITEM).length >= 2);
  });

  const ANN = "ann-0123456789abcdef";

  const come_back = (server, id, token) =>
    dial(server, { agent: null, key: ANN, query: `session_id=${id}`, headers: { "parley-resume-token": token } });

  /* A session at a host of its own, with two turns that the account has. */
  async function begin(server) {
    const client = await join(server, { key: ANN, query: "resume=on" });
    const { session: { id }, parley: { resume_token } } = client.log.all("session.created")[0];
    for (const text of ["the word is walrus", "what is two plus three"])
      await client.ask(text);
    await client.log.wait((event) => event.type === "response.done" && words(event).includes("It is five."));
    await until((documents) => words(cosmos.records(documents, id)).includes("It is five."));
    return { client, id, token: resume_token };
  }

  /* As if its time were over: nobody waits half a minute for that. */
  async function end_lease(id) {
    for (let i = 0; i < 20; i++) {
      const head = (await cosmos.documents()).find(({ pk, kind }) => pk === `s:${id}` && kind === "head");
      const answer = await cosmos.ask("PUT", "/dbs/parley/colls/sessions/docs/head", { ...head, lease_until_ms: 1 },
        { "x-ms-documentdb-partitionkey": words([`s:${id}`]), "if-match": head._etag });
      if (answer.lease_until_ms === 1)
        return;
    }
    throw new Error("somebody writes all the time");
  }

  /* While its host is there, another one does not take the session. */
  async function is_refused(server, { id, token }) {
    const client = come_back(server, id, token);
    const { error: { code } } = await client.log.wait("error");
    await client.end();
    assert.equal(code, "session_on_another_host");
  }

  const keys = () => ({ auth: { keys: `ann=${ANN}` } });

  test("a turn does not carry the session's settings, and another host finds them", { timeout: 60_000 }, async (t) => {
    const instructions = `You are the receptionist. ${"Tell the opening hours of the practice to all who ask. ".repeat(146)}`.trim();
    const [one, two] = await Promise.all([1, 2].map(() => start_server({ ...sections({}, { instructions }), ...keys() })));
    const client = await join(one, { key: ANN, query: "resume=on" });
    const { session: { id }, parley: { resume_token } } = client.log.all("session.created")[0];
    const is_turn = ({ headers, body }) => headers["x-ms-cosmos-is-batch-request"] && body.includes('"kind":"record"');
    for (const [i, text] of ["first", "second", "third"].entries()) {
      await client.ask(text);
      await until((documents) => of_kind(cosmos.records(documents, id), RESPONSE).length === i + 1);
    }
    const turns = cosmos.seen.filter(is_turn).map(({ body }) => body);
    assert.ok(turns.every((body) => !body.includes("opening hours")));
    const head_bytes = turns.map((body) => Buffer.byteLength(words(JSON.parse(body)[0])));
    t.diagnostic(`instructions of ${instructions.length} bytes: ${turns.length} writes for three turns, of ` +
      `${turns.map((body) => Buffer.byteLength(body)).join(" + ")} bytes, the head ${head_bytes.join(" + ")} of them`);

    const is_dead = new Promise((resolve) => one.process.once("exit", resolve));
    one.process.kill("SIGKILL");
    await is_dead;
    await end_lease(id);
    const late = come_back(two, id, resume_token);
    const created = await late.log.wait("session.created");
    assert.equal(created.session.id, id, "its token is known");
    assert.ok(created.session.instructions === instructions);
    await late.log.wait((event) => words(event).includes("third"));
    await late.ask("after the move");
    await late.close();
    await two.wait_for_sessions(0);
    await two.stop();
  });

  test("two hosts fight for one session: it goes on at the one that took it, and the other writes nothing more", { timeout: 60_000 }, async () => {
    const [one, two] = await Promise.all([start_server({ ...sections(), ...keys() }), start_server({ ...sections(), ...keys() })]);
    const { client, id, token } = await begin(one);
    await is_refused(two, { id, token });

    one.process.kill("SIGSTOP"); /* a host that hangs, and does not know it */
    await end_lease(id);
    const late = come_back(two, id, token);
    const created = await late.log.wait("session.created");
    assert.equal(created.session.id, id);
    assert.equal(created.parley.resumed, "conversation");
    await late.log.wait((event) => words(event).includes("walrus"));
    await late.ask("after the move");
    await until((documents) => words(cosmos.records(documents, id)).includes("You said: after the move"));
    const epoch_of = async () => (await cosmos.documents()).find(({ pk, kind }) => pk === `s:${id}` && kind === "head").epoch;
    assert.equal(await epoch_of(), 2);

    one.process.kill("SIGCONT");
    client.send(USER_TEXT("and I am still here"));
    client.send({ type: "response.create" });
    await one.wait_for_log(/epoch 1 is not the current 2/, 20_000);
    await late.ask("last words");
    await late.close();
    await two.wait_for_sessions(0);
    const documents = await cosmos.documents();
    const rows = cosmos.records(documents, id);
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_row, i) => i + 1), "no gap, nothing twice");
    assert.ok(!words(rows).includes("and I am still here"));
    assert.match(words(rows), /last words/);
    assert.equal(await epoch_of(), 2);
    client.socket.terminate();
    await one.stop();
    await two.stop();
  });

  test("a session whose host was killed goes on at another with all that its client was told", { timeout: 60_000 }, async () => {
    const [one, two] = await Promise.all([start_server({ ...sections(), ...keys() }), start_server({ ...sections(), ...keys() })]);
    const { id, token } = await begin(one);
    await is_refused(two, { id, token });
    one.process.kill("SIGKILL");
    await one.exited;
    await end_lease(id);
    const client = come_back(two, id, token);
    await client.log.wait("session.created");
    await client.ask("after the fall");
    for (const told of ["walrus", "It is five."])
      assert.ok(words(client.log.events).includes(told), told);
    await client.close();
    await two.wait_for_sessions(0);
    const rows = cosmos.records(await cosmos.documents(), id);
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_row, i) => i + 1));
    assert.equal(of_kind(rows, CALL).filter(({ data }) => data.status !== "started").length, 1, "the tool ran once");
    await two.stop();
  });

  test("a container that is not there is told at the start, with the way to create it", async () => {
    const server = await start_server(sections({ create: "no", container: "elsewhere" }));
    await server.wait_for_log(/the store cannot be used reason=".*no container elsewhere in a database parley; create it with/);
    const client = await join(server);
    assert.equal((await client.ask("hello")).status, "completed");
    await client.close();
    await server.stop();
  });

  test("a wrong key is told at the start, and not asked about again and again", async () => {
    const server = await start_server(sections({ key: "d3Jvbmcga2V5IQ==" }));
    await server.wait_for_log(/the store cannot be used reason=".*answered 401.*check key and secondary_key/);
    const client = await join(server);
    for (let i = 0; i < 3; i++)
      await client.ask("hello");
    await client.close();
    await server.stop();
    assert.ok(cosmos.seen.length <= 2, `${cosmos.seen.length} requests`);
    assert.ok(!server.log.includes("d3Jvbmcga2V5IQ=="));
  });

  test("an Entra token comes from a file that is read again when the account refuses it", async () => {
    const token_file = `${folder}/entra`;
    await cosmos.create();
    cosmos.token = "eyJ.first=";
    writeFileSync(token_file, "eyJ.first=\n");
    const server = await start_server(sections({ key: undefined, create: undefined, token_file }));
    const client = await join(server);
    await client.ask("first");
    await until((documents) => of_kind(cosmos.records(documents, id_of(client)), RESPONSE).length === 1);
    cosmos.token = "eyJ.second=";
    writeFileSync(token_file, "eyJ.second=\n");
    await client.ask("second");
    await until((documents) => of_kind(cosmos.records(documents, id_of(client)), RESPONSE).length === 2);
    await client.close();
    await server.stop();
    assert.ok(!server.log.includes("eyJ"));
  });

  test("a [credential] may hold the account key", async () => {
    const server = await start_server({ ...sections({ key: undefined, credential: "cosmos" }), "credential cosmos": { type: "api-key", key: KEY } });
    const client = await join(server);
    await client.ask("hello");
    await until((documents) => of_kind(cosmos.records(documents, id_of(client)), RESPONSE).length === 1);
    await client.close();
    await server.stop();
    assert.ok(!server.log.includes(KEY));
  });

  test("a host that cannot be reached is told", async () => {
    const server = await start_server(sections({ endpoint: "http://127.0.0.1:9", timeout_ms: "1s" }));
    await server.wait_for_log(/the store cannot be used reason="http:\/\/127\.0\.0\.1:9\/: start: /);
    await server.stop();
  });

  test("--check finds what is wrong with the options, without a connection", async () => {
    const refused = async (more, pattern) => {
      const server = { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR };
      const { code, err } = await check(ini_text({ ...sections(more), server }));
      assert.equal(code, 2);
      assert.match(err, pattern);
    };
    await refused({ endpoint: undefined }, /\[store main\] endpoint: /);
    await refused({ key: "not Base64" }, /key: is not an account key/);
    await refused({ key: undefined }, /key: is missing/);
    const token = `${folder}/token`;
    writeFileSync(token, "two words\n");
    await refused({ key: undefined, create: "no", token_file: token }, /must hold one access token/);
    assert.equal(cosmos.seen.length, 0);
  });
});
