/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing. A session is freed when nobody can call it any more: its model has closed
 * and its store has nothing under way; and never on the stack of something that still uses it.
 *
 *     CONNECTING --model ready--> OPEN --end, client gone, model gone--> ENDED --all idle--> freed
 */
#include "session/session.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"
#include "telemetry/names.h"

#include <stdlib.h>

#define EXPIRED_SESSIONS 64 /* ids that are remembered */

struct worker_sessions {
    const struct worker_env *env;
    struct list all;
    size_t count;
    char expired[EXPIRED_SESSIONS][ID_SIZE + 8]; /* in turn */
    unsigned next_expired;
    struct spool_budget *spool_budget;
};

/* ---- the end ---- */

void session_free(struct session *s)
{
    struct worker_generation *wg = s->wg;
    const struct worker_env *env = s->env;
    bool was_open = s->table != NULL; /* else session_open() failed, and nobody counts it */
    char user[SESSION_USER_SIZE];

    view_copy(user, sizeof(user), view_of(s->user));
    if (was_open) {
        list_remove(&s->entry);
        s->table->count--;
    }
    loop_timer_stop(&s->drain);
    loop_timer_stop(&s->release);
    loop_timer_stop(&s->ending.timer);
    interruption_stop(s);
    connect_stop(s);
    resume_stop(s);
    (void)model_abandon(s->model);
    journal_done(s);
    tape_done(s);
    turn_done(s);
    measure_end(s, "shutdown");
    summary_done(s);
    queue_clear(&s->unheard);
    sequencer_done(s);
    tool_wait_done(s);
    tokens_done(s);
    settings_done(s);
    items_done(&s->items);
    names_done(s);
    buf_done(&s->partial.raw);
    map_done(&s->ran);
    pending_done(&s->pending);
    queue_clear(&s->early);
    queue_clear(&s->held);
    json_decref(s->resume.calls);
    buf_done(&s->out);
    free(s->tracestate);
    free(s);
    (void)worker_generation_unref(wg);
    if (was_open && env->on_session_gone != NULL)
        env->on_session_gone(env->ctx, user);
}

static void on_release(void *ctx)
{
    struct session *s = ctx;

    if (s->model == NULL && journal_is_idle(s) && tape_is_idle(s))
        session_free(s);
}

void session_released(struct session *s)
{
    if (s->phase == SESSION_ENDED && s->model == NULL && journal_is_idle(s) && tape_is_idle(s))
        loop_timer_start(s->env->loop, &s->release, 0, on_release, s);
}

/* A server that stops leaves the session to another; and who took one over that never came to be
 * open here leaves it as it was. */
static bool hands_over(const struct session *s, const char *reason)
{
    bool is_half_taken = s->resume.is_rebuilt && s->phase == SESSION_CONNECTING;

    return s->resume.is_on && (is_half_taken || strcmp(reason, "shutdown") == 0);
}

void session_wind_up(struct session *s, const char *reason)
{
    char cost[COST_TEXT_SIZE];

    if (s->phase == SESSION_ENDED)
        return;
    log_event(LOG_LEVEL_INFO, NAME_EVENT_SESSION_END,
              "session ended session=%s agent=%s user=%s seconds=%llu turns=%u%s", s->id,
              s->agent->name, s->user,
              (unsigned long long)((clock_now_us() - s->opened_us) / 1000000), s->turn.number,
              cost_text(s, cost));
    turn_ended(s, "session_ended");
    tools_stop(s);
    turn_done(s);
    measure_end(s, reason);
    connect_stop(s);
    resume_stop(s);
    s->journal.hands_over = hands_over(s, reason);
    tape_end(s);
    s->phase = SESSION_ENDED;
    tool_wait_done(s);
    interruption_stop(s);
    farewell_stop(s);
    loop_timer_stop(&s->sequencer.start.limit);
    queue_clear(&s->early);
    queue_clear(&s->held);
    if (s->model != NULL)
        model_close(s->model);
    journal_end(s);
    session_released(s);
}

