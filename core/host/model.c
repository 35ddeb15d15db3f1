/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <parley/types.h>

#include <stdlib.h>
#include <string.h>

#define MAX_NEWS_BYTES (64u << 20) /* four of the longest events that peers send */

enum state { OPENING, OPEN, CLOSING };

/* Something the plugin told while it was being called: it waits for the loop's next turn. */
enum news_kind { NEWS_OPEN, NEWS_EVENT, NEWS_WRITABLE };

struct news {
    struct list entry;
    enum news_kind kind;
    size_t len;
    char data[];
};

/* A struct parley_model_closed with its strings. */
struct ending {
    bool is_known;
    struct parley_model_closed closed;
    char code[64];
    char type[64];
    char message[448];
};

struct model_session {
    struct model model;
    char title[64]; /* the model's may go before the session */
    const struct model_events *events;
    void *ctx;
    void *plugin_session;
    parley_op op; /* what the plugin knows as its ctx; 0 once the plugin is done */
    enum state state;
    bool is_abandoned;
    bool is_paused;
    bool was_opened;  /* on_open has been told */
    unsigned calls;   /* calls into the plugin, or to the core, that are on the stack */
    struct list news; /* told while in a call */
    size_t news_bytes;
    struct ending ending;
    struct loop_timer turn;
    struct loop_timer limit;
};

static void on_turn(void *ctx);
static void begin_close(struct model_session *s);

/* ---- the end ---- */

static void copy_text(char *dst, size_t size, const char *text)
{
    view_copy(dst, size, view_of(text));
}

/* The first reason stays. */
static void set_ending(struct model_session *s, const struct parley_model_closed *closed)
{
    struct ending *e = &s->ending;

    if (e->is_known)
        return;
    e->is_known = true;
    copy_text(e->code, sizeof(e->code), closed->code);
    copy_text(e->type, sizeof(e->type), closed->type);
    copy_text(e->message, sizeof(e->message), closed->message);
    e->closed = *closed;
    e->closed.size = sizeof(e->closed);
    e->closed.code = e->code;
    e->closed.type = e->type;
    e->closed.message = e->message;
}

static void end_with(struct model_session *s, int status, uint32_t retryable, const char *message)
{
    const struct parley_model_closed closed = {
        .status = status, .retryable = retryable, .message = message};

    set_ending(s, &closed);
}

static void schedule(struct model_session *s)
{
    loop_timer_start(s->model.worker->loop, &s->turn, 0, on_turn, s);
}

static void drop_news(struct model_session *s)
{
    while (!list_empty(&s->news)) {
        struct news *n = list_entry(s->news.next, struct news, entry);
        list_remove(&n->entry);
        free(n);
    }
    s->news_bytes = 0;
}

static void session_free(struct model_session *s)
{
    drop_news(s);
    loop_timer_stop(&s->turn);
    loop_timer_stop(&s->limit);
    free(s);
}

/* Both sides are done with it. */
static void finish(struct model_session *s)
{
    if (!s->is_abandoned)
        s->events->on_closed(s->ctx, &s->ending.closed);
    session_free(s);
}

/* The plugin is no longer waited for. */
static void give_up(struct model_session *s)
{
    op_withdraw(TAKE(s->op));
    loop_timer_stop(&s->limit);
    schedule(s);
}

/* ---- what the plugin tells ---- */

static void tell(struct model_session *s, enum news_kind kind, struct parley_view data,
                 uint32_t flags)
{
    if (s->is_abandoned || s->state == CLOSING)
        return;
    s->calls++;
    if (kind == NEWS_OPEN)
        s->events->on_open(s->ctx, data);
    else if (kind == NEWS_EVENT)
        s->events->on_event(s->ctx, data, flags);
    else
        s->events->on_writable(s->ctx);
    s->calls--;
}

/* True when it must wait: the plugin is inside a call of ours, or earlier news wait already. */
static bool must_wait(const struct model_session *s)
{
    return s->calls > 0 || !list_empty(&s->news);
}

static void keep_news(struct model_session *s, enum news_kind kind, struct parley_view data)
{
    if (data.len > MAX_NEWS_BYTES - s->news_bytes) {
        end_with(s, PARLEY_E_TOO_LARGE, 1, "the model sends faster than its events can be taken");
        begin_close(s);
        return;
    }
    struct news *n = malloc(sizeof(*n) + data.len);
    if (n == NULL) {
        end_with(s, PARLEY_E_NO_MEMORY, 1, "no memory for an event of the model");
        begin_close(s);
        return;
    }
    n->kind = kind;
    n->len = data.len;
    if (data.len > 0)
        memcpy(n->data, data.data, data.len);
    s->news_bytes += data.len;
    list_append(&s->news, &n->entry);
    schedule(s);
}

