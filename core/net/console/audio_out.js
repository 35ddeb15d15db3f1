/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loudspeaker: a queue of answers and exact knowledge of how much of each was played, which is
 * what conversation.item.truncate needs.
 */

import { RATE, decode_pcm } from "./pcm.js";

const MS = RATE / 1000; /* samples in a millisecond */

export class Speaker {
  /* hooks: started(item), ended(item, played_ms), report({item, played_ms, queued_ms, level}). */
  constructor(hooks) {
    this.hooks = hooks;
    this.context = null;
    this.node = null;
    this.waiting = new Map(); /* flush ticket -> resolve */
    this.tickets = 0;
    this.received = new Map(); /* item -> samples received, until it ended */
    this.closing = new Set(); /* items whose end is on its way to the audio thread */
    this.played_before = 0; /* samples of ended and flushed items */
    this.played_now = 0; /* samples of the item that plays */
  }

  /* Must follow a click or key press, or the browser keeps it silent. */
  async start() {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
      await this.context.audioWorklet.addModule(new URL("playback.js", import.meta.url));
      this.node = new AudioWorkletNode(this.context, "parley-playback", { numberOfInputs: 0, outputChannelCount: [1] });
      this.node.port.onmessage = ({ data }) => this.#heard_from(data);
      this.node.connect(this.context.destination);
    }
    await this.context.resume();
  }

  get is_playing() {
    return this.received.size > 0;
  }

  /* Milliseconds played since the page was opened. */
  get played_ms() {
    return Math.floor((this.played_before + this.played_now) / MS);
  }

  push(item, base64) {
    const samples = decode_pcm(base64);
    if (!this.node || samples.length === 0)
      return;
    this.received.set(item, (this.received.get(item) ?? 0) + samples.length);
    this.node.port.postMessage({ push: { item, samples } }, [samples.buffer]);
  }

  /* No more sound will come for this item. */
  end(item) {
    if (!this.received.has(item) || this.closing.has(item))
      return;
    this.closing.add(item);
    this.node.port.postMessage({ end: item });
  }

  /*
   * Fall silent at once. Resolves to what was heard of each item that was not played to its end:
   * [{item, heard_ms, received_ms}], in playing order.
   */
  flush() {
    if (!this.is_playing)
      return Promise.resolve([]);
    return new Promise((resolve) => {
      this.waiting.set(++this.tickets, resolve);
      this.node.port.postMessage({ flush: this.tickets });
    });
  }

  /* Samples handed to the device are not yet heard: its delay is taken off. */
  #delay_samples() {
    const seconds = this.context.outputLatency || this.context.baseLatency || 0;
    return Math.min(seconds, 0.5) * RATE;
  }

  #heard_from(data) {
    if (data.started)
      this.hooks.started(data.started);
    else if (data.ended)
      this.#ended(data.ended, data.played);
    else if (data.flushed)
      this.#flushed(data.flushed);
    else if (data.report)
      this.#report(data.report);
  }

  #ended(item, played) {
    this.received.delete(item);
    this.closing.delete(item);
    this.played_before += played;
    this.played_now = 0;
    this.hooks.ended(item, Math.floor(played / MS));
  }

  #flushed({ ticket, heard }) {
    const items = heard.map(([item, played]) => ({
      item,
      heard_ms: Math.floor(Math.max(0, played - this.#delay_samples()) / MS),
      received_ms: Math.floor((this.received.get(item) ?? played) / MS),
    }));
    for (const [item, played] of heard) {
      this.received.delete(item);
      this.closing.delete(item);
      this.played_before += played;
    }
    this.played_now = 0;
    this.waiting.get(ticket)?.(items);
    this.waiting.delete(ticket);
  }

  #report({ item, played, queued, level }) {
    this.played_now = played;
    this.hooks.report({ item, played_ms: played / MS, queued_ms: queued / MS, level });
  }
}
