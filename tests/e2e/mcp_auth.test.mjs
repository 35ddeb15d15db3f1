// SPDX-License-Identifier: Apache-2.0
/* Authorization at MCP servers: each way to a token with the real programs, against a server that wants one. */
import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { start_oauth_mcp } from "./support/oauth_mcp.mjs";
import { open_client } from "./support/openai_client.mjs";
import { ini_text, start_parleyd } from "./support/parleyd.mjs";
import { check, PARLEYCTL, run, write_config } from "./support/program.mjs";
import { scratch_folder } from "./support/wav.mjs";

const SCRIPT = fileURLToPath(new URL("scripts/echo_tool.json", import.meta.url));
let server;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

function file(name, text) {
  const path = join(scratch_folder(), name);
  writeFileSync(path, text, { mode: 0o700 });
  return path;
}

const section = (more) => ({ plugin: "tools_mcp", url: server.url, protocol: "legacy", allow_loopback: "yes", ...more });

/* {code, out, err} of a call without a server. */
async function call(more) {
  const { path } = write_config(ini_text({ server: { plugin_dir: process.env.PARLEY_PLUGIN_DIR }, "tools all": section(more) }));
  return run(PARLEYCTL, ["tools", "call", "-c", path, "all_echo", "{}"], { env: { PARLEY_LOG: "debug" } });
}

function start_agent(more) {
  return start_parleyd({
    "tools all": section(more),
    "model main": { plugin: "model_script", script: SCRIPT },
    "store main": { plugin: "store_memory" },
    "agent assistant": { model: "main", tools: "all" },
  });
}

