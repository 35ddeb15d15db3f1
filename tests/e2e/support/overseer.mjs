// SPDX-License-Identifier: Apache-2.0
/*
 * Tools in the hands of a test: counted_mcp.mjs asks here at the start of every call, and the call runs until the test
 * lets it end. What is started twice is seen here.
 */
import { createServer } from "node:http";
import { EventLog } from "./event_log.mjs";

export async function start_overseer() {
  const overseer = new Overseer();
  await new Promise((resolve) => overseer.server.listen(0, "127.0.0.1", resolve));
  overseer.url = `http://127.0.0.1:${overseer.server.address().port}`;
  return overseer;
}

class Overseer {
  constructor() {
    this.started = new Map(); /* token → how often */
    this.log = new EventLog(); /* {type: "started", token} */
    this.orders = new Map(); /* token → how it ends */
    this.held = new Map(); /* token → the answer that waits */
    this.server = createServer((request, response) => {
      request.resume();
      const token = decodeURIComponent(request.url.slice(1));
      this.started.set(token, (this.started.get(token) ?? 0) + 1);
      this.held.set(token, response);
      this.log.push({ type: "started", token });
      this.#give(token);
    });
  }

  #give(token) {
    const [response, order] = [this.held.get(token), this.orders.get(token)];
    if (!response || !order)
      return;
    this.held.delete(token);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(order));
  }

  /* End a call, now or as soon as it starts. */
  end(token, order) {
    this.orders.set(token, order);
    this.#give(token);
  }

  runs(token) {
    return this.held.has(token);
  }

  until_started(token) {
    return this.log.wait((event) => event.token === token);
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
