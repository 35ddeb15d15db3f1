// SPDX-License-Identifier: Apache-2.0
/* Speech for tests: made by flite, read and written as WAV, streamed as a microphone would. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Resampler, to_int16 } from "../../../core/net/console/resample.js";

export const RATE = 24000;

export function scratch_folder() {
  return mkdtempSync(join(tmpdir(), "parley-e2e-"));
}

/* {rate, samples} of a 16-bit mono PCM WAV. */
export function read_wav(path) {
  const bytes = readFileSync(path);
  let rate = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const [name, length] = [bytes.toString("latin1", at, at + 4), bytes.readUInt32LE(at + 4)];
    if (name === "fmt ")
      rate = bytes.readUInt32LE(at + 12);
    if (name === "data") {
      const data = bytes.subarray(at + 8, Math.min(bytes.length, at + 8 + length));
      return { rate, samples: new Int16Array(data.buffer.slice(data.byteOffset, data.byteOffset + (data.length & ~1))) };
    }
    at += 8 + length + (length & 1);
  }
  throw new Error(`${path}: no data chunk; expected a WAV file`);
}

export function write_wav(path, samples, rate = RATE) {
  const head = Buffer.alloc(44);
  const bytes = samples.length * 2;
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(bytes, 40);
  writeFileSync(path, Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, bytes)]));
}

export function to_rate(samples, from, to) {
  if (from === to)
    return samples;
  const resampler = new Resampler(from, to);
  const tail = new Float32Array(from / 50); /* pushes the last samples out of the filter */
  const input = Float32Array.from(samples, (x) => x / 32768);
  return to_int16(Float32Array.from([...resampler.push(input), ...resampler.push(tail)]));
}

/* 24 kHz samples of a spoken text, with silence around it. */
export function speak(text, { lead_ms = 300, tail_ms = 1200, voice = "rms" } = {}) {
  const path = join(scratch_folder(), "spoken.wav");
  execFileSync("flite", ["-voice", voice, "-t", text, "-o", path]);
  const { rate, samples } = read_wav(path);
  return with_silence(to_rate(samples, rate, RATE), lead_ms, tail_ms);
}

export function with_silence(samples, lead_ms, tail_ms) {
  const lead = (lead_ms * RATE) / 1000;
  const all = new Int16Array(lead + samples.length + (tail_ms * RATE) / 1000);
  all.set(samples, lead);
  return all;
}

export const encode = (samples) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength).toString("base64");

export function decode(base64) {
  const bytes = Buffer.from(base64, "base64");
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
}

export function join_samples(parts) {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export const duration_ms = (samples) => samples.length / (RATE / 1000);

export function rms(samples) {
  return Math.sqrt(samples.reduce((sum, x) => sum + (x / 32768) ** 2, 0) / Math.max(1, samples.length));
}

/* Hand over frames of frame_ms at the pace of a microphone; append(samples) sends one. */
export async function stream(samples, append, { frame_ms = 40, speed = 1 } = {}) {
  const frame = (RATE / 1000) * frame_ms;
  const began = performance.now();
  for (let at = 0, n = 1; at < samples.length; at += frame, n++) {
    append(samples.subarray(at, at + frame));
    const wait_ms = began + (n * frame_ms) / speed - performance.now();
    if (wait_ms > 1)
      await pause(wait_ms);
  }
}
