// SPDX-License-Identifier: Apache-2.0
/*
 * An issuer in the shape of Microsoft Entra: metadata of one tenant (v2.0), keys, and tokens that `jose` signs. Everything that is
 * asked is kept in `asked`; `hold()` keeps answers back until `let_go()`.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export const TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47";
export const AUDIENCE = "11111111-2222-3333-4444-555555555555";

export async function start_issuer() {
  const issuer = new Issuer();
  await issuer.add_key("key-1");
  await new Promise((resolve) => issuer.http.listen(0, "127.0.0.1", resolve));
  issuer.authority = `http://127.0.0.1:${issuer.http.address().port}`;
  issuer.name = `${issuer.authority}/${TENANT}/v2.0`;
  return issuer;
}

class Issuer {
  constructor() {
    this.asked = [];
    this.keys = new Map();
    this.held = undefined; /* a promise while answers are kept back */
    this.http = createServer((request, response) => this.answer(request, response));
  }

  async add_key(kid) {
    this.keys.set(kid, { ...await generateKeyPair("RS256", { extractable: true }), kid });
  }

  hold() {
    this.held = new Promise((resolve) => { this.let_go = resolve; });
  }

  async answer(request, response) {
    this.asked.push(request.url);
    await this.held;
    const bodies = {
      [`/${TENANT}/v2.0/.well-known/openid-configuration`]: { issuer: this.name, jwks_uri: `${this.authority}/keys` },
      "/keys": { keys: await Promise.all([...this.keys.values()].map(async ({ kid, publicKey }) => ({ ...await exportJWK(publicKey), kid, use: "sig" }))) },
    };
    response.writeHead(bodies[request.url] ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(bodies[request.url] ?? {}));
  }

  /* As Entra gives it to a person; `claims` replace or add, undefined takes out. */
  token(claims = {}, { kid = "key-1", life = "10m" } = {}) {
    const all = { aud: AUDIENCE, iss: this.name, tid: TENANT, oid: randomUUID(), sub: "x", scp: "Voice.Talk", ver: "2.0", ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: "RS256", typ: "JWT", kid }).setIssuedAt().setNotBefore("0s").setExpirationTime(life)
      .sign(this.keys.get(kid)?.privateKey ?? this.stray);
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }
}
