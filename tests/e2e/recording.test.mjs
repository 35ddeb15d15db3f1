// SPDX-License-Identifier: Apache-2.0
/* Recordings of sessions: what is in the files, as other programs read them; kept, listed, deleted; after kill -9. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join as join_path } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PARLEYCTL, check, run, start_server } from "./support/program.mjs";
import { join } from "./support/raw_client.mjs";
import { open_session } from "./support/agents_client.mjs";
import { RATE, decode, encode, join_samples, rms, scratch_folder, speak, stream } from "./support/wav.mjs";

const ANN = "ann-0123456789abcdef";
const BOB = "bob-0123456789abcdef";
const SCRIPT = fileURLToPath(new URL("scripts/assistant.json", import.meta.url));

/* {left, right} as sox reads the file: parley's own reader has no part in it. */
function hear(path) {
  const info = execFileSync("soxi", [path], { encoding: "utf8" });
  assert.match(info, /Channels\s*: 2/);
  assert.match(info, /Sample Rate\s*: 24000/);
  assert.match(info, /Precision\s*: 16-bit/);
  const side = (channel) => {
    const raw = execFileSync("sox", [path, "-t", "raw", "-e", "signed", "-b", "16", "-L", "-", "remix", channel], { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
    return new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  };
  return { left: side("1"), right: side("2") };
}

/* Milliseconds from the first to the last sample that is not silent. */
function extent_ms(samples) {
  const from = samples.findIndex((x) => Math.abs(x) > 100);
  const until = samples.findLastIndex((x) => Math.abs(x) > 100) + 1;
  return { from: from / (RATE / 1000), until: until / (RATE / 1000) };
}

/* Where the sound lies in the file, to the sample: the place of the best match of a piece out of its middle. */
function place_of(side, sound) {
  const loudest = sound.reduce((best, x, i) => (Math.abs(x) > Math.abs(sound[best]) ? i : best), 0);
  const piece = sound.subarray(loudest, Math.min(sound.length, loudest + 400));
  for (let at = 0; at + piece.length <= side.length; at++) {
    let same = 0;
    while (same < piece.length && side[at + same] === piece[same])
      same++;
    if (same === piece.length)
      return at - loudest;
  }
  return -1;
}

/* What the store has after another host has recorded a part of the session. */
const ELSEWHERE = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
data = json.loads(db.execute("SELECT data FROM sessions WHERE session_id = ?", sys.argv[2:]).fetchone()[0])
data["recordings"].insert(0, {"host": "other.example", "file": "/srv/tapes/x.wav", "offset_ms": 0})
db.execute("UPDATE sessions SET data = ? WHERE session_id = ?", (json.dumps(data), sys.argv[2]))
db.commit()
`;

const recording_of = (folder, agent, id) => join_path(folder, agent, `${id}.wav`);

describe("recordings", () => {
  let server;
  let folder;
  let sections;
  const ctl = (...words) => run(PARLEYCTL, ["sessions", ...words, "--url", server.admin_url]);

  before(async () => {
    folder = join_path(scratch_folder(), "recordings");
    const agent = { model: "script", tools: "builtin", client_may_set: "*", store: "main", record: "yes", record_dir: folder };
    sections = {
      "model script": { plugin: "model_script", script: SCRIPT },
      "tools builtin": { plugin: "tools_builtin" },
      "store main": { plugin: "store_sqlite", path: join_path(scratch_folder(), "parley.db") },
      "agent assistant": agent,
      "agent quiet": { ...agent, record: "no" },
      auth: { keys: `ann=${ANN}, bob=${BOB}` },
    };
    server = await start_server(sections);
  });
  after(() => server?.stop());

  /* A question that is spoken, and the answer awaited until it has been played. */
  async function spoken_turn({ key = ANN, agent = "assistant" } = {}) {
    const client = await join(server, { key, agent });
    const { session: { id } } = client.log.all("session.created")[0];
    const question = speak("What is two plus three?", { lead_ms: 200, tail_ms: 400 });
    await stream(question, (samples) => client.send({ type: "input_audio_buffer.append", audio: encode(samples) }));
    await client.log.wait((event) => event.type === "response.done" && JSON.stringify(event).includes("five"));
    const answer = join_samples(client.log.all("response.output_audio.delta").map(({ delta }) => decode(delta)));
    return { client, id, question, answer };
  }

  async function end({ client }) {
    await client.close();
    await server.wait_for_sessions(0);
  }

  test("both sides are in the file, the answer after the question and as it was sent", async () => {
    const turn = await spoken_turn();
    const played_ms = (turn.answer.length / RATE) * 1000;
    await stream(new Int16Array(Math.ceil(RATE * (played_ms / 1000 + 0.3))), () => {}); /* it plays */
    await end(turn);
    const { left, right } = hear(recording_of(folder, "assistant", turn.id));
    const asked = place_of(left, turn.question);
    const answered = place_of(right, turn.answer);
    assert.ok(asked >= 0, "the question is there, sample for sample");
    assert.ok(answered >= asked + turn.question.length / 2, `asked at ${asked}, answered at ${answered}`);
    assert.deepEqual(right.subarray(answered, answered + turn.answer.length), turn.answer);
    assert.ok(rms(right.subarray(0, answered)) < 1e-9, "nothing before it");
    const { responses } = JSON.parse((await ctl("export", turn.id)).out);
    const { plays_at_ms, plays_until_ms, speech_at_ms } = responses.find((response) => response.plays_at_ms !== undefined);
    assert.ok(Math.abs(plays_at_ms - answered / 24) <= 2, `${plays_at_ms} ms, found at ${answered / 24}`);
    assert.ok(Math.abs(plays_until_ms - plays_at_ms - played_ms) <= 2);
    assert.ok(speech_at_ms < plays_at_ms);
  });

  test("the official SDK's user who interrupts hears the agent in the file only until then", async () => {
    const client = await open_session(server, { key: ANN });
    const { session: { id } } = client.log.all("session.created")[0];
    const from = client.log.now;
    client.session.sendMessage("what is two plus three");
    await client.log.wait("response.output_audio.done", { from });
    client.session.interrupt();
    const cut = await client.log.wait("conversation.item.truncated", { from });
    client.close();
    await server.wait_for_sessions(0);
    const { right } = hear(recording_of(folder, "assistant", id));
    const sent_ms = (client.samples.length / RATE) * 1000;
    const { from: begins, until } = extent_ms(right);
    assert.ok(cut.audio_end_ms < sent_ms, "it was interrupted before its end");
    assert.ok(until - begins <= cut.audio_end_ms + 1, `${until - begins} ms are there, ${cut.audio_end_ms} were heard`);
  });

  test("a session in writing has no file, nor has that of an agent that does not record", async () => {
    const client = await join(server, { key: ANN });
    const { session: { id } } = client.log.all("session.created")[0];
    await client.ask("hello", { output_modalities: ["text"] });
    await end({ client });
    assert.ok(!existsSync(recording_of(folder, "assistant", id)));
    await end(await spoken_turn({ agent: "quiet" }));
    assert.ok(!existsSync(join_path(folder, "quiet")));
  });

  test("files are their owner's alone", async () => {
    const turn = await spoken_turn();
    await end(turn);
    const mode = (path) => statSync(path).mode & 0o777;
    assert.equal(mode(recording_of(folder, "assistant", turn.id)), 0o600);
    assert.equal(mode(join_path(folder, "assistant")), 0o700);
    assert.equal(mode(folder), 0o700);
  });

  test("an export names the file, and a delete takes it along", async () => {
    const turn = await spoken_turn();
    const path = recording_of(folder, "assistant", turn.id);
    const live = await server.admin("GET", `/admin/v1/sessions/${turn.id}`);
    assert.equal(live.body.recordings[0].file, path);
    assert.equal((await ctl("delete", turn.id, "--yes")).code, 1, "it is live");
    assert.ok(existsSync(path));
    await end(turn);
    const kept = JSON.parse((await ctl("export", turn.id)).out);
    assert.deepEqual(kept.session.recordings, [{ host: hostname(), file: path, offset_ms: 0 }]);
    const { code, out } = await ctl("delete", turn.id, "--yes");
    assert.equal(code, 0, out);
    assert.match(out, /is deleted\n1 recording is deleted/);
    assert.ok(!existsSync(path));
    assert.equal((await ctl("export", turn.id)).code, 1);
  });

  test("all of a user's recordings go with all of the user's sessions, and nobody else's", async () => {
    const mine = await spoken_turn({ key: BOB });
    await end(mine);
    const other = await spoken_turn({ key: ANN });
    await end(other);
    const { code, out } = await ctl("delete", "--user", "bob", "--yes");
    assert.equal(code, 0, out);
    assert.match(out, /1 sessions of bob are deleted\n1 recording is deleted/);
    assert.ok(!existsSync(recording_of(folder, "assistant", mine.id)));
    assert.ok(existsSync(recording_of(folder, "assistant", other.id)));
  });

  test("a recording that was left behind is deleted by the id of a session that is no more", async () => {
    const id = "sess_AAAAAAAAAAAAAAAAAAAA";
    writeFileSync(recording_of(folder, "assistant", id), "RIFF");
    writeFileSync(join_path(folder, "assistant", `${id}_at_5000.wav`), "RIFF");
    const { code, out } = await ctl("delete", id, "--yes");
    assert.equal(code, 0, out);
    assert.match(out, /2 recordings are deleted/);
    assert.equal((await ctl("delete", id, "--yes")).code, 1, "nothing is left of it");
  });

  test("what lies on another host is told", async () => {
    const turn = await spoken_turn();
    await end(turn);
    execFileSync("python3", ["-c", ELSEWHERE, sections["store main"].path, turn.id]);
    const { code, out } = await ctl("delete", turn.id, "--yes");
    assert.equal(code, 1);
    assert.match(out, /1 recording is deleted\n\/srv\/tapes\/x\.wav lies on host other\.example, out of reach/);
  });

  test("after kill -9 the file plays, and the session goes on in a second file where it belongs", async () => {
    const first = await start_server({ ...sections, "agent assistant": { ...sections["agent assistant"], resume_ms: "60s" } });
    const client = await join(first, { key: ANN, query: "resume=on" });
    const { session: { id }, parley: { resume_token } } = client.log.all("session.created")[0];
    const began = Date.now();
    const tone = Int16Array.from({ length: RATE * 4 }, (_, i) => Math.round(8000 * Math.sin(i / 9)));
    await stream(tone, (samples) => client.send({ type: "input_audio_buffer.append", audio: encode(samples) }));
    first.process.kill("SIGKILL");
    await first.exited;
    const path = recording_of(folder, "assistant", id);
    const killed = hear(path);
    assert.ok(killed.left.length >= RATE * 2, `${killed.left.length} frames are there`);
    const at = place_of(killed.left, tone);
    assert.ok(at >= 0);
    assert.ok(killed.left.length <= at + tone.length);

    const back = await join(server, { key: ANN, agent: null, query: `session_id=${id}`, headers: { "parley-resume-token": resume_token } });
    const away_ms = Date.now() - began;
    await stream(tone.subarray(0, RATE / 2), (samples) => back.send({ type: "input_audio_buffer.append", audio: encode(samples) }));
    await end({ client: back });
    const second = readdirSync(join_path(folder, "assistant")).find((name) => name.startsWith(`${id}_at_`));
    const offset_ms = Number(second.match(/_at_(\d+)\.wav/)[1]);
    assert.ok(Math.abs(offset_ms - away_ms) < 3000, `${offset_ms} and ${away_ms}`);
    assert.ok(place_of(hear(join_path(folder, "assistant", second)).left, tone.subarray(0, RATE / 2)) >= 0);
    const kept = JSON.parse((await ctl("export", id)).out);
    assert.deepEqual(kept.session.recordings.map(({ offset_ms: ms }) => ms), [0, offset_ms]);
    assert.match((await ctl("delete", id, "--yes")).out, /2 recordings are deleted/);
  });

  test("a server that is stopped finishes its recordings", async () => {
    const brief = await start_server(sections);
    const client = await join(brief, { key: ANN });
    const { session: { id } } = client.log.all("session.created")[0];
    const tone = Int16Array.from({ length: RATE }, (_, i) => Math.round(5000 * Math.sin(i / 7)));
    client.send({ type: "input_audio_buffer.append", audio: encode(tone) });
    client.send({ type: "conversation.item.retrieve", item_id: "none" });
    await client.log.wait("error");
    await brief.stop();
    assert.ok(place_of(hear(recording_of(folder, "assistant", id)).left, tone) >= 0);
  });

  test("old recordings go by themselves", async () => {
    const old = recording_of(folder, "assistant", "sess_BBBBBBBBBBBBBBBBBBBB");
    writeFileSync(old, "RIFF");
    utimesSync(old, 1000, 1000);
    const keeper = await start_server({ ...sections, "agent assistant": { ...sections["agent assistant"], record_keep_ms: "1h" } });
    await keeper.wait_for_log(/old recordings were deleted .*count=1/);
    await keeper.stop();
    assert.ok(!existsSync(old));
  });

  test("telephone audio and what is no audio do no harm", async () => {
    const client = await join(server, { key: ANN });
    const { session: { id } } = client.log.all("session.created")[0];
    client.send({ type: "session.update", session: { type: "realtime", audio: { input: { format: { type: "audio/pcmu" } } } } });
    await client.log.wait("session.updated");
    for (const audio of ["", "!", "AAA", "A", "AAAA====", "fw==", Buffer.alloc(8000, 0x80).toString("base64"), "\u00e9\u00e9\u00e9\u00e9"])
      client.send({ type: "input_audio_buffer.append", audio });
    client.send({ type: "conversation.item.retrieve", item_id: "none" });
    await client.log.wait((event) => event.type === "error" && event.error.message.includes("none"));
    await end({ client });
    assert.ok(extent_ms(hear(recording_of(folder, "assistant", id)).left).until > 0);
  });
});

describe("the configuration of recordings", () => {
  const config = (more) => `[server]\nlisten = 127.0.0.1:0\nplugin_dir = ${process.env.PARLEY_PLUGIN_DIR ?? ""}\n[model script]\nplugin = model_script\n[agent a]\nmodel = script\nrecord = yes\n${more}`;

  test("a folder is needed, and one that is none is told with its line", async () => {
    const none = await check(config(""));
    assert.equal(none.code, 2);
    assert.match(none.err + none.out, /record_dir: is empty, and record = yes needs a folder; name one/);
    const file = await check(config("record_dir = parley.ini\n"));
    assert.equal(file.code, 2);
    assert.match(file.err + file.out, /parley\.ini:9: \[agent a\] record_dir: .*parley\.ini is no folder; name one/);
    assert.equal((await check(config("record_dir = tapes\n"))).code, 0);
  });

  test("a folder that cannot be written is told", { skip: process.getuid() === 0 }, async () => {
    const locked = scratch_folder();
    chmodSync(locked, 0o500);
    const said = await check(config(`record_dir = ${locked}/tapes\n`));
    assert.equal(said.code, 2);
    assert.match(said.err + said.out, /cannot be created by this user/);
  });
});
