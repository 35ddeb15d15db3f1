/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A2A 1.0 and 0.3 over JSON-RPC. An answer is a message, or a task whose artifacts are the answer
 * and whose state says when it ends. Some hosts send each piece of text as a message of its own, so
 * everything is read to the end of the stream and put together.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "card.h"
#include "talk.h"
#include "value.h"

#define CARD_PATH "/.well-known/agent-card.json"

/* ---- the card ---- */

static bool prepare(const struct talk *t, struct errand *ret)
{
    if (t->rpc_url != NULL || t->server->rpc_url[0] != '\0')
        return false;
    *ret = (struct errand){.method = "GET", .url = talk_url(t->server->base_url, CARD_PATH)};
    return true;
}

static int take_card(struct talk *t, const json_t *tree, struct parley_error *err)
{
    struct card card = {0};
    int r = card_read(tree, t->server->version, &card, err);

    if (r < 0)
        return r;
    if (!card_is_same_origin(card.url, t->server->base_url))
        return parley_fail(err, PARLEY_E_DENIED,
                           "the agent's card leads to \"%.200s\", which is another server than "
                           "base_url; write rpc_url = that URL if it is right",
                           card.url);
    t->rpc_url = strdup(card.url);
    t->is_old = card.is_old;
    t->can_stream = card.can_stream;
    return t->rpc_url != NULL ? PARLEY_OK : PARLEY_E_NO_MEMORY;
}

static int prepared(struct talk *t, struct parley_view body, struct parley_error *err)
{
    json_t *tree = json_loadb(body.data, body.len, 0, NULL);
    int r = json_is_object(tree)
                ? take_card(t, tree, err)
                : parley_fail(err, PARLEY_E_PROTOCOL, "base_url" CARD_PATH " is no agent card");

    json_decref(tree);
    return r;
}

static bool is_old(const struct talk *t)
{
    return t->rpc_url == NULL ? t->server->version == A2A_0_3 : t->is_old;
}

static const char *rpc_url(const struct talk *t)
{
    return t->rpc_url == NULL ? t->server->rpc_url : t->rpc_url;
}

/* ---- the request ---- */

/* Several items become one text: an agent over A2A is spoken to by one user. */
static void add_words(struct text *out, const char *before, const char *words, const char *behind)
{
    if (words[0] == '\0')
        return;
    const char *const pieces[] = {out->len > 0 ? "\n" : "", before, words, behind};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        (void)text_append(out, (struct parley_view){pieces[i], strlen(pieces[i])},
                          ANSWER_MAX_BYTES);
}

static void add_item(struct text *out, const json_t *item)
{
    char *words = talk_words(item);

    if (words == NULL)
        return;
    if (value_is(item, "role", "assistant"))
        add_words(out, "[You said before: ", words, "]");
    else
        add_words(out, "", words, "");
    free(words);
}

static char *words_of(const struct talk *t)
{
    struct text out = {0};
    json_t *news = talk_news(t), *item = NULL;
    size_t i = 0;

    if (t->server->must_pass_instructions && t->instructions == NULL)
        add_words(&out, "", t->turn.instructions, "");
    json_array_foreach(news, i, item) add_item(&out, item);
    if (out.len == 0)
        add_words(&out, "", t->turn.instructions, "");
    json_decref(news);
    return out.data == NULL ? strdup("") : out.data;
}

static void make_id(char id[40])
{
    uint64_t bits[2] = {0};

    (void)getrandom(bits, sizeof(bits), 0);
    (void)snprintf(id, 40, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}

static json_t *message_of(const struct talk *t, const char *words)
{
    bool old = is_old(t);
    char id[40];

    make_id(id);
    json_t *message =
        old ? json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}]}", "kind", "message", "messageId", id,
                        "role", "user", "parts", "kind", "text", "text", words)
            : json_pack("{s:s, s:s, s:[{s:s}]}", "messageId", id, "role", "ROLE_USER", "parts",
                        "text", words);
    if (t->conversation[0] != '\0')
        json_object_set_new(message, "contextId", json_string(t->conversation));
    if (t->is_task_waiting)
        json_object_set_new(message, "taskId", json_string(t->task));
    return message;
}

static const char *method_of(const struct talk *t)
{
    bool must_wait = t->rpc_url != NULL && !t->can_stream;

    if (is_old(t))
        return must_wait ? "message/send" : "message/stream";
    return must_wait ? "SendMessage" : "SendStreamingMessage";
}

/* Takes the parameters. */
static struct errand call(const struct talk *t, const char *method, json_t *take_params)
{
    json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "jsonrpc", "2.0", "id", "1", "method", method,
                             "params", take_params);
    struct errand errand = {
        .method = "POST",
        .url = strdup(rpc_url(t)),
        .body = body == NULL ? NULL : json_dumps(body, JSON_COMPACT),
        .header = is_old(t) ? NULL : "A2A-Version: 1.0",
    };

    json_decref(body);
    return errand;
}

static int ask(struct talk *t, struct errand *ret, struct parley_error *err)
{
    char *words = words_of(t);

    if (words != NULL)
        *ret = call(t, method_of(t), json_pack("{s:o}", "message", message_of(t, words)));
    free(words);
    if (!t->is_task_waiting)
        t->task[0] = '\0';
    return ret->url != NULL && ret->body != NULL
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
}

static bool call_off(const struct talk *t, struct errand *ret)
{
    if (t->task[0] == '\0')
        return false;
    *ret = call(t, is_old(t) ? "tasks/cancel" : "CancelTask", json_pack("{s:s}", "id", t->task));
    return ret->url != NULL && ret->body != NULL;
}

/* ---- the answer ---- */

