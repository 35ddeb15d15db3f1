/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AG-UI: each request is a run of the agent, with the whole conversation, so the agent is told what
 * was heard by the conversation itself. The thread's id is the session's, so it stays the same over
 * rotations and resumes. Tools that are passed and called without a result are ours to run.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "patch.h"
#include "talk.h"
#include "value.h"

#define MAX_STATE  ((size_t)256 << 10) /* of the agent's state, as JSON; twice while it changes */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

/* ---- the state ---- */

static void drop_long_state(struct talk *t)
{
    t->state_bytes = json_dumpb(t->state, NULL, 0, DUMP_FLAGS);
    if (t->state_bytes <= MAX_STATE)
        return;
    json_decref(t->state);
    t->state = NULL;
    t->state_bytes = 0;
}

/* ---- the request ---- */

static json_t *call_of(const json_t *item)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", value_str(item, "call_id"), "type",
                     "function", "function", "name", value_str(item, "name"), "arguments",
                     value_str(item, "arguments"));
}

/* Each message has an id; spoken answers come without one, and get it by their place. */
static json_t *message_of(const json_t *item, size_t place)
{
    char *words = talk_words(item), id[32];

    (void)snprintf(id, sizeof(id), "item-%zu", place);
    json_t *message = words == NULL || words[0] == '\0'
                          ? NULL
                          : json_pack("{s:s, s:s, s:s}", "id",
                                      value_str(item, "id")[0] == '\0' ? id : value_str(item, "id"),
                                      "role", value_str(item, "role"), "content", words);

    free(words);
    return message;
}

/* Calls that stand together are one message of the assistant. Returns the place of the last. */
static size_t add_calls(json_t *messages, const json_t *items, size_t first)
{
    json_t *calls = json_array();
    size_t at = first;

    while (value_is(json_array_get(items, at), "type", "function_call"))
        json_array_append_new(calls, call_of(json_array_get(items, at++)));
    json_array_append_new(messages, json_pack("{s:s, s:s, s:o}", "id",
                                              value_str(json_array_get(items, first), "id"), "role",
                                              "assistant", "toolCalls", calls));
    return at - 1;
}

static void add_result(json_t *messages, const json_t *item)
{
    json_array_append_new(messages,
                          json_pack("{s:s, s:s, s:s, s:s}", "id", value_str(item, "id"), "role",
                                    "tool", "toolCallId", value_str(item, "call_id"), "content",
                                    value_str(item, "output")));
}

static void add_instructions(const struct talk *t, json_t *messages)
{
    if (t->turn.instructions[0] != '\0')
        json_array_append_new(messages, json_pack("{s:s, s:s, s:s}", "id", "instructions", "role",
                                                  "system", "content", t->turn.instructions));
}

static json_t *messages_of(const struct talk *t)
{
    json_t *messages = json_array();

    if (t->server->must_pass_instructions)
        add_instructions(t, messages);
    for (size_t i = 0; i < json_array_size(t->turn.items); i++) {
        const json_t *item = json_array_get(t->turn.items, i);
        json_t *message = NULL;
        if (value_is(item, "type", "function_call"))
            i = add_calls(messages, t->turn.items, i);
        else if (value_is(item, "type", "function_call_output"))
            add_result(messages, item);
        else if (value_str(item, "role")[0] != '\0' && (message = message_of(item, i)) != NULL)
            json_array_append_new(messages, message);
    }
    if (json_array_size(messages) == 0)
        add_instructions(t, messages);
    return messages;
}

static json_t *tools_of(const struct talk *t)
{
    json_t *out = json_array();
    const json_t *tool = NULL;
    size_t i = 0;

    json_array_foreach(t->server->must_pass_tools ? t->turn.tools : NULL, i, tool)
    {
        json_array_append_new(out, json_pack("{s:s, s:s, s:O*}", "name", value_str(tool, "name"),
                                             "description", value_str(tool, "description"),
                                             "parameters", json_object_get(tool, "parameters")));
    }
    return out;
}

