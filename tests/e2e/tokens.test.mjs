// SPDX-License-Identifier: Apache-2.0
/* Clients with tokens in place of API keys: of an issuer in the shape of Entra, and of a real OpenID Connect provider. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, afterEach, before, describe, test } from "node:test";
import { UnsecuredJWT } from "jose";
import Provider from "oidc-provider";
import { knock, open_client } from "./support/openai_client.mjs";
import { ini_text } from "./support/parleyd.mjs";
import { check, start_server } from "./support/program.mjs";
import { join } from "./support/raw_client.mjs";
import { AUDIENCE, start_issuer, TENANT } from "./support/token_issuer.mjs";
import { upstreams } from "./support/upstreams.mjs";

const entra = (issuer, more = {}) => upstreams.model_script({
  auth: { method: "entra", authority: issuer.authority, tenants: TENANT, audience: AUDIENCE, scopes: "Voice.Talk", roles: "Voice.All", keys: "robot=c2f1d7a0b4e94d55-robot", ...more },
});

const until_keys = (server) => server.wait_for_log(/the issuer's keys are there/);

async function refused(server, key) {
  const client = knock(server, { key });
  const { code } = await client.closed;
  assert.equal(code, 3000);
  assert.equal(client.errors[0]?.error?.code, "invalid_api_key");
  return client.errors[0].error.message;
}

describe("method = entra", () => {
  let issuer, server;

  before(async () => {
    issuer = await start_issuer();
    server = await start_server(entra(issuer));
    await until_keys(server);
  });
  after(async () => {
    await server.stop();
    await issuer.stop();
    assert.doesNotMatch(server.log, /eyJ/, "a token is in the log");
  });

  test("a person's token opens sessions that are theirs", async () => {
    const oid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";
    const client = await open_client(server, { key: await issuer.token({ oid }) });
    assert.match((await client.ask("hello")).text, /./);
    const [session] = await server.wait_for_sessions(1);
    assert.equal(session.user, `entra:${TENANT}:${oid}`);
    await client.close();
    await server.wait_for_sessions(0);
  });

  test("an application's token does by its role, and a browser's comes as a subprotocol", async () => {
    const key = await issuer.token({ scp: undefined, roles: ["Voice.All"], idtyp: "app" });
    const client = await join(server, { protocols: ["realtime", `openai-insecure-api-key.${key}`] });
    await client.close();
  });

  test("an API key is good beside tokens", async () => {
    const client = await open_client(server, { key: "c2f1d7a0b4e94d55-robot" });
    await client.close();
  });

  test("a token makes ephemeral keys for its user", async () => {
    const oid = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee";
    const answer = await fetch(`http://${server.host}/v1/realtime/client_secrets`, {
      method: "POST", headers: { authorization: `Bearer ${await issuer.token({ oid })}`, "content-type": "application/json" },
      body: JSON.stringify({ session: { type: "realtime", model: "assistant" } }) });
    assert.equal(answer.status, 200);
    const client = await open_client(server, { key: (await answer.json()).value });
    const [session] = await server.wait_for_sessions(1);
    assert.equal(session.user, `entra:${TENANT}:${oid}`);
    await client.close();
    await server.wait_for_sessions(0);
  });

  test("a token with many groups is not too long", async () => {
    const key = await issuer.token({ groups: Array.from({ length: 200 }, (_, i) => `aaaaaaaa-bbbb-cccc-dddd-${String(i).padStart(12, "0")}`) });
    assert.ok(key.length > 10_000 && key.length < 16_384, String(key.length));
    const client = await open_client(server, { key });
    await client.close();
  });

  const wrong = {
    audience: () => issuer.token({ aud: "00000003-0000-0000-c000-000000000000" }),
    tenant: () => issuer.token({ tid: "99999999-86f1-41af-91ab-2d7cd011db47" }),
    issuer: () => issuer.token({ iss: `${issuer.authority}/other/v2.0` }),
    expired: () => issuer.token({}, { life: "-2m" }),
    permission: () => issuer.token({ scp: "User.Read" }),
    user: () => issuer.token({ oid: undefined }),
    algorithm: () => new UnsecuredJWT({ aud: AUDIENCE, iss: issuer.name, tid: TENANT }).encode(),
    signature: async () => (await issuer.token()).replace(/.{8}$/, "AAAAAAAA"),
  };

  for (const [reason, make] of Object.entries(wrong))
    test(`a token is refused for its ${reason}, which only the log says`, async () => {
      const message = await refused(server, await make());
      assert.equal(message, "The token is not accepted: it has expired, or is not for this service.");
      assert.match(server.log, new RegExp(`a token was refused.*code=${reason}`));
    });

  test("unknown keys by the dozen do not make the issuer busy", async () => {
    await issuer.add_key("stray");
    const before = issuer.asked.length;
    issuer.keys.get("stray").kid = "stray";
    const token = await issuer.token({}, { kid: "stray" });
    await Promise.all(Array.from({ length: 24 }, () => refused(server, token)));
    assert.equal(issuer.asked.length, before); /* they came less than five minutes ago */
    assert.match(server.log, /code=key/);
  });

  test("the HTTP endpoints take it, too", async () => {
    const ask = (key) => fetch(`http://${server.host}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal((await ask(await issuer.token())).status, 200);
    const answer = await ask(await issuer.token({ aud: "x" }));
    assert.equal(answer.status, 401);
    assert.match((await answer.json()).error.message, /The token is not accepted/);
  });

  test("a token in the query is not looked at", async () => {
    const answer = await fetch(`http://${server.host}/v1/models?api-key=${await issuer.token()}`);
    assert.equal(answer.status, 401);
  });
});