static void say_parts(struct answer *a, const json_t *parts)
{
    const json_t *part = NULL;
    size_t i = 0;

    json_array_foreach(parts, i, part) answer_text(a, value_view(part, "text"));
}

static char *text_of(const json_t *message)
{
    struct text text = {0};
    const json_t *part = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(message, "parts"), i, part)
    {
        (void)text_append(&text, value_view(part, "text"), 4096);
    }
    return text.data == NULL ? strdup("") : text.data;
}

static void read_names(struct talk *t, const json_t *from, const char *task_key)
{
    talk_keep(t->conversation, value_str(from, "contextId"));
    talk_keep(t->task, value_str(from, task_key));
}

/* "TASK_STATE_INPUT_REQUIRED" and "input-required" are one state. */
static bool is_state(const char *state, const char *name)
{
    static const char prefix[] = "TASK_STATE_";

    if (strncmp(state, prefix, sizeof(prefix) - 1) == 0)
        state += sizeof(prefix) - 1;
    for (; *state != '\0' && *name != '\0'; state++, name++) {
        char c = *state == '_'                    ? '-'
                 : *state >= 'A' && *state <= 'Z' ? (char)(*state + 32)
                                                  : *state;
        if (c != *name)
            return false;
    }
    return *state == *name;
}

static void fail_by_state(struct answer *a, int status, const char *what, const json_t *message)
{
    char *words = text_of(message);

    answer_fail(a, status, "the agent %s%s%.300s", what, words && words[0] ? ": " : "",
                words == NULL ? "" : words);
    free(words);
}

/* What a task says in its last state is the answer when nothing else was. */
static void read_status(struct talk *t, const json_t *status)
{
    struct answer *a = &t->answer;
    const char *state = value_str(status, "state");
    const json_t *message = json_object_get(status, "message");
    bool is_asking = is_state(state, "input-required");

    if (is_state(state, "failed"))
        fail_by_state(a, PARLEY_E_UNAVAILABLE, "failed", message);
    else if (is_state(state, "rejected"))
        fail_by_state(a, PARLEY_E_INVALID, "rejected the request", message);
    else if (is_state(state, "auth-required"))
        fail_by_state(a, PARLEY_E_DENIED, "wants the user to sign in, which parley cannot do",
                      message);
    else if (is_state(state, "canceled"))
        fail_by_state(a, PARLEY_E_UNAVAILABLE, "cancelled its task", message);
    else if (!is_asking && !is_state(state, "completed"))
        return;
    else if (is_asking || a->said.len == 0)
        say_parts(a, json_object_get(message, "parts"));
    t->is_task_waiting = is_asking;
    a->is_over = true;
}

static void read_task(struct talk *t, const json_t *task)
{
    const json_t *artifact = NULL;
    bool is_silent = t->answer.said.len == 0;
    size_t i = 0;

    read_names(t, task, "id");
    json_array_foreach(json_object_get(task, "artifacts"), i, artifact)
    {
        /* A task that goes on is shown with what it brought before. */
        if (is_silent && !t->is_task_waiting)
            say_parts(&t->answer, json_object_get(artifact, "parts"));
    }
    read_status(t, json_object_get(task, "status"));
}

static void read_message(struct talk *t, const json_t *message)
{
    read_names(t, message, "taskId");
    t->is_task_waiting = false;
    t->answer.is_over = true; /* unless more come */
    say_parts(&t->answer, json_object_get(message, "parts"));
}

static int status_of(json_int_t code)
{
    switch (code) {
    case -32601:
    case -32004:
    case -32009:
        return PARLEY_E_UNSUPPORTED;
    case -32600:
    case -32602:
    case -32005:
        return PARLEY_E_INVALID;
    case -32001:
        return PARLEY_E_NOT_FOUND;
    default:
        return PARLEY_E_UNAVAILABLE;
    }
}

static void read_error(struct answer *a, const json_t *error)
{
    json_int_t code = json_integer_value(json_object_get(error, "code"));

    a->is_lost = code == -32001;
    answer_fail(a, status_of(code), "the agent answers with error %" JSON_INTEGER_FORMAT ": %.300s",
                code, value_str(error, "message"));
}

static const json_t *member(const json_t *result, const char *name, const char *kind)
{
    const json_t *value = json_object_get(result, name);

    return value != NULL ? value : value_is(result, "kind", kind) ? result : NULL;
}

static void event(struct talk *t, const json_t *event)
{
    const json_t *result = json_object_get(event, "result");
    const json_t *error = json_object_get(event, "error");
    const json_t *found = NULL;

    if (json_is_object(error)) {
        read_error(&t->answer, error);
        return;
    }
    t->answer.is_begun = json_is_object(result);
    if ((found = member(result, "task", "task")) != NULL) {
        read_task(t, found);
    } else if ((found = member(result, "message", "message")) != NULL) {
        read_message(t, found);
    } else if ((found = member(result, "statusUpdate", "status-update")) != NULL) {
        read_names(t, found, "taskId");
        read_status(t, json_object_get(found, "status"));
    } else if ((found = member(result, "artifactUpdate", "artifact-update")) != NULL) {
        read_names(t, found, "taskId");
        say_parts(&t->answer, json_object_get(json_object_get(found, "artifact"), "parts"));
    }
}

static void over(struct talk *t)
{
    if (!t->answer.is_over)
        answer_fail(&t->answer, PARLEY_E_UNAVAILABLE,
                    t->answer.is_begun ? "the agent's answer broke off"
                                       : "the agent answered nothing that A2A says; check base_url "
                                         "or rpc_url");
}

const struct protocol protocol_a2a = {
    .prepare = prepare,
    .prepared = prepared,
    .ask = ask,
    .event = event,
    .over = over,
    .call_off = call_off,
    .keeps_cut_turns = true,
};
