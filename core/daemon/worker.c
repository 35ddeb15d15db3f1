/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "host/worker.h"
#include "net/bearer.h"
#include "telemetry/logs.h"
#include "transport/transport.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define STOP_LIMIT_MS    3000                   /* for models and stores to finish what runs */
#define MAX_HEADER_BYTES (JWT_MAX_BYTES + 4096) /* a token may come with it */
#define EXPIRE_MS        600000 /* between two looks for conversations whose time is over */

struct worker {
    struct worker_config config;
    struct loop *loop;
    pthread_t thread;
    bool has_thread;

    /* Of the worker's thread. */
    struct parley_worker host;
    struct transport *transport;
    struct worker_sessions *sessions;
    struct worker_env env;
    struct worker_generation *current;
    struct auth *auth;
    unsigned generations; /* that have not stopped yet */
    struct net *net;
    struct loop_timer stop_limit;
    struct loop_timer expire; /* the first worker's, for all */
    bool is_stopping;
    atomic_size_t session_count;
    atomic_size_t connection_count;

    /* The start's outcome, for the thread that waits for it. */
    pthread_mutex_t lock;
    pthread_cond_t started;
    bool is_decided;
    int result;
    struct parley_error *err;
};

/* ---- stopping: connections, sessions, instances, sockets, in this order ---- */

static void finish(struct worker *w)
{
    w->transport = transport_destroy(w->transport);
    host_worker_done(&w->host);
    loop_stop(w->loop);
}

static void finish_soon(void *arg)
{
    finish(arg);
}

static void on_generation_stopped(void *ctx, struct generation *g)
{
    struct worker *w = ctx;

    w->generations--;
    w->config.hub.generation_gone(w->config.hub.ctx, g);
    if (w->is_stopping && w->generations == 0)
        (void)loop_post(w->loop, finish_soon, NULL, w);
}

static void retire_current(struct worker *w)
{
    struct worker_generation *wg = w->current;

    w->current = NULL;
    if (wg != NULL)
        worker_generation_retire(wg, on_generation_stopped, w);
}

/* Every session has gone, or has had its time. */
static void stop_instances(struct worker *w)
{
    if (w->sessions == NULL)
        return;
    loop_timer_stop(&w->stop_limit);
    loop_timer_stop(&w->expire);
    w->sessions = worker_sessions_destroy(w->sessions);
    retire_current(w);
    if (w->generations == 0)
        finish(w);
}

static void on_stop_limit(void *ctx)
{
    struct worker *w = ctx;

    log_warn("%zu sessions did not end in time and are dropped worker=%u",
             worker_sessions_count(w->sessions), w->config.index + 1);
    stop_instances(w);
}

static void stop_instances_soon(void *arg)
{
    struct worker *w = arg;

    if (w->sessions != NULL && worker_sessions_count(w->sessions) == 0)
        stop_instances(w);
}

/* Tell the other threads how many there are. */
static void on_counts_changed(void *ctx)
{
    struct worker *w = ctx;

    atomic_store(&w->session_count, w->sessions == NULL ? 0 : worker_sessions_count(w->sessions));
    atomic_store(&w->connection_count, w->net == NULL ? 0 : net_connection_count(w->net));
    w->config.hub.counts_changed(w->config.hub.ctx);
}

static void on_session_gone(void *ctx, const char *user)
{
    struct worker *w = ctx;

    (void)user;
    if (w->sessions == NULL)
        return;
    on_counts_changed(w);
    if (w->is_stopping)
        (void)loop_post(w->loop, stop_instances_soon, NULL, w);
}

static void begin_stop(void *arg)
{
    struct worker *w = arg;

    w->is_stopping = true;
    w->net = net_close(w->net);
    if (worker_sessions_count(w->sessions) == 0)
        stop_instances(w);
    else
        loop_timer_start(w->loop, &w->stop_limit, STOP_LIMIT_MS, on_stop_limit, w);
}

/* ---- what net asks for ---- */

