// SPDX-License-Identifier: Apache-2.0
/* The console page alone, against a small server that plays turns. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { connect, has_chromium, open_browser, open_page, phase, player, say, screenshot, transcript, wait_for_entry, wait_for_phase } from "./support/browser.mjs";
import { start_fake } from "./support/fake_realtime.mjs";
import { scratch_folder, speak, write_wav } from "./support/wav.mjs";

const skip = has_chromium ? false : "no Chromium: install the package chromium";
let browser;
let fake;

before(async () => {
  if (skip)
    return;
  const path = join(scratch_folder(), "microphone.wav");
  write_wav(path, speak("hello there, how are you", { lead_ms: 600, tail_ms: 2000 }));
  browser = await open_browser({ microphone: path });
  fake = await start_fake();
});

after(async () => {
  await browser?.close();
  await fake?.stop();
});

const last_session = () => fake.sessions.at(-1);
const sent = (type) => last_session().received.filter((event) => event.type === type);

test("a typed message is answered in words and sound, and all of the sound is played", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await connect(page);
  await say(page, "hello");
  await wait_for_entry(page, "agent", /this hum is my answer/);
  await wait_for_phase(page, "ready");
  const { playedMs, peakRms } = await player(page);
  assert.equal(playedMs, 2000);
  assert.ok(peakRms > 0.05, `peak level ${peakRms}`);
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("a server-side tool shows its arguments, result and time", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await connect(page);
  await say(page, "two plus three");
  const entry = await wait_for_entry(page, "tool", /→ 5/);
  assert.match(entry, /calculator\.add/);
  assert.match(entry, /180 ms/);
  await wait_for_phase(page, "ready");
  await page.click(".turn .row");
  assert.match(await page.textContent(".figures"), /First audio after/);
  assert.match(await page.getAttribute(".turn .row", "aria-label"), /tool calculator\.add 180 ms/);
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("Escape stops the answer and tells the server what was really played", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await connect(page);
  await say(page, "a long answer please");
  await wait_for_phase(page, "speaking");
  await pause(1500);
  await page.keyboard.press("Escape");
  await wait_for_entry(page, "agent", /interrupted after/);
  const { playedMs } = await player(page);
  const [truncate] = sent("conversation.item.truncate");
  assert.ok(truncate.audio_end_ms > 500 && truncate.audio_end_ms <= playedMs, `${truncate.audio_end_ms} of ${playedMs} ms`);
  assert.ok(playedMs - truncate.audio_end_ms <= 500, "no more than the delay of the device is taken off");
  assert.equal(sent("response.cancel").length, 1);
  await pause(500);
  assert.equal((await player(page)).playedMs, playedMs, "nothing is played after the stop");
  assert.deepEqual(page.faults, []);
  await page.close();
});

test("speech is sent, answered, and interrupts an answer that plays", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await connect(page);
  await say(page, "a long answer please");
  await wait_for_phase(page, "speaking");
  await page.click("#mic");
  await wait_for_phase(page, "user");
  await wait_for_entry(page, "agent", /interrupted after/);
  await wait_for_entry(page, "user", /something was said/);
  await wait_for_entry(page, "agent", /this hum is my answer/);
  assert.equal(sent("conversation.item.truncate").length, 1);
  assert.equal(sent("response.cancel").length, 0, "the server cancels by itself");
  assert.ok(sent("input_audio_buffer.append").every((event) => Buffer.from(event.audio, "base64").length === 1920), "40 ms of 24 kHz PCM16 each");
  assert.deepEqual(page.faults, []);
  await screenshot(page, "console-page");
  await page.close();
});

test("an error is shown in words", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await connect(page);
  await say(page, "error");
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await page.textContent("#trouble-words"), /not welcome here/);
  await say(page, "fail");
  await page.waitForFunction(() => document.getElementById("trouble-words").textContent.includes("out of words"));
  assert.equal(await phase(page), "ready");
  await page.close();
});

test("a lost connection is told and can be taken up again", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await connect(page);
  await say(page, "drop");
  await page.waitForSelector("#reconnect:not([hidden])");
  assert.match(await page.textContent("#trouble-words"), /fault: the upstream went away/);
  await page.click("#reconnect");
  await page.waitForSelector("#text:enabled");
  await say(page, "hello");
  await wait_for_entry(page, "agent", /this hum is my answer/);
  await page.close();
});

test("a server that wants a key is given one, and a wrong key is asked again", { skip }, async () => {
  const locked = await start_fake({ key: "secret" });
  const page = await open_page(browser, locked.url);
  for (const attempt of ["wrong", "secret"]) {
    await page.waitForSelector("#key-dialog[open]");
    await page.fill("#key", attempt);
    await page.press("#key", "Enter");
    await page.waitForFunction(() => !document.getElementById("key-dialog").open || document.getElementById("key").value === "");
  }
  await connect(page);
  await say(page, "hello");
  await wait_for_entry(page, "agent", /this hum/);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await page.close();
  await locked.stop();
});

test("the keyboard alone is enough", { skip }, async () => {
  const page = await open_page(browser, fake.url);
  await page.waitForSelector("#connect:enabled");
  const tab_to = async (id) => {
    for (let i = 0; i < 20 && (await page.evaluate(() => document.activeElement.id)) !== id; i++)
      await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.id), id);
  };
  await tab_to("connect");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#text:enabled");
  await tab_to("text");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", "focus is visible");
  await page.keyboard.type("write it");
  await page.keyboard.press("Enter");
  await wait_for_entry(page, "agent", /written answer/);
  await page.waitForFunction(() => document.getElementById("announce").textContent.includes("written answer"));
  await page.close();
});

test("on a narrow screen nothing sticks out", { skip }, async () => {
  const page = await open_page(browser, fake.url, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await connect(page);
  await say(page, "two plus three");
  await wait_for_entry(page, "agent", /is five/);
  await wait_for_phase(page, "ready");
  for (const view of ["talk", "turns", "events"]) {
    await page.click(`.views [data-view="${view}"]`);
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= inner, `${view}: ${wide} px wide on a screen of ${inner}`);
  }
  assert.equal((await transcript(page)).length, 3);
  await screenshot(page, "console-page-narrow");
  await page.close();
});
