// SPDX-License-Identifier: Apache-2.0
/* The recorded sound of turns as Langfuse's media: announced, uploaded to its storage, told. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join as join_path } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { start_receiver } from "./support/otlp_receiver.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { join } from "./support/raw_client.mjs";
import { RATE, decode, encode, join_samples, scratch_folder, speak, stream } from "./support/wav.mjs";

const SCRIPT = fileURLToPath(new URL("scripts/assistant.json", import.meta.url));
const WAIT_MS = 30_000;

/* Langfuse's media API and its storage, beside a receiver's traces. */
class Media {
  constructor(receiver) {
    this.url = receiver.url;
    this.announced = [];
    this.sent = [];
    this.told = [];
    this.codes = {}; /* by method, answers in turn; else all is well */
    this.upload_url = (id) => `${this.url}/bucket/${id}?X-Amz-Signature=abc`;
    receiver.answer = (...exchange) => this.#take(...exchange);
  }

  #take(request, body, response) {
    const [kept, good] = { POST: [this.announced, 201], PUT: [this.sent, 200], PATCH: [this.told, 200] }[request.method];
    kept.push({ url: request.url, headers: request.headers, body, json: request.method === "PUT" ? null : JSON.parse(body) });
    const code = this.codes[request.method]?.shift() ?? good;
    const id = `media-${this.announced.length}`;
    response.writeHead(code, { "content-type": "application/json" })
      .end(request.method === "POST" ? JSON.stringify({ mediaId: id, uploadUrl: this.upload_url(id) }) : "{}");
    return true;
  }
}

