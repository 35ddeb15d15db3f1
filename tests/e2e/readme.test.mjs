// SPDX-License-Identifier: Apache-2.0
/* The programs that README.md shows, run as they stand there, against a parleyd with the quickstart's agent. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { start_parleyd } from "./support/parleyd.mjs";
import { upstreams } from "./support/upstreams.mjs";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const RUN_MS = 60_000;
let parleyd;

before(async () => {
  parleyd = await start_parleyd(upstreams.model_local());
});
after(() => parleyd?.stop());

/* Run the code block of this name, with the port of this run. It lies here, so that it finds its packages. */
async function run_block(name) {
  const [, code] = README.match(new RegExp(`^\`\`\`js ${name}\n([^]*?)^\`\`\`$`, "m"));
  const path = fileURLToPath(new URL(`readme-${process.pid}-${name}`, import.meta.url));
  writeFileSync(path, code.replaceAll("8080", parleyd.host.split(":")[1]));
  try {
    return await promisify(execFile)(process.execPath, [path], { timeout: RUN_MS });
  } finally {
    rmSync(path);
  }
}

test("the openai program of the README gets the product from a tool of the server", async () => {
  const { stdout, stderr } = await run_block("openai.mjs");
  assert.match(stdout, /144/);
  assert.equal(stderr, "");
});

test("the agents program of the README has its own tool called", async () => {
  const { stdout } = await run_block("agents.mjs");
  assert.match(stdout, /sunny in Paris/);
});
