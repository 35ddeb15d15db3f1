/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that lost its connection comes back. One that asked for it (resume=on) gets a token with
 * session.created, and what it is told is kept for a while, within the agent's resume_buffer_bytes.
 *
 *     ATTACHED --connection breaks--> AWAY --comes back with the token--> ATTACHED
 *                                       \--resume_ms pass, or the session ends--> ended
 *
 * Meanwhile tools go on and what was asked is answered. The model is kept for a moment, since most
 * come back soon; then it is closed, so that nobody pays for silence, and another one is opened by
 * the way of move.c when the client is back.
 */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define KEEP_MODEL_MS 10000 /* before the model of an absent client is closed */
#define NOT_QUIET_MS  2000  /* ... and before it is tried again */
#define REOPEN_MS     30000 /* to find a model for who is back */
#define RENEW_MS      10000 /* of the lease */
#define KEEP_PARTS    4     /* of keep_ms, after which the head says anew until when */
#define LEAST_MS      1000

void resume_begin(struct session *s, bool is_wanted)
{
    list_init(&s->resume.sent.events);
    s->resume.is_on = is_wanted && s->agent->config->resume_ms > 0;
    if (!s->resume.is_on)
        return;
    id_random(s->resume.token, sizeof(s->resume.token) - 1);
    resume_hash(s->resume.token, s->resume.token_hash);
}

/* ---- for other hosts ---- */

