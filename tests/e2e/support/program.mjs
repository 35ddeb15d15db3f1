// SPDX-License-Identifier: Apache-2.0
/* The programs as an operator runs them: one run to its end, the admin API, what the kernel knows of a process. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Parleyd, ini_text } from "./parleyd.mjs";
import { scratch_folder } from "./wav.mjs";

export const PARLEYD = process.env.PARLEYD ?? fileURLToPath(new URL("../../../build/core/parleyd", import.meta.url));
export const PARLEYCTL = join(dirname(PARLEYD), "parleyctl");

/* Run to the end: {code, signal, out, err}. */
export function run(program, args, { env = {}, timeout_ms = 30_000, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, cwd });
    const said = { out: "", err: "" };
    const timer = setTimeout(() => child.kill("SIGKILL"), timeout_ms);
    child.stdout.on("data", (data) => { said.out += data; });
    child.stderr.on("data", (data) => { said.err += data; });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...said });
    });
  });
}

/* Files of {name: text} in a folder of their own; gives the folder. */
export function write_files(files) {
  const folder = scratch_folder();
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), text);
  return folder;
}

/* A configuration as text, in a folder with more files: {folder, path}. */
export function write_config(text, more = {}) {
  const folder = write_files({ "parley.ini": text, ...more });
  return { folder, path: join(folder, "parley.ini") };
}

/* parleyd --check of an INI text. */
export function check(text, { more = {}, args = [], env = {} } = {}) {
  const { path } = write_config(text, more);
  return run(PARLEYD, ["-c", path, "--check", ...args], { env });
}

/*
 * Start with sections that a test changes later: the admin API is on, and the file is at `.config`.
 * Gives a Server.
 */
export async function start_server(sections, { env = {} } = {}) {
  const server = { listen: "127.0.0.1:0", plugin_dir: process.env.PARLEY_PLUGIN_DIR, ...sections.server };
  const { path } = write_config(ini_text({ admin: { listen: "127.0.0.1:0" }, ...sections, server }));
  const child = new Server(path, { ...process.env, ...env });
  child.sections = { admin: { listen: "127.0.0.1:0" }, ...sections, server };
  await child.ready();
  const [, port] = await child.wait_for_log(/admin API on port (\d+)/);
  child.admin_url = `http://127.0.0.1:${port}`;
  return child;
}

export class Server extends Parleyd {
  /* Write the file anew, without asking for a reload. */
  rewrite(sections) {
    if (typeof sections !== "string")
      this.sections = sections;
    writeFileSync(this.config, typeof sections === "string" ? sections : ini_text(sections));
  }

  /* SIGHUP, until the log matches after it. */
  async reload(pattern = /configuration read again/) {
    const before = this.log.length;
    this.process.kill("SIGHUP");
    return this.wait_since(before, pattern);
  }

  /* The first match in what is printed after a place in the log. */
  async wait_since(place, pattern, timeout_ms = 10_000) {
    for (let waited = 0; waited < timeout_ms; waited += 20) {
      const match = this.log.slice(place).match(pattern);
      if (match)
        return match;
      await pause(20);
    }
    throw new Error(`parleyd did not say ${pattern} in ${timeout_ms} ms, but:\n${this.log.slice(place)}`);
  }

  async admin(method, path, headers = {}) {
    const answer = await fetch(`${this.admin_url}${path}`, { method, headers });
    return { status: answer.status, body: await answer.json() };
  }

  async sessions() {
    const { status, body } = await this.admin("GET", "/admin/v1/sessions");
    assert.equal(status, 200);
    return body.data;
  }

  /* Until as many sessions are open; sessions end a moment after their sockets. */
  async wait_for_sessions(count, timeout_ms = 10_000) {
    let open;
    for (let waited = 0; waited < timeout_ms; waited += 50) {
      open = await this.sessions();
      if (open.length === count)
        return open;
      await pause(50);
    }
    throw new Error(`${open.length} sessions are open, not ${count}: ${JSON.stringify(open).slice(0, 2000)}`);
  }

  fd_count() {
    return readdirSync(`/proc/${this.process.pid}/fd`).length;
  }

  /* Paths of what is open; sockets and the like by their kind. */
  open_files() {
    const folder = `/proc/${this.process.pid}/fd`;
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`)];
      } catch { /* closed meanwhile */
        return [];
      }
    });
  }

  /* Resident memory in MiB. */
  memory_mib() {
    return Number(readFileSync(`/proc/${this.process.pid}/status`, "utf8").match(/VmRSS:\s+(\d+) kB/)[1]) / 1024;
  }
}

/* AddressSanitizer keeps freed memory for a while: figures of memory say nothing then. */
export const is_sanitized = readFileSync(PARLEYD).includes("__asan_init");
