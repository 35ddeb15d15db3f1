/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "tone.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_PER_TURN 64 /* then other sessions of the worker get their turn */
#define APPEND         "input_audio_buffer.append"

/* --- Tasks ------------------------------------------------------------------------------------ */

uint64_t session_now_us(const struct session *s)
{
    return s->stage->host->now_us();
}

static void arm(struct session *s)
{
    uint64_t now_us = session_now_us(s);

    if (s->is_running || s->is_paused || s->queue.first == NULL)
        return;
    uint64_t due_us = s->queue.first->due_us;
    s->stage->timer->start(s->timer,
                           due_us <= now_us ? 0 : (int64_t)((due_us - now_us + 999) / 1000));
}

/* The end comes by the queue, before all else. */
static void end(struct session *s)
{
    if (s->end != NULL)
        queue_again(&s->queue, s->end, 0);
    s->end = NULL;
    arm(s);
}

struct task *session_task(struct session *s, enum task_kind kind, uint64_t due_us)
{
    struct task *t = queue_add(&s->queue, kind, due_us);

    if (t == NULL)
        end(s);
    else
        arm(s);
    return t;
}

void session_tell(struct session *s, json_t *event, uint64_t at_us)
{
    struct task *t = session_task(s, TASK_EVENT, at_us);

    if (t != NULL) {
        t->text = value_text(event);
        if (t->text == NULL)
            end(s); /* an event that is left out would be waited for */
    }
    json_decref(event);
}

void session_user_said(struct session *s, const char *words)
{
    free(s->last_text);
    s->last_text = strdup(words);
    free(s->last_output);
    s->last_output = NULL;
}

static void session_free(struct session *s)
{
    struct session **at = &s->stage->first;

    while (*at != NULL && *at != s)
        at = &(*at)->next;
    if (*at == s)
        *at = s->next;
    s->stage->timer->destroy(s->timer);
    queue_drop(&s->queue, NULL);
    free(s->end);
    respond_reap(s, true);
    json_decref(s->session);
    json_decref(s->items);
    json_decref(s->audio_ms);
    free(s->last_text);
    free(s->last_output);
    free(s->rules);
    free(s);
}

void session_free_all(struct stage *stage)
{
    while (stage->first != NULL)
        session_free(stage->first);
}

/* --- The end ---------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    int status;
} statuses[] = {
    {"ok", PARLEY_OK},
    {"invalid", PARLEY_E_INVALID},
    {"not_found", PARLEY_E_NOT_FOUND},
    {"denied", PARLEY_E_DENIED},
    {"busy", PARLEY_E_BUSY},
    {"unavailable", PARLEY_E_UNAVAILABLE},
    {"timeout", PARLEY_E_TIMEOUT},
    {"protocol", PARLEY_E_PROTOCOL},
};

static int status_of(const char *word)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (strcmp(statuses[i].word, word) == 0)
            return statuses[i].status;
    }
    return PARLEY_E_UNAVAILABLE;
}

static bool is_retryable(int status)
{
    return status == PARLEY_E_BUSY || status == PARLEY_E_UNAVAILABLE || status == PARLEY_E_TIMEOUT;
}

/* What {"code": 3000, "error_code": ..., "status": ...} tells the host. */
static void finish(struct session *s, const json_t *closing)
{
    int code = (int)value_int(closing, "code", 1006);
    int status = status_of(value_str(closing, "status", code == 1000 ? "ok" : "unavailable"));
    struct parley_model_closed closed = {
        .size = sizeof(closed),
        .status = status,
        .close_code = code == 1006 ? 0 : code,
        .retryable = value_bool(closing, "retryable", is_retryable(status)),
        .retry_after_ms = value_int(closing, "retry_after_ms", 0),
        .code = value_str(closing, "error_code", ""),
        .type = value_str(closing, "error_type", ""),
        .message = value_str(closing, "message", status == PARLEY_OK ? "" : "The script closed."),
    };

    if (s->was_asked)
        closed = (struct parley_model_closed){
            .size = sizeof(closed), .close_code = 1000, .code = "", .type = "", .message = ""};
    s->host->on_closed(s->ctx, &closed);
    session_free(s);
}

/* --- Telling ---------------------------------------------------------------------------------- */

/* The event with one member more: what stands before item `delta` of the conversation. */
static char *with_previous(const struct session *s, const struct task *t)
{
    json_t *before = conversation_before(s, t->delta);
    char *word = value_text(before);
    size_t len = strlen(t->text) + strlen(word == NULL ? "" : word) + 32;
    char *text = malloc(len);

    if (text != NULL && word != NULL)
        (void)snprintf(text, len, "%.*s,\"previous_item_id\":%s}", (int)strlen(t->text) - 1,
                       t->text, word);
    json_decref(before);
    free(word);
    return text;
}

static void tell_text(struct session *s, const char *text)
{
    struct parley_view event = {text, strlen(text)};

    if (s->is_open) {
        s->host->on_event(s->ctx, event, 0);
        return;
    }
    s->is_open = true;
    s->host->on_open(s->ctx, event);
}

