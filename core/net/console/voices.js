/* SPDX-License-Identifier: Apache-2.0 */
/* Two voices on one line: the user's loudness above it, the agent's below, the last seconds moving by. */

const COLUMN_MS = 60;
const COLUMN_PX = 4;

/* Speech lies between -50 and -10 dB; that range fills the height. */
function height_of(level) {
  const db = 20 * Math.log10(Math.max(level, 1e-5));
  return Math.max(0, Math.min(1, (db + 52) / 42));
}

export class Voices {
  constructor(canvas) {
    this.canvas = canvas;
    this.columns = []; /* [you, agent], oldest first */
    this.next = [0, 0];
    this.timer = null;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.draw_every = still ? 10 : 1;
    this.ticks = 0;
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  you(level) {
    this.#level(0, level);
  }

  agent(level) {
    this.#level(1, level);
  }

  #level(which, level) {
    this.next[which] = Math.max(this.next[which], height_of(level));
    if (this.next[which] > 0)
      this.timer ??= setInterval(() => this.#tick(), COLUMN_MS);
  }

  #tick() {
    this.columns.push(this.next);
    this.next = [0, 0];
    const most = Math.ceil(this.canvas.clientWidth / COLUMN_PX) + 1;
    this.columns.splice(0, Math.max(0, this.columns.length - most));
    if (++this.ticks % this.draw_every === 0)
      this.#draw();
    if (this.columns.every(([you, agent]) => you + agent === 0)) {
      clearInterval(this.timer);
      this.timer = null;
      this.columns = [];
      this.#draw();
    }
  }

  #fit() {
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * scale));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * scale));
    this.#draw();
  }

  #draw() {
    const style = getComputedStyle(this.canvas);
    const [paint, { width, height }] = [this.canvas.getContext("2d"), this.canvas];
    const scale = devicePixelRatio || 1;
    const [step, bar, middle] = [COLUMN_PX * scale, 2.4 * scale, height / 2];
    paint.clearRect(0, 0, width, height);
    paint.fillStyle = style.getPropertyValue("--line");
    paint.fillRect(0, middle - scale / 2, width, scale);
    this.columns.forEach(([you, agent], i) => {
      const x = width - (this.columns.length - i) * step;
      paint.fillStyle = style.getPropertyValue("--you");
      paint.fillRect(x, middle - 2 * scale - you * (middle - 4 * scale), bar, you * (middle - 4 * scale));
      paint.fillStyle = style.getPropertyValue("--agent");
      paint.fillRect(x, middle + 2 * scale, bar, agent * (middle - 4 * scale));
    });
  }
}
