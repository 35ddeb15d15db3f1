// SPDX-License-Identifier: Apache-2.0
/*
 * An MCP server of 2025-06-18 that wants tokens, and the authorization server that gives them, on one port of this
 * machine. Everything that is asked is kept in `asked`, the bodies of token requests in `grants`.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const json = (response, code, body, headers = {}) => {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
};

async function body_of(request) {
  let text = "";
  for await (const piece of request)
    text += piece;
  return text;
}

/* options: {accepts: [tokens that are good at any time], lifetime_s, refuses: an error of the token endpoint, methods: how clients
   may prove themselves, metadata: where the refusal says that the resource's metadata is}. */
export async function start_oauth_mcp(options = {}) {
  const server = new OauthMcp(options);
  await new Promise((resolve) => server.http.listen(0, "127.0.0.1", resolve));
  server.origin = `http://127.0.0.1:${server.http.address().port}`;
  server.url = `${server.origin}/mcp`;
  return server;
}

class OauthMcp {
  constructor(options) {
    this.options = options;
    this.asked = [];
    this.grants = [];
    this.calls = []; /* {token, session} of each tools/call */
    this.good = new Set(options.accepts ?? []);
    this.codes = new Map();
    this.sessions = 0;
    this.http = createServer((request, response) => this.answer(request, response).catch((error) => json(response, 500, { error: String(error) })));
  }

  async answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.origin);
    this.asked.push(`${request.method} ${pathname}`);
    switch (pathname) {
    case "/mcp": return this.mcp(request, response);
    case "/.well-known/oauth-protected-resource/mcp":
      return json(response, 200, { resource: this.url, authorization_servers: [this.origin], scopes_supported: ["tools"] });
    case "/.well-known/oauth-authorization-server":
      return json(response, 200, {
        issuer: this.origin, authorization_endpoint: `${this.origin}/authorize`, token_endpoint: `${this.origin}/token`, registration_endpoint: `${this.origin}/register`,
        code_challenge_methods_supported: ["S256"], token_endpoint_auth_methods_supported: this.options.methods ?? ["none", "client_secret_post", "private_key_jwt"],
        authorization_response_iss_parameter_supported: true,
      });
    case "/register": return json(response, 201, { ...JSON.parse(await body_of(request)), client_id: "registered" });
    case "/authorize": return this.authorize(searchParams, response);
    case "/token": return this.token(request, response);
    default: return json(response, 404, {});
    }
  }

  authorize(asked, response) {
    const back = new URL(asked.get("redirect_uri"));
    this.codes.set("code-1", asked.get("code_challenge"));
    back.search = new URLSearchParams({ code: "code-1", state: asked.get("state"), iss: this.options.iss ?? this.origin });
    response.writeHead(302, { location: String(back) }).end();
  }

  async token(request, response) {
    const asked = Object.fromEntries(new URLSearchParams(await body_of(request)));
    this.grants.push(request.headers.authorization === undefined ? asked : { ...asked, authorization: request.headers.authorization });
    if (this.options.refuses)
      return json(response, 400, { error: this.options.refuses, error_description: `no to ${JSON.stringify(asked)}` });
    const verifier = createHash("sha256").update(asked.code_verifier ?? "").digest("base64url");
    if (asked.grant_type === "authorization_code" && this.codes.get(asked.code) !== verifier)
      return json(response, 400, { error: "invalid_grant" });
    const token = `token-${this.grants.length}`;
    this.good.add(token);
    return json(response, 200, { access_token: token, token_type: "Bearer", expires_in: this.options.lifetime_s ?? 3600,
      ...(asked.scope?.includes("offline") || /code|refresh/.test(asked.grant_type) ? { refresh_token: `refresh-${this.grants.length}` } : {}) });
  }

  async mcp(request, response) {
    const token = request.headers.authorization?.replace("Bearer ", "");
    if (!this.good.has(token))
      return json(response, 401, {}, { "www-authenticate": `Bearer resource_metadata="${this.options.metadata ?? `${this.origin}/.well-known/oauth-protected-resource/mcp`}"` });
    if (request.method !== "POST")
      return json(response, 405, {});
    const { id, method } = JSON.parse(await body_of(request));
    const session = request.headers["mcp-session-id"];
    if (method === "tools/call")
      this.calls.push({ token, session });
    const result = {
      initialize: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "oauth", version: "1" } },
      "tools/list": { tools: [{ name: "echo", inputSchema: { type: "object" } }] },
      "tools/call": { content: [{ type: "text", text: "it is done" }] },
    }[method];
    if (id === undefined)
      return response.writeHead(202).end();
    if (result === undefined)
      return json(response, 200, { jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } });
    return json(response, 200, { jsonrpc: "2.0", id, result }, method === "initialize" ? { "mcp-session-id": `session-${++this.sessions}` } : {});
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }
}
