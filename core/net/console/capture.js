/* SPDX-License-Identifier: Apache-2.0 */
/* Runs on the audio thread: microphone blocks in, frames of 40 ms of 24 kHz PCM16 out. */

import { Resampler, to_int16 } from "./resample.js";
import { RATE, rms } from "./pcm.js";

const FRAME = RATE * 0.04;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, RATE);
    this.frame = new Float32Array(FRAME);
    this.filled = 0;
  }

  process([input]) {
    if (input.length)
      this.#take(this.resampler.push(input[0]));
    return true;
  }

  #take(samples) {
    for (const sample of samples) {
      this.frame[this.filled++] = sample;
      if (this.filled === FRAME)
        this.#emit();
    }
  }

  #emit() {
    const samples = to_int16(this.frame);
    this.port.postMessage({ samples, level: rms(this.frame) }, [samples.buffer]);
    this.filled = 0;
  }
}

registerProcessor("parley-capture", Capture);
