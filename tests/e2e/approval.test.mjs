// SPDX-License-Identifier: Apache-2.0
/*
 * Tools that a person approves, as clients see them: the unmodified `@openai/agents` with its approval events, the `openai`
 * package, and the console page.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open_session } from "./support/agents_client.mjs";
import { connect, has_chromium, open_browser, open_page, say, wait_for_entry } from "./support/browser.mjs";
import { open_client } from "./support/openai_client.mjs";
import { start_parleyd } from "./support/parleyd.mjs";
import { SUM, upstreams } from "./support/upstreams.mjs";

/* What the agent says of the calculator. */
const with_policies = (sections, policies) => ({
  ...sections,
  "agent assistant": { ...sections["agent assistant"], ...policies },
});

/* The next approval that the session is asked for. */
function approval_of(session) {
  return new Promise((resolve) => session.session.once("tool_approval_requested", (_context, _agent, request) => resolve(request)));
}

for (const [name, sections] of Object.entries(upstreams)) {
  describe(`@openai/agents approves tools of parley with ${name}`, () => {
    let parleyd;
    let session;

    before(async () => {
      parleyd = await start_parleyd(with_policies(sections(), { "builtin.calculator.approval": "always" }));
      session = await open_session(parleyd);
    });
    after(async () => {
      session?.close();
      await parleyd?.stop();
    });

    test("an approved call runs once and its result is spoken", async () => {
      const asked = approval_of(session);
      const from = session.log.now;
      const answer = session.ask("what is two plus three");
      const { type, approvalItem } = await asked;
      assert.equal(type, "mcp_approval_request");
      assert.equal(approvalItem.rawItem.name, "calculator");
      assert.equal(session.log.all("parley.tool_call.started", from).length, 0, "it ran before it was approved");
      await session.session.approve(approvalItem);
      assert.match(await answer, SUM);
      assert.equal(session.log.all("parley.tool_call.done", from).length, 1);
      assert.deepEqual(session.errors, []);
    });

    test("a refused call never runs, and the agent says something", async () => {
      const asked = approval_of(session);
      const from = session.log.now;
      const answer = session.ask("what is two plus three");
      await session.session.reject((await asked).approvalItem);
      assert.doesNotMatch(await answer, /\b5\b/);
      const { status, output } = await session.log.wait("parley.tool_call.done", { from });
      assert.equal(status, "denied");
      assert.match(output, /calculator was not run: the user did not approve it/);
      assert.deepEqual(session.errors, []);
    });

    test("the conversation goes on while nobody answers", async () => {
      const asked = approval_of(session);
      const from = session.log.now;
      session.session.sendMessage("what is two plus three");
      const { approvalItem } = await asked;
      await session.log.wait("response.done", { from });
      assert.notEqual(await session.ask("hello"), "");
      const later = session.news.now;
      await session.session.approve(approvalItem);
      assert.match(await session.answer(later), SUM);
      assert.deepEqual(session.errors, []);
    });
  });
}

describe("the console page asks", { skip: has_chromium ? false : "no Chromium: install the package chromium" }, () => {
  let browser;
  let parleyd;

  before(async () => {
    browser = await open_browser();
    parleyd = await start_parleyd(with_policies(upstreams.model_script(), { "builtin.calculator.approval": "always" }));
  });
  after(async () => {
    await browser?.close();
    await parleyd?.stop();
  });

  for (const [button, words] of [["Allow", SUM], ["Refuse", /may not do that/]])
    test(`${button}`, async () => {
      const page = await open_page(browser, parleyd.url);
      await connect(page);
      await say(page, "what is two plus three");
      await wait_for_entry(page, "tool", /calculator expression: 2 \+ 3/);
      await page.click(`.choices button:text("${button}")`);
      await wait_for_entry(page, "agent", words);
      assert.equal(await page.locator(".choices").count(), 0);
      assert.deepEqual(page.faults, []);
      await page.close();
    });
});

describe("the openai package answers approvals", () => {
  let parleyd;
  let client;
  let hasty; /* whose agent waits for a second only */

  before(async () => {
    const sections = with_policies(upstreams.model_script(), { "builtin.calculator.approval": "always" });
    parleyd = await start_parleyd({
      ...sections, "agent hasty": { ...sections["agent assistant"], "builtin.calculator.approval_timeout_ms": "1s" },
    });
    client = await open_client(parleyd);
    hasty = await open_client(parleyd, { agent: "hasty" });
  });
  after(async () => {
    await client?.close();
    await hasty?.close();
    await parleyd?.stop();
  });

  async function ask(client) {
    const from = client.log.now;
    client.type("what is two plus three");
    client.send({ type: "response.create" });
    const { item } = await client.log.wait((event) => event.type === "response.output_item.done" && event.item.type === "mcp_approval_request", { from });
    const { response } = await client.log.wait("response.done", { from });
    assert.deepEqual(response.output.map(({ id }) => id), [item.id]);
    return { item, from };
  }

  test("an approved call is answered", async () => {
    const { item, from } = await ask(client);
    client.send({ type: "conversation.item.create", item: { type: "mcp_approval_response", approval_request_id: item.id, approve: true } });
    const shown = await client.log.wait((event) => event.type === "conversation.item.done" && event.item.type === "mcp_approval_response", { from });
    assert.equal(shown.previous_item_id, item.id);
    const is_answer = ({ type, response }) => type === "response.done" && response.output.some((it) => it.type === "message");
    const { response } = await client.log.wait(is_answer, { from });
    assert.match(response.output[0].content[0].transcript, SUM);
    assert.deepEqual(client.errors, []);
  });

  test("a call that nobody approves in time is refused in words", async () => {
    const { item, from } = await ask(hasty);
    assert.equal(item.server_label, "builtin");
    assert.deepEqual(JSON.parse(item.arguments), { expression: "2 + 3" });
    await hasty.log.wait((event) => event.type === "response.done" && event.response.output.some(({ type }) => type === "message"), { from });
    const late = hasty.log.now;
    hasty.send({ type: "conversation.item.create", item: { type: "mcp_approval_response", approval_request_id: item.id, approve: true } });
    const { error } = await hasty.log.wait("error", { from: late });
    assert.equal(error.param, "item.approval_request_id");
    assert.match(error.message, /settled already/);
  });

  test("an approval of nothing is an error that names it", async () => {
    const from = client.log.now;
    const event_id = client.send({ type: "conversation.item.create", item: { type: "mcp_approval_response", approval_request_id: "mcpr_none", approve: true } });
    const { error } = await client.log.wait("error", { from });
    assert.equal(error.event_id, event_id);
    assert.match(error.message, /mcpr_none/);
  });
});
