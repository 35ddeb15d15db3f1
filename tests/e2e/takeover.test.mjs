// SPDX-License-Identifier: Apache-2.0
/* A session whose server has gone, taken over by another one with the same SQLite file. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { start_server, write_files } from "./support/program.mjs";
import { dial, join, text_of } from "./support/raw_client.mjs";

const ANN = "ann-0123456789abcdef";
const BOB = "bob-0123456789abcdef";

const SCRIPT = {
  rules: [
    { on: "response.create", match: { text: { contains: "recall" } }, do: [{ text: "{{conversation}}" }] },
    { on: "response.create", do: [{ text: "Yes: {{text}}." }] },
  ],
};

let path; /* of the database of the last pair */

function pair() {
  const folder = write_files({ "script.json": JSON.stringify(SCRIPT) });
  path = `${folder}/parley.db`;
  const sections = {
    "model script": { plugin: "model_script", script: `${folder}/script.json` },
    "store main": { plugin: "store_sqlite", path },
    "agent assistant": { model: "script", output: "text", store: "main", client_may_set: "*" },
    auth: { keys: `ann=${ANN}, bob=${BOB}` },
  };
  return Promise.all([start_server(sections), start_server(sections)]);
}

/* What is said is written after it was told: wait for it before the server dies. */
async function until_kept(words) {
  const program = "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute('SELECT group_concat(data) FROM records').fetchone()[0])";
  for (let i = 0; i < 100; i++) {
    if (execFileSync("python3", ["-c", program, path], { encoding: "utf8" }).includes(words))
      return;
  }
  throw new Error(`${words} was not kept`);
}

async function begin(server) {
  const client = await join(server, { key: ANN, query: "resume=on" });
  const { session: { id }, parley: { resume_token: token } } = client.log.all("session.created")[0];
  await client.ask("the word is walrus");
  await until_kept("Yes: the word is walrus.");
  return { client, id, token };
}

const come_back = (server, { id, token, key = ANN }) =>
  dial(server, { agent: null, key, query: `session_id=${id}`, headers: { "parley-resume-token": token } });

async function refusal(client) {
  const { error: { code } } = await client.log.wait("error");
  await client.end();
  return code;
}

async function goes_on(server, { id, token }) {
  const client = come_back(server, { id, token });
  const created = await client.log.wait("session.created");
  assert.equal(created.session.id, id);
  assert.equal(created.parley.resumed, "conversation");
  assert.match(text_of(await client.ask("recall")), /walrus/);
  await client.close();
}

test("a server that stops hands its sessions over at once", { timeout: 60_000 }, async () => {
  const [one, two] = await pair();
  const { client, id, token } = await begin(one);
  const stopped = one.stop();
  await client.closed;
  await stopped;
  await goes_on(two, { id, token });
  await two.stop();
});

test("a server that was killed is missed by the next one on its machine, which goes on", { timeout: 60_000 }, async () => {
  const [one, two] = await pair();
  const session = await begin(one);
  assert.equal(await refusal(come_back(two, session)), "session_on_another_host");
  one.process.kill("SIGKILL");
  await one.exited;
  await goes_on(two, session);
  await two.stop();
});

test("a token that is wrong, or of another user, takes nothing over", { timeout: 60_000 }, async () => {
  const [one, two] = await pair();
  const session = await begin(one);
  one.process.kill("SIGKILL");
  await one.exited;
  assert.equal(await refusal(come_back(two, { ...session, token: `${session.token.slice(0, -1)}!` })), "invalid_resume_token");
  assert.equal(await refusal(come_back(two, { ...session, key: BOB })), "session_of_another_user");
  assert.equal(await refusal(come_back(two, { ...session, id: "sess_00000000000000000000" })), "session_not_found");
  await goes_on(two, session);
  await two.stop();
});