static void do_event(struct session *s, struct task *t)
{
    if (t->mark == MARK_CONVERSATION) {
        char *text = with_previous(s, t);
        if (text != NULL) {
            free(t->text);
            t->text = text;
        }
    }
    respond_note(s, t);
    if (t->text != NULL && !s->was_asked)
        tell_text(s, t->text);
    task_free(t);
}

static void do_audio(struct session *s, struct task *t)
{
    json_t *event = respond_audio_event(s, t);
    char *text = value_text(event);
    bool is_last = --t->chunks == 0;

    json_decref(event);
    if (!is_last)
        queue_again(&s->queue, t, t->due_us + (uint64_t)t->every_ms * 1000);
    if (text != NULL && !s->was_asked)
        tell_text(s, text);
    free(text);
    if (is_last)
        task_free(t);
}

static void do_run(struct session *s, struct task *t)
{
    steps_run(s, t->steps, t->step, t->trigger);
    task_free(t);
}

static void do_ready(struct session *s, struct task *t)
{
    task_free(t);
    s->is_busy = false;
    if (!s->was_asked)
        s->host->on_writable(s->ctx);
}

/* False when the session is gone. */
static bool do_task(struct session *s, struct task *t)
{
    switch (t->kind) {
    case TASK_EVENT:
        do_event(s, t);
        return true;
    case TASK_AUDIO:
        do_audio(s, t);
        return true;
    case TASK_RUN:
        do_run(s, t);
        return true;
    case TASK_READY:
        do_ready(s, t);
        return true;
    default: {
        const json_t *closing = t->closing;
        task_free(t);
        finish(s, closing);
        return false;
    }
    }
}

static void on_timer(void *ctx)
{
    struct session *s = ctx;
    struct task *t;

    s->is_running = true;
    for (int i = 0; i < TASKS_PER_TURN && !s->is_paused; i++) {
        t = queue_take(&s->queue, session_now_us(s));
        if (t == NULL)
            break;
        if (!do_task(s, t))
            return;
    }
    s->is_running = false;
    respond_reap(s, false);
    arm(s);
}

/* --- Rules ------------------------------------------------------------------------------------ */

static bool value_matches(const json_t *wanted, const json_t *value)
{
    const char *part = value_str(wanted, "contains", NULL);
    const json_t *exists = json_object_get(wanted, "exists");

    if (part != NULL)
        return json_is_string(value) && strstr(json_string_value(value), part) != NULL;
    if (json_is_boolean(exists))
        return json_is_true(exists) == (value != NULL);
    return value != NULL && json_equal(wanted, value);
}

static bool matches(struct session *s, const struct rule *rule, const json_t *event)
{
    const char *path;
    json_t *wanted;

    if (strcmp(rule->on, "*") != 0 && strcmp(rule->on, value_str(event, "type", "")) != 0)
        return false;
    json_object_foreach((json_t *)(uintptr_t)rule->match, path, wanted)
    {
        json_t *value = template_value(s, path, event);
        bool fits = value_matches(wanted, value);
        json_decref(value);
        if (!fits)
            return false;
    }
    return true;
}

static uint32_t input_bytes_per_ms(const struct session *s)
{
    const json_t *type = value_at(s->session, "audio.input.format.type");

    return tone_bytes_per_ms(json_is_string(type) ? json_string_value(type) : "");
}

/* Of input_audio_buffer.append: has so much come in since the rule last fired? */
static bool heard_enough(const struct session *s, const struct rule *rule, struct rule_state *state)
{
    if (rule->audio_ms < 0)
        return true;
    uint64_t wanted = (uint64_t)rule->audio_ms * input_bytes_per_ms(s);
    if (s->input_bytes - state->base_bytes < wanted)
        return false;
    state->base_bytes = s->input_bytes;
    return true;
}

/* The rule takes the event: it has not fired too often, and enough matches were passed over. */
static bool fires(const struct session *s, const struct rule *rule, struct rule_state *state)
{
    if (rule->times > 0 && state->fired >= rule->times)
        return false;
    if (!heard_enough(s, rule, state))
        return false;
    if (state->matches++ < rule->skip)
        return false;
    state->fired++;
    return true;
}

void session_dispatch(struct session *s, const json_t *event)
{
    for (size_t i = 0; i < s->script->rule_count; i++) {
        const struct rule *rule = &s->script->rules[i];
        if (matches(s, rule, event) && fires(s, rule, &s->rules[i])) {
            steps_run(s, rule->steps, 0, event);
            return;
        }
    }
    if (s->script->has_defaults)
        defaults_answer(s, event);
}

/* --- Events of the host ----------------------------------------------------------------------- */

/* Audio comes fifty times a second: told by its head, counted by its length, never parsed. */
static bool is_append(struct parley_view event)
{
    size_t head = event.len < 256 ? event.len : 256;

    return memmem(event.data, head, "\"" APPEND "\"", sizeof(APPEND) + 1) != NULL ||
           (event.len > head && memmem(event.data + event.len - 256, 256, "\"" APPEND "\"",
                                       sizeof(APPEND) + 1) != NULL);
}

