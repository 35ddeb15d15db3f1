/* SPDX-License-Identifier: Apache-2.0 */
/* Sound as the protocol carries it: base64 of signed 16-bit little-endian samples, mono, 24 kHz. */

export const RATE = 24000;

/* Every machine that runs a browser is little-endian, so the samples' own bytes are the wire's. */
export function encode_pcm(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096)
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
}

/* A last odd byte is dropped: the protocol promises whole samples. */
export function decode_pcm(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length & ~1);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = text.charCodeAt(i);
  return new Int16Array(bytes.buffer);
}

/* Milliseconds of the sound in a base64 string, without decoding it. */
export function base64_ms(base64) {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return ((base64.length * 3) / 4 - padding) / 2 / (RATE / 1000);
}

/* Loudness of floating-point samples, 0 to 1. */
export function rms(samples) {
  let sum = 0;
  for (const x of samples)
    sum += x * x;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}
