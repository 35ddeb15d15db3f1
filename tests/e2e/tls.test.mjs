// SPDX-License-Identifier: Apache-2.0
/* wss and https with a certificate, and a new one without a restart. */
import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { PARLEYD, check, is_sanitized, run, start_server, write_config, write_files } from "./support/program.mjs";
import { ini_text, make_certificate } from "./support/parleyd.mjs";
import { dial, join, text_of } from "./support/raw_client.mjs";

const folder = write_files({});
const [first, second] = [make_certificate(), make_certificate()];

function install({ certificate, key }) {
  copyFileSync(certificate, `${folder}/cert.pem`);
  copyFileSync(key, `${folder}/key.pem`);
}

const sections = (server = {}) => ({
  server: { tls_cert: `${folder}/cert.pem`, tls_key: `${folder}/key.pem`, workers: 2, ...server },
  "model main": { plugin: "model_script" },
  "store main": { plugin: "store_memory" },
  "agent assistant": { model: "main", client_may_set: "*" },
});

/* What a handshake shows: {fingerprint, protocol}, or the error. */
function shake(server, options = {}) {
  const [host, port] = server.host.split(":");
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...options }, () => {
      resolve({ fingerprint: socket.getPeerCertificate().fingerprint256, protocol: socket.getProtocol() });
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("a server with a certificate", () => {
  let server;

  before(async () => {
    install(first);
    server = await start_server(sections());
    assert.ok(server.is_tls);
  });
  after(() => server.stop());

  test("wss serves a session", async () => {
    const client = await join(server, { ca: first.ca });
    assert.equal((await client.ask("hello")).status, "completed");
    assert.equal((await client.close()).code, 1000);
  });

  test("https serves pages and answers", async () => {
    const body = await new Promise((resolve, reject) => {
      https.get(`${server.url}v1/models`, { ca: first.ca }, async (answer) => {
        let text = "";
        for await (const piece of answer)
          text += piece;
        resolve(text);
      }).on("error", reject);
    });
    assert.equal(JSON.parse(body).data[0].id, "assistant");
  });

  test("an event of 15 MiB goes through", async () => {
    const client = await join(server, { ca: first.ca });
    client.send({ type: "input_audio_buffer.append", audio: "A".repeat(15 * 1024 * 1024) });
    client.send({ type: "input_audio_buffer.commit" });
    await client.log.wait("input_audio_buffer.committed");
    await client.close();
  });

  test("an old protocol is refused, a new one taken", async () => {
    assert.equal((await shake(server)).protocol, "TLSv1.3");
    assert.equal((await shake(server, { maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
    await assert.rejects(shake(server, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }));
  });

  test("any name that is asked for gets the certificate", async () => {
    for (const servername of ["localhost", "voice.example.com"])
      assert.ok((await shake(server, { servername })).fingerprint);
  });

  test("plain text and rubbish on the port do no harm", async () => {
    const [host, port] = server.host.split(":");
    for (const text of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff", "rubbish\r\n\r\n", ""]) {
      const socket = net.connect(Number(port), host);
      socket.on("error", () => {});
      socket.on("data", () => {});
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.write(text);
      await pause(20);
      socket.destroy();
    }
    const client = await join(server, { ca: first.ca });
    assert.equal((await client.ask("hello")).status, "completed");
    await client.close();
  });

  test("a slow client is no different", { timeout: 60_000 }, async () => {
    const client = await join(server, { ca: first.ca });
    client.socket.pause();
    for (let i = 0; i < 2000; i++)
      client.send({ type: "response.cancel", event_id: `e${i}` });
    await pause(200);
    client.socket.resume();
    await client.log.wait((event) => event.error?.event_id === "e1999");
    await client.close();
  });

  test("SIGHUP brings a new certificate for new connections; an open one goes on", async () => {
    const client = await join(server, { ca: first.ca });
    const was = await shake(server);
    install(second);
    await server.reload();
    let now = await shake(server);
    for (let tries = 0; now.fingerprint === was.fingerprint && tries < 50; tries++) {
      await pause(50);
      now = await shake(server);
    }
    for (let i = 0; i < 12; i++) /* on both workers */
      assert.notEqual((await shake(server)).fingerprint, was.fingerprint);
    assert.equal((await client.ask("hello")).status, "completed");
    await client.close();
    await (await join(server, { ca: second.ca })).close();
  });

  test("a bad certificate changes nothing and the log says why", async () => {
    const was = await shake(server);
    writeFileSync(`${folder}/cert.pem`, "no certificate\n");
    await server.reload(/certificate cannot be used: .*cert\.pem/);
    assert.equal((await shake(server)).fingerprint, was.fingerprint);
    copyFileSync(first.certificate, `${folder}/cert.pem`); /* whose key lies elsewhere */
    await server.reload(/key does not belong to the certificate|key cannot be used/);
    assert.equal((await shake(server)).fingerprint, was.fingerprint);
    await (await join(server, { ca: second.ca })).close();
    install(first);
    await server.reload();
  });

  test("resumed handshakes work", async () => {
    const [host, port] = server.host.split(":");
    let session;
    for (let i = 0; i < 3; i++)
      await new Promise((resolve, reject) => {
        const socket = tls.connect({ host, port, rejectUnauthorized: false, session }, () => socket.write(`GET /healthz HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`));
        socket.on("session", (it) => { session = it; });
        socket.on("data", () => {
          socket.destroy();
          resolve();
        });
        socket.on("error", reject);
      });
  });

  test("connections that leave during the handshake leave nothing behind", { timeout: 60_000 }, async () => {
    await server.wait_for_sessions(0);
    const [host, port] = server.host.split(":");
    const before_it = server.fd_count();
    await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      const socket = net.connect(Number(port), host);
      socket.on("error", () => {});
      await new Promise((resolve) => socket.once("connect", resolve));
      const safe = tls.connect({ socket, rejectUnauthorized: false });
      safe.on("error", () => {});
      await pause(i % 12);
      socket.destroy();
    }));
    for (let waited = 0; server.fd_count() > before_it && waited < 15_000; waited += 100)
      await pause(100);
    assert.ok(server.fd_count() <= before_it, `${before_it} descriptors before, ${server.fd_count()} after`);
  });
});

describe("a configuration", () => {
  const text = (more) => ini_text({ ...sections(more), server: { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR, tls_cert: undefined, tls_key: undefined, ...more } });

  for (const [name, more, pattern] of [
    ["a certificate without a key", { tls_cert: first.certificate }, /\[server\] tls_cert: needs tls_key as well/],
    ["a key without a certificate", { tls_key: first.key }, /\[server\] tls_key: needs tls_cert as well/],
    ["a certificate that is not there", { tls_cert: "/nowhere/cert.pem", tls_key: first.key }, /\[server\] tls_cert: .*nowhere/],
    ["a key of another certificate", { tls_cert: first.certificate, tls_key: second.key }, /\[server\] tls_(cert|key): .*does not belong|key/],
    ["a certificate that is none", { tls_cert: first.key, tls_key: first.key }, /\[server\] tls_cert: /],
  ])
    test(`with ${name} is refused by --check and at the start`, async () => {
      const checked = await check(text(more));
      assert.equal(checked.code, 2, checked.out + checked.err);
      assert.match(checked.err, /parley\.ini:\d+: /);
      assert.match(checked.err, pattern);
      const { path } = write_config(text(more));
      const started = await run(PARLEYD, ["-c", path]);
      assert.notEqual(started.code, 0);
    });
});