static struct worker_generation *current_generation(void *ctx)
{
    return ((struct worker *)ctx)->current;
}

static const struct auth *current_auth(void *ctx)
{
    return ((struct worker *)ctx)->auth;
}

static struct fetch_place *fetch_place(void *ctx)
{
    return host_worker_fetch_place(&((struct worker *)ctx)->host);
}

static bool is_ready(void *ctx)
{
    struct worker *w = ctx;

    return w->current != NULL && w->config.hub.is_ready(w->config.hub.ctx);
}

static void describe_sessions(void *ctx, const char *id, void (*done)(void *arg, json_t *take_all),
                              void *arg)
{
    struct worker *w = ctx;

    w->config.hub.describe_sessions(w->config.hub.ctx, w->loop, id, done, arg);
}

static void visit(void *ctx, struct net_visit *v)
{
    struct worker *w = ctx;

    w->config.hub.visit(w->config.hub.ctx, w->loop, v);
}

static void reload(void *ctx, void (*done)(void *arg, const char *fault), void *arg)
{
    struct worker *w = ctx;

    w->config.hub.reload(w->config.hub.ctx, w->loop, done, arg);
}

static void metrics(void *ctx, struct buf *out)
{
    struct worker *w = ctx;

    w->config.hub.metrics(w->config.hub.ctx, out);
}

/* ---- starting, on the worker's thread ---- */

/* So that the first client need not wait for the keys. One worker does it for all. */
static void load_issuer(struct worker *w)
{
    struct bearer *bearer = w->auth == NULL ? NULL : auth_bearer(w->auth);

    if (bearer != NULL && w->config.index == 0)
        bearer_refresh(bearer, host_worker_fetch_place(&w->host));
}

static int start_host(struct worker *w, struct parley_error *err)
{
    char name[16];
    const struct transport_config sockets = {.max_header_bytes = MAX_HEADER_BYTES};

    (void)snprintf(name, sizeof(name), "worker %u", w->config.index + 1);
    w->transport = transport_create(w->loop, &sockets, err);
    if (w->transport == NULL)
        return err->status < 0 ? err->status : PARLEY_E_INTERNAL;
    const struct host_worker_config host = {.name = name,
                                            .loop = w->loop,
                                            .transport = w->transport,
                                            .offload = w->config.offload,
                                            .tools = w->config.tools,
                                            .heavy = w->config.heavy,
                                            .disk = w->config.disk,
                                            .recorder = w->config.recorder,
                                            .crew_place = w->config.index,
                                            .crew_size = w->config.count};
    return host_worker_init(&w->host, &host, err);
}

