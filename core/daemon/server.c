/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/server.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "cascade/cascade.h"
#include "daemon/exporting.h"
#include "daemon/worker.h"
#include "host/watchdog.h"
#include "telemetry/logs.h"
#include "telemetry/metrics.h"
#include "telemetry/prometheus.h"
#include "transport/transport.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OFFLOAD_QUEUE     4096
#define TOOLS_QUEUE       1024
#define SPEECH_QUEUE      1024
#define RECORDING_THREADS 2
#define RECORDING_QUEUE   65536 /* a session has one job there at most */
#define SECRETS_MAX       10000
#define SECRETS_MAX_BYTES (64u << 20)
#define DRAIN_SLACK_MS    1000

struct server {
    const struct settings_source *source;
    struct registry *registry;
    struct settings settings;
    struct net_config net;
    struct loop *loop;
    struct event *signals[3];
    struct offload *offload;
    struct offload *tools;
    struct offload *heavy;
    struct offload *disk;
    struct client_secrets *secrets;
    struct admission *admission;
    struct silero_weights *weights;
    struct exporting *exporting;
    struct worker *workers[SERVER_MAX_WORKERS];
    unsigned worker_count;
    uint64_t generation_number;
    char host_name[64];
    struct loop_timer drain_limit;
    struct loop_timer look;              /* at plugins that do not come back */
    struct telemetry_recorder *recorder; /* of this thread */
    atomic_bool is_draining;
    /* Keys that were replaced, and how many workers still use them. */
    struct auth *old_auth;
    unsigned old_auth_users;
    bool wants_reload; /* asked for while another one was under way */
};

/* ---- the report ---- */

static void print_report(const struct conf_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        (void)fprintf(stderr, "%s%s\n", report->items[i].is_warning ? "warning: " : "",
                      report->items[i].text);
    if (report->errors > report->count)
        (void)fprintf(stderr, "... and more: %zu mistakes in all\n", report->errors);
}

int server_check(const struct settings_source *source)
{
    struct conf_report report = {0};
    struct settings settings = {0};
    struct registry *registry = NULL;

    int r = settings_read(source, &registry, 1, &settings, &report);
    print_report(&report);
    if (r == PARLEY_OK) {
        size_t agents = 0;
        while (generation_agent_at(settings.generation, agents) != NULL)
            agents++;
        (void)printf("%s: good, %zu agent%s\n", source->path, agents, agents == 1 ? "" : "s");
    }
    conf_report_done(&report);
    settings_free(&settings);
    (void)registry_destroy(registry);
    return r == PARLEY_OK ? 0 : 2;
}

/* ---- what workers hand back; their threads, then main's ---- */

struct handed_back {
    struct server *server;
    struct generation *generation;
    struct auth *auth;
};

static void reload_if_wanted(struct server *s);

static void take_back(void *arg)
{
    struct handed_back *h = arg;
    struct server *s = h->server;

    (void)generation_unref(h->generation);
    if (h->auth != NULL && h->auth == s->old_auth && --s->old_auth_users == 0) {
        s->old_auth = auth_destroy(s->old_auth);
        reload_if_wanted(s);
    }
    free(h);
}

static void hand_back(struct server *s, struct generation *g, struct auth *auth)
{
    struct handed_back *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return; /* a generation stays in memory until the end: nothing worse */
    *h = (struct handed_back){.server = s, .generation = g, .auth = auth};
    if (!loop_post(s->loop, take_back, take_back, h))
        free(h);
}

static void on_generation_gone(void *ctx, struct generation *take)
{
    hand_back(ctx, take, NULL);
}

static void on_auth_gone(void *ctx, struct auth *old)
{
    hand_back(ctx, NULL, old);
}

static bool is_ready(void *ctx)
{
    return !atomic_load(&((struct server *)ctx)->is_draining);
}

/* ---- stopping ---- */

static size_t count_sessions(const struct server *s)
{
    size_t count = 0;

    for (unsigned i = 0; i < s->worker_count; i++)
        count += worker_session_count(s->workers[i]);
    return count;
}

