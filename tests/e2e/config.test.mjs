// SPDX-License-Identifier: Apache-2.0
/* A configuration with each kind of mistake: one line each, `file:line: [section] key: what is wrong`, before anything starts. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { PARLEYCTL, PARLEYD, check, run, start_server, write_config, write_files } from "./support/program.mjs";
import { join } from "./support/raw_client.mjs";
import { scratch_folder } from "./support/wav.mjs";

const dir = process.env.PARLEY_PLUGIN_DIR;
const GOOD = `[server]
listen = 127.0.0.1:0
${dir ? `plugin_dir = ${dir}\n` : ""}
[model main]
plugin = model_script

[tools builtin]
plugin = tools_builtin

[agent assistant]
model = main
tools = builtin
`;

/* The good file with lines added to a section, or a section added. */
const with_line = (section, line) => GOOD.replace(`[${section}]\n`, `[${section}]\n${line}\n`);
const line_of = (text, what) => text.split("\n").findIndex((line) => line.startsWith(what)) + 1;

test("a good file is good", async () => {
  const { code, out, err } = await check(GOOD);
  assert.equal(code, 0, err);
  assert.match(out, /parley\.ini: good, 1 agents?/);
  assert.equal(err, "");
});

describe("a mistake is told with its place", () => {
  for (const [name, text, place, message] of [
    ["an unknown key", with_line("server", "lisen = 127.0.0.1:1"), "[server] lisen", /unknown key.*listen/],
    ["an unknown key of an agent", with_line("agent assistant", "instuctions = hi"), "[agent assistant] instuctions", /unknown key.*instructions/],
    ["an unknown key of a plugin", with_line("model main", "scrip = x.json"), "[model main] scrip", /unknown key.*script/],
    ["an unknown section", `${GOOD}[modle other]\nplugin = model_script\n`, "[modle other]", /unknown section.*model/],
    ["a section without its name", `${GOOD}[agent]\nmodel = main\n`, "[agent]", /name/],
    ["a name where none belongs", `${GOOD}[telemetry one]\n`, "[telemetry one]", /name|once/],
    ["an unknown word of what is always kept", `${GOOD}[telemetry]\nalways_keep = errors, slo\n`, "[telemetry] always_keep", /slo.*errors, slow/],
    ["a resource attribute without a value", `${GOOD}[telemetry]\nresource = team\n`, "[telemetry] resource", /team.*key=value/],
    ["a pattern that is none", `${GOOD}[telemetry]\nredact = a(b\n`, "[telemetry] redact", /a\(b.*character 4/],
    ["a share above all", `${GOOD}[telemetry]\nsample = 50\n`, "[telemetry] sample", /50/],
    ["a number in words", with_line("server", "max_sessions = many"), "[server] max_sessions", /many/],
    ["a number below its least", with_line("server", "max_sessions = 0"), "[server] max_sessions", /0.*(below|minimum|least|1)/],
    ["a number above its most", with_line("server", "max_sessions = 99999999"), "[server] max_sessions", /99999999.*1000000/],
    ["a number beyond numbers", with_line("server", "max_sessions = 99999999999999999999"), "[server] max_sessions", /99999999999999999999/],
    ["a bad duration", with_line("server", "drain_ms = 5 parsecs"), "[server] drain_ms", /parsecs/],
    ["a bad size", with_line("server", "max_message_bytes = 4z"), "[server] max_message_bytes", /4z/],
    ["a bad choice", with_line("server", "log_level = loud"), "[server] log_level", /loud.*error.*warn.*info.*debug/],
    ["a bad yes or no", with_line("server", "console = perhaps"), "[server] console", /perhaps/],
    ["a bad fraction", with_line("agent assistant", "speed = fast"), "[agent assistant] speed", /fast/],
    ["a bad number of workers", with_line("server", "workers = 0"), "[server] workers", /0.*auto/],
    ["a bad address", GOOD.replace("127.0.0.1:0", "nowhere"), "[server] listen", /nowhere.*HOST:PORT/],
    ["a port beyond ports", GOOD.replace("127.0.0.1:0", "127.0.0.1:70000"), "[server] listen", /70000/],
    ["a missing plugin", `${GOOD}[store main]\nplugin = store_mermory\n`, "[store main] plugin", /store_mermory/],
    ["no plugin named", `${GOOD}[store main]\n`, "[store main] plugin", /./],
    ["a plugin of another role", `${GOOD}[store main]\nplugin = tools_builtin\n`, "[store main] plugin", /tools_builtin/],
    ["a plugin with a way out of its folder", `${GOOD}[store main]\nplugin = ../../lib/evil\n`, "[store main] plugin", /evil/],
    ["a key that can be guessed", `${GOOD}[auth]\nkeys = short\n`, "[auth] keys: entry 1 is 5 characters long", /at least 16/],
    ["a certificate that is not there", with_line("server", "tls_cert = nowhere.pem\ntls_key = nowhere.pem"), "[server] tls_cert", /nowhere\.pem: No such file/],
    ["a missing required key", `${GOOD}[auth]\n`, "[auth] keys", /./],
    ["an unknown model", GOOD.replace("model = main", "model = mian"), "[agent assistant] model", /mian.*main/],
    ["an unknown tool section", GOOD.replace("tools = builtin", "tools = buildin"), "[agent assistant] tools", /buildin.*builtin/],
    ["an unknown store", with_line("agent assistant", "store = cellar"), "[agent assistant] store", /cellar/],
    ["an unknown default agent", with_line("server", "default_agent = nobody"), "[server] default_agent", /nobody/],
    ["a variable that is not set", with_line("agent assistant", "instructions = ${NOT_SET_ANYWHERE}"), "[agent assistant] instructions", /NOT_SET_ANYWHERE/],
    ["a variable without end", with_line("agent assistant", "instructions = ${HOME"), "[agent assistant] instructions", /\$\{/],
    ["a text file that is not there", with_line("agent assistant", "instructions = @nowhere.md"), "[agent assistant] instructions", /nowhere\.md.*No such file/],
    ["a secret file that is not there", `${GOOD}[auth]\nkeys = file:nowhere\n`, "[auth] keys", /nowhere.*No such file/],
    ["a queue limit below the queue", with_line("server", "client_queue_bytes = 4m\nclient_queue_limit_bytes = 1m"), "[server] client_queue_limit_bytes", /client_queue_bytes/],
    ["a value of a plugin that it refuses", with_line("model main", "script = nowhere.json"), "[model main]", /nowhere\.json/],
    ["a client_may_set that is no field", with_line("agent assistant", "client_may_set = vioce"), "[agent assistant] client_may_set", /vioce.*voice/],
    ["a speed out of bounds", with_line("agent assistant", "speed = 9"), "[agent assistant] speed", /9/],
    ["an unknown audio format", with_line("agent assistant", "input_format = audio/mp3"), "[agent assistant] input_format", /mp3/],
    ["an unknown policy of a tool", with_line("tools builtin", "calculator.aproval = always"), "[tools builtin] calculator.aproval", /unknown key.*approval/],
    ["an unknown policy of all tools", with_line("tools builtin", "on_interupt = keep"), "[tools builtin] on_interupt", /unknown key.*on_interrupt/],
    ["a policy with a bad choice", with_line("tools builtin", "on_interrupt = maybe"), "[tools builtin] on_interrupt", /maybe.*keep.*cancel.*detach/],
    ["a policy of a function of a function", with_line("tools builtin", "a.b.filler = Well."), "[tools builtin] a.b.filler", /a\.b.*FUNCTION\.KEY/],
    ["a policy of tools that are not there", with_line("agent assistant", "bultin.approval = always"), "[agent assistant] bultin.approval", /bultin.*builtin/],
    ["an unknown policy in an agent", with_line("agent assistant", "builtin.calculator.fillar = Well."), "[agent assistant] builtin.calculator.fillar", /unknown key.*filler/],
    ["a filler that is too long", with_line("agent assistant", `builtin.filler = ${"well ".repeat(101)}.`), "[agent assistant] builtin.filler", /506 bytes.*500/],
    ["a dot at the end of a key", with_line("agent assistant", "builtin. = x"), "[agent assistant]", /a key is/],
    ["a key twice", with_line("server", "workers = 1\nworkers = 2"), "[server] workers", /./],
  ])
    test(name, async () => {
      const { code, err } = await check(text);
      assert.equal(code, 2, `${err}\nis no mistake of:\n${text}`);
      const lines = err.trim().split("\n");
      const shape = /^\S*parley\.ini(?::\d+)?: \[[^\]]+\](?: [\w.]+:)? \S/;
      assert.match(lines[0], shape, err);
      const line = lines.find((it) => it.includes(place));
      assert.ok(line, `no line about ${place}:\n${err}`);
      assert.match(line, message, err);
      assert.match(line, /parley\.ini:\d+: /, "the line number is told");
    });

  test("a line that is no INI is told by its number", async () => {
    for (const [text, line] of [["[server\nlisten = 127.0.0.1:0\n", 1], [`${GOOD}\nno equals sign\n`, GOOD.split("\n").length + 1], ["listen = 1\n", 1]]) {
      const { code, err } = await check(text);
      assert.equal(code, 2, err);
      assert.match(err, new RegExp(`parley\\.ini:${line}: `), err);
    }
  });

  test("the line is the right one", async () => {
    const text = with_line("agent assistant", "colour = blue");
    const { err } = await check(text);
    assert.match(err, new RegExp(`parley\\.ini:${line_of(text, "colour")}: \\[agent assistant\\] colour: `));
  });

  test("all mistakes are told, not only the first", async () => {
    const text = with_line("server", "colour = 1\nmax_sessions = many").replace("model = main", "model = mian");
    const { code, err } = await check(text);
    assert.equal(code, 2);
    for (const part of ["[server] colour", "[server] max_sessions", "[agent assistant] model"])
      assert.ok(err.includes(part), err);
  });

  test("bytes that are no text do no harm", async () => {
    for (const bytes of [Buffer.from([0, 1, 2, 255, 10, 91, 255, 93]), Buffer.alloc(100_000, "["), Buffer.alloc(100_000, "a"), Buffer.from(`${GOOD}[agent a\u0000b]\nmodel = main\n`), Buffer.from(`${GOOD.replace("model = main", `model = ${"m".repeat(200_000)}`)}`)]) {
      const { path } = write_config("");
      writeFileSync(path, bytes);
      const { code, err } = await run(PARLEYD, ["-c", path, "--check"]);
      assert.equal(code, 2, err);
      assert.match(err, /parley\.ini/);
    }
  });

  test("a folder in place of the file is told", async () => {
    const { code, err } = await run(PARLEYD, ["-c", write_files({}), "--check"]);
    assert.equal(code, 2, err);
    assert.match(err, /not a file/);
  });
});

describe("values from elsewhere", () => {
  const effective = async (text, { more = {}, args = [], env = {} } = {}) => {
    const { path, folder } = write_config(text, more);
    const done = await run(PARLEYCTL, ["config", "show", "-c", path, ...args], { env });
    assert.equal(done.code, 0, done.err);
    return done.out.replaceAll(folder, "");
  };

  test("${ENV}, its default, @file and file: are taken, and secrets are not shown", async () => {
    const text = with_line("agent assistant", "instructions = @prompt.md\ndescription = ${WHAT} by ${WHO:-nobody}")
      + "[auth]\nkeys = file:keys\n";
    const more = { "prompt.md": "Be ${WHAT}, and kind.\n", keys: "shop=0123456789abcdef-secret\n" };
    const { path } = write_config(text, more);
    const done = await run(PARLEYCTL, ["config", "show", "-c", path], { env: { WHAT: "quick" } });
    assert.equal(done.code, 0, done.err);
    assert.match(done.out, /quick by nobody/);
    assert.ok(!done.out.includes("abcdef-secret"), done.out);
    assert.match(done.out, /@prompt\.md/);
  });

  test("a secret in the environment is not shown either", async () => {
    const out = await effective(`${GOOD}[auth]\nkeys = \${SHOP_KEY}\n`, { env: { SHOP_KEY: "0123456789abcdef-secret" } });
    assert.ok(!out.includes("abcdef-secret"), out);
    assert.match(out, /SHOP_KEY/);
  });

  test("an environment's file is laid over the base, key by key", async () => {
    const more = { "parley.production.ini": "[agent assistant]\ndescription = Serious\n[tools builtin]\nenabled = no\n" };
    const text = with_line("agent assistant", "description = Funny\nvoice = marin").replace("tools = builtin\n", "");
    assert.match(await effective(text, { more }), /Funny/);
    const out = await effective(text, { more, args: ["-e", "production"] });
    assert.match(out, /Serious/);
    assert.ok(!out.includes("Funny"), out);
    assert.match(out, /marin/);
  });

  test("a mistake in an environment's file names that file", async () => {
    const more = { "parley.production.ini": "\n[agent assistant]\ncolour = blue\n" };
    assert.equal((await check(GOOD, { more })).code, 0);
    const { code, err } = await check(GOOD, { more, args: ["-e", "production"] });
    assert.equal(code, 2);
    assert.match(err, /parley\.production\.ini:3: \[agent assistant\] colour: unknown key/);
  });

  test("so does a plugin's refusal of a value from it", async () => {
    const text = `${GOOD}[store main]\nplugin = store_sqlite\npath = here.db\n`;
    const more = { "parley.production.ini": "\n[store main]\npath = nowhere/there.db\n" };
    const { code, err } = await check(text, { more, args: ["-e", "production"] });
    assert.equal(code, 2);
    assert.match(err, /parley\.production\.ini:3: \[store main\] path: .*nowhere/);
  });

  test("an environment without a file is told", async () => {
    const { code, err } = await check(GOOD, { args: ["-e", "prodution"] });
    assert.equal(code, 2);
    assert.match(err, /parley\.prodution\.ini.*No such file/);
  });

  test("an environment's name cannot lead out of the folder", async () => {
    const { code } = await check(GOOD, { args: ["-e", "../../etc/passwd"] });
    assert.equal(code, 2);
  });

  test("what is switched off is not looked at, and cannot be used", async () => {
    const off = `${GOOD}[exporter there]\nplugin = exporter_that_is_not_built\nenabled = no\nanything = goes\n`;
    assert.equal((await check(off)).code, 0);
    const used = GOOD.replace("plugin = model_script", "plugin = model_script\nenabled = no");
    const { code, err } = await check(used);
    assert.equal(code, 2);
    assert.match(err, /\[agent assistant\] model: .*(enabled|switched off|main)/);
  });
});

describe("a plugin that is none", () => {
  const bad = (name, bytes) => {
    const folder = write_files({ [`${name}.so`]: bytes });
    const text = GOOD.replace(/plugin_dir = .*\n/, "").replace("listen = 127.0.0.1:0\n", `listen = 127.0.0.1:0\nplugin_dir = ${folder}\n`)
      .replace("plugin = model_script", `plugin = ${name}`).replace(/\[tools builtin\]\nplugin = tools_builtin\n/, "").replace("tools = builtin\n", "");
    return check(text);
  };

  test("a text file", async () => {
    const { code, err } = await bad("model_text", "hello\n");
    assert.equal(code, 2, err);
    assert.match(err, /parley\.ini:\d+: \[model main\] plugin: .*model_text/);
  });

  test("an empty file", async () => {
    const { code, err } = await bad("model_empty", "");
    assert.equal(code, 2, err);
    assert.match(err, /\[model main\] plugin: .*model_empty/);
  });

  test("the head of a shared object", async () => {
    const { readFileSync } = await import("node:fs");
    const whole = readFileSync(dir ? `${dir}/model_script.so` : `${dirname(dirname(PARLEYD))}/plugins/model_script/model_script.so`);
    const { code, err } = await bad("model_half", whole.subarray(0, 3000));
    assert.equal(code, 2, err);
    assert.match(err, /\[model main\] plugin: .*model_half/);
  });

  test("a folder that is not there", async () => {
    const text = GOOD.replace(/plugin_dir = .*\n/, "").replace("listen = 127.0.0.1:0\n", "listen = 127.0.0.1:0\nplugin_dir = /nowhere\n");
    const { code, err } = await check(text);
    assert.equal(code, 2, err);
    assert.match(err, /\/nowhere/);
  });
});

describe("--check", () => {
  test("does not start anything, and ends with 2 where the start would", async () => {
    const text = with_line("server", "colour = blue");
    const { path } = write_config(text);
    const checked = await run(PARLEYD, ["-c", path, "--check"]);
    const started = await run(PARLEYD, ["-c", path]);
    assert.equal(checked.code, 2);
    assert.equal(started.code, 2);
    assert.match(started.err, /\[server\] colour: unknown key/);
  });

  test("a warning does not spoil it", async () => {
    const { code, err } = await check(GOOD.slice(0, GOOD.indexOf("[agent")));
    assert.equal(code, 0);
    assert.match(err, /warning: .*no \[agent NAME\] section/);
  });

  test("an agent's name with every letter that may be in one is served", async () => {
    const name = "front-desk_2";
    const server = await start_server({ server: {}, "model main": { plugin: "model_script" }, [`agent ${name}`]: { model: "main" } });
    await (await join(server, { agent: name })).close();
    await server.stop();
  });

  test("the shipped configurations are good", async () => {
    const { fileURLToPath } = await import("node:url");
    for (const file of ["parley.ini", "quickstart.ini"]) {
      const done = await run(PARLEYD, ["-c", fileURLToPath(new URL(`../../etc/${file}`, import.meta.url)), "--check"]);
      assert.equal(done.code, 0, done.err);
    }
  });

  /* A key that its plugin does not know is told only where the section is on: so --check itself shows what is on. */
  test("the shipped environments are good, and switch an exporter on and off", async () => {
    const shipped = (name) => readFileSync(new URL(`../../etc/${name}`, import.meta.url), "utf8");
    const base = shipped("parley.ini").replace("@agents/", "@");
    const broken = base.replace("plugin = exporter_otlp\n", "$&endpont = x\n");
    const more = Object.fromEntries(["parley.development.ini", "parley.production.ini"].map((name) => [name, shipped(name)]));
    more["receptionist.md"] = shipped("agents/receptionist.md");
    const look = (text, env) => check(text, { more, args: ["-e", env], env: { PARLEY_DATA: scratch_folder() } });
    for (const env of ["development", "production"]) {
      const { code, err } = await look(base, env);
      assert.equal(code, 0, err);
    }
    assert.equal((await look(broken, "development")).code, 0);
    const { code, err } = await look(broken, "production");
    assert.equal(code, 2);
    assert.match(err, /\[exporter otlp\] endpont: unknown key/);
  });
});

