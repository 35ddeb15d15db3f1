/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that this host does not have, out of the store: after its host has died, or has handed
 * it over when it stopped.
 *
 *     look (each store of the agents) --its token, user and lease are right--> take --> read
 *         --> open, with the conversation told to a model and to the client
 *
 * Nothing is taken before the token was checked. Taking raises the epoch: whoever owned the session
 * and still writes is refused from then on, and ends it there.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/past.h"
#include "session/state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_STORES 16

struct rebuild {
    struct worker_sessions *sessions;
    struct worker_generation *wg;
    char id[64];
    char token[80];
    char user[SESSION_USER_SIZE];
    char wanted_agent[128];
    bool wants_trace;
    const struct session_client *client;
    void *client_ctx;
    void (*done)(void *ctx, enum session_resumed how, struct session *s);
    void *ctx;

    struct worker_instance *asked[MOST_STORES];
    size_t asked_count;
    struct worker_instance *store;
    struct store_request *request;
    struct loop_timer turn;
    /* Of the head. */
    const struct agent *agent;
    char owner[128];
    char head_user[SESSION_USER_SIZE];
    uint32_t state;
    int64_t epoch;
    int64_t lease_until_ms;
    int64_t updated_ms;
    int64_t created_ms;
    int64_t record_count;
    bool has_head;
    json_t *data;
    json_t *records; /* arrays of kind, seq, id, data */
    int64_t last_seq;
    enum session_resumed how;
    struct session *session;
};

static void rebuild_free(struct rebuild *r)
{
    r->request = store_abandon(r->request);
    loop_timer_stop(&r->turn);
    json_decref(r->data);
    json_decref(r->records);
    explicit_bzero(r->token, sizeof(r->token));
    (void)worker_generation_unref(r->wg);
    free(r);
}

void session_rebuild_abandon(struct rebuild *r)
{
    struct session *s = r == NULL ? NULL : r->session;

    if (r != NULL)
        rebuild_free(r);
    if (s != NULL) /* it was open already, for a client that has not heard of it */
        session_client_gone(s);
}

static void on_over(void *ctx)
{
    struct rebuild *r = ctx;
    void (*done)(void *, enum session_resumed, struct session *) = r->done;
    void *done_ctx = r->ctx;
    enum session_resumed how = r->how;
    struct session *s = r->session;

    if (s != NULL && s->phase == SESSION_ENDED)
        s = NULL; /* meanwhile, and it has said so: it is freed soon */
    rebuild_free(r);
    done(done_ctx, how, s);
}

static void over(struct rebuild *r, enum session_resumed how)
{
    r->how = how;
    loop_timer_start(session_env(r->sessions)->loop, &r->turn, 0, on_over, r);
}

/* ---- what the store says ---- */

static void on_head(void *ctx, const struct parley_store_head *head)
{
    struct rebuild *r = ctx;

    r->has_head = true;
    r->agent = generation_agent(worker_generation_config(r->wg), view_of(head->agent));
    view_copy(r->owner, sizeof(r->owner), view_of(head->owner));
    view_copy(r->head_user, sizeof(r->head_user), view_of(head->user));
    r->state = head->state;
    r->epoch = head->epoch;
    r->lease_until_ms = head->lease_until_ms;
    r->updated_ms = head->updated_ms;
    r->created_ms = head->created_ms;
    r->record_count = head->record_count;
    json_decref(r->data);
    r->data = json_parse(head->data, NULL);
}

static void on_record(void *ctx, const struct parley_store_record *record)
{
    struct rebuild *r = ctx;
    json_t *data = json_parse(record->data, NULL);

    r->last_seq = record->seq;
    if (data == NULL || json_array_append_new(
                            r->records, json_pack("[i, s, o]", (int)record->kind,
                                                  record->id == NULL ? "" : record->id, data)) != 0)
        log_warn("a record of a conversation cannot be read; it is left out session=%s", r->id);
}

/* ---- is it to be had? ---- */

/* "name:pid": a process of this machine that is no more needs no lease to run out. */
static bool is_dead(const char *owner, const char *self)
{
    const char *pid = strrchr(owner, ':');
    const char *own = strrchr(self, ':');
    int64_t number = 0;

    if (owner[0] == '\0' || strcmp(owner, self) == 0)
        return true;
    if (pid == NULL || own == NULL || pid - owner != own - self ||
        strncmp(owner, self, (size_t)(pid - owner)) != 0 ||
        !view_to_int64(view_of(pid + 1), &number))
        return false;
    return number > 1 && kill((pid_t)number, 0) != 0 && errno == ESRCH;
}