describe("an issuer that is slow or away", () => {
  let issuer, server;

  afterEach(async () => {
    await server?.stop();
    await issuer?.stop();
    server = issuer = undefined;
  });

  test("clients wait for the keys, and what they say meanwhile is heard", async () => {
    issuer = await start_issuer();
    issuer.hold();
    server = await start_server(entra(issuer));
    const ready = await fetch(`http://${server.host}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /the keys of \[auth\] are not loaded/);
    const client = knock(server, { key: await issuer.token() });
    await new Promise((resolve) => client.realtime.socket.once("open", resolve));
    client.send({ type: "session.update", session: { type: "realtime", instructions: "said early" } });
    assert.equal(client.log.all("session.created").length, 0);
    issuer.let_go();
    await client.log.wait("session.created");
    assert.equal((await client.log.wait("session.updated")).session.instructions, "said early");
    assert.equal((await fetch(`http://${server.host}/readyz`)).status, 200);
    await client.close();
  });

  test("a client that leaves while it waits is forgotten", async () => {
    issuer = await start_issuer();
    issuer.hold();
    server = await start_server(entra(issuer));
    const client = knock(server, { key: await issuer.token() });
    await new Promise((resolve) => client.realtime.socket.once("open", resolve));
    client.realtime.socket.terminate();
    await client.closed;
    issuer.let_go();
    await until_keys(server);
    assert.equal((await server.wait_for_sessions(0)).length, 0);
  });

  test("an issuer that is not there is told, and API keys are good", async () => {
    issuer = await start_issuer();
    const sections = entra(issuer);
    await issuer.stop();
    server = await start_server(sections);
    issuer = undefined;
    await server.wait_for_log(/the issuer's keys could not be loaded, so that no token can be accepted/);
    const client = await open_client(server, { key: "c2f1d7a0b4e94d55-robot" });
    await client.close();
  });
});

describe("method = oidc, with a real provider", () => {
  const RESOURCE = "urn:parley:voice";
  let http, origin, server;

  before(async () => {
    http = createServer();
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${http.address().port}`;
    const provider = new Provider(origin, {
      clients: [{ client_id: "robot", client_secret: "s3cret", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }],
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({ scope: "talk listen", audience: RESOURCE, accessTokenFormat: "jwt" }),
        },
      },
    });
    http.on("request", provider.callback());
    server = await start_server(upstreams.model_script({
      auth: { method: "oidc", issuer: origin, audience: RESOURCE, scopes: "talk", user_claim: "client_id", clients: "robot" } }));
    await until_keys(server);
  });
  after(async () => {
    await server.stop();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  const token_for = async (scope) => {
    const answer = await fetch(`${origin}/token`, {
      method: "POST", headers: { authorization: `Basic ${btoa("robot:s3cret")}`, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ grant_type: "client_credentials", resource: RESOURCE, scope }) });
    return (await answer.json()).access_token;
  };

  test("its access token opens a session", async () => {
    const client = await open_client(server, { key: await token_for("talk") });
    const [session] = await server.wait_for_sessions(1);
    assert.equal(session.user, "oidc:robot");
    assert.match((await client.ask("hello")).text, /./);
    await client.close();
  });

  test("one without the scope does not", async () => {
    await refused(server, await token_for("listen"));
    assert.match(server.log, /code=permission reason="it has none of \[auth\] scopes"/);
  });
});

describe("--check", () => {
  for (const [name, keys, message] of [
    ["tokens for anybody", { method: "oidc", issuer: "https://id.example.com" }, /\[auth\] audience: method = oidc needs it; else tokens for any other service would be taken/],
    ["people of any company", { method: "entra", audience: "a" }, /\[auth\] tenants: method = entra needs it/],
    ["an issuer in clear text", { method: "oidc", issuer: "http://id.example.com", audience: "a" }, /\[auth\] issuer: "http:\/\/id.example.com\/.well-known\/openid-configuration" is not an https:\/\/ address/],
    ["rules that would do nothing", { keys: "0123456789abcdef0", scopes: "talk" }, /\[auth\] scopes: is for tokens; set method = entra or oidc, or take it out/],
  ])
    test(`${name} are found`, async () => {
      const { code, out, err } = await check(ini_text(upstreams.model_script({ auth: keys })));
      assert.notEqual(code, 0);
      assert.match(out + err, message);
    });
});
