// SPDX-License-Identifier: Apache-2.0
/* Events as they come, and waiting for one. Every wait has an end, and says what came instead. */

const WAIT_MS = 20_000;

/* One line about an event, for messages. */
function gist(event) {
  const more = event.error?.message ?? event.transcript ?? event.response?.status ?? event.item?.type ?? event.audio_end_ms ?? "";
  return more === "" ? event.type : `${event.type} (${String(more).slice(0, 100)})`;
}

function matcher(what) {
  return typeof what === "string" ? (event) => event.type === what : what;
}

export class EventLog {
  constructor() {
    this.events = [];
    this.waiting = new Set();
  }

  push(event) {
    this.events.push(event);
    for (const look of this.waiting)
      look();
  }

  /* A place in the log, to wait for what comes later. */
  get now() {
    return this.events.length;
  }

  all(what, from = 0) {
    return this.events.slice(from).filter(matcher(what));
  }

  /* The first event since `from` of this type (or for which the function is true). */
  wait(what, { from = 0, timeout_ms = WAIT_MS } = {}) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        settle(value);
      };
      const look = () => {
        const found = this.events.slice(from).find(matcher(what));
        if (found)
          end(resolve, found);
      };
      const timer = setTimeout(() => end(reject, new Error(
        `no ${what} in ${timeout_ms} ms; came: ${this.#came(from)}`)), timeout_ms);
      this.waiting.add(look);
      look();
    });
  }

  /* Types in order; of the deltas between two other events only the first of each type. */
  #came(from) {
    const lines = [];
    let deltas = new Set();
    for (const event of this.events.slice(from)) {
      const is_delta = event.type.endsWith(".delta");
      if (!is_delta)
        deltas = new Set();
      if (!is_delta || !deltas.has(event.type))
        lines.push(gist(event));
      if (is_delta)
        deltas.add(event.type);
    }
    return lines.slice(-40).join(", ") || "nothing";
  }
}
