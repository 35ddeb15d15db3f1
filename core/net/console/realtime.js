/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection: one WebSocket that speaks the OpenAI Realtime protocol, and the list of agents.
 * It knows nothing of sound or of the page; whoever made it gets every event in both directions.
 */

const KEY_NAME = "parley.key";
const KEY_PROTOCOL = "openai-insecure-api-key.";

/* What the closing codes mean to a person; the server's own reason is added where it gave one. */
const CLOSE_WORDS = {
  1001: "The server is going away.",
  1006: "The connection was lost. Is parleyd still running and reachable?",
  1008: "The server refused the connection.",
  1009: "A message was too large.",
  1011: "The server met a fault.",
  1012: "The server is restarting.",
  1013: "The server is full or cannot reach its model just now.",
  3000: "The server did not accept the key.",
  4004: "The server does not offer this agent.",
};

/* A browser does not say why a handshake failed. */
const UNMADE = "The connection could not be made: the server is full, is stopping, or does not run.";

/* A request for which the server wants a key, or another key. */
export class NeedsKey extends Error {}

/* The key lives in this tab and is gone with it. */
export const key = {
  get: () => sessionStorage.getItem(KEY_NAME) ?? "",
  set: (value) => sessionStorage.setItem(KEY_NAME, value),
  forget: () => sessionStorage.removeItem(KEY_NAME),
};

async function reason_of(answer) {
  try {
    return (await answer.json()).error?.message ?? "";
  } catch {
    return "";
  }
}

/* The names of the agents, in the server's order. Throws NeedsKey on 401, an Error in words otherwise. */
export async function list_agents() {
  const headers = key.get() ? { authorization: `Bearer ${key.get()}` } : {};
  let answer;
  try {
    answer = await fetch("v1/models", { headers, cache: "no-store" });
  } catch {
    throw new Error("The server does not answer. Is parleyd running?");
  }
  if (answer.status === 401 || answer.status === 403)
    throw new NeedsKey(await reason_of(answer));
  if (!answer.ok)
    throw new Error(`The list of agents could not be read (${answer.status}). ${await reason_of(answer)}`.trim());
  const list = await answer.json();
  return (list.data ?? []).map((model) => model.id);
}

/* The address of the conversation with an agent, on the host that served this page. */
export function realtime_url(agent, page = location) {
  const url = new URL("v1/realtime", page.href);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ model: agent, trace: "on" });
  url.hash = "";
  return url.href;
}

export function close_words(code, reason) {
  const words = CLOSE_WORDS[code] ?? (code >= 4000 ? "The server refused the session." : `The connection was closed (${code}).`);
  return reason ? `${words.replace(/\.$/, "")}: ${reason}` : words;
}

/*
 * hooks: event(event, direction, at_ms) for each event, close({expected, code, words, needs_key}).
 * Times are performance.now() at the moment of arrival or sending.
 */
export class Realtime {
  constructor(hooks) {
    this.hooks = hooks;
    this.socket = null;
    this.sent = 0;
  }

  get is_open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect(agent) {
    this.close();
    const protocols = key.get() ? ["realtime", KEY_PROTOCOL + key.get()] : ["realtime"];
    const socket = new WebSocket(realtime_url(agent), protocols);
    this.socket = socket;
    this.was_open = false;
    socket.onopen = () => { this.was_open = true; };
    socket.onmessage = (message) => this.socket === socket && this.#receive(message.data);
    socket.onclose = (end) => this.socket === socket && this.#ended(end);
  }

  /* Send one event; it gets an id, so that an error can name it. Ignored while not connected. */
  send(event) {
    if (!this.is_open)
      return null;
    const whole = { event_id: `page_${++this.sent}`, ...event };
    this.socket.send(JSON.stringify(whole));
    this.hooks.event(whole, "out", performance.now());
    return whole.event_id;
  }

  /* An end that the user asked for. */
  close() {
    const socket = this.socket;
    this.socket = null;
    if (socket && socket.readyState < WebSocket.CLOSING)
      socket.close(1000);
    return socket !== null;
  }

  #receive(text) {
    const at = performance.now();
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      event = { type: "not JSON", text: String(text).slice(0, 200) };
    }
    this.hooks.event(event, "in", at);
  }

  #ended(end) {
    this.socket = null;
    this.hooks.close({
      expected: end.code === 1000,
      code: end.code,
      words: this.was_open || end.code !== 1006 ? close_words(end.code, end.reason) : UNMADE,
      needs_key: end.code === 3000,
    });
  }
}