static int start_sessions(struct worker *w, struct parley_error *err)
{
    w->env = (struct worker_env){.loop = w->loop,
                                 .worker = &w->host,
                                 .recorder = w->config.recorder,
                                 .host_name = w->config.host_name,
                                 .on_session_gone = on_session_gone,
                                 .ctx = w};
    w->sessions = worker_sessions_create(&w->env);
    if (w->sessions == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for the sessions of a worker");
    int r = worker_generation_start(w->config.generation, &w->host, w->config.weights, &w->current,
                                    err);
    w->generations += r == PARLEY_OK;
    return r;
}

static void on_expire(void *ctx)
{
    struct worker *w = ctx;

    if (w->current != NULL)
        worker_generation_expire(w->current);
    loop_timer_start(w->loop, &w->expire, EXPIRE_MS, on_expire, w);
}

static int start_net(struct worker *w, struct parley_error *err)
{
    const struct net_worker net = {
        .loop = w->loop,
        .transport = w->transport,
        .sessions = w->sessions,
        .secrets = w->config.secrets,
        .admission = w->config.admission,
        .config = w->config.net,
        .hub = {.generation = current_generation,
                .auth = current_auth,
                .fetch_place = fetch_place,
                .is_ready = is_ready,
                .counts_changed = on_counts_changed,
                .describe_sessions = describe_sessions,
                .visit = visit,
                .reload = reload,
                .metrics = metrics,
                .ctx = w},
        .recorder = w->config.recorder,
        .is_first = w->config.index == 0,
        .first_ports = w->config.first_ports,
    };

    return net_open(&net, &w->net, err);
}

static void decide(struct worker *w, int result)
{
    pthread_mutex_lock(&w->lock);
    w->is_decided = true;
    w->result = result;
    pthread_cond_signal(&w->started);
    pthread_mutex_unlock(&w->lock);
}

/* Nothing runs yet that would have to end first. */
static void finish_early(struct worker *w)
{
    w->transport = transport_destroy(w->transport);
    loop_stop(w->loop);
}

/* For lines of the log that name a session. */
static bool find_trace(void *ctx, struct parley_view session, struct trace_context *ret)
{
    const struct worker *w = ctx;

    return w->sessions != NULL && worker_sessions_trace(w->sessions, session, ret);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct parley_error *err = w->err;
    const struct logs_finder finder = {.find = find_trace, .ctx = w};

    logs_attach(w->config.recorder, &finder);
    int r = start_host(w, err);
    if (r == PARLEY_OK)
        r = start_sessions(w, err);
    if (r == PARLEY_OK)
        r = start_net(w, err);
    if (r < 0) { /* undo what was started, on the same way as a stop */
        w->is_stopping = true;
        if (w->sessions != NULL)
            stop_instances(w);
        else
            finish_early(w);
    }
    if (r == PARLEY_OK && w->config.index == 0)
        on_expire(w);
    if (r == PARLEY_OK)
        load_issuer(w);
    if (r == PARLEY_OK)
        decide(w, r);
    loop_run(w->loop);
    logs_detach();
    if (r < 0)
        decide(w, r);
    return NULL;
}

void worker_wait(struct worker *w)
{
    if (w->has_thread)
        pthread_join(w->thread, NULL);
    w->has_thread = false;
}

struct worker *worker_destroy(struct worker *w)
{
    worker_wait(w);
    (void)loop_destroy(w->loop);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->started);
    free(w);
    return NULL;
}

int worker_start(const struct worker_config *config, struct worker **ret, struct parley_error *err)
{
    struct worker *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker");
    w->config = *config;
    w->auth = config->auth;
    w->err = err;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->started, NULL);
    w->loop = loop_create();
    if (w->loop == NULL || pthread_create(&w->thread, NULL, run, w) != 0) {
        worker_destroy(w);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no resources for a worker thread");
    }
    w->has_thread = true;
    pthread_mutex_lock(&w->lock);
    while (!w->is_decided)
        pthread_cond_wait(&w->started, &w->lock);
    int r = w->result;
    pthread_mutex_unlock(&w->lock);
    if (r < 0)
        worker_destroy(w);
    else
        *ret = w;
    return r;
}

const int *worker_ports(const struct worker *w)
{
    return net_ports(w->net);
}

int worker_admin_port(const struct worker *w)
{
    return net_admin_port(w->net);
}

size_t worker_session_count(const struct worker *w)
{
    return atomic_load(&((struct worker *)(uintptr_t)w)->session_count);
}

size_t worker_connection_count(const struct worker *w)
{
    return atomic_load(&((struct worker *)(uintptr_t)w)->connection_count);
}

/* ---- a new generation ---- */

struct use {
    struct worker *worker;
    struct generation *generation;
    struct auth *auth;
};

static void use_now(void *arg)
{
    struct use *u = arg;
    struct worker *w = u->worker;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct worker_generation *wg = NULL;
    struct auth *old = w->auth;

    if (w->is_stopping) {
        w->config.hub.generation_gone(w->config.hub.ctx, u->generation);
        free(u);
        return;
    }
    int r = worker_generation_start(u->generation, &w->host, w->config.weights, &wg, &err);
    if (r < 0) {
        log_error("the new configuration could not be started; the old one stays worker=%u "
                  "reason=\"%s\"",
                  w->config.index + 1, err.message);
    } else {
        w->generations++;
        retire_current(w);
        w->current = wg;
    }
    w->auth = u->auth;
    load_issuer(w);
    if (old != u->auth)
        w->config.hub.auth_gone(w->config.hub.ctx, old);
    if (net_reload_tls(w->net, &err) < 0)
        log_error("the certificate could not be loaded again; the old one stays reason=\"%s\"",
                  err.message);
    w->config.hub.generation_gone(w->config.hub.ctx, u->generation);
    free(u);
}