/* Connections as well: their clients are still to see the close frame. */
static bool is_idle(const struct server *s)
{
    for (unsigned i = 0; i < s->worker_count; i++) {
        if (worker_session_count(s->workers[i]) > 0 || worker_connection_count(s->workers[i]) > 0)
            return false;
    }
    return true;
}

static void stop_if_drained(void *arg)
{
    struct server *s = arg;

    if (atomic_load(&s->is_draining) && is_idle(s))
        loop_stop(s->loop);
}

static void on_counts_changed(void *ctx)
{
    struct server *s = ctx;

    if (atomic_load(&s->is_draining))
        (void)loop_post(s->loop, stop_if_drained, NULL, s);
}

static void on_drain_limit(void *ctx)
{
    struct server *s = ctx;

    log_warn("stopping although sessions are open sessions=%zu", count_sessions(s));
    loop_stop(s->loop);
}

static void on_stop_signal(evutil_socket_t number, short what, void *ctx)
{
    struct server *s = ctx;

    (void)what;
    if (atomic_exchange(&s->is_draining, true)) {
        log_warn("a second signal: stopping at once signal=%d", (int)number);
        loop_stop(s->loop);
        return;
    }
    int64_t grace_ms = s->settings.server->drain_ms;
    log_info("stopping: no new connections, running turns may finish signal=%d sessions=%zu "
             "within_ms=%lld",
             (int)number, count_sessions(s), (long long)grace_ms);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_drain(s->workers[i], grace_ms);
    loop_timer_start(s->loop, &s->drain_limit, grace_ms + DRAIN_SLACK_MS, on_drain_limit, s);
    stop_if_drained(s);
}

/* ---- reload ---- */

/* What the running server has, and what the file says now, told where they differ. */
static void note_unchanged(const char *section, const struct options_values *running,
                           const struct options_values *fresh)
{
    static const char *const taken_over[] = {"log_level", "plugin_dir"};

    for (size_t i = 0; running != NULL && fresh != NULL && i < options_count(running); i++) {
        struct options_setting was = options_setting(running, i);
        bool is_taken_over = false;
        for (size_t n = 0; n < ARRAY_LEN(taken_over); n++)
            is_taken_over |= strcmp(was.name, taken_over[n]) == 0;
        if (!is_taken_over && strcmp(was.text, options_setting(fresh, i).text) != 0)
            log_warn("[%s] %s has changed; it takes a restart", section, was.name);
    }
}

/* Options that a running server cannot change. */
static void note_all_unchanged(const struct settings *running, const struct settings *fresh)
{
    note_unchanged("server", running->server_values, fresh->server_values);
    note_unchanged("admin", running->admin_values, fresh->admin_values);
    note_unchanged("telemetry", running->telemetry_values, fresh->telemetry_values);
    if ((running->admin == NULL) != (fresh->admin == NULL))
        log_warn("[admin] is there or not as before; a change takes a restart");
    else if (running->admin != NULL && strcmp(running->admin->token, fresh->admin->token) != 0)
        log_warn("[admin] token has changed; it takes a restart");
}

static void use_settings(struct server *s, struct settings *fresh)
{
    struct generation *old = s->settings.generation;

    note_all_unchanged(&s->settings, fresh);
    log_set_level((enum log_level)fresh->server->log_level);
    if (s->old_auth == NULL) {
        s->old_auth = s->settings.auth;
        s->old_auth_users = s->worker_count;
        s->settings.auth = TAKE(fresh->auth);
    }
    s->settings.generation = TAKE(fresh->generation);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_use(s->workers[i], generation_ref(s->settings.generation), s->settings.auth);
    exporting_use(s->exporting, generation_ref(s->settings.generation));
    (void)generation_unref(old);
    settings_free(fresh);
    log_info("configuration read again generation=%llu", (unsigned long long)s->generation_number);
}

