// SPDX-License-Identifier: Apache-2.0
/* The console as parleyd serves it, in a browser whose microphone asks a question. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, has_chromium, open_browser, open_page, player, say, screenshot, wait_for_entry, wait_for_phase } from "./support/browser.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { SUM, upstreams } from "./support/upstreams.mjs";
import { scratch_folder, speak, write_wav } from "./support/wav.mjs";

const skip = has_chromium ? false : "no Chromium: install the package chromium";
let browser;
let parleyd;

before(async () => {
  if (skip)
    return;
  const path = join(scratch_folder(), "microphone.wav");
  write_wav(path, speak("what is two plus three", { lead_ms: 800, tail_ms: 3000 }));
  browser = await open_browser({ microphone: path });
  parleyd = await start_parleyd(upstreams.model_local());
});

after(async () => {
  await browser?.close();
  await parleyd?.stop();
});

test("the page comes with its policy, and every file with its type", { skip }, async () => {
  const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  const files = readdirSync(new URL("../../core/net/console/", import.meta.url)).filter((name) => types[name.split(".")[1]]);
  assert.ok(files.length > 10);
  for (const path of ["", ...files]) {
    const type = types[path.split(".")[1] ?? "html"];
    const answer = await fetch(parleyd.url + path);
    assert.equal(answer.status, 200, path);
    assert.ok(answer.headers.get("content-type").startsWith(type), path);
    assert.match(answer.headers.get("content-security-policy"), /default-src 'self'/);
    const again = await fetch(parleyd.url + path, { headers: { "if-none-match": answer.headers.get("etag") } });
    assert.equal(again.status, 304, path);
  }
  assert.equal((await fetch(`${parleyd.url}nothing.js`)).status, 404);
});

test("a question into the microphone is written down, answered on the page and heard", { skip }, async () => {
  const page = await open_page(browser, parleyd.url);
  await connect(page);
  await page.click("#mic");
  await wait_for_phase(page, "user");
  await wait_for_entry(page, "user", /\S/);
  await wait_for_entry(page, "tool", /calculator/);
  await wait_for_entry(page, "agent", SUM, 30_000);
  await wait_for_phase(page, "ready");
  const { playedMs, peakRms } = await player(page);
  assert.ok(playedMs > 300 && peakRms > 0.02, `${playedMs} ms played, peak ${peakRms}`);
  assert.match(await page.getAttribute(".turn .row", "aria-label"), /you spoke .* first audio after .* tool calculator/);
  assert.deepEqual(page.faults, []);
  await screenshot(page, "console");
  await page.close();
});

test("a typed question is answered, and Escape interrupts the answer", { skip }, async () => {
  const page = await open_page(browser, parleyd.url);
  await connect(page);
  await say(page, "what is two plus three");
  await wait_for_entry(page, "agent", SUM);
  await wait_for_phase(page, "speaking");
  await page.keyboard.press("Escape");
  await wait_for_entry(page, "agent", /interrupted after/);
  await page.waitForFunction(() => [...document.querySelectorAll(".event .type")].some((node) => node.textContent === "conversation.item.truncated"));
  await say(page, "hello");
  await wait_for_phase(page, "speaking");
  await wait_for_phase(page, "ready");
  assert.equal(await page.isHidden("#trouble"), true, await page.textContent("#trouble-words"));
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("a server with keys asks for one, and the page keeps it to its tab", { skip }, async () => {
  const key = "a-key-of-this-test-only";
  const locked = await start_parleyd(upstreams.model_script({ auth: { keys: `tests=${key}` } }));
  const page = await open_page(browser, locked.url);
  for (const attempt of ["not-the-key-of-this-test", key]) {
    await page.waitForSelector("#key-dialog[open]");
    await page.fill("#key", attempt);
    await page.press("#key", "Enter");
    await page.waitForFunction(() => !document.getElementById("key-dialog").open || document.getElementById("key").value === "");
  }
  await connect(page);
  await say(page, "hello");
  await wait_for_entry(page, "agent", /what can i do/);
  assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
  await page.close();
  await locked.stop();
});