static enum session_resumed judge(const struct rebuild *r)
{
    const json_t *resume = json_object_get(r->data, "resume");
    int64_t now = clock_unix_ms();
    int64_t since = r->lease_until_ms > r->updated_ms ? r->lease_until_ms : r->updated_ms;
    char hash[65];

    resume_hash(r->token, hash);
    if (r->agent == NULL || hash[0] == '\0' ||
        !view_equal_secret(view_of(hash), json_get_view(resume, "token_sha256")))
        return SESSION_RESUME_WRONG_TOKEN;
    if (strcmp(r->user, r->head_user) != 0)
        return SESSION_RESUME_WRONG_USER;
    if (r->wanted_agent[0] != '\0' && strcmp(r->wanted_agent, r->agent->name) != 0)
        return SESSION_RESUME_WRONG_AGENT;
    if (r->state != PARLEY_SESSION_ACTIVE)
        return SESSION_RESUME_UNKNOWN;
    if (now > since + r->agent->config->resume_ms)
        return SESSION_RESUME_EXPIRED;
    if (now < r->lease_until_ms && !is_dead(r->owner, session_env(r->sessions)->host_name))
        return SESSION_RESUME_ELSEWHERE;
    return SESSION_RESUMED;
}

/* ---- opening ---- */

static void restore(struct session *s, const struct rebuild *r)
{
    json_t *session = json_object_get(r->data, "session");
    size_t n;
    json_t *record;

    if (json_is_object(session))
        settings_restore(s, json_deep_copy(session));
    view_copy(s->id, sizeof(s->id), view_of(r->id));
    view_copy(s->resume.token, sizeof(s->resume.token), view_of(r->token));
    resume_hash(s->resume.token, s->resume.token_hash);
    s->resume.is_rebuilt = true;
    s->resume.calls = json_object();
    tape_restore(s, json_object_get(r->data, "recordings"));
    s->turn.number = (unsigned)json_get_int(r->data, "turns", 0);
    journal_take_over(s, r->epoch, r->created_ms, r->last_seq);
    names_next_model(s);
    json_array_foreach(r->records, n, record)
    {
        int kind = (int)json_integer_value(json_array_get(record, 0));
        struct parley_view id = json_view(json_array_get(record, 1));
        json_t *data = json_array_get(record, 2);
        past_record(s, (uint32_t)kind, id, data);
        if (kind == PARLEY_RECORD_CALL)
            json_object_set(s->resume.calls, json_string_value(json_array_get(record, 1)), data);
    }
}

static void open_session(struct rebuild *r)
{
    const struct session_open open = {.sessions = r->sessions,
                                      .generation = r->wg,
                                      .agent = r->agent,
                                      .user = r->user,
                                      .traceparent = "",
                                      .tracestate = "",
                                      .wants_trace = r->wants_trace,
                                      .wants_resume = true,
                                      .client = r->client,
                                      .client_ctx = r->client_ctx};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct session *s = session_create(&open);
    int rc = PARLEY_E_NO_MEMORY;

    if (s != NULL) {
        journal_init(s);
        tool_wait_begin(s);
        rc = settings_init(s, NULL, &err);
    }
    if (rc == PARLEY_OK) {
        restore(s, r);
        rc = connect_begin(s, &err);
    }
    if (rc < 0) {
        log_error("a session of the store could not be opened session=%s reason=\"%s\"", r->id,
                  err.message);
        if (s != NULL)
            session_free(s);
        over(r, SESSION_RESUME_FAILED);
        return;
    }
    session_enlist(s, &open);
    log_info("a session goes on that another host had session=%s agent=%s owner=%s items=%zu",
             s->id, r->agent->name, r->owner, s->items.count);
    r->session = s;
    over(r, SESSION_RESUMED);
}

/* ---- step by step ---- */

static void look(struct rebuild *r);

static void store_failed(struct rebuild *r, const char *what, int status,
                         const struct parley_error *err)
{
    log_error("a session could not be resumed from the store session=%s while=%s status=%d "
              "reason=\"%s\"",
              r->id, what, status, err == NULL ? "" : err->message);
    over(r, SESSION_RESUME_FAILED);
}