void session_close_client(struct session *s, int code, const char *reason)
{
    const struct session_client *client = s->client;

    promise_release(s);
    s->client = NULL;
    if (client != NULL)
        client->close(s->client_ctx, code, reason);
}

void session_end(struct session *s, int close_code, const char *error_code, const char *message)
{
    struct rt_error error;
    char reason[124];

    if (s->phase == SESSION_ENDED)
        return;
    rt_error_copy(&error, close_code == 1000 || close_code == 1001 ? "invalid_request_error" : NULL,
                  error_code, message);
    response_fail_all(s, error_code, message);
    say_error(s, &error, VIEW(""));
    rt_error_close_reason(&error, reason);
    session_close_client(s, close_code, reason);
    session_wind_up(s, close_code == 1001 ? "shutdown" : close_code == 1013 ? "limit" : "error");
}

static void on_ending(void *ctx)
{
    struct session *s = ctx;

    session_end(s, s->ending.close_code, s->ending.code, s->ending.message);
}

void session_end_soon(struct session *s, int close_code, const char *code, const char *message)
{
    if (loop_timer_is_running(&s->ending.timer) || s->phase == SESSION_ENDED)
        return;
    log_error("the session cannot go on session=%s code=%s", s->id, code);
    s->ending.close_code = close_code;
    s->ending.code = code;
    s->ending.message = message;
    loop_timer_start(s->env->loop, &s->ending.timer, 0, on_ending, s);
}

void session_client_gone(struct session *s)
{
    s->client = NULL;
    session_wind_up(s, "client");
}

/* ---- the beginning ---- */

struct session *session_create(const struct session_open *open)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->env = open->sessions->env;
    s->wg = worker_generation_ref(open->generation);
    s->agent = open->agent;
    s->opened_us = clock_now_us();
    s->wants_trace = open->wants_trace && open->agent->config->client_trace != 0;
    view_copy(s->user, sizeof(s->user), view_of(open->user));
    view_copy(s->traceparent, sizeof(s->traceparent), view_of(open->traceparent));
    if (open->tracestate != NULL && open->tracestate[0] != '\0')
        s->tracestate = strdup(open->tracestate); /* without memory: it is not passed on */
    s->sides[0].session = s->sides[1].session = s;
    list_init(&s->early.events);
    list_init(&s->unheard.events);
    list_init(&s->held.events);
    list_init(&s->calls);
    pending_init(&s->pending);
    items_init(&s->items);
    playback_init(&s->playback);
    sequencer_init(s);
    spans_init(s);
    promise_init(s);
    resume_begin(s, open->wants_resume);
    return s;
}

void session_enlist(struct session *s, const struct session_open *open)
{
    s->client = open->client;
    s->client_ctx = open->client_ctx;
    s->table = open->sessions;
    list_append(&s->table->all, &s->entry);
    s->table->count++;
    measure_begin(s);
}

/* The agent's own needs were held against its model by --check; a preset may bring others. */
static int check_needs(struct session *s, struct parley_error *err)
{
    const char *lacks = failover_lacks(s, 0);

    if (lacks == NULL)
        return PARLEY_OK;
    view_copy(err->code, sizeof(err->code), VIEW("capability_missing"));
    return parley_fail(err, PARLEY_E_UNSUPPORTED,
                       "The session needs %s, which the model %s of agent %s does not have.", lacks,
                       s->agent->config->model.items[0], s->agent->name);
}

int session_open(const struct session_open *open, struct session **ret, struct parley_error *err)
{
    struct session *s = session_create(open);

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a session");
    journal_init(s);
    tool_wait_begin(s);
    int r = settings_init(s, open->preset, err);
    if (r == PARLEY_OK)
        r = check_needs(s, err);
    if (r == PARLEY_OK)
        r = connect_begin(s, err);
    if (r < 0) {
        session_free(s);
        return r;
    }
    session_enlist(s, open);
    *ret = s;
    return PARLEY_OK;
}