static void take_news(struct model_session *s, enum news_kind kind, struct parley_view data,
                      uint32_t flags)
{
    if (must_wait(s))
        keep_news(s, kind, data);
    else
        tell(s, kind, data, flags);
}

static void sweep(void *owner)
{
    struct model_session *s = owner;

    end_with(s, PARLEY_E_CANCELLED, 0, "the model's plugin is being stopped");
    s->state = CLOSING;
    give_up(s);
}

static void cancel(void *owner)
{
    struct model_session *s = owner;

    end_with(s, PARLEY_E_CANCELLED, 0, "the model's plugin is being stopped");
    begin_close(s);
}

static const struct op_type model_type = {
    .name = "model session", .sweep = sweep, .cancel = cancel};

static void *handle_of(const struct model_session *s)
{
    _Static_assert(sizeof(uintptr_t) >= sizeof(parley_op), "a handle holds an operation");
    return (void *)(uintptr_t)s->op;
}

static struct model_session *session_of(void *ctx, const char *what)
{
    parley_op op = (parley_op)(uintptr_t)ctx;
    struct model_session *s = op_owner(op, &model_type, what);

    if (s == NULL) {
        struct parley_worker *w = op_worker(op);
        if (w != NULL)
            w->counters.events_ignored++;
    }
    return s;
}

static void host_on_open(void *ctx, struct parley_view session_created)
{
    struct model_session *s = session_of(ctx, "model on_open");

    if (s == NULL || s->state == CLOSING)
        return;
    if (s->was_opened) {
        host_worker_fault(s->model.worker, "model on_open a second time instance=\"%s\"", s->title);
        return;
    }
    s->was_opened = true;
    s->state = OPEN;
    loop_timer_stop(&s->limit);
    take_news(s, NEWS_OPEN, session_created, 0);
}

static void host_on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    struct model_session *s = session_of(ctx, "model on_event");

    if (s == NULL || s->state == CLOSING)
        return;
    if (s->state == OPENING) {
        s->model.worker->counters.events_ignored++;
        host_worker_fault(s->model.worker, "model on_event before on_open instance=\"%s\"",
                          s->title);
        return;
    }
    take_news(s, NEWS_EVENT, event, flags);
}

static void host_on_writable(void *ctx)
{
    struct model_session *s = session_of(ctx, "model on_writable");

    if (s != NULL && s->state == OPEN)
        take_news(s, NEWS_WRITABLE, (struct parley_view){0}, 0);
}

/* Fields that an older plugin does not know stay at their defaults. */
static struct parley_model_closed read_closed(const struct parley_model_closed *closed)
{
    struct parley_model_closed own = {0};

    if (closed != NULL && closed->size >= sizeof(closed->size))
        memcpy(&own, closed, closed->size < sizeof(own) ? closed->size : sizeof(own));
    else
        own = (struct parley_model_closed){.status = PARLEY_E_INTERNAL,
                                           .message = "the model's plugin gave no reason"};
    return own;
}

static void host_on_closed(void *ctx, const struct parley_model_closed *closed)
{
    struct model_session *s = session_of(ctx, "model on_closed");

    if (s == NULL)
        return;
    const struct parley_model_closed own = read_closed(closed);
    set_ending(s, &own);
    op_end(TAKE(s->op));
    loop_timer_stop(&s->limit);
    if (s->calls == 0 && list_empty(&s->news))
        finish(s);
    else
        schedule(s);
}

static const struct parley_model_host model_host = {
    .size = sizeof(model_host),
    .on_open = host_on_open,
    .on_event = host_on_event,
    .on_writable = host_on_writable,
    .on_closed = host_on_closed,
};

/* ---- the loop's next turn ---- */

static void tell_news(struct model_session *s)
{
    while (!list_empty(&s->news) && s->state != CLOSING && !s->is_paused) {
        struct news *n = list_entry(s->news.next, struct news, entry);
        list_remove(&n->entry);
        s->news_bytes -= n->len;
        tell(s, n->kind, (struct parley_view){n->data, n->len}, 0);
        free(n);
    }
    if (s->state == CLOSING)
        drop_news(s);
}

static void on_turn(void *ctx)
{
    struct model_session *s = ctx;

    tell_news(s);
    if (s->op == 0 && list_empty(&s->news))
        finish(s);
}

static void on_open_limit(void *ctx)
{
    struct model_session *s = ctx;

    end_with(s, PARLEY_E_TIMEOUT, 1, "the model did not open a session in time");
    begin_close(s);
}

static void on_close_limit(void *ctx)
{
    struct model_session *s = ctx;

    host_worker_fault(s->model.worker, "model close was not answered by on_closed instance=\"%s\"",
                      s->title);
    end_with(s, PARLEY_OK, 0, "");
    give_up(s);
}