static void on_read(void *ctx, int status, const struct parley_error *err)
{
    struct rebuild *r = ctx;
    struct parley_error behind = PARLEY_ERROR_INIT;

    r->request = NULL;
    if (status < 0) {
        store_failed(r, "read", status, err);
    } else if (r->last_seq < r->record_count) {
        /* What came next would get numbers that are taken, and pass for written. */
        (void)parley_fail(&behind, PARLEY_E_UNAVAILABLE,
                          "it gives %lld of %lld records; is what it reads behind what it writes?",
                          (long long)r->last_seq, (long long)r->record_count);
        store_failed(r, "read", behind.status, &behind);
    } else {
        open_session(r);
    }
}

static void on_taken(void *ctx, int status, const struct parley_error *err)
{
    static const struct store_events events = {
        .on_head = NULL, .on_record = on_record, .on_end = on_read};
    struct rebuild *r = ctx;
    struct parley_error refusal = PARLEY_ERROR_INIT;

    r->request = NULL;
    if (status < 0) {
        store_failed(r, "take", status, err);
        return;
    }
    json_array_clear(r->records);
    int rc =
        store_read(r->store, r->id, 0, 0, (struct store_caller){&events, r}, &r->request, &refusal);
    if (rc < 0)
        store_failed(r, "read", rc, &refusal);
}

static void take(struct rebuild *r)
{
    static const struct store_events events = {.on_head = on_head, .on_end = on_taken};
    struct parley_error err = PARLEY_ERROR_INIT;
    int rc = store_take(r->store, r->id, session_env(r->sessions)->host_name,
                        clock_unix_ms() + RESUME_LEASE_MS, (struct store_caller){&events, r},
                        &r->request, &err);

    if (rc < 0)
        store_failed(r, "take", rc, &err);
}

static void on_looked(void *ctx, int status, const struct parley_error *err)
{
    struct rebuild *r = ctx;

    r->request = NULL;
    if (status == PARLEY_E_NOT_FOUND || status == PARLEY_E_GONE) {
        look(r);
    } else if (status < 0 || !r->has_head) {
        store_failed(r, "look", status, err);
    } else {
        enum session_resumed how = judge(r);
        if (how == SESSION_RESUMED)
            take(r);
        else
            over(r, how);
    }
}

/* A store of the generation's agents that was not asked yet, or NULL. */
static struct worker_instance *next_store(struct rebuild *r)
{
    const struct generation *g = worker_generation_config(r->wg);
    const struct agent *a;

    for (size_t i = 0; (a = generation_agent_at(g, i)) != NULL; i++) {
        struct worker_instance *wi = worker_generation_store(r->wg, a);
        bool is_new = wi != NULL && r->asked_count < MOST_STORES;
        for (size_t n = 0; n < r->asked_count; n++)
            is_new = is_new && r->asked[n] != wi;
        if (is_new) {
            r->asked[r->asked_count++] = wi;
            return wi;
        }
    }
    return NULL;
}

static void look(struct rebuild *r)
{
    static const struct store_events events = {
        .on_head = on_head, .on_record = on_record, .on_end = on_looked};
    struct parley_error err = PARLEY_ERROR_INIT;

    r->store = next_store(r);
    if (r->store == NULL) {
        over(r, SESSION_RESUME_UNKNOWN);
        return;
    }
    int rc =
        store_read(r->store, r->id, 0, 1, (struct store_caller){&events, r}, &r->request, &err);
    if (rc < 0)
        store_failed(r, "look", rc, &err);
}

struct rebuild *
session_rebuild(struct worker_sessions *w, struct worker_generation *generation,
                const struct session_resume *by,
                void (*done)(void *ctx, enum session_resumed how, struct session *s), void *ctx)
{
    struct rebuild *r = calloc(1, sizeof(*r));
    json_t *records = json_array();

    if (r == NULL || records == NULL) {
        free(r);
        json_decref(records);
        return NULL;
    }
    r->sessions = w;
    r->wg = worker_generation_ref(generation);
    r->records = records;
    view_copy(r->id, sizeof(r->id), view_of(by->id));
    view_copy(r->token, sizeof(r->token), view_of(by->token));
    view_copy(r->user, sizeof(r->user), view_of(by->user));
    view_copy(r->wanted_agent, sizeof(r->wanted_agent), view_of(by->agent));
    r->wants_trace = by->wants_trace;
    r->client = by->client;
    r->client_ctx = by->client_ctx;
    r->done = done;
    r->ctx = ctx;
    look(r);
    return r;
}