static void append(struct session *s, struct parley_view event)
{
    const char *key = memmem(event.data, event.len, "\"audio\"", 7);
    const char *end = event.data + event.len;
    const char *open = key == NULL ? NULL : memchr(key + 7, '"', (size_t)(end - key - 7));
    const char *shut = open == NULL ? NULL : memchr(open + 1, '"', (size_t)(end - open - 1));

    if (shut != NULL) {
        size_t len = (size_t)(shut - open - 1);
        size_t padding = len >= 1 && shut[-1] == '=' ? 1 + (len >= 2 && shut[-2] == '=') : 0;
        s->input_bytes += len / 4 * 3 - padding;
    }
    if (s->script->rule_count == 0)
        return;
    json_t *told = json_pack("{s:s}", "type", APPEND);
    session_dispatch(s, told);
    json_decref(told);
}

int session_send(void *session, struct parley_view event, uint32_t flags, struct parley_error *err)
{
    struct session *s = session;

    (void)flags;
    if (!s->is_open || s->was_asked)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "the scripted session is not open");
    if (s->is_busy)
        return parley_fail(err, PARLEY_E_BUSY, "the script takes no events now");
    if (is_append(event)) {
        append(s, event);
        return PARLEY_OK;
    }
    json_t *tree = json_loadb(event.data, event.len, 0, NULL);
    if (tree == NULL)
        session_tell(s,
                     wire_error(s, "invalid_request_error", "invalid_json",
                                "The message is not valid JSON.", NULL),
                     session_now_us(s));
    else
        session_dispatch(s, tree);
    json_decref(tree);
    return PARLEY_OK;
}

void session_pause(void *session, int paused)
{
    struct session *s = session;

    s->is_paused = paused != 0;
    if (s->is_paused && !s->is_running)
        s->stage->timer->stop(s->timer);
    arm(s);
}

/* Even while it is paused. */
void session_close(void *session)
{
    struct session *s = session;

    if (s->was_asked)
        return;
    s->was_asked = true;
    s->is_paused = false;
    end(s);
}

/* --- Opening ---------------------------------------------------------------------------------- */

static bool is_refused(const struct session *s)
{
    return s->script->refuse != NULL &&
           (s->script->refuse_times == 0 || s->stage->opens <= s->script->refuse_times);
}

/* The session ends by itself after its limit, announced as the real service does. */
static void plan_expiry(struct session *s, uint64_t opened_us)
{
    uint64_t at_us = opened_us + (uint64_t)s->script->caps.session_limit_ms * 1000;

    if (s->script->expiry == NULL)
        return;
    session_tell(s,
                 wire_error(s, "invalid_request_error", "session_expired",
                            "The session has reached its limit.", NULL),
                 at_us);
    struct task *t = session_task(s, TASK_CLOSE, at_us);
    if (t != NULL)
        t->closing = s->script->expiry;
}

/* session.created or a refusal, and what the script does on "session.open". */
static void plan_opening(struct session *s)
{
    uint64_t at_us = session_now_us(s) + (uint64_t)s->script->open_delay_ms * 1000;

    if (s->script->is_silent)
        return;
    if (is_refused(s)) {
        struct task *t = session_task(s, TASK_CLOSE, at_us);
        if (t != NULL)
            t->closing = s->script->refuse;
        return;
    }
    session_tell(s, wire_event_with(s, "session.created", "session", json_deep_copy(s->session)),
                 at_us);
    plan_expiry(s, at_us);
    json_t *opened = json_pack("{s:s}", "type", "session.open");
    for (size_t i = 0; i < s->script->rule_count; i++) {
        const struct rule *rule = &s->script->rules[i];
        struct task *t =
            strcmp(rule->on, "session.open") != 0 ? NULL : session_task(s, TASK_RUN, at_us);
        if (t != NULL) {
            t->steps = rule->steps;
            t->trigger = json_deep_copy(opened);
        }
    }
    json_decref(opened);
}

int session_open(struct stage *stage, const struct parley_model_open *open, void **ret_session,
                 struct parley_error *err)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a scripted session");
    s->stage = stage;
    s->script = stage->script;
    s->host = open->host;
    s->ctx = open->ctx;
    s->timer = stage->timer->create(open->worker, on_timer, s);
    s->rules = calloc(s->script->rule_count + 1, sizeof(s->rules[0]));
    (void)snprintf(s->id, sizeof(s->id), "sess_script_%lld", (long long)++stage->opens);
    s->session = wire_session_new(s);
    s->items = json_array();
    s->audio_ms = json_object();
    s->end = queue_spare(TASK_CLOSE);
    if (s->timer == NULL || s->rules == NULL || s->session == NULL || s->items == NULL ||
        s->audio_ms == NULL || s->end == NULL) {
        session_free(s);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a scripted session");
    }
    wire_merge(s->session, s->script->session);
    s->next = stage->first;
    stage->first = s;
    plan_opening(s);
    *ret_session = s;
    return PARLEY_OK;
}
