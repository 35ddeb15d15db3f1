// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the client scenarios of each release of the suite at each revision of the protocol they apply to; one line each.
 * Every scenario is run a second time with a client that does nothing. What such a client passes proves nothing: ours must
 * have met a requirement beyond that, or have refused the server in the words that scenarios.mjs expects.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { not_applicable, refusals, timed } from "./scenarios.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const RESULTS = at("../artifacts/conformance");
const REVISIONS = ["2025-11-25", "2026-07-28"]; /* for extensions, which name none */
const LIMIT_MS = 60_000;
const JOBS = Number(process.env.PARLEY_CONFORMANCE_JOBS ?? 2);
const dependencies = JSON.parse(readFileSync(at("package.json"), "utf8")).dependencies;
const releases = Object.entries(dependencies).map(([folder, wanted]) => ({
  name: wanted.slice(wanted.lastIndexOf("@") + 1),
  program: at(`node_modules/${folder}/dist/index.js`),
  knows_force: folder !== "conformance-0.1",
}));

function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--disable-warning=DEP0190", program, ...args], { cwd: at("."), stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (data) => { output += data; });
    child.stderr.on("data", (data) => { output += data; });
    child.on("close", (code) => resolve({ code, output }));
  });
}

/* [{release, scenario, revision}] of one release; revision is undefined where the suite chooses it. */
async function runs_of(release) {
  const { code, output } = await run(release.program, ["list"]);
  const clients = output.split("Client scenarios")[1]?.split("\n\n")[0] ?? "";
  const lines = [...clients.matchAll(/^ {2}- (\S+) \[(.*)\]$/gm)];
  if (code !== 0 || lines.length === 0)
    throw new Error(`${release.name} lists no client scenarios:\n${output}`);
  return lines.flatMap(([, scenario, listed]) => {
    const dates = listed.split(",").filter((word) => /^\d/.test(word));
    const revisions = !release.knows_force ? [undefined] : dates.length > 0 ? dates : REVISIONS;
    return revisions.map((revision) => ({ release, scenario, revision }));
  });
}

function read_checks(folder) {
  const file = readdirSync(folder, { recursive: true }).find((name) => name.endsWith("checks.json"));
  return file ? JSON.parse(readFileSync(join(folder, file), "utf8")) : [];
}

const key_of = (check) => `${check.id} ${check.name}`;

async function attempt({ release, scenario, revision }, command, label) {
  const folder = join(RESULTS, release.name, revision ?? "default", label, scenario.replace("/", "-"));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const forced = revision && release.knows_force ? ["--spec-version", revision, "--force"] : [];
  const { code, output } = await run(release.program,
    ["client", "--command", command, "--scenario", scenario, "--timeout", String(LIMIT_MS), "-o", folder, ...forced]);
  const checks = read_checks(folder);
  const met = new Set(checks.filter((check) => check.status === "SUCCESS").map(key_of));
  const missed = checks.filter((check) => check.status === "FAILURE" || check.status === "WARNING");
  return { code, output, folder, met, missed };
}

function said(folder) {
  const file = readdirSync(folder, { recursive: true }).find((name) => name.endsWith("stderr.txt"));
  return file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8") : "";
}

/* Why our client's attempt does not count as passed; nothing when it does. */
function shortcoming(scenario, ours, idle) {
  if (ours.missed.length > 0)
    return ours.missed.map((check) => `${check.id}: ${check.errorMessage ?? check.description}`).join("; ");
  if (ours.code !== 0)
    return `the client failed:\n${said(ours.folder) || ours.output.slice(-2000)}`;
  const refusal = refusals[scenario];
  if (refusal && !refusal.test(said(ours.folder)))
    return `the client did not say ${refusal}:\n${said(ours.folder)}`;
  if (!refusal && idle.code === 0 && [...ours.met].every((key) => idle.met.has(key)))
    return "a client that does nothing meets as much";
  return undefined;
}

async function judge(one) {
  const reason = not_applicable[one.scenario];
  if (reason)
    return { verdict: "not applicable", reason };
  const idle = await attempt(one, "true", "idle");
  let why = "";
  for (let left = timed.has(one.scenario) ? 3 : 1; left > 0 && why !== undefined; left--)
    why = shortcoming(one.scenario, await attempt(one, "./client.mjs", "parley"), idle);
  return why === undefined ? { verdict: "passed" } : { verdict: "failed", reason: why };
}

const tally = { passed: 0, failed: 0, "not applicable": 0 };

function report({ release, scenario, revision }, { verdict, reason }) {
  tally[verdict]++;
  const line = `${release.name.padEnd(14)} ${(revision ?? "").padEnd(10)} ${scenario.padEnd(41)} ${verdict}`;
  process.stdout.write(reason ? `${line}: ${reason.trim()}\n` : `${line}\n`);
}

async function work_through(queue) {
  for (let one; (one = queue.shift());)
    report(one, await judge(one));
}

const wanted = process.argv.slice(2);
const all = (await Promise.all(releases.map(runs_of))).flat()
  .filter(({ scenario }) => wanted.length === 0 || wanted.includes(scenario));
if (all.length === 0)
  throw new Error(`no release has the scenario ${wanted.join(" or ")}`);

await work_through(all.filter(({ scenario }) => timed.has(scenario)));
const rest = all.filter(({ scenario }) => !timed.has(scenario));
await Promise.all(Array.from({ length: JOBS }, () => work_through(rest)));

const unused = Object.keys(not_applicable).filter((name) => !all.some(({ scenario }) => scenario === name));
if (wanted.length === 0 && unused.length > 0) {
  tally.failed++;
  process.stdout.write(`scenarios.mjs names what no release has: ${unused.join(", ")}\n`);
}
process.stdout.write(`conformance: ${tally.passed} passed, ${tally.failed} failed, ${tally["not applicable"]} not applicable\n`);
process.exitCode = tally.failed === 0 ? 0 : 1;
