/* SPDX-License-Identifier: Apache-2.0 */
/* Milliseconds in words, as short as they are exact. */
export function duration(ms) {
  if (ms === null || ms === undefined)
    return "–";
  if (ms < 1)
    return "<1 ms";
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 9950 ? 2 : 1)} s`;
}