static void use_dropped(void *arg)
{
    struct use *u = arg;

    u->worker->config.hub.generation_gone(u->worker->config.hub.ctx, u->generation);
    free(u);
}

void worker_use(struct worker *w, struct generation *take, struct auth *auth)
{
    struct use *u = calloc(1, sizeof(*u));

    if (u == NULL) {
        log_error("no memory to use the new configuration worker=%u", w->config.index + 1);
        (void)generation_unref(take);
        return;
    }
    *u = (struct use){.worker = w, .generation = take, .auth = auth};
    if (!loop_post(w->loop, use_now, use_dropped, u))
        use_dropped(u);
}

/* ---- drain ---- */

struct drain {
    struct worker *worker;
    int64_t grace_ms;
};

static void drain_now(void *arg)
{
    struct drain *d = arg;
    struct worker *w = d->worker;

    if (!w->is_stopping) {
        net_drain(w->net);
        worker_sessions_drain(w->sessions, d->grace_ms);
    }
    free(d);
}

void worker_drain(struct worker *w, int64_t grace_ms)
{
    struct drain *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return;
    *d = (struct drain){.worker = w, .grace_ms = grace_ms};
    if (!loop_post(w->loop, drain_now, free, d))
        free(d);
}

/* ---- sessions ---- */

struct describe {
    struct worker *worker;
    char id[64];
    void (*done)(void *arg, json_t *take);
    void *arg;
};

static void describe_now(void *arg)
{
    struct describe *d = arg;
    struct worker *w = d->worker;
    json_t *list = w->sessions == NULL
                       ? NULL
                       : worker_sessions_describe(w->sessions, d->id[0] == '\0' ? NULL : d->id);
    json_t *session;
    size_t i;

    json_array_foreach(list, i, session)
        json_object_set_new(session, "worker", json_integer(w->config.index));
    d->done(d->arg, list);
    free(d);
}

static void describe_dropped(void *arg)
{
    struct describe *d = arg;

    d->done(d->arg, NULL);
    free(d);
}

void worker_describe(struct worker *w, const char *id, void (*done)(void *arg, json_t *take),
                     void *arg)
{
    struct describe *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        done(arg, NULL);
        return;
    }
    *d = (struct describe){.worker = w, .done = done, .arg = arg};
    if (id != NULL)
        view_copy(d->id, sizeof(d->id), view_of(id));
    if (!loop_post(w->loop, describe_now, describe_dropped, d))
        describe_dropped(d);
}

struct errand {
    struct worker *worker;
    void (*fn)(void *arg, struct worker_sessions *sessions);
    void *arg;
};

static void errand_run(void *arg)
{
    struct errand e = *(struct errand *)arg;

    free(arg);
    e.fn(e.arg, e.worker->is_stopping ? NULL : e.worker->sessions);
}

static void errand_dropped(void *arg)
{
    struct errand e = *(struct errand *)arg;

    free(arg);
    e.fn(e.arg, NULL);
}

void worker_post(struct worker *w, void (*fn)(void *arg, struct worker_sessions *sessions),
                 void *arg)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL) {
        fn(arg, NULL);
        return;
    }
    *e = (struct errand){.worker = w, .fn = fn, .arg = arg};
    if (!loop_post(w->loop, errand_run, errand_dropped, e))
        errand_dropped(e);
}

void worker_stop(struct worker *w)
{
    (void)loop_post(w->loop, begin_stop, NULL, w);
}
