/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tools_share.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "host/directory.h"
#include "host/tools.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LIST_MS 2000 /* that a conversation may wait for the first list of the home */

/* The home's functions as a plugin would list them. Immutable; shared by guests. */
struct catalogue {
    atomic_uint refs;
    uint64_t version; /* from 1 */
    struct parley_tool *items;
    size_t count;
    int64_t wait_ms;
    int64_t fresh_ms;
};

struct tools_share {
    atomic_uint refs;
    pthread_mutex_t lock; /* of the next four; never held while a function of others runs */
    unsigned home;        /* its number in the directory; 0: not yet, or not any more */
    unsigned guests[HOST_MAX_WORKERS];
    size_t guest_count;
    struct catalogue *catalogue; /* NULL: nothing listed yet */
    /* Thread: the home's. */
    struct worker_instance *host;
    struct list visits;
    bool wants_stop;
};

/* What stands in for the plugin's worker instance on a guest. */
struct tools_guest {
    struct tools_share *share;
    struct worker_instance *wi;
    struct catalogue *catalogue; /* as listed last; NULL: none yet */
};

/* ---- the catalogue ---- */

static void catalogue_unref(struct catalogue *c)
{
    if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    for (size_t i = 0; i < c->count; i++) {
        free((char *)(uintptr_t)c->items[i].name);
        free((char *)(uintptr_t)c->items[i].description);
        free((char *)(uintptr_t)c->items[i].parameters);
        free((char *)(uintptr_t)c->items[i].output_schema);
    }
    free(c->items);
    free(c);
}

/* False without memory. The pool's thread is the home's affair: no guest blocks for it. */
static bool copy_function(struct parley_tool *to, const struct tools_function *f)
{
    *to = (struct parley_tool){
        .flags = f->flags & ~PARLEY_TOOL_BLOCKING,
        .name = strdup(f->name),
        .description = strdup(f->description),
        .parameters = json_dumps(f->parameters, JSON_COMPACT | json_digits(f->parameters)),
        .timeout_ms = f->timeout_ms,
        .max_timeout_ms = f->max_timeout_ms,
        .output_schema = f->output_schema == NULL
                             ? NULL
                             : json_dumps(f->output_schema, JSON_COMPACT | JSON_ENCODE_ANY |
                                                                json_digits(f->output_schema)),
    };
    return to->name != NULL && to->description != NULL && to->parameters != NULL &&
           (f->output_schema == NULL || to->output_schema != NULL);
}

static struct catalogue *catalogue_create(struct worker_instance *wi)
{
    size_t count;
    const struct tools_function *functions = tools_functions(wi, &count);
    struct catalogue *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    atomic_init(&c->refs, 1);
    c->version = tools_version(wi);
    c->items = calloc(count + 1, sizeof(*c->items));
    bool is_whole = c->items != NULL;
    while (is_whole && c->count < count) {
        is_whole = copy_function(&c->items[c->count], &functions[c->count]);
        c->count++;
    }
    if (is_whole)
        return c;
    catalogue_unref(c);
    return NULL;
}

/* ---- the share ---- */

struct tools_share *tools_share_create(void)
{
    struct tools_share *share = calloc(1, sizeof(*share));

    if (share == NULL)
        return NULL;
    atomic_init(&share->refs, 1);
    pthread_mutex_init(&share->lock, NULL);
    list_init(&share->visits);
    return share;
}

static struct tools_share *share_ref(struct tools_share *share)
{
    atomic_fetch_add(&share->refs, 1);
    return share;
}

struct tools_share *tools_share_unref(struct tools_share *share)
{
    if (share == NULL || atomic_fetch_sub(&share->refs, 1) != 1)
        return NULL;
    catalogue_unref(share->catalogue);
    pthread_mutex_destroy(&share->lock);
    free(share);
    return NULL;
}

static unsigned home_of(struct tools_share *share)
{
    pthread_mutex_lock(&share->lock);
    unsigned home = share->home;
    pthread_mutex_unlock(&share->lock);
    return home;
}

/* ---- from guest to home ---- */

enum errand_kind { ERRAND_CALL, ERRAND_CANCEL, ERRAND_REFRESH, ERRAND_SESSION_CLOSED, ERRAND_LEFT };

struct errand {
    enum errand_kind kind;
    struct tools_share *share;
    parley_op op;
    int64_t timeout_ms;
    char *name;
    char *arguments;
    size_t arguments_len;
    char *session_id;
    char *agent;
    char *user;
    char *call_id;
    char *traceparent;
    char *tracestate;
    char *authorization;
};