/* Returns "" or what is wrong, for whoever asked; the log has all of it. */
static void reload(struct server *s, struct buf *fault)
{
    struct conf_report report = {0};
    struct settings fresh = {0};

    if (atomic_load(&s->is_draining)) {
        buf_append_str(fault, "the server is stopping");
        return;
    }
    if (s->old_auth != NULL) {
        buf_append_str(fault, "another reload is still under way; try again in a moment");
        return;
    }
    int r = settings_read(s->source, &s->registry, s->generation_number + 1, &fresh, &report);
    for (size_t i = 0; i < report.count; i++) {
        log_write(report.items[i].is_warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "%s",
                  report.items[i].text);
        if (!report.items[i].is_warning)
            buf_printf(fault, "%s%s", fault->len == 0 ? "" : "\n", report.items[i].text);
    }
    size_t mistakes = report.errors;
    conf_report_done(&report);
    if (r < 0) {
        log_error("the configuration was not reloaded; the running one stays mistakes=%zu",
                  mistakes);
        if (fault->len == 0)
            buf_append_str(fault, "the configuration could not be read");
        return;
    }
    s->generation_number++;
    use_settings(s, &fresh);
}

static void reload_and_log(struct server *s)
{
    struct buf fault = {0};

    s->wants_reload = false;
    reload(s, &fault); /* what is wrong with the files is in the log by then */
    buf_done(&fault);
}

static void reload_if_wanted(struct server *s)
{
    if (s->wants_reload && !atomic_load(&s->is_draining))
        reload_and_log(s);
}

static void on_reload_signal(evutil_socket_t number, short what, void *ctx)
{
    struct server *s = ctx;

    (void)number;
    (void)what;
    s->wants_reload = true;
    if (s->old_auth == NULL) /* else when all workers have left the old keys */
        reload_if_wanted(s);
}

/* A worker asks for a reload: to main and back. */
struct reload_request {
    struct server *server;
    struct loop *back;
    void (*done)(void *arg, const char *fault);
    void *arg;
    struct buf fault;
};

static void reload_answer(void *arg)
{
    struct reload_request *q = arg;

    q->done(q->arg, buf_view(&q->fault).data);
    buf_done(&q->fault);
    free(q);
}

static void reload_on_main(void *arg)
{
    struct reload_request *q = arg;

    reload(q->server, &q->fault);
    if (!loop_post(q->back, reload_answer, reload_answer, q))
        log_error("no memory to answer a reload");
}

static void reload_from_worker(void *ctx, struct loop *loop,
                               void (*done)(void *arg, const char *fault), void *arg)
{
    struct server *s = ctx;
    struct reload_request *q = calloc(1, sizeof(*q));

    if (q == NULL) {
        done(arg, "no memory");
        return;
    }
    *q = (struct reload_request){.server = s, .back = loop, .done = done, .arg = arg};
    if (!loop_post(s->loop, reload_on_main, reload_answer, q))
        reload_answer(q);
}

/* ---- sessions of all workers ---- */

struct gather {
    struct server *server;
    char id[64];
    atomic_uint left;
    pthread_mutex_t lock;
    json_t *all;
    struct loop *back;
    void (*done)(void *arg, json_t *take_all);
    void *arg;
};

