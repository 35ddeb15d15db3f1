// SPDX-License-Identifier: Apache-2.0
/* A WebSocket without an SDK around it: every header, every byte and every refusal is in the test's hands. */
import { WebSocket } from "ws";
import { EventLog } from "./event_log.mjs";

export const USER_TEXT = (text) => ({ type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });

/*
 * options: agent (null for no query), query (more of it), path, headers, protocols, ca, key (as bearer).
 * Gives a RawClient; nothing is waited for.
 */
export function dial(parleyd, { agent = "assistant", query = "", path = "/v1/realtime", key = null, ...options } = {}) {
  const words = [agent === null ? "" : `model=${encodeURIComponent(agent)}`, query].filter((word) => word !== "");
  const scheme = parleyd.is_tls ? "wss" : "ws";
  const headers = { ...(key ? { authorization: `Bearer ${key}` } : {}), ...options.headers };
  return new RawClient(`${scheme}://${parleyd.host}${path}${words.length ? "?" : ""}${words.join("&")}`, { ...options, headers });
}

/* Like dial(), with session.created awaited. */
export async function join(parleyd, options = {}) {
  const client = dial(parleyd, options);
  await client.log.wait("session.created");
  return client;
}

export class RawClient {
  constructor(url, { headers = {}, protocols = [], ca, ...rest } = {}) {
    this.log = new EventLog();
    this.errors = [];
    this.socket = new WebSocket(url, protocols, { headers, ca, ...rest });
    this.socket.on("error", (error) => this.errors.push(error));
    this.socket.on("message", (data) => this.log.push(JSON.parse(data)));
    /* The answer to the handshake: {status, headers, body}; 101 when it became a socket. */
    this.handshake = new Promise((resolve) => {
      this.socket.on("upgrade", (response) => resolve({ status: response.statusCode, headers: response.headers, body: "" }));
      this.socket.on("unexpected-response", async (_request, response) => {
        let body = "";
        for await (const piece of response)
          body += piece;
        resolve({ status: response.statusCode, headers: response.headers, body });
        this.socket.terminate();
      });
    });
    this.closed = new Promise((resolve) => this.socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
  }

  send(event) {
    this.socket.send(typeof event === "string" ? event : JSON.stringify(event));
  }

  /* A turn in writing; gives the response of response.done. */
  async ask(text, response) {
    const from = this.log.now;
    this.send(USER_TEXT(text));
    this.send({ type: "response.create", ...(response ? { response } : {}) });
    return (await this.log.wait("response.done", { from })).response;
  }

  /* Send, and wait for the error event that answers. */
  async refused(event) {
    const from = this.log.now;
    this.send(event);
    return (await this.log.wait("error", { from })).error;
  }

  /* How the connection ends: {code, reason}. */
  async end(timeout_ms = 20_000) {
    let timer;
    const late = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`the connection was not closed in ${timeout_ms} ms; came: ${JSON.stringify(this.log.events).slice(-1000)}`)), timeout_ms);
    });
    try {
      return await Promise.race([this.closed, late]);
    } finally {
      clearTimeout(timer);
      this.socket.terminate();
    }
  }

  async close(code = 1000) {
    this.socket.close(code);
    return this.end();
  }
}

export function text_of(response) {
  return response.output.flatMap((item) => item.content ?? []).map((part) => part.transcript ?? part.text ?? "").join(" ").trim();
}