static void errand_free(struct errand *e)
{
    free(e->name);
    free(e->arguments);
    free(e->session_id);
    free(e->agent);
    free(e->user);
    free(e->call_id);
    free(e->traceparent);
    free(e->tracestate);
    if (e->authorization != NULL)
        explicit_bzero(e->authorization, strlen(e->authorization));
    free(e->authorization);
    (void)tools_share_unref(e->share);
    free(e);
}

static struct errand *errand_create(struct tools_share *share, enum errand_kind kind, parley_op op)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->kind = kind;
    e->share = share_ref(share);
    e->op = op;
    return e;
}

static void end_op(parley_op op, int status, const char *text)
{
    const struct parley_tool_result result = {
        .size = sizeof(result), .status = status, .output = view_of(text)};

    tools_host.end(op, &result);
}

static void drop_errand(void *arg)
{
    struct errand *e = arg;

    if (e->kind == ERRAND_CALL)
        end_op(e->op, PARLEY_E_UNAVAILABLE, "The tool is being stopped.");
    errand_free(e);
}

static void run_errand(void *arg);

/* Takes e. False, and nothing is told, when there is no home. */
static bool send_errand(struct errand *e)
{
    if (e != NULL && directory_post(home_of(e->share), run_errand, drop_errand, e))
        return true;
    if (e != NULL)
        errand_free(e);
    return false;
}

/* ---- at home ---- */

/* A guest's call that runs here. */
struct visit {
    struct list entry; /* of share->visits */
    struct tools_share *share;
    parley_op op; /* the guest's */
    struct tools_run *run;
};

static void visit_free(struct visit *v)
{
    list_remove(&v->entry);
    (void)tools_share_unref(v->share);
    free(v);
}

struct news {
    parley_op op;
    double done;
    double total;
    char *message;
    size_t len;
};

static void news_free(void *arg)
{
    struct news *n = arg;

    free(n->message);
    free(n);
}

static void news_arrives(void *arg)
{
    struct news *n = arg;

    tools_host.progress(n->op, n->done, n->total, (struct parley_view){n->message, n->len});
    news_free(n);
}

static void on_visit_progress(void *ctx, double done, double total, struct parley_view message)
{
    const struct visit *v = ctx;
    struct news *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return;
    *n = (struct news){v->op, done, total, view_dup(message), message.len};
    if (n->message == NULL)
        n->len = 0;
    op_post(v->op, news_arrives, news_free, n);
}

static void on_visit_end(void *ctx, const struct tools_result *result)
{
    struct visit *v = ctx;
    const struct parley_tool_result told = {
        .size = sizeof(told),
        .status = result->status,
        .output = result->output,
        .image = result->image,
        .content = result->content,
        .structured = result->structured,
        .flags = result->flags,
    };

    tools_host.end(v->op, &told); /* the guest's worker is found by the operation */
    visit_free(v);
}

static const struct tools_events visit_events = {.on_progress = on_visit_progress,
                                                 .on_end = on_visit_end};

static int begin_visit(struct tools_share *share, const struct errand *e)
{
    struct visit *v = calloc(1, sizeof(*v));
    const struct tools_call call = {
        .session_id = e->session_id,
        .agent = e->agent,
        .user = e->user,
        .call_id = e->call_id,
        .name = e->name,
        .arguments = {e->arguments, e->arguments_len},
        .takes_any_arguments = true, /* the guest has looked at them, if they are to be looked at */
        .traceparent = e->traceparent,
        .tracestate = e->tracestate,
        .authorization = e->authorization,
        .wants_content = true,
        .policy_timeout_ms = e->timeout_ms, /* as the guest waits, whatever the function says */
        .max_output_bytes = TOOLS_MAX_OUTPUT,
    };

    if (v == NULL)
        return PARLEY_E_NO_MEMORY;
    v->share = share_ref(share);
    v->op = e->op;
    list_append(&share->visits, &v->entry);
    v->run = tools_call(share->host, &call, &visit_events, v);
    if (v->run != NULL)
        return PARLEY_OK;
    visit_free(v);
    return PARLEY_E_NO_MEMORY;
}

static void call_arrives(struct tools_share *share, const struct errand *e)
{
    int r = share->host == NULL ? PARLEY_E_UNAVAILABLE : begin_visit(share, e);

    if (r < 0)
        end_op(e->op, r, "The tool is not available now.");
}

static void cancel_visit(struct tools_share *share, parley_op op)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &share->visits)
    {
        struct visit *v = list_entry(at, struct visit, entry);
        if (v->op == op)
            tools_cancel(v->run);
    }
}