const char *session_id(const struct session *s)
{
    return s->id;
}

/* ---- the client ---- */

/* The model is not ready: what comes waits, and soon the client does. */
static void keep_early(struct session *s, struct parley_view event)
{
    if (!queue_add(&s->early, event, SESSION_HELD_BYTES))
        session_end(s, 1013, "model_not_ready",
                    "More was sent than can be kept while the model connects; wait for "
                    "session.created.");
    else if (s->early.bytes >= SESSION_EARLY_BYTES)
        pause_client(s, true);
}

void session_client_event(struct session *s, struct parley_view event, uint32_t flags)
{
    if (s->phase == SESSION_OPEN && !move_is_gap(s))
        client_event(s, event, flags);
    else if (s->phase != SESSION_ENDED)
        keep_early(s, event);
}

void session_client_binary(struct session *s)
{
    if (s->phase != SESSION_ENDED)
        say_fault(s, RT_ERROR_INVALID_EVENT, NULL, VIEW(""),
                  "Binary frames are not part of the protocol; send each event as one text frame "
                  "of JSON, audio as base64 in input_audio_buffer.append.");
}

void session_client_dropped(struct session *s, size_t events, size_t bytes)
{
    struct rt_error error;

    log_warn("the client reads too slowly; audio was dropped session=%s events=%zu bytes=%zu",
             s->id, events, bytes);
    measure_dropped(s, bytes);
    if (s->phase == SESSION_ENDED)
        return;
    (void)rt_error_set(
        &error, RT_ERROR_SERVER, NULL,
        "The connection is too slow for its audio: %zu audio events (%zu bytes) were "
        "left out.",
        events, bytes);
    view_copy(error.code, sizeof(error.code), VIEW("output_audio_dropped"));
    say_error(s, &error, VIEW(""));
}

/* ---- the worker's table ---- */

struct worker_sessions *worker_sessions_create(const struct worker_env *env)
{
    struct worker_sessions *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->spool_budget = spool_budget_create();
    if (w->spool_budget == NULL) {
        free(w);
        return NULL;
    }
    w->env = env;
    list_init(&w->all);
    return w;
}

struct worker_sessions *worker_sessions_destroy(struct worker_sessions *w)
{
    if (w == NULL)
        return NULL;
    while (!list_empty(&w->all))
        session_free(list_entry(w->all.next, struct session, entry));
    w->spool_budget = spool_budget_leave(w->spool_budget);
    free(w);
    return NULL;
}

size_t worker_sessions_count(const struct worker_sessions *w)
{
    return w->count;
}

static void on_drain(void *ctx)
{
    struct session *s = ctx;

    session_end(s, 1001, "server_stopping", "The server is stopping; connect again.");
}

/* Sessions that wait for nothing end at once; the others when their turn does, or at the deadline.
 */
void worker_sessions_drain(struct worker_sessions *w, int64_t grace_ms)
{
    struct list *at;

    list_for_each(at, &w->all)
    {
        struct session *s = list_entry(at, struct session, entry);
        bool is_busy = s->phase == SESSION_OPEN && session_is_busy(s);
        s->is_draining = true;
        loop_timer_start(w->env->loop, &s->drain, is_busy ? grace_ms : 0, on_drain, s);
    }
}

bool session_is_busy(const struct session *s)
{
    return s->sequencer.active != NULL || s->sequencer.start.is_running || s->calls_running > 0 ||
           s->sequencer.wants_answer;
}

void session_turn_over(struct session *s)
{
    move_check(s);
    if (s->is_draining && s->phase == SESSION_OPEN && !session_is_busy(s))
        loop_timer_start(s->env->loop, &s->drain, 0, on_drain, s);
}

void session_trim_items(struct session *s, size_t room)
{
    const struct agent_config *c = s->agent->config;
    size_t dropped = items_trim(&s->items, (size_t)c->max_items - room, (size_t)c->max_item_bytes);

    if (dropped > 0 && s->counts.items_trimmed == 0)
        log_warn("the conversation is long; its oldest items leave memory session=%s items=%zu",
                 s->id, s->items.count);
    s->counts.items_trimmed += dropped;
}