describe("the sound of turns at Langfuse", () => {
  let receiver, media, parleyd, folder;

  beforeEach(async () => {
    receiver = await start_receiver();
    media = new Media(receiver);
    folder = join_path(scratch_folder(), "recordings");
  });
  afterEach(async () => {
    await parleyd?.stop();
    await receiver.close();
  });

  const start = async ({ record = "yes", sound = "yes", content = "yes" } = {}) => {
    parleyd = await start_parleyd({
      "model script": { plugin: "model_script", script: SCRIPT },
      "tools builtin": { plugin: "tools_builtin" },
      "agent assistant": { model: "script", tools: "builtin", client_may_set: "*", telemetry_content: content, record, record_dir: folder },
      telemetry: { batch_ms: "50ms" },
      "exporter langfuse": { plugin: "exporter_langfuse", base_url: receiver.url, public_key: "pk-lf-e2e", secret_key: "sk-lf-e2e", sound },
    });
    return join(parleyd);
  };
  const spoken_turn = async (client) => {
    const from = client.log.now;
    const question = speak("What is two plus three?", { lead_ms: 200, tail_ms: 400 });
    await stream(question, (samples) => client.send({ type: "input_audio_buffer.append", audio: encode(samples) }));
    await client.log.wait((event) => event.type === "response.done" && JSON.stringify(event).includes("five"), { from });
    const answer = join_samples(client.log.all("response.output_audio.delta", from).map(({ delta }) => decode(delta)));
    await stream(new Int16Array(answer.length + RATE / 2), () => {}); /* it plays */
    return { question, answer };
  };
  const root = () => receiver.spans.find((span) => span.name.startsWith("invoke_agent"));
  const samples_of = (path, channel) => {
    const raw = execFileSync("sox", [path, "-t", "raw", "-e", "signed", "-b", "16", "-L", "-", "remix", channel], { maxBuffer: 1 << 26 });
    return new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  };

  test("a turn's sound is a WAV file of both sides, with the key of Langfuse shown to Langfuse alone", async () => {
    const client = await start();
    const { answer } = await spoken_turn(client);
    await receiver.wait(() => media.told.length === 1, WAIT_MS);
    await client.close();
    const [{ json, headers, url }] = media.announced;
    const [sent] = media.sent;
    assert.equal(url, "/api/public/media");
    assert.equal(headers.authorization, `Basic ${Buffer.from("pk-lf-e2e:sk-lf-e2e").toString("base64")}`);
    const hash = createHash("sha256").update(sent.body).digest("base64");
    assert.deepEqual(json, { traceId: root().trace, observationId: root().id, contentType: "audio/wav", contentLength: sent.body.length, sha256Hash: hash, field: "output" });
    assert.equal(sent.url, "/bucket/media-1?X-Amz-Signature=abc");
    assert.equal(sent.headers["content-type"], "audio/wav");
    assert.equal(sent.headers["x-amz-checksum-sha256"], hash);
    assert.equal(sent.headers["x-ms-blob-type"], "BlockBlob");
    assert.equal(sent.headers.authorization, undefined);
    const [told] = media.told;
    assert.equal(told.url, "/api/public/media/media-1");
    assert.equal(told.json.uploadHttpStatus, 200);
    assert.match(told.json.uploadedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(told.json.uploadTimeMs >= 0);

    const path = join_path(folder, "turn.wav");
    writeFileSync(path, sent.body);
    const [left, right] = [samples_of(path, "1"), samples_of(path, "2")];
    const attributes = root().attributes;
    const long_ms = attributes["parley.recording.until_ms"] - attributes["parley.recording.from_ms"];
    assert.ok(Math.abs(left.length / (RATE / 1000) - long_ms) <= 100, `${left.length / (RATE / 1000)} ms of ${long_ms} ms`);
    assert.ok(left.some((x) => Math.abs(x) > 1000), "the user is heard");
    const loud = answer.findIndex((x) => Math.abs(x) > 2000);
    const piece = answer.subarray(loud, loud + 300);
    const at = right.findIndex((_x, i) => piece.every((y, k) => right[i + k] === y));
    assert.ok(at > 0, "the agent is heard, sample for sample");
  });

  test("bytes that Langfuse has already are not sent again", async () => {
    media.upload_url = () => null;
    const client = await start();
    await spoken_turn(client);
    await receiver.wait(() => media.announced.length === 1, WAIT_MS);
    await client.close();
    await parleyd.stop();
    assert.deepEqual([media.sent.length, media.told.length], [0, 0]);
    assert.doesNotMatch(parleyd.log, /is not uploaded/);
  });

  test("what is busy is tried again; what is refused is told to Langfuse, in the log and in the metrics", async () => {
    media.codes = { POST: [503], PUT: [403] };
    const client = await start();
    await spoken_turn(client);
    await receiver.wait(() => media.told.length === 1, WAIT_MS);
    await client.close();
    assert.deepEqual([media.announced.length, media.sent.length], [2, 1]);
    assert.deepEqual(media.announced[0].json, media.announced[1].json);
    assert.equal(media.told[0].json.uploadHttpStatus, 403);
    assert.equal(media.told[0].json.uploadHttpError, "the upload was refused");
    await parleyd.wait_for_log(/the sound of a turn is not uploaded trace_id=[0-9a-f]{32} url=\S+ reason="the upload was answered 403"/);
    const metrics = await (await fetch(`${parleyd.url}metrics`)).text();
    assert.match(metrics, /parley_exporter_dropped_total\{[^}]*otel_component_name="langfuse"[^}]*error_type="refused"[^}]*\} 1|parley_exporter_dropped_total\{[^}]*error_type="refused"[^}]*otel_component_name="langfuse"[^}]*\} 1/);
    assert.doesNotMatch(parleyd.log, /sk-lf-e2e|X-Amz-Signature/);
  });

  test("an announcement that is answered with nonsense ends that upload, and the conversation goes on", async () => {
    media.upload_url = () => "ftp://example/x";
    const client = await start();
    await spoken_turn(client);
    await parleyd.wait_for_log(/is not uploaded .* reason="the answer has no mediaId and uploadUrl"/, WAIT_MS);
    assert.equal((await client.ask("hello")).status, "completed");
    await client.close();
    assert.equal(media.sent.length, 0);
  });

  test("nothing is uploaded of an agent that does not record or keeps its content to itself, nor where it is not switched on", async () => {
    for (const options of [{ record: "no" }, { content: "no" }, { sound: "no" }]) {
      const client = await start(options);
      await spoken_turn(client);
      await receiver.wait(() => root(), WAIT_MS);
      receiver.spans = [];
      await client.close();
      await parleyd.stop();
      assert.deepEqual([media.announced.length, media.sent.length], [0, 0]);
    }
  });
});