static void guest_left(struct tools_share *share)
{
    if (share->host != NULL && share->wants_stop && tools_share_may_stop(share->host))
        worker_instance_stop_now(share->host);
}

static void run_errand(void *arg)
{
    struct errand *e = arg;
    struct tools_share *share = e->share;

    switch (e->kind) {
    case ERRAND_CALL:
        call_arrives(share, e);
        break;
    case ERRAND_CANCEL:
        cancel_visit(share, e->op);
        break;
    case ERRAND_REFRESH:
        if (share->host != NULL)
            (void)tools_prepare(share->host);
        break;
    case ERRAND_SESSION_CLOSED:
        if (share->host != NULL)
            tools_session_closed(share->host, e->session_id);
        break;
    case ERRAND_LEFT:
        guest_left(share);
        break;
    }
    errand_free(e);
}

/* ---- from home to guests ---- */

struct notice {
    struct tools_share *share;
    unsigned worker;
};

static void notice_free(void *arg)
{
    struct notice *n = arg;

    (void)tools_share_unref(n->share);
    free(n);
}

static void notice_arrives(void *arg)
{
    struct notice *n = arg;
    struct parley_worker *w = directory_find(n->worker);
    struct list *at;

    list_for_each(at, &w->instances)
    {
        struct worker_instance *wi = list_entry(at, struct worker_instance, entry);
        if (wi->guest != NULL && wi->guest->share == n->share)
            tools_list_changed(w, wi->ctx);
    }
    notice_free(n);
}

static void notify(struct tools_share *share, unsigned worker)
{
    struct notice *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return;
    *n = (struct notice){share_ref(share), worker};
    if (!directory_post(worker, notice_arrives, notice_free, n))
        notice_free(n);
}

void tools_share_publish(struct worker_instance *wi, int64_t wait_ms, int64_t fresh_ms)
{
    struct tools_share *share = wi->instance->share;
    unsigned guests[HOST_MAX_WORKERS];

    if (share == NULL || share->host != wi)
        return;
    struct catalogue *fresh = catalogue_create(wi);
    if (fresh == NULL) {
        log_warn("no memory to show the functions to the other workers instance=\"%s\"",
                 wi->instance->title);
        return;
    }
    fresh->wait_ms = wait_ms;
    fresh->fresh_ms = fresh_ms;
    pthread_mutex_lock(&share->lock);
    struct catalogue *old = share->catalogue;
    share->catalogue = fresh;
    size_t count = share->guest_count;
    memcpy(guests, share->guests, count * sizeof(guests[0]));
    pthread_mutex_unlock(&share->lock);
    catalogue_unref(old);
    for (size_t i = 0; i < count; i++)
        notify(share, guests[i]);
}

/* ---- the guest's table ---- */

static void guest_attach(void *worker_instance, const struct parley_tools_host *host)
{
    (void)worker_instance;
    (void)host;
}

static struct catalogue *latest(struct tools_share *share)
{
    pthread_mutex_lock(&share->lock);
    struct catalogue *c = share->catalogue;
    if (c != NULL)
        atomic_fetch_add(&c->refs, 1);
    pthread_mutex_unlock(&share->lock);
    return c;
}

/* Asked again though nothing is new: the list is not fresh any more, and the home may ask. */
static int guest_list(void *worker_instance, struct parley_tool_list *ret, struct parley_error *err)
{
    struct tools_guest *g = worker_instance;
    struct catalogue *c = latest(g->share);

    (void)err;
    if (c != NULL && g->catalogue == c && c->fresh_ms > 0)
        (void)send_errand(errand_create(g->share, ERRAND_REFRESH, 0));
    catalogue_unref(g->catalogue);
    g->catalogue = c;
    ret->item_size = sizeof(struct parley_tool);
    if (c == NULL) {
        ret->wait_ms = FIRST_LIST_MS;
        return PARLEY_OK;
    }
    ret->items = c->items;
    ret->count = c->count;
    ret->wait_ms = c->wait_ms;
    ret->fresh_ms = c->fresh_ms;
    return PARLEY_OK;
}

static bool is_whole(const struct errand *e)
{
    return e->name != NULL && e->arguments != NULL && e->session_id != NULL && e->agent != NULL &&
           e->user != NULL && e->call_id != NULL && e->traceparent != NULL &&
           e->tracestate != NULL && e->authorization != NULL;
}

static int guest_call(void *worker_instance, const struct parley_tool_call *call, parley_op op,
                      struct parley_error *err)
{
    const struct tools_guest *g = worker_instance;
    struct errand *e = errand_create(g->share, ERRAND_CALL, op);