static void gather_answer(void *arg)
{
    struct gather *g = arg;

    g->done(g->arg, g->all);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

static void gather_part(void *arg, json_t *take)
{
    struct gather *g = arg;

    pthread_mutex_lock(&g->lock);
    if (take != NULL)
        json_array_extend(g->all, take);
    json_decref(take);
    pthread_mutex_unlock(&g->lock);
    if (atomic_fetch_sub(&g->left, 1) == 1 && !loop_post(g->back, gather_answer, gather_answer, g))
        log_error("no memory to answer with the sessions");
}

/* On main, which alone knows the workers. */
static void gather_begin(void *arg)
{
    struct gather *g = arg;
    struct server *s = g->server;

    atomic_init(&g->left, s->worker_count);
    for (unsigned i = s->worker_count; i-- > 0;)
        worker_describe(s->workers[i], g->id[0] == '\0' ? NULL : g->id, gather_part, g);
}

static void describe_sessions(void *ctx, struct loop *loop, const char *id,
                              void (*done)(void *arg, json_t *take_all), void *arg)
{
    struct server *s = ctx;
    struct gather *g = calloc(1, sizeof(*g));

    if (g == NULL) {
        done(arg, json_array());
        return;
    }
    g->server = s;
    view_copy(g->id, sizeof(g->id), view_of(id));
    pthread_mutex_init(&g->lock, NULL);
    g->all = json_array();
    g->back = loop;
    g->done = done;
    g->arg = arg;
    if (!loop_post(s->loop, gather_begin, gather_answer, g))
        gather_answer(g);
}

/* ---- a walk over the workers ---- */

struct walk {
    struct server *server;
    struct net_visit *visit;
    unsigned next; /* worker to go to */
    struct loop *back;
};

static void walk_on(void *arg);

static void walk_answer(void *arg)
{
    struct walk *walk = arg;
    struct net_visit *v = walk->visit;

    free(walk);
    v->done(v);
}

static void walk_end(struct walk *walk)
{
    if (!loop_post(walk->back, walk_answer, walk_answer, walk))
        log_error("no memory to end a walk over the workers");
}

static void walk_finish(struct net_visit *v)
{
    walk_end(v->hub);
}

/* [worker] */
static void walk_at(void *arg, struct worker_sessions *sessions)
{
    struct walk *walk = arg;
    enum net_visit_result r = walk->visit->at(walk->visit, sessions);

    if (r == NET_VISIT_DONE)
        walk_end(walk);
    else if (r == NET_VISIT_NEXT && !loop_post(walk->server->loop, walk_on, walk_answer, walk))
        walk_end(walk);
}

/* On main, which alone knows the workers. */
static void walk_on(void *arg)
{
    struct walk *walk = arg;
    struct server *s = walk->server;

    if (walk->next < s->worker_count)
        worker_post(s->workers[walk->next++], walk_at, walk);
    else
        walk_end(walk);
}

static void visit_workers(void *ctx, struct loop *loop, struct net_visit *v)
{
    struct server *s = ctx;
    struct walk *walk = calloc(1, sizeof(*walk));

    if (walk == NULL) {
        v->done(v);
        return;
    }
    *walk = (struct walk){.server = s, .visit = v, .back = loop};
    v->finish = walk_finish;
    v->hub = walk;
    if (!loop_post(s->loop, walk_on, walk_answer, walk))
        walk_answer(walk);
}

static void write_metrics(void *ctx, struct buf *out)
{
    struct server *s = ctx;
    struct metrics_snapshot *snapshot = telemetry_snapshot(exporting_telemetry(s->exporting));

    if (snapshot == NULL)
        return;
    prometheus_write(out, snapshot);
    (void)metrics_snapshot_free(snapshot);
}

/* ---- starting, step by step ---- */

static int start_loop(struct server *s, struct parley_error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

    (void)signal(SIGPIPE, SIG_IGN); /* a peer that went is seen by write() */
    (void)signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    s->loop = loop_create();
    if (s->loop == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no resources for the main loop");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        /* What is restored at the end: a signal that comes late must not undo an orderly stop. */
        (void)signal(numbers[i], SIG_IGN);
        s->signals[i] = evsignal_new(loop_base(s->loop), numbers[i],
                                     numbers[i] == SIGHUP ? on_reload_signal : on_stop_signal, s);
        if (s->signals[i] == NULL || event_add(s->signals[i], NULL) != 0)
            return parley_fail(err, PARLEY_E_NO_MEMORY, "no resources for signals");
    }
    return PARLEY_OK;
}

/* [offload] */
static void load_trust(void *arg)
{
    (void)arg;
    transport_load_trust();
}

static void on_trust_loaded(void *arg, int status)
{
    (void)arg;
    (void)status; /* not loaded: then the first connection does it */
}

static int start_pools(struct server *s, struct parley_error *err)
{
    const struct server_config *c = s->settings.server;
    unsigned speech = c->speech_threads > 0 ? (unsigned)c->speech_threads : server_processors(4);

    s->offload = offload_create("offload", (unsigned)c->offload_threads, OFFLOAD_QUEUE);
    s->tools = offload_create("tools", (unsigned)c->tool_threads, TOOLS_QUEUE);
    s->heavy = offload_create("speech", speech, SPEECH_QUEUE);
    s->disk = offload_create("recording", RECORDING_THREADS, RECORDING_QUEUE);
    s->secrets = client_secrets_create(SECRETS_MAX, SECRETS_MAX_BYTES);
    s->admission = admission_create();
    if (s->offload == NULL || s->tools == NULL || s->heavy == NULL || s->disk == NULL ||
        s->secrets == NULL || s->admission == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no resources for the thread pools");
    (void)offload_run(s->offload, s->loop, NULL, load_trust, on_trust_loaded, NULL);
    return PARLEY_OK;
}

/* Without the weights cascades go by loudness: worth a line, no reason not to start. */
static void load_weights(struct server *s)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    bool has_speech = generation_has_speech(s->settings.generation);

    if (!has_speech || cascade_load_weights(s->settings.server->model_dir, &s->weights, &err) == 0)
        return;
    log_warn("turn detection goes by loudness, without Silero reason=\"%s\" fix=\"parleyctl models "
             "get silero-vad\"",
             err.message);
}

static int start_telemetry(struct server *s, struct parley_error *err)
{
    const struct exporting_config config = {
        .options = s->settings.telemetry,
        .environment = s->source->environment,
        .instance_id = s->host_name,
        .offload = s->offload,
        .generation = s->settings.generation,
        .generation_gone = on_generation_gone,
        .ctx = s,
    };

    return exporting_start(&config, &s->exporting, err);
}

static void on_look(void *ctx)
{
    struct server *s = ctx;

    (void)watchdog_look(s->recorder);
    loop_timer_start(s->loop, &s->look, WATCHDOG_LOOK_MS, on_look, s);
}

static void fill_net_config(struct server *s)
{
    const struct server_config *c = s->settings.server;

    s->net = (struct net_config){
        .listen = c->listen,
        .admin_listen = s->settings.admin == NULL ? "" : s->settings.admin->listen,
        .admin_token = s->settings.admin == NULL ? "" : s->settings.admin->token,
        .tls_cert = c->tls_cert,
        .tls_key = c->tls_key,
        .default_agent = c->default_agent,
        .allowed_origins = c->allowed_origins,
        .serves_console = c->console != 0,
        .max_sessions = c->max_sessions,
        .max_sessions_per_key = c->max_sessions_per_key,
        .max_message_bytes = (size_t)c->max_message_bytes,
        .queue_bytes = (size_t)c->client_queue_bytes,
        .queue_limit_bytes = (size_t)c->client_queue_limit_bytes,
        .ping_interval_ms = c->ping_interval_ms,
    };
}

static int start_worker(struct server *s, struct parley_error *err)
{
    const struct worker_config config = {
        .index = s->worker_count,
        .count = server_worker_count(s->settings.server),
        .host_name = s->host_name,
        .net = &s->net,
        .secrets = s->secrets,
        .admission = s->admission,
        .offload = s->offload,
        .tools = s->tools,
        .heavy = s->heavy,
        .disk = s->disk,
        .weights = s->weights,
        .recorder = telemetry_recorder_create(exporting_telemetry(s->exporting)),
        .generation = s->settings.generation,
        .auth = s->settings.auth,
        .first_ports = s->worker_count == 0 ? NULL : worker_ports(s->workers[0]),
        .hub = {.generation_gone = on_generation_gone,
                .auth_gone = on_auth_gone,
                .counts_changed = on_counts_changed,
                .is_ready = is_ready,
                .describe_sessions = describe_sessions,
                .visit = visit_workers,
                .reload = reload_from_worker,
                .metrics = write_metrics,
                .ctx = s},
    };

    int r = worker_start(&config, &s->workers[s->worker_count], err);
    s->worker_count += r == PARLEY_OK;
    return r;
}

static int start_workers(struct server *s, struct parley_error *err)
{
    unsigned count = server_worker_count(s->settings.server);

    fill_net_config(s);
    int r = PARLEY_OK;
    while (r == PARLEY_OK && s->worker_count < count)
        r = start_worker(s, err);
    return r;
}

/* "127.0.0.1:0" with the real port, as a URL. */
static void announce(const struct server *s)
{
    const char *scheme = s->net.tls_cert[0] == '\0' ? "http" : "https";
    const int *ports = worker_ports(s->workers[0]);

    for (size_t i = 0; i < s->net.listen.count; i++) {
        const char *address = s->net.listen.items[i];
        const char *colon = strrchr(address, ':');
        int host_len = colon == NULL ? 0 : (int)(colon - address);
        log_info("listening on %s://%.*s:%d workers=%u", scheme, host_len == 0 ? 7 : host_len,
                 host_len == 0 ? "0.0.0.0" : address, ports[i], s->worker_count);
    }
    if (s->net.admin_listen[0] != '\0')
        log_info("admin API on port %d", worker_admin_port(s->workers[0]));
}

static int start(struct server *s, struct parley_error *err)
{
    char name[40] = "host";

    (void)gethostname(name, sizeof(name) - 1);
    (void)snprintf(s->host_name, sizeof(s->host_name), "%s:%d", name, (int)getpid());
    log_set_level((enum log_level)s->settings.server->log_level);
    int r = start_loop(s, err);
    if (r == PARLEY_OK)
        r = start_pools(s, err);
    if (r < 0)
        return r;
    load_weights(s);
    r = start_telemetry(s, err);
    if (r < 0)
        return r;
    s->recorder = telemetry_recorder_create(exporting_telemetry(s->exporting));
    logs_attach(s->recorder, NULL);
    on_look(s);
    return start_workers(s, err);
}

/* ---- the end, in reverse ---- */

static void stop(struct server *s)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_stop(s->workers[i]);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_wait(s->workers[i]);
    s->disk = offload_destroy(s->disk); /* the end of recordings that their sessions gave up */
    while (s->worker_count > 0) {       /* the first one last: the others may owe it an answer */
        s->worker_count--;
        s->workers[s->worker_count] = worker_destroy(s->workers[s->worker_count]);
    }
    loop_timer_stop(&s->look);
    logs_detach();
    s->exporting = exporting_stop(s->exporting); /* and the recorder with it */
    s->offload = offload_destroy(s->offload);
    s->tools = offload_destroy(s->tools);
    s->heavy = offload_destroy(s->heavy);
    for (size_t i = 0; i < ARRAY_LEN(s->signals); i++) {
        if (s->signals[i] != NULL)
            event_free(s->signals[i]);
    }
    loop_timer_stop(&s->drain_limit);
    s->loop = loop_destroy(s->loop); /* takes back what was still on its way */
    s->weights = silero_weights_destroy(s->weights);
    s->secrets = client_secrets_destroy(s->secrets);
    s->admission = admission_destroy(s->admission);
    (void)auth_destroy(s->old_auth);
    settings_free(&s->settings);
    s->registry = registry_destroy(s->registry);
}

int server_run(const struct settings_source *source)
{
    struct conf_report report = {0};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct server s = {.source = source, .generation_number = 1};

    int r = settings_read(source, &s.registry, 1, &s.settings, &report);
    print_report(&report);
    conf_report_done(&report);
    if (r < 0) {
        (void)fprintf(stderr,
                      "parleyd does not start with this configuration; nothing was changed.\n");
        (void)registry_destroy(s.registry);
        return 2;
    }
    bool started = start(&s, &err) == PARLEY_OK;
    if (started) {
        announce(&s);
        loop_run(s.loop);
        log_info("stopping");
    } else {
        log_error("parleyd does not start reason=\"%s\"", err.message);
    }
    stop(&s);
    if (started)
        log_info("stopped");
    return started ? 0 : 1;
}