static int ask(struct talk *t, struct errand *ret, struct parley_error *err)
{
    uint64_t bits[2] = {0};
    char run[40];

    (void)getrandom(bits, sizeof(bits), 0);
    (void)snprintf(run, sizeof(run), "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
    if (t->conversation[0] == '\0')
        talk_keep(t->conversation, t->session_id[0] == '\0' ? run : t->session_id);
    json_t *body =
        json_pack("{s:s, s:s, s:o, s:o, s:[], s:{}}", "threadId", t->conversation, "runId", run,
                  "messages", messages_of(t), "tools", tools_of(t), "context", "forwardedProps");
    drop_long_state(t);
    if (t->state != NULL)
        json_object_set(body, "state", t->state);
    else
        json_object_set_new(body, "state", json_object());
    *ret = (struct errand){
        .method = "POST",
        .url = strdup(t->server->base_url),
        .body = body == NULL ? NULL : json_dumps(body, JSON_COMPACT),
    };
    json_decref(body);
    return ret->url != NULL && ret->body != NULL
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
}

static bool prepare(const struct talk *t, struct errand *ret)
{
    (void)t;
    (void)ret;
    return false;
}

static int prepared(struct talk *t, struct parley_view body, struct parley_error *err)
{
    (void)t;
    (void)body;
    (void)err;
    return PARLEY_OK;
}

static bool call_off(const struct talk *t, struct errand *ret)
{
    (void)t;
    (void)ret;
    return false;
}

/* ---- the stream ---- */

static void take_snapshot(struct talk *t, const json_t *snapshot)
{
    json_decref(t->state);
    t->state = json_deep_copy(snapshot);
    drop_long_state(t);
}

/* To measure a state takes as long as it is, and an agent can send very many small changes: so it
 * is done again only when as much has come as may be there. */
static void take_change(struct talk *t, const json_t *operations)
{
    t->state = patch_apply(t->state, operations);
    t->state_bytes += json_dumpb(operations, NULL, 0, DUMP_FLAGS);
    if (t->state_bytes > 2 * MAX_STATE)
        drop_long_state(t);
}

static void read_text(struct answer *a, const json_t *event)
{
    const char *role = value_str(event, "role"); /* a chunk may have one */

    if (role[0] == '\0' || strcmp(role, "assistant") == 0)
        answer_text(a, value_view(event, "delta"));
}

/* A chunk begins a call and brings arguments, in one; later ones may leave out the id. */
static void read_call(struct answer *a, const json_t *event)
{
    struct parley_view id = value_view(event, "toolCallId");
    struct answer_call *call =
        id.len == 0 && a->call_count > 0 ? &a->calls[a->call_count - 1] : answer_call(a, id);

    if (call == NULL)
        return;
    if (call->name.len == 0)
        answer_add(a, &call->name, value_view(event, "toolCallName"));
    answer_add(a, &call->arguments, value_view(event, "delta"));
}

static void read_result(struct answer *a, const json_t *event)
{
    struct answer_call *call = answer_call(a, value_view(event, "toolCallId"));

    if (call == NULL)
        return;
    if (!call->has_output)
        answer_add(a, &call->output, value_view(event, "content"));
    call->has_output = true;
    answer_show(a, call);
}

static void read_finish(struct answer *a, const json_t *event)
{
    const json_t *outcome = json_object_get(event, "outcome");
    const char *word =
        json_is_object(outcome) ? value_str(outcome, "type") : value_str(event, "outcome");

    a->is_over = true;
    if (strcmp(word, "cancelled") == 0)
        answer_fail(a, PARLEY_E_UNAVAILABLE, "the agent's run was cancelled");
    else if (strcmp(word, "interrupt") == 0 && a->said.len == 0)
        answer_fail(a, PARLEY_E_UNSUPPORTED,
                    "the agent waits for an approval, which parley cannot give");
}

static void read_error(struct answer *a, const json_t *event)
{
    const char *code = value_str(event, "code");
    bool is_limit = strstr(code, "rate_limit") != NULL || strcmp(code, "429") == 0;

    answer_fail(a, is_limit ? PARLEY_E_BUSY : PARLEY_E_UNAVAILABLE, "the agent failed: %.300s",
                value_str(event, "message"));
    (void)snprintf(a->err.code, sizeof(a->err.code), "%.63s", code);
}

static void event(struct talk *t, const json_t *event)
{
    const char *type = value_str(event, "type");
    struct answer *a = &t->answer;

    if (strcmp(type, "RUN_STARTED") == 0)
        a->is_begun = true;
    else if (strcmp(type, "TEXT_MESSAGE_CONTENT") == 0 || strcmp(type, "TEXT_MESSAGE_CHUNK") == 0)
        read_text(a, event);
    else if (strncmp(type, "TOOL_CALL_", 10) == 0 && strcmp(type, "TOOL_CALL_RESULT") != 0)
        read_call(a, event);
    else if (strcmp(type, "TOOL_CALL_RESULT") == 0)
        read_result(a, event);
    else if (strcmp(type, "STATE_SNAPSHOT") == 0 && json_object_get(event, "snapshot") != NULL)
        take_snapshot(t, json_object_get(event, "snapshot"));
    else if (strcmp(type, "STATE_DELTA") == 0)
        take_change(t, json_object_get(event, "delta"));
    else if (strcmp(type, "RUN_FINISHED") == 0)
        read_finish(a, event);
    else if (strcmp(type, "RUN_ERROR") == 0)
        read_error(a, event);
}

static void over(struct talk *t)
{
    if (!t->answer.is_over)
        answer_fail(
            &t->answer, PARLEY_E_UNAVAILABLE,
            t->answer.is_begun || t->answer.said.len > 0
                ? "the agent's run broke off"
                : "the agent answered nothing that AG-UI says; base_url is the whole URL of "
                  "the agent");
}

const struct protocol protocol_ag_ui = {
    .prepare = prepare,
    .prepared = prepared,
    .ask = ask,
    .event = event,
    .over = over,
    .call_off = call_off,
    .keeps_cut_turns = true,
};
