// SPDX-License-Identifier: Apache-2.0
/* The real parleyd as a child process: configured, started, waited for, stopped and looked over. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratch_folder } from "./wav.mjs";

const PROGRAM = process.env.PARLEYD ?? fileURLToPath(new URL("../../../build/core/parleyd", import.meta.url));
const READY = /listening on (https?):\/\/([^\s/]+)/;
const REPORTS = /ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error:/;
const START_MS = 60_000;
const STOP_MS = 20_000;

/* {section: {key: value}} as INI text; values that are undefined are left out. */
export function ini_text(sections) {
  return Object.entries(sections).map(([name, keys]) =>
    `[${name}]\n` + Object.entries(keys).filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} = ${value}\n`).join("")).join("\n");
}

/* Start parleyd with these sections; `server` gets a free port. Gives a Parleyd. */
export async function start_parleyd(sections, { env = {} } = {}) {
  assert.ok(existsSync(PROGRAM), `${PROGRAM} is not there: build parley, or set PARLEYD`);
  const folder = scratch_folder();
  const path = join(folder, "parley.ini");
  const server = { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR, ...sections.server };
  writeFileSync(path, ini_text({ ...sections, server }));
  const child = new Parleyd(path, { ...process.env, ...env });
  await child.ready();
  return child;
}

export class Parleyd {
  constructor(config, env) {
    this.config = config;
    this.log = "";
    this.process = spawn(PROGRAM, ["-c", config], { stdio: ["ignore", "pipe", "pipe"], env });
    this.process.stdout.on("data", (data) => { this.log += data; });
    this.process.stderr.on("data", (data) => { this.log += data; });
    this.exited = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve({ code, signal })));
  }

  /* Until the log says where it listens. */
  async ready() {
    const [, scheme, host] = await this.wait_for_log(READY, START_MS);
    this.is_tls = scheme === "https";
    this.host = host;
    this.url = `${scheme}://${host}/`;
    this.realtime_url = `${this.is_tls ? "wss" : "ws"}://${host}/v1/realtime`;
  }

  /* The match of a pattern in what was printed so far or will be. */
  wait_for_log(pattern, timeout_ms = 10_000) {
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`parleyd ${why}; wanted ${pattern} in:\n${this.log.slice(-4000)}`));
      const timer = setTimeout(() => fail(`said nothing of it in ${timeout_ms} ms`), timeout_ms);
      const look = () => {
        const match = this.log.match(pattern);
        if (match) {
          clearTimeout(timer);
          this.process.stderr.off("data", look);
          this.process.stdout.off("data", look);
          resolve(match);
        }
      };
      this.process.stderr.on("data", look);
      this.process.stdout.on("data", look);
      this.exited.then(({ code, signal }) => {
        clearTimeout(timer);
        fail(`ended (${code ?? signal})`);
      });
      look();
    });
  }

  /* SIGTERM; it must end by itself, with 0, and no sanitizer may have spoken. */
  async stop() {
    this.process.kill("SIGTERM");
    const timer = setTimeout(() => this.process.kill("SIGKILL"), STOP_MS);
    const { code, signal } = await this.exited;
    clearTimeout(timer);
    assert.equal(code, 0, `parleyd ended with ${code ?? signal} after SIGTERM:\n${this.log.slice(-4000)}`);
    const report = this.log.search(REPORTS);
    assert.equal(report, -1, report < 0 ? "" : this.log.slice(report, report + 4000));
  }
}

/* A certificate for 127.0.0.1 and localhost, made for this run: {certificate, key, ca}. */
export function make_certificate() {
  const folder = scratch_folder();
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], { stdio: "ignore" });
  return { certificate, key, ca: readFileSync(certificate) };
}
