// SPDX-License-Identifier: Apache-2.0
/*
 * A Cosmos DB account on this machine: the in-memory server of npm, with a proxy before it that
 * notes every request and can let some of them fail. Requests whose signature is wrong get 401.
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { createHttpServer } from "@vercel/cosmosdb-server";

export const KEY = "cGFybGV5LWxvY2FsLXRlc3Qta2V5";

const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

/* What the service signs: verb, type and link of the resource, date. */
function signature(method, path, date) {
  const names = decodeURIComponent(path).split("/").filter(Boolean);
  const has_id = names.length % 2 === 0;
  const type = names.length === 0 ? "" : names[names.length - (has_id ? 2 : 1)];
  const link = (has_id ? names : names.slice(0, -1)).join("/");
  const text = `${method.toLowerCase()}\n${type.toLowerCase()}\n${link}\n${date.toLowerCase()}\n\n`;
  return createHmac("sha256", Buffer.from(KEY, "base64")).update(text).digest("base64");
}

/* `token`: the Entra token that is good; without one account keys are. */
const is_allowed = (request, token) => {
  const given = new URLSearchParams(decodeURIComponent(request.headers.authorization ?? "").replaceAll("+", "%2B"));
  const date = request.headers["x-ms-date"] ?? "";
  if (token !== undefined)
    return given.get("type") === "aad" && given.get("sig") === token;
  return given.get("sig") === signature(request.method, request.url, date) && Math.abs(Date.parse(date) - Date.now()) < 900_000;
};

/* The account: {url, seen, connections, fault, token, documents(), close()}. */
export class Cosmos {
  /* `tls`: {certificate, key} of make_certificate(). */
  static async start({ tls } = {}) {
    const cosmos = new Cosmos();
    cosmos.seen = [];
    cosmos.connections = 0;
    cosmos.peer = createHttpServer({ keepAlive: true });
    cosmos.peer_port = await listen(cosmos.peer);
    cosmos.agent = new http.Agent({ keepAlive: true });
    const relay = (request, response) => cosmos.relay(request, response);
    cosmos.proxy = tls ? https.createServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, relay) : http.createServer(relay);
    cosmos.proxy.on("connection", () => { cosmos.connections++; });
    cosmos.port = await listen(cosmos.proxy);
    cosmos.url = `${tls ? "https" : "http"}://127.0.0.1:${cosmos.port}`;
    return cosmos;
  }

  /*
   * `fault(seen, number)` may answer: {code, headers, body}; "reset", or "reset after" it was done; "cut", half an
   * answer; "drip", an answer that comes a byte at a time; "hang"; "slow", half a second before anything is done.
   */
  async relay(request, response) {
    const parts = [];
    for await (const part of request)
      parts.push(part);
    const body = Buffer.concat(parts);
    const seen = { method: request.method, url: request.url, headers: request.headers, body: body.toString() };
    this.seen.push(seen);
    const fault = is_allowed(request, this.token) ? this.fault?.(seen, this.seen.length) : { code: 401, body: '{"code":"Unauthorized"}' };
    if (fault === "hang")
      return;
    if (fault === "slow")
      await pause(500);
    if (fault === "reset")
      request.socket.destroy();
    else if (fault === "cut")
      response.writeHead(200, { "content-length": 1000 }).write('{"id":"head",', () => request.socket.destroy());
    else if (fault === "drip")
      this.drip(response);
    else if (fault && !["reset after", "slow"].includes(fault))
      response.writeHead(fault.code, { "content-type": "application/json", ...fault.headers }).end(fault.body ?? "{}");
    else
      this.forward(request, body, response, fault === "reset after");
  }

  drip(response) {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(timer));
  }

  forward(request, body, response, loses_answer) {
    const options = { port: this.peer_port, host: "127.0.0.1", agent: this.agent, method: request.method, path: request.url, headers: request.headers };
    const onward = http.request(options, (answer) => {
      if (loses_answer) {
        answer.resume().on("end", () => request.socket.destroy());
        return;
      }
      if (request.url === "/") {
        this.describe(answer, response);
        return;
      }
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    onward.end(body);
  }

  /* The account names its regions by the peer's port; here they are this proxy. */
  async describe(answer, response) {
    const text = (await answer.toArray()).join("");
    response.writeHead(answer.statusCode, { "content-type": "application/json" });
    response.end(text.replaceAll(/https:\/\/[^/"]*\//g, `${this.url}/`));
  }

  async ask(method, path, body, headers = {}) {
    const answer = await fetch(`http://127.0.0.1:${this.peer_port}${path}`, {
      method, body: body === undefined ? undefined : JSON.stringify(body), headers: { "content-type": "application/json", ...headers },
    });
    return answer.status === 204 ? null : answer.json();
  }

  /* Database and container, by the back door. */
  async create() {
    await this.ask("POST", "/dbs", { id: "parley" });
    await this.ask("POST", "/dbs/parley/colls", { id: "sessions", partitionKey: { paths: ["/pk"], kind: "Hash", version: 2 }, defaultTtl: -1 });
  }

  /* All documents of the container, by the back door. */
  async documents() {
    const { Documents = [] } = await this.ask("GET", "/dbs/parley/colls/sessions/docs", undefined, { "x-ms-max-item-count": "10000" });
    return Documents;
  }

  records(documents, session_id) {
    return documents.filter((document) => document.pk === `s:${session_id}` && document.kind === "record")
      .sort((a, b) => a.seq - b.seq).map((document) => ({ ...document, data: JSON.parse(document.data) }));
  }

  async close() {
    this.agent.destroy();
    this.proxy.closeAllConnections();
    this.peer.closeAllConnections();
    await Promise.all([this.proxy, this.peer].map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
