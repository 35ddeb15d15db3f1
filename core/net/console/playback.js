/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs on the audio thread: plays queued PCM16 and counts, sample by sample, what was played of each
 * item. Flushing takes effect within one block (5 ms), and its answer holds the counts.
 *
 * In:  {push: {item, samples}}, {end: item}, {flush: ticket}
 * Out: {started: item}, {ended: item, played}, {report: {item, played, queued, level}}, {flushed: {ticket, heard}}
 */

const REPORT_EVERY = 10; /* blocks: about 53 ms */

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = []; /* {item, samples, offset}; samples null marks the end of an item */
    this.played = new Map(); /* item -> samples played, only of items not yet ended */
    this.current = null;
    this.blocks = 0;
    this.square_sum = 0;
    this.square_count = 0;
    this.was_quiet = true;
    this.port.onmessage = ({ data }) => this.#command(data);
  }

  #command(data) {
    if (data.push)
      this.queue.push({ item: data.push.item, samples: data.push.samples, offset: 0 });
    else if (data.end)
      this.queue.push({ item: data.end, samples: null, offset: 0 });
    else if (data.flush)
      this.#flush(data.flush);
  }

  /* Forget all that waits; tell how much of each unfinished item was played. */
  #flush(ticket) {
    const heard = new Map(this.played);
    for (const chunk of this.queue)
      if (!heard.has(chunk.item))
        heard.set(chunk.item, 0);
    this.queue = [];
    this.played.clear();
    this.current = null;
    this.port.postMessage({ flushed: { ticket, heard: [...heard] } });
  }

  process(_inputs, [[out]]) {
    let at = 0;
    while (at < out.length && this.queue.length)
      at = this.#play(this.queue[0], out, at);
    this.#measure(out);
    return true;
  }

  #play(chunk, out, at) {
    if (chunk.samples === null) {
      this.#ended(chunk.item);
      this.queue.shift();
      return at;
    }
    if (this.current !== chunk.item)
      this.#started(chunk.item);

    const count = Math.min(out.length - at, chunk.samples.length - chunk.offset);
    for (let i = 0; i < count; i++)
      out[at + i] = chunk.samples[chunk.offset + i] / 32768;
    chunk.offset += count;
    this.played.set(chunk.item, (this.played.get(chunk.item) ?? 0) + count);
    if (chunk.offset === chunk.samples.length)
      this.queue.shift();
    return at + count;
  }

  #started(item) {
    this.current = item;
    this.port.postMessage({ started: item });
  }

  #ended(item) {
    const played = this.played.get(item) ?? 0;
    this.played.delete(item);
    if (this.current === item)
      this.current = null;
    this.port.postMessage({ ended: item, played });
  }

  #measure(out) {
    for (const x of out)
      this.square_sum += x * x;
    this.square_count += out.length;
    if (++this.blocks % REPORT_EVERY !== 0)
      return;

    const level = Math.sqrt(this.square_sum / this.square_count);
    this.square_sum = this.square_count = 0;
    const is_quiet = this.current === null && this.queue.length === 0;
    if (!is_quiet || !this.was_quiet)
      this.#report(level);
    this.was_quiet = is_quiet;
  }

  #report(level) {
    const queued = this.queue.reduce((sum, c) => sum + (c.samples ? c.samples.length - c.offset : 0), 0);
    const played = this.current === null ? 0 : (this.played.get(this.current) ?? 0);
    this.port.postMessage({ report: { item: this.current, played, queued, level } });
  }
}

registerProcessor("parley-playback", Playback);