    if (e == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "The tool %s has no memory.", call->name);
    e->timeout_ms = call->timeout_ms;
    e->name = strdup(call->name);
    e->arguments = view_dup(call->arguments);
    e->arguments_len = call->arguments.len;
    e->session_id = strdup(call->session_id);
    e->agent = strdup(call->agent);
    e->user = strdup(call->user);
    e->call_id = strdup(call->call_id);
    e->traceparent = strdup(call->traceparent);
    e->tracestate = strdup(call->tracestate);
    e->authorization = strdup(call->authorization);
    if (!is_whole(e)) {
        errand_free(e);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "The tool %s has no memory.", call->name);
    }
    return send_errand(e) ? PARLEY_OK
                          : parley_fail(err, PARLEY_E_UNAVAILABLE,
                                        "The tool %s is not available now.", call->name);
}

static void guest_cancel(void *worker_instance, parley_op op)
{
    const struct tools_guest *g = worker_instance;

    (void)send_errand(errand_create(g->share, ERRAND_CANCEL, op));
}

static void guest_session_closed(void *worker_instance, const char *session_id)
{
    const struct tools_guest *g = worker_instance;
    struct errand *e = errand_create(g->share, ERRAND_SESSION_CLOSED, 0);

    if (e != NULL)
        e->session_id = strdup(session_id);
    if (e == NULL || e->session_id != NULL)
        (void)send_errand(e);
    else
        errand_free(e);
}

static const struct parley_tools_vtable guest_table = {
    .size = sizeof(guest_table),
    .attach = guest_attach,
    .list = guest_list,
    .call = guest_call,
    .cancel = guest_cancel,
    .session_closed = guest_session_closed,
};

/* ---- coming and going ---- */

static void become_home(struct worker_instance *wi)
{
    struct tools_share *share = wi->instance->share;

    pthread_mutex_lock(&share->lock);
    share->home = wi->worker->id;
    pthread_mutex_unlock(&share->lock);
    share->host = wi;
}

static int become_guest(struct worker_instance *wi, struct parley_error *err)
{
    struct tools_share *share = wi->instance->share;
    struct tools_guest *guest = calloc(1, sizeof(*guest));

    if (guest == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory on %s", wi->instance->title,
                           wi->worker->name);
    guest->share = share_ref(share);
    guest->wi = wi;
    wi->guest = guest;
    wi->ctx = guest;
    wi->tools_table = &guest_table;
    pthread_mutex_lock(&share->lock);
    share->guests[share->guest_count++] = wi->worker->id;
    pthread_mutex_unlock(&share->lock);
    return PARLEY_OK;
}

int tools_share_enter(struct worker_instance *wi, struct parley_error *err)
{
    const struct instance *instance = wi->instance;
    const struct parley_worker *w = wi->worker;

    wi->tools_table = &instance->plugin->tools;
    if (instance->share == NULL || w->crew_size < 2)
        return PARLEY_OK;
    if (instance->place % w->crew_size != w->crew_place)
        return become_guest(wi, err);
    become_home(wi);
    return PARLEY_OK;
}

bool tools_share_is_guest(const struct worker_instance *wi)
{
    return wi->guest != NULL;
}

bool tools_share_may_stop(struct worker_instance *wi)
{
    struct tools_share *share = wi->instance->share;

    if (share == NULL || share->host != wi)
        return true;
    pthread_mutex_lock(&share->lock);
    bool is_free = share->guest_count == 0;
    if (is_free)
        share->home = 0; /* who comes now comes too late */
    pthread_mutex_unlock(&share->lock);
    share->wants_stop = true;
    return is_free;
}

static void guest_leave(struct tools_guest *guest)
{
    struct tools_share *share = guest->share;
    unsigned id = guest->wi->worker->id;

    pthread_mutex_lock(&share->lock);
    for (size_t i = 0; i < share->guest_count; i++) {
        if (share->guests[i] == id) {
            share->guests[i] = share->guests[--share->guest_count];
            break;
        }
    }
    pthread_mutex_unlock(&share->lock);
    (void)send_errand(errand_create(share, ERRAND_LEFT, 0));
    catalogue_unref(guest->catalogue);
    (void)tools_share_unref(share);
    free(guest);
}

static void home_leave(struct tools_share *share)
{
    pthread_mutex_lock(&share->lock);
    share->home = 0;
    pthread_mutex_unlock(&share->lock);
    share->host = NULL;
}

void tools_share_leave(struct worker_instance *wi)
{
    if (wi->guest != NULL)
        guest_leave(TAKE(wi->guest));
    else if (wi->instance->share != NULL && wi->instance->share->host == wi)
        home_leave(wi->instance->share);
}
