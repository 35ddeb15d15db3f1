// SPDX-License-Identifier: Apache-2.0
/* Headless Chromium with a WAV file for a microphone, and what tests do with the console page. */
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ARTIFACTS = fileURLToPath(new URL("../../artifacts/", import.meta.url));
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
  "--autoplay-policy=no-user-gesture-required",
];

export const chromium_path = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const has_chromium = existsSync(chromium_path);

/* microphone: path of a WAV that is heard once, from the moment the page asks for the microphone. */
export async function open_browser({ microphone = null } = {}) {
  const args = microphone ? [...FLAGS, `--use-file-for-fake-audio-capture=${microphone}%noloop`] : FLAGS;
  return chromium.launch({ executablePath: chromium_path, args });
}

/* A page that fails the test when its scripts fail. */
export async function open_page(browser, url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(20_000);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  await page.goto(url);
  return page;
}

export async function connect(page) {
  await page.waitForSelector("#connect:enabled");
  await page.click("#connect");
  await page.waitForSelector("#text:enabled");
}

export async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

export const phase = (page) => page.getAttribute("body", "data-phase");

export async function wait_for_phase(page, wanted) {
  await page.waitForSelector(`body[data-phase="${wanted}"]`);
}

/* Entries of the transcript: [{role, text, meta}]. */
export function transcript(page) {
  return page.$$eval(".entry", (nodes) => nodes.map((node) => ({
    role: node.dataset.role,
    text: (node.querySelector(".words, summary")?.textContent ?? "").trim(),
    meta: node.querySelector(".meta:not([hidden])")?.textContent ?? "",
  })));
}

/* Waits until an entry of this role matches, and gives its text. */
export async function wait_for_entry(page, role, pattern, timeout = 20_000) {
  const handle = await page.waitForFunction(([wanted, source]) => {
    const nodes = [...document.querySelectorAll(`.entry[data-role="${wanted}"]`)];
    return nodes.map((node) => node.textContent).find((text) => new RegExp(source, "i").test(text)) ?? false;
  }, [role, pattern.source], { timeout, polling: 100 });
  return handle.jsonValue();
}

/* {playedMs, peakRms, queuedMs} as numbers. */
export function player(page) {
  return page.$eval("#player", (node) => Object.fromEntries(Object.entries(node.dataset).map(([k, v]) => [k, Number(v)])));
}

export async function screenshot(page, name) {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png` });
}