describe("programs", () => {
  test("a secret is posted as the server wants it, and is in no log", async () => {
    server = await start_oauth_mcp();
    const { code, out, err } = await call({ auth: "client_credentials", client_id: "me", client_secret_file: file("secret", "s3cret\n") });
    assert.equal(code, 0, err);
    assert.match(out, /it is done/);
    const [grant] = server.grants;
    assert.deepEqual(grant, { grant_type: "client_credentials", client_id: "me", client_secret: "s3cret", scope: "tools", resource: server.url });
    assert.doesNotMatch(err + out, /s3cret|token-1/);
  });

  test("a key signs an assertion that the server can verify", async () => {
    server = await start_oauth_mcp();
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { code, err } = await call({ auth: "private_key_jwt", client_id: "me", signing_alg: "ES256",
      private_key_file: file("key.pem", privateKey.export({ type: "pkcs8", format: "pem" })) });
    assert.equal(code, 0, err);
    const [head, body, signature] = server.grants[0].client_assertion.split(".");
    assert.ok(verify("sha256", Buffer.from(`${head}.${body}`), { key: publicKey, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")));
    const claims = JSON.parse(Buffer.from(body, "base64url"));
    assert.deepEqual([claims.iss, claims.sub, claims.aud], ["me", "me", server.origin]);
  });

  test("a secret goes the one way that the server lists", async () => {
    const with_methods = async (methods) => {
      server = await start_oauth_mcp({ methods });
      const { code, err } = await call({ auth: "client_credentials", client_id: "me", client_secret: "s3cret" });
      assert.equal(code, 0, err);
      assert.equal(server.grants.length, 1);
      await server.stop();
      return server.grants[0];
    };
    const basic = await with_methods(["client_secret_basic"]);
    assert.equal(basic.authorization, `Basic ${Buffer.from("me:s3cret").toString("base64")}`);
    assert.equal(basic.client_secret, undefined);
    const none = await with_methods(["none"]);
    assert.deepEqual([none.client_id, none.client_secret, none.authorization], ["me", undefined, undefined]);
  });

  test("an assertion of the platform is exchanged for a token", async () => {
    server = await start_oauth_mcp();
    const { code, out, err } = await call({ auth: "jwt_bearer", assertion_file: file("jwt", "platform-jwt") });
    assert.equal(code, 0, err);
    assert.match(out, /it is done/);
    assert.equal(server.grants[0].grant_type, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert.deepEqual([server.grants[0].assertion, server.grants[0].resource], ["platform-jwt", server.url]);
    assert.doesNotMatch(out + err, /platform-jwt|token-1/);
  });

  test("an address inside the operator's network is not asked, not even over TLS", async () => {
    for (const place of ["https://10.0.0.1/x", "https://192.168.1.1/x", "https://169.254.169.254/latest", "https://[fd00::1]/x", "https://[::ffff:10.0.0.1]/x"]) {
      server = await start_oauth_mcp({ metadata: place });
      const { code, err } = await call({ auth: "client_credentials", client_id: "me", client_secret: "s3cret" });
      assert.notEqual(code, 0, place);
      assert.match(err, /not an address of the public Internet/, place);
      assert.equal(server.grants.length, 0, place);
      await server.stop();
    }
  });

  test("a refused assertion is not tried in another way, and is not repeated to the operator", async () => {
    server = await start_oauth_mcp({ refuses: "invalid_grant" });
    const { code, err } = await call({ auth: "jwt_bearer", assertion_file: file("jwt", "platform-jwt") });
    assert.notEqual(code, 0);
    assert.match(err, /refused to give a token: invalid_grant/);
    assert.doesNotMatch(err, /platform-jwt/);
    assert.equal(server.grants.length, 1);
    assert.equal(server.grants[0].assertion, "platform-jwt");
  });

  test("nothing on this machine is asked without allow_loopback", async () => {
    server = await start_oauth_mcp();
    const { code, err } = await call({ auth: "client_credentials", client_id: "me", client_secret: "s", allow_loopback: "no" });
    assert.notEqual(code, 0);
    assert.match(err, /allow_loopback/);
    assert.ok(server.asked.every((one) => one.endsWith(" /mcp")), server.asked.join());
  });

  test("a key that does not fit is found by --check", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    server = await start_oauth_mcp();
    const { code, out, err } = await check(ini_text({
      server: { plugin_dir: process.env.PARLEY_PLUGIN_DIR },
      "tools all": section({ auth: "private_key_jwt", client_id: "me", signing_alg: "ES256", private_key_file: file("key.pem", privateKey.export({ type: "pkcs8", format: "pem" })) }),
    }));
    assert.notEqual(code, 0);
    assert.match(out + err, /signing_alg = ES256: private_key_file holds an EC key of the curve secp384r1/);
  });
});

describe("a person", () => {
  const browser = () => file("browser", `#!${process.execPath}\nfetch(process.argv.at(-1));\n`);

  test("signs in once, and parleyd goes on from the file", async () => {
    server = await start_oauth_mcp();
    const login_file = join(scratch_folder(), "login.json");
    const { code, err } = await call({ auth: "authorization_code", open_command: browser(), login_file });
    assert.equal(code, 0, err);
    assert.equal(statSync(login_file).mode & 0o777, 0o600);
    server.good.clear(); /* the access token has ended */
    const parleyd = await start_agent({ auth: "authorization_code", login_file });
    await parleyd.wait_for_log(/the MCP server is ready/);
    const client = await open_client(parleyd);
    assert.match((await client.ask("echo")).text, /it is done/);
    await client.close();
    await parleyd.stop();
    assert.deepEqual(server.grants.map((grant) => grant.grant_type), ["authorization_code", "refresh_token"]);
    assert.match(readFileSync(login_file, "utf8"), /refresh-2/);
  });

  test("is not believed when the answer names another issuer", async () => {
    server = await start_oauth_mcp({ iss: "https://evil.example.com" });
    const { code, err } = await call({ auth: "authorization_code", open_command: browser() });
    assert.notEqual(code, 0);
    assert.match(err, /another issuer/);
    assert.equal(server.grants.length, 0);
  });

  test("is not waited for by parleyd", async () => {
    server = await start_oauth_mcp();
    const parleyd = await start_agent({ auth: "authorization_code", open_command: browser() });
    await parleyd.wait_for_log(/somebody has to sign in/);
    await parleyd.stop();
    assert.ok(!server.asked.includes("GET /authorize"));
  });
});

describe("a conversation's own token", () => {
  const token = (authorization) => ({ tools: [{ type: "mcp", server_label: "all", authorization }] });

  test("is used for its calls, and is nowhere to be seen", async () => {
    server = await start_oauth_mcp({ accepts: ["shared", "mine-1"] });
    const parleyd = await start_agent({ token: "shared", session_token: "yes" });
    await parleyd.wait_for_log(/the MCP server is ready/);
    const [mine, other] = [await open_client(parleyd), await open_client(parleyd)];
    const session = await mine.configure(token("mine-1"));
    assert.doesNotMatch(JSON.stringify(session), /mine-1/);
    assert.match((await mine.ask("echo")).text, /it is done/);
    assert.match((await other.ask("echo")).text, /it is done/);
    assert.deepEqual(server.calls.map((one) => one.token), ["mine-1", "shared"]);
    assert.notEqual(server.calls[0].session, server.calls[1].session);
    assert.doesNotMatch(JSON.stringify(mine.log.all(() => true)), /mine-1/);
    await mine.close();
    await other.close();
    await parleyd.stop();
    assert.doesNotMatch(parleyd.log, /mine-1|shared"/);
  });

  test("is refused where the section does not take any", async () => {
    server = await start_oauth_mcp({ accepts: ["shared"] });
    const parleyd = await start_agent({ token: "shared" });
    const client = await open_client(parleyd);
    client.send({ type: "session.update", session: { type: "realtime", ...token("mine-1") } });
    const { error } = await client.log.wait("error");
    assert.equal(error.param, "session.tools[0].authorization");
    assert.match(error.message, /take no authorization/);
    await client.close();
    await parleyd.stop();
  });
});

test("a token that was renewed in its file is taken at once", async () => {
  server = await start_oauth_mcp({ accepts: ["old"] });
  const token_file = file("token", "old\n");
  const parleyd = await start_agent({ token_file });
  await parleyd.wait_for_log(/the MCP server is ready/);
  const client = await open_client(parleyd);
  server.good = new Set(["new"]);
  writeFileSync(token_file, "new\n");
  assert.match((await client.ask("echo")).text, /it is done/);
  assert.equal(server.calls.at(-1).token, "new");
  await client.close();
  await parleyd.stop();
});

test("a credential of parley's own gives the token, and another one when it is refused", async () => {
  server = await start_oauth_mcp({ accepts: ["entra-1"] });
  const asked = [];
  const identity = createServer((request, response) => {
    asked.push({ url: request.url, header: request.headers["x-identity-header"] });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ access_token: `entra-${asked.length}`, expires_in: 3600 }));
  });
  await new Promise((resolve) => identity.listen(0, "127.0.0.1", resolve));
  process.env.IDENTITY_ENDPOINT = `http://127.0.0.1:${identity.address().port}/token`;
  process.env.IDENTITY_HEADER = "guess";
  try {
    const parleyd = await start_agent({ credential: "managed-identity", scope: "api://crm/.default" });
    await parleyd.wait_for_log(/the MCP server is ready/);
    const client = await open_client(parleyd);
    assert.match((await client.ask("echo")).text, /it is done/);
    assert.equal(server.calls.at(-1).token, "entra-1");
    server.good = new Set(["entra-2"]);
    assert.match((await client.ask("echo")).text, /it is done/);
    assert.equal(server.calls.at(-1).token, "entra-2");
    assert.deepEqual(asked.map(({ header }) => header), ["guess", "guess"]);
    assert.match(asked[0].url, /resource=api%3A%2F%2Fcrm(&|$)/);
    await client.close();
    await parleyd.stop();
    assert.doesNotMatch(parleyd.log, /entra-[12]|guess/);
  } finally {
    delete process.env.IDENTITY_ENDPOINT;
    delete process.env.IDENTITY_HEADER;
    identity.closeAllConnections();
    await new Promise((resolve) => identity.close(resolve));
  }
});

test("an unknown credential is told by --check", async () => {
  server = await start_oauth_mcp();
  const { code, err } = await call({ credential: "manged-identity", scope: "api://crm/.default" });
  assert.equal(code, 2);
  assert.match(err, /there is no \[credential manged-identity\] section; did you mean "managed-identity"\?/);
});