void resume_hash(const char *token, char ret_hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    ret_hex[0] = '\0';
    if (EVP_Digest(token, strlen(token), digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
        return; /* then no token fits */
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

void resume_write(const struct session *s, struct buf *out)
{
    if (!s->resume.is_on)
        return;
    buf_printf(out, ",\"resume\":{\"token_sha256\":\"%s\"},\"session\":", s->resume.token_hash);
    json_write(out, s->settings);
}

/* A head says until when others keep off, and until when the store keeps the conversation: neither
 * may pass while it goes on. 0: the head says nothing of the kind. */
static int64_t renew_ms(const struct session *s)
{
    int64_t keep_ms = s->agent->config->keep_ms;
    int64_t part_ms = keep_ms / KEEP_PARTS > LEAST_MS ? keep_ms / KEEP_PARTS : LEAST_MS;

    if (s->resume.is_on && (keep_ms == 0 || part_ms > RENEW_MS))
        return RENEW_MS;
    return keep_ms == 0 ? 0 : part_ms;
}

static void on_lease(void *ctx)
{
    struct session *s = ctx;

    journal_renew(s);
    loop_timer_start(s->env->loop, &s->resume.lease, renew_ms(s), on_lease, s);
}

void resume_hold_lease(struct session *s)
{
    if (s->journal.store != NULL && renew_ms(s) > 0)
        loop_timer_start(s->env->loop, &s->resume.lease, renew_ms(s), on_lease, s);
}

/* ---- what was told ---- */

static void drop_oldest(struct event_queue *q)
{
    struct queued_event *e = list_entry(q->events.next, struct queued_event, entry);

    list_remove(&e->entry);
    q->bytes -= e->len;
    free(e);
}

void resume_keep(struct session *s, struct parley_view event)
{
    struct resume *r = &s->resume;
    size_t most = (size_t)s->agent->config->resume_buffer_bytes;

    r->told++;
    while (!list_empty(&r->sent.events) && r->sent.bytes + event.len > most) {
        drop_oldest(&r->sent);
        r->kept--;
    }
    if (event.len <= most && queue_add(&r->sent, event, most + 1)) {
        r->kept++;
        return;
    }
    queue_clear(&r->sent); /* what is kept has no holes */
    r->kept = 0;
}

static struct parley_view event_of(struct list *at)
{
    struct queued_event *e = list_entry(at, struct queued_event, entry);

    return (struct parley_view){e->bytes + PARLEY_EVENT_ROOM_BYTES, e->len};
}

/* The first event that the client has not seen; the head of the list when it has seen all. NULL:
 * that is not known any more. */
static struct list *first_missed(struct session *s, const char *last_event_id)
{
    struct resume *r = &s->resume;
    struct list *at;
    uint64_t number = r->told - r->kept;
    struct rt_peek peek;

    if (last_event_id[0] == '\0' && number > r->told_at_loss)
        return NULL;
    list_for_each(at, &r->sent.events)
    {
        if (last_event_id[0] == '\0' && number++ == r->told_at_loss)
            return at;
        if (last_event_id[0] != '\0' && rt_peek(event_of(at), &peek) == PARLEY_OK &&
            view_is(peek.event_id, last_event_id))
            return at->next;
    }
    return last_event_id[0] == '\0' ? at : NULL;
}

/* ---- going ---- */

static void keeper_release(struct session *s)
{
    const struct session_keeper keeper = s->resume.keeper;

    s->resume.keeper = (struct session_keeper){0};
    session_keeper_release(&keeper);
}

static void on_suspend(void *ctx)
{
    struct session *s = ctx;

    if (move_suspend(s))
        log_info("the model is closed while the client is away session=%s", s->id);
    else
        loop_timer_start(s->env->loop, &s->resume.suspend, NOT_QUIET_MS, on_suspend, s);
}

static void on_expired(void *ctx)
{
    struct session *s = ctx;

    log_info("the client did not come back session=%s after_ms=%lld", s->id,
             (long long)s->agent->config->resume_ms);
    session_expired(s);
    session_wind_up(s, "client");
}

/* It was being told the conversation anew, and has not got all of it. */
static void forget_half_told(struct session *s)
{
    if (!promise_waits_here(s))
        return;
    promise_drop(s);
    queue_clear(&s->resume.sent);
    s->resume.kept = 0;
    s->resume.told++; /* so that it is told from the start */
}

bool session_client_lost(struct session *s, const struct session_keeper *keeper)
{
    struct resume *r = &s->resume;

    if (!r->is_on || s->phase != SESSION_OPEN || s->is_draining) {
        session_client_gone(s);
        return false;
    }
    log_info("the client's connection is lost; the session waits session=%s resume_ms=%lld", s->id,
             (long long)s->agent->config->resume_ms);
    s->client = NULL;
    s->client_paused = false;
    r->is_away = true;
    r->keeper = *keeper;
    r->told_at_loss = r->told;
    forget_half_told(s);
    loop_timer_start(s->env->loop, &r->expiry, s->agent->config->resume_ms, on_expired, s);
    loop_timer_start(s->env->loop, &r->suspend, KEEP_MODEL_MS, on_suspend, s);
    return true;
}

void resume_stop(struct session *s)
{
    loop_timer_stop(&s->resume.expiry);
    loop_timer_stop(&s->resume.suspend);
    loop_timer_stop(&s->resume.lease);
    promise_drop(s);
    keeper_release(s);
    queue_clear(&s->resume.sent);
    explicit_bzero(s->resume.token, sizeof(s->resume.token));
}

/* ---- coming back ---- */

void resume_say_here(struct session *s, struct parley_view event)
{
    if (s->client != NULL)
        s->client->send(s->client_ctx, event, 0);
}

/* At once, before all that waits. */
static void say_created(struct session *s)
{
    if (!s->out.failed)
        resume_say_here(s, buf_view(&s->out));
    buf_clear(&s->out);
}

static void say_here(struct session *s)
{
    if (!s->out.failed && !promise_holds(s, buf_view(&s->out), 0, true))
        resume_say_here(s, buf_view(&s->out));
    buf_clear(&s->out);
}

/* how: "" at the start of a session, else what follows: "events" or "conversation". */
static void encode_created(struct session *s, const char *how)
{
    _cleanup_json_ json_t *view = settings_for_client(s);
    _cleanup_json_ json_t *own = NULL;

    if (s->resume.is_on)
        own = json_pack("{s:s, s:I}", "resume_token", s->resume.token, "resume_ms",
                        (json_int_t)s->agent->config->resume_ms);
    if (own != NULL && how[0] != '\0')
        json_object_set_new(own, "resumed", json_string(how));
    rt_encode_begin(&s->out, RT_SESSION_CREATED);
    rt_encode_tree(&s->out, "session", view);
    if (own != NULL)
        rt_encode_tree(&s->out, "parley", own);
    rt_encode_end(&s->out);
}

void resume_say_created(struct session *s)
{
    encode_created(s, "");
    say_out(s);
}

static void say_missed(struct session *s, struct list *from)
{
    for (struct list *at = from; at != &s->resume.sent.events && s->client != NULL; at = at->next) {
        s->client->send(s->client_ctx, event_of(at), 0);
        tape_missed_event(s, event_of(at));
    }
}

/* Everything that is in the conversation, as if it came now. */
static void say_conversation(struct session *s)
{
    struct parley_view previous = {0};
    struct list *at;

    promise_drop(s); /* what waits is part of it */
    list_for_each(at, &s->items.all)
    {
        const struct item *i = list_entry(at, struct item, entry);
        if (i->hidden || i->json == NULL || (i->is_ghost && !i->is_local))
            continue;
        if (!i->is_added && !i->final)
            continue; /* told when the model shows it */
        rt_encode_item_tree(&s->out, RT_ITEM_ADDED, previous, i->json);
        say_here(s);
        if (i->final) {
            rt_encode_item_tree(&s->out, RT_ITEM_DONE, previous, i->json);
            say_here(s);
        }
        previous = view_of(i->id);
    }
    _cleanup_json_ json_t *running = response_shown_object(s);
    if (running == NULL)
        return;
    rt_encode_begin(&s->out, RT_RESPONSE_CREATED);
    rt_encode_tree(&s->out, "response", running);
    rt_encode_end(&s->out);
    say_here(s);
}

void resume_say_rebuilt(struct session *s)
{
    encode_created(s, "conversation");
    say_created(s);
    say_conversation(s);
}

static void attach(struct session *s, const struct session_resume *by)
{
    struct resume *r = &s->resume;
    struct list *from = first_missed(s, by->last_event_id);

    r->is_away = false;
    loop_timer_stop(&r->expiry);
    loop_timer_stop(&r->suspend);
    keeper_release(s);
    s->client = by->client;
    s->client_ctx = by->client_ctx;
    s->wants_trace = by->wants_trace && s->agent->config->client_trace != 0;
    encode_created(s, from != NULL ? "events" : "conversation");
    say_created(s);
    if (from != NULL)
        say_missed(s, from);
    else
        say_conversation(s);
    log_info("the client is back session=%s with=%s", s->id,
             from != NULL ? "events" : "conversation");
    move_back(s, REOPEN_MS);
}

/* The store may still call it active: who looked there would take it from the one that writes its
 * last records, and bring it back to life. What was handed over, or taken, is not over. */
static bool is_over(const struct session *s)
{
    const struct journal *j = &s->journal;

    return s->phase == SESSION_ENDED && j->store != NULL && !j->hands_over && !j->has_failed;
}

enum session_resumed session_resume(struct worker_sessions *w, const struct session_resume *by,
                                    struct session **ret)
{
    struct session *s = session_find(w, by->id);

    if (s == NULL || s->phase == SESSION_ENDED) {
        if (session_has_expired(w, by->id))
            return SESSION_RESUME_EXPIRED;
        return s != NULL && is_over(s) ? SESSION_RESUME_ENDED : SESSION_RESUME_UNKNOWN;
    }
    if (!s->resume.is_on || !view_equal_secret(view_of(by->token), view_of(s->resume.token)))
        return SESSION_RESUME_WRONG_TOKEN;
    if (strcmp(by->user, s->user) != 0)
        return SESSION_RESUME_WRONG_USER;
    if (by->agent[0] != '\0' && strcmp(by->agent, s->agent->name) != 0)
        return SESSION_RESUME_WRONG_AGENT;
    if (!s->resume.is_away)
        return SESSION_RESUME_CONNECTED;
    attach(s, by);
    *ret = s;
    return SESSION_RESUMED;
}
