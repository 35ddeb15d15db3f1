// SPDX-License-Identifier: Apache-2.0
/* Chance that a seed repeats, and a moment that comes after so many ticks. */

export class Chance {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /* From 0 to below 1 (mulberry32). */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  chance(part) {
    return this.next() < part;
  }

  one_of(list) {
    return list[this.below(list.length)];
  }
}

export class Moment {
  constructor() {
    this.left = 0;
    this.act = null;
    this.is_held = false;
    this.tick = () => {
      if (this.act === null || this.is_held || --this.left > 0)
        return;
      const act = this.act;
      this.act = null;
      act();
    };
  }

  /* Ticks do not count meanwhile. */
  hold(holds) {
    this.is_held = holds;
  }

  /* Call act() in the tick after so many others. */
  after(ticks, act) {
    this.left = ticks;
    this.act = act;
  }
}