/* ---- calls into the plugin ---- */

static struct watch enter(struct model_session *s, const char *callback)
{
    s->calls++;
    return watch_begin(s->model.worker, s->model.wi, s->title, callback);
}

static void leave(struct model_session *s, struct watch *watch)
{
    watch_end(watch);
    s->calls--;
}

static void begin_close(struct model_session *s)
{
    if (s->state == CLOSING)
        return;
    s->state = CLOSING;
    if (s->op == 0) { /* the plugin was first */
        schedule(s);
        return;
    }
    loop_timer_start(s->model.worker->loop, &s->limit, MODEL_CLOSE_LIMIT_MS, on_close_limit, s);
    struct watch watch = enter(s, "close");
    s->model.vtable->close(s->plugin_session);
    leave(s, &watch);
}

void model_of(struct worker_instance *wi, struct model *ret_model)
{
    *ret_model = (struct model){
        .title = wi->instance->title,
        .worker = wi->worker,
        .vtable = &wi->instance->plugin->model,
        .instance = wi->instance->ctx,
        .ctx = wi->ctx,
        .wi = wi,
    };
}

void model_caps(const struct instance *instance, struct parley_model_caps *ret_caps)
{
    *ret_caps = (struct parley_model_caps){.size = sizeof(*ret_caps)};
    instance->plugin->model.caps(instance->ctx, ret_caps);
}

static int check_takes_more(const struct model *m, struct parley_error *err)
{
    if (m->wi != NULL && m->wi->is_stopping)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is being stopped", m->title);
    return PARLEY_OK;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static int open_in_plugin(struct model_session *s, const struct model_open *open,
                          struct parley_error *err)
{
    const struct parley_model_open request = {
        .size = sizeof(request),
        .worker = s->model.worker,
        .session_id = or_empty(open->session_id),
        .safety_identifier = or_empty(open->safety_identifier),
        .traceparent = or_empty(open->traceparent),
        .tracestate = or_empty(open->tracestate),
        .agent = or_empty(open->agent),
        .session = open->session,
        .host = &model_host,
        .ctx = handle_of(s),
    };
    struct watch watch = enter(s, "open");
    int r = s->model.vtable->open(s->model.ctx, &request, &s->plugin_session, err);

    leave(s, &watch);
    return r;
}

static struct model_session *session_create(const struct model *m,
                                            const struct model_events *events, void *ctx)
{
    struct model_session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->model = *m;
    (void)snprintf(s->title, sizeof(s->title), "%s", m->title);
    s->events = events;
    s->ctx = ctx;
    list_init(&s->news);
    s->op = m->wi != NULL ? op_begin(m->wi, &model_type, s)
                          : op_begin_for(m->worker, m->title, &model_type, s);
    return s;
}

int model_open(const struct model *m, const struct model_open *open,
               const struct model_events *events, void *ctx, struct model_session **ret_session,
               struct parley_error *err)
{
    int r = check_takes_more(m, err);

    if (r < 0)
        return r;
    struct model_session *s = session_create(m, events, ctx);
    if (s == NULL || s->op == 0) {
        free(s);
        return parley_fail(err, PARLEY_E_BUSY, "%s: too many sessions or no memory", m->title);
    }
    r = open_in_plugin(s, open, err);
    if (r < 0) {
        op_withdraw(s->op);
        session_free(s);
        return r;
    }
    if (s->state == OPENING && s->op != 0)
        loop_timer_start(m->worker->loop, &s->limit, MODEL_OPEN_LIMIT_MS, on_open_limit, s);
    *ret_session = s;
    return PARLEY_OK;
}

int model_send(struct model_session *s, struct parley_view event, uint32_t flags,
               struct parley_error *err)
{
    if (s->state != OPEN || s->op == 0)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s: the session is not open", s->title);
    struct watch watch = enter(s, "send");
    int r = s->model.vtable->send(s->plugin_session, event, flags, err);
    leave(s, &watch);
    return r;
}

void model_pause(struct model_session *s, bool paused)
{
    if (s->state == CLOSING || s->is_paused == paused)
        return;
    s->is_paused = paused;
    schedule(s); /* for what waits here */
    if (s->op == 0)
        return;
    struct watch watch = enter(s, "pause");
    s->model.vtable->pause(s->plugin_session, paused);
    leave(s, &watch);
}

void model_close(struct model_session *s)
{
    end_with(s, PARLEY_OK, 0, "");
    begin_close(s);
}

struct model_session *model_abandon(struct model_session *s)
{
    if (s == NULL)
        return NULL;
    s->is_abandoned = true;
    model_close(s);
    return NULL;
}