bool session_has_trimmed(const struct session *s)
{
    return s->counts.items_trimmed > 0;
}

static json_t *describe(const struct session *s, bool in_full)
{
    static const char *const phases[] = {"connecting", "open", "ended"};
    const char *state = s->resume.is_away ? "away" : phases[s->phase];
    json_t *d = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:i}", "id", s->id, "agent",
                          s->agent->name, "user", s->user, "model", s->model_title, "state", state,
                          "age_ms", (json_int_t)((clock_now_us() - s->opened_us) / 1000), "turns",
                          (int)s->turn.number, "items", (int)s->items.count);

    if (d == NULL || !in_full)
        return d;
    json_t *recordings = tape_describe(s);
    if (recordings != NULL)
        json_object_set_new(d, "recordings", recordings);
    json_t *items = json_array();
    struct list *at;
    list_for_each(at, &s->items.all)
    {
        const struct item *i = list_entry(at, struct item, entry);
        if (i->json != NULL)
            json_array_append(items, i->json);
    }
    json_object_set_new(d, "conversation", items);
    json_object_set_new(d, "counts",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "client_events",
                                  (json_int_t)s->counts.client_events, "model_events",
                                  (json_int_t)s->counts.model_events, "unknown_events",
                                  (json_int_t)s->counts.unknown_events, "stale_events",
                                  (json_int_t)s->counts.stale_events, "input_audio_bytes",
                                  (json_int_t)s->counts.input_bytes, "output_audio_bytes",
                                  (json_int_t)s->counts.output_bytes));
    return d;
}

struct session *session_find(const struct worker_sessions *w, const char *id)
{
    struct list *at;

    list_for_each(at, &w->all)
    {
        struct session *s = list_entry(at, struct session, entry);
        if (strcmp(id, s->id) == 0)
            return s;
    }
    return NULL;
}

bool worker_sessions_trace(const struct worker_sessions *w, struct parley_view id,
                           struct trace_context *ret)
{
    char name[sizeof(((struct session *)0)->id)];
    const struct session *s;

    view_copy(name, sizeof(name), id);
    s = session_find(w, name);
    if (s == NULL)
        return false;
    *ret = spans_now(s);
    return trace_context_is_valid(ret);
}

void session_expired(struct session *s)
{
    struct worker_sessions *w = s->table;

    view_copy(w->expired[w->next_expired], sizeof(w->expired[0]), view_of(s->id));
    w->next_expired = (w->next_expired + 1) % EXPIRED_SESSIONS;
}

bool session_has_expired(const struct worker_sessions *w, const char *id)
{
    for (size_t i = 0; i < EXPIRED_SESSIONS; i++) {
        if (id[0] != '\0' && strcmp(w->expired[i], id) == 0)
            return true;
    }
    return false;
}

struct spool_budget *session_spool_budget(struct worker_sessions *w)
{
    return w->spool_budget;
}

const struct worker_env *session_env(const struct worker_sessions *w)
{
    return w->env;
}

struct loop *worker_sessions_loop(const struct worker_sessions *w)
{
    return w->env->loop;
}

int worker_sessions_move(struct worker_sessions *w, const char *id, const char *model,
                         void (*done)(void *ctx, const char *fault), void *ctx)
{
    struct session *s = session_find(w, id);

    if (s == NULL || s->phase == SESSION_ENDED)
        return PARLEY_E_NOT_FOUND;
    move_ask(s, model, done, ctx);
    return PARLEY_OK;
}

json_t *worker_sessions_describe(const struct worker_sessions *w, const char *id)
{
    json_t *out = json_array();
    struct list *at;

    list_for_each(at, &w->all)
    {
        const struct session *s = list_entry(at, struct session, entry);
        if (id == NULL || strcmp(id, s->id) == 0)
            json_array_append_new(out, describe(s, id != NULL));
    }
    return out;
}
