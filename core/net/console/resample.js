/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the microphone's rate to 24 kHz: a windowed-sinc low-pass, read at the place of each output
 * sample. Any pair of rates; state is kept between blocks, so block borders are not heard.
 */

const HALF_TAPS = 16; /* zero crossings of the sinc on each side */
const STEPS = 256; /* table entries per zero crossing; linear in between */

/* Blackman: side lobes below -58 dB, enough that nothing folds back audibly. */
function blackman(x) {
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

function kernel_table() {
  const table = new Float32Array(HALF_TAPS * STEPS + 2);
  for (let i = 0; i < table.length; i++) {
    const x = i / STEPS;
    const sinc = i === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    table[i] = x >= HALF_TAPS ? 0 : sinc * blackman(x / HALF_TAPS);
  }
  return table;
}

export class Resampler {
  constructor(rate_in, rate_out) {
    this.step = rate_in / rate_out;
    this.cutoff = Math.min(1, rate_out / rate_in) * 0.94; /* of the input's half rate */
    this.reach = Math.ceil(HALF_TAPS / this.cutoff);
    this.table = kernel_table();
    this.history = new Float32Array(this.reach); /* silence before the first sample */
    this.position = this.reach; /* where the next output sample lies in history + block */
  }

  /* Output samples that the input so far determines; the rest comes with the next block. */
  push(block) {
    const input = new Float32Array(this.history.length + block.length);
    input.set(this.history);
    input.set(block, this.history.length);

    const out = [];
    while (this.position + this.reach < input.length) {
      out.push(this.#at(input, this.position));
      this.position += this.step;
    }

    const keep_from = Math.max(0, Math.floor(this.position) - this.reach);
    this.history = input.slice(keep_from);
    this.position -= keep_from;
    return Float32Array.from(out);
  }

  #at(input, position) {
    const first = Math.max(0, Math.ceil(position - this.reach));
    const last = Math.min(input.length - 1, Math.floor(position + this.reach));
    let sum = 0;
    for (let i = first; i <= last; i++)
      sum += input[i] * this.#kernel(Math.abs(position - i) * this.cutoff);
    return sum * this.cutoff;
  }

  #kernel(x) {
    const place = x * STEPS;
    const i = Math.floor(place);
    if (i >= HALF_TAPS * STEPS)
      return 0;
    return this.table[i] + (this.table[i + 1] - this.table[i]) * (place - i);
  }
}

/* To 16 bits, clipped. */
export function to_int16(samples) {
  const out = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++)
    out[i] = Math.round(Math.max(-1, Math.min(1, samples[i])) * 32767);
  return out;
}
