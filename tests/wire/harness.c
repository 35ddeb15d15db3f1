/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "keeping.h"
#include "models.h"
#include "recording.h"

#include "agent/worker_generation.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "host/offload.h"
#include "host/services.h"
#include "host/worker.h"
#include "session/worker_env.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <parley/model.h>
#include <parley/plugin.h>
#include <parley/store.h>
#include <parley/tools.h>

#define MAX_CALLS 64

struct tool_call {
    parley_op op;
    char call_id[64];
    char traceparent[64];
    char authorization[64];
    bool cancelled;
    bool ended;
};

struct wire {
    struct keeping store;
    struct loop *loop;
    struct parley_worker worker;
    struct registry *registry;
    struct generation *generation;
    struct worker_generation *wg;
    struct worker_env env;
    struct worker_sessions *sessions;
    struct session *session;
    struct side client;
    bool client_closed;
    int client_code;
    bool client_paused;
    struct models models;
    const struct parley_tools_host *tools_host;
    void *tools_ctx;
    int64_t tools_wait_ms; /* the list is on its way; 0: it is there */
    struct tool_call calls[MAX_CALLS];
    int call_count;

    bool stopped;
    struct recording *recording;
    struct offload *disk; /* one thread: jobs end in order */
    sem_t disk_lock;
    int keepers_released;
};

/* The plugins below are linked in and have no other way to find the test that runs. */
static struct wire *current;

/* The session that the test speaks for. */
static struct upstream *up(const struct wire *w)
{
    return models_up(&w->models);
}

/* What wire_models() asked for. */
static struct {
    const char *sections; /* NULL: one model */
    const char *list;
} listed;

static bool is_resumable;

static bool has_disk;

/* What wire_record() asked for. */
static struct {
    bool is_wanted;
    bool with_content;
    const char *traceparent;
    const char *tracestate; /* or NULL */
    enum telemetry_joining joining;
} record;

/* What wire_tools_come_later() asked for. */
static int64_t tools_later_ms;

/* What wire_tools_take_tokens() asked for. */
static bool tools_take_tokens;

/* ---- the tools ---- */

static const struct parley_tool tool_list[] = {
    {.flags = PARLEY_TOOL_READ_ONLY,
     .name = "slow", /* ends when the test says so */
     .parameters =
         "{\"properties\":{\"rooms\":{\"items\":{\"properties\":{\"beds\":{\"maximum\":3}}}}}}"},
    {.flags = PARLEY_TOOL_READ_ONLY, .name = "fast", .description = "Ends at once."},
    {.name = "boom", .description = "Is refused."},
    {.flags = PARLEY_TOOL_DESTRUCTIVE, .name = "wipe", .description = "Removes things."},
};

static void tools_attach_host(void *wi, const struct parley_tools_host *host)
{
    current->tools_host = host;
    current->tools_ctx = wi;
}

static int tools_give_list(void *wi, struct parley_tool_list *ret, struct parley_error *err)
{
    (void)wi;
    (void)err;
    ret->item_size = sizeof(tool_list[0]);
    ret->items = tool_list;
    ret->count = sizeof(tool_list) / sizeof(tool_list[0]);
    if (current->tools_wait_ms > 0)
        ret->count = 0;
    ret->wait_ms = current->tools_wait_ms;
    return PARLEY_OK;
}

static void end_fast(void *arg)
{
    struct tool_call *c = arg;
    const struct parley_tool_result result = {.size = sizeof(result),
                                              .output = PARLEY_VIEW("done")};

    c->ended = true;
    current->tools_host->end(c->op, &result);
}

static int tools_begin_call(void *wi, const struct parley_tool_call *call, parley_op op,
                            struct parley_error *err)
{
    struct wire *w = current;

    (void)wi;
    if (strcmp(call->name, "boom") == 0)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "the boom is out of order");
    assert_true(w->call_count < MAX_CALLS);
    struct tool_call *c = &w->calls[w->call_count++];
    *c = (struct tool_call){.op = op};
    view_copy(c->call_id, sizeof(c->call_id), view_of(call->call_id));
    view_copy(c->traceparent, sizeof(c->traceparent), view_of(call->traceparent));
    view_copy(c->authorization, sizeof(c->authorization), view_of(call->authorization));
    if (strcmp(call->name, "fast") == 0)
        assert_true(loop_post(w->loop, end_fast, NULL, c));
    return PARLEY_OK;
}

static void tools_cancel_call(void *wi, parley_op op)
{
    (void)wi;
    for (int i = 0; i < current->call_count; i++) {
        if (current->calls[i].op == op)
            current->calls[i].cancelled = true;
    }
}

static const struct parley_tools_vtable tools_table = {
    .size = sizeof(tools_table),
    .attach = tools_attach_host,
    .list = tools_give_list,
    .call = tools_begin_call,
    .cancel = tools_cancel_call,
};

/* ---- descriptors ---- */

struct tools_config {
    int32_t session_token;
};

static const struct parley_option tools_options[] = {
    PARLEY_BOOL(struct tools_config, session_token, .default_value = "no",
                .help = "It takes tokens of sessions."),
};

static int create_nothing(void *plugin, const struct parley_instance_info *info, void **ret,
                          struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)err;
    *ret = current;
    return PARLEY_OK;
}

static void destroy_nothing(void *instance)
{
    (void)instance;
}

#define DESCRIPTOR(id, role_id, table, ...)                                                        \
    static const struct parley_role id##_role[] = {{role_id, &(table)}};                           \
    static const struct parley_plugin id##_plugin = {.size = sizeof(struct parley_plugin),         \
                                                     .abi_major = PARLEY_ABI_MAJOR,                \
                                                     .name = #id,                                  \
                                                     .version = "1",                               \
                                                     .summary = "of the wire tests",               \
                                                     .licence = "Apache-2.0",                      \
                                                     .option_size = sizeof(struct parley_option),  \
                                                     .role_count = 1,                              \
                                                     .roles = id##_role,                           \
                                                     .role_size = sizeof(struct parley_role),      \
                                                     __VA_ARGS__}

DESCRIPTOR(wire_tools_plugin, PARLEY_ROLE_TOOLS, tools_table, .options = tools_options,
           .option_count = 1, .config_size = sizeof(struct tools_config),
           .instance_create = create_nothing, .instance_destroy = destroy_nothing);

static void adopt(struct registry *r, const struct parley_plugin *descriptor)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *p = NULL;

    if (loader_adopt(descriptor, descriptor->name, services_host(), &p, &err) < 0)
        fail_msg("%s", err.message);
    if (registry_add(r, p, &err) < 0)
        fail_msg("%s", err.message);
}

/* ---- the client ---- */

static void client_send(void *ctx, struct parley_view event, unsigned flags)
{
    (void)flags;
    side_add(&((struct wire *)ctx)->client, event);
}

static void client_pause(void *ctx, bool paused)
{
    ((struct wire *)ctx)->client_paused = paused;
}

static void client_close(void *ctx, int code, const char *reason)
{
    struct wire *w = ctx;

    (void)reason;
    w->client_closed = true;
    w->client_code = code;
    w->session = NULL;
}

static const struct session_client client = {
    .send = client_send, .pause = client_pause, .close = client_close};

/* ---- life ---- */

static void make_generation(struct wire *w, const char *agent_lines)
{
    struct conf_report report = {0};
    struct buf text = {0};
    struct conf *c = conf_create("/", NULL);

    buf_printf(&text,
               "%s\n[tools t]\nplugin = wire_tools_plugin\nsession_token = %s\n"
               "[store s]\nplugin = wire_store_plugin\n[agent test]\nmodel = %s\n%s\n",
               listed.sections == NULL ? "[model m]\nplugin = wire_model_plugin" : listed.sections,
               tools_take_tokens ? "yes" : "no", listed.sections == NULL ? "m" : listed.list,
               agent_lines);
    assert_true(conf_add_layer(c, buf_view(&text), "test.ini", &report));
    int r = generation_create(c, w->registry, 1, &w->generation, &report);
    if (r < 0)
        fail_msg("%s", report.count > 0 ? report.items[0].text : "generation");
    conf_report_done(&report);
    buf_done(&text);
}

static void open_session(struct wire *w)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct session_open open = {.sessions = w->sessions,
                                      .generation = w->wg,
                                      .agent = generation_agent(w->generation, VIEW("test")),
                                      .user = "tester",
                                      .traceparent = record.is_wanted ? record.traceparent : "",
                                      .tracestate = record.tracestate,
                                      .wants_trace = true,
                                      .wants_resume = is_resumable,
                                      .client = &client,
                                      .client_ctx = w};

    if (session_open(&open, &w->session, &err) < 0)
        fail_msg("%s", err.message);
    (void)loop_run_due(w->loop);
}

struct wire *wire_connect(const char *agent_lines)
{
    struct wire *w = calloc(1, sizeof(*w));
    struct parley_error err = PARLEY_ERROR_INIT;

    current = w;
    w->tools_wait_ms = tools_later_ms;
    tools_later_ms = 0;
    log_set_level(getenv("WIRE_LOG") == NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG);
    clock_fake_start(1000000000, 1767603600000000);
    w->loop = loop_create();
    models_begin(&w->models, w->loop);
    keeping_begin(&w->store, w->loop);
    w->registry = registry_create(services_host(), "/nowhere");
    adopt(w->registry, &models_plugin);
    adopt(w->registry, &wire_tools_plugin_plugin);
    adopt(w->registry, &keeping_plugin);
    make_generation(w, agent_lines);
    w->recording =
        record.is_wanted ? recording_create(w->loop, record.with_content, record.joining) : NULL;
    w->disk = has_disk ? offload_create("disk", 1, 1024) : NULL;
    (void)sem_init(&w->disk_lock, 0, 0);
    const struct host_worker_config host = {.name = "test", .loop = w->loop, .disk = w->disk};
    assert_int_equal(host_worker_init(&w->worker, &host, &err), PARLEY_OK);
    if (worker_generation_start(w->generation, &w->worker, NULL, &w->wg, &err) < 0)
        fail_msg("%s", err.message);
    w->env = (struct worker_env){.loop = w->loop,
                                 .worker = &w->worker,
                                 .recorder = recording_recorder(w->recording),
                                 .host_name = "test",
                                 .ctx = w};
    w->sessions = worker_sessions_create(&w->env);
    open_session(w);
    return w;
}

void wire_reopen(struct wire *w)
{
    wire_client_leaves(w);
    side_done(&w->client);
    open_session(w);
}

void wire_model_created_until(struct wire *w, const char *expires_at)
{
    char created[256];

    (void)snprintf(created, sizeof(created),
                   "{\"type\":\"session.created\",\"event_id\":\"e\",\"session\":{"
                   "\"id\":\"sess_model\",\"model\":\"wire-1\",\"expires_at\":%s}}",
                   expires_at);
    up(w)->is_open = true;
    up(w)->host->on_open(up(w)->ctx, view_of(created));
    (void)loop_run_due(w->loop);
}

void wire_model_created(struct wire *w)
{
    wire_model_created_until(w, "1767607200");
}

struct wire *wire_open(const char *agent_lines)
{
    struct wire *w = wire_connect(agent_lines);

    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    (void)wire_client_gets(w, "session.created");
    return w;
}

static void on_stopped(void *ctx, struct generation *g)
{
    ((struct wire *)ctx)->stopped = true;
    (void)generation_unref(g);
}

void wire_close(struct wire *w)
{
    wire_store_holds(w, false);
    if (w->session != NULL)
        wire_client_leaves(w);
    for (int i = 0; i < 10 && worker_sessions_count(w->sessions) > 0; i++) {
        clock_fake_advance_us(1000000);
        (void)loop_run_due(w->loop);
        wire_disk_settles(w);
    }
    assert_int_equal(worker_sessions_count(w->sessions), 0);
    (void)worker_sessions_destroy(w->sessions);
    worker_generation_retire(w->wg, on_stopped, w);
    for (int i = 0; i < 10 && !w->stopped; i++) {
        clock_fake_advance_us(1000000);
        (void)loop_run_due(w->loop);
    }
    assert_true(w->stopped);
    host_worker_done(&w->worker);
    w->disk = offload_destroy(w->disk);
    (void)sem_destroy(&w->disk_lock);
    has_disk = false;
    recording_destroy(w->recording);
    memset(&record, 0, sizeof(record));
    memset(&listed, 0, sizeof(listed));
    is_resumable = false;
    tools_take_tokens = false;
    (void)loop_destroy(w->loop);
    (void)generation_unref(w->generation);
    (void)registry_destroy(w->registry);
    side_done(&w->client);
    models_done(&w->models);
    keeping_done(&w->store);
    clock_fake_stop();
    free(w);
}

struct session *wire_session(struct wire *w)
{
    return w->session;
}

struct worker_sessions *wire_sessions(struct wire *w)
{
    return w->sessions;
}

void wire_record(bool with_content, const char *traceparent)
{
    record.is_wanted = true;
    record.with_content = with_content;
    record.traceparent = traceparent;
}

void wire_tracestate(const char *tracestate)
{
    record.tracestate = tracestate;
}

void wire_traces(enum telemetry_joining joining)
{
    record.joining = joining;
}

void wire_tools_come_later(int64_t wait_ms)
{
    tools_later_ms = wait_ms;
}

void wire_tools_take_tokens(void)
{
    tools_take_tokens = true;
}

void wire_tools_come(struct wire *w)
{
    w->tools_wait_ms = 0;
    w->tools_host->changed(&w->worker, w->tools_ctx);
    wire_advance_ms(w, 0);
}

void wire_models(const char *sections, const char *list)
{
    listed.sections = sections;
    listed.list = list;
}

bool wire_model_is_open(const struct wire *w)
{
    return up(w)->ctx != NULL && up(w)->is_open;
}

int wire_model_opens(const struct wire *w)
{
    return w->models.count;
}

void wire_model_use(struct wire *w, int n)
{
    w->models.used = n;
}

const char *wire_model_name(const struct wire *w)
{
    return up(w)->name;
}

struct recording *wire_recording(const struct wire *w)
{
    return w->recording;
}

/* ---- talking ---- */

/* A heap copy of the exact length with room in front, so that sanitizers see an overrun. */
static char *with_double_quotes(struct parley_view event)
{
    char *copy = malloc(PARLEY_EVENT_ROOM_BYTES + event.len);

    for (size_t i = 0; i < event.len; i++)
        copy[PARLEY_EVENT_ROOM_BYTES + i] = event.data[i] == '\'' ? '"' : event.data[i];
    return copy;
}

void wire_client_bytes(struct wire *w, struct parley_view event)
{
    char *copy = with_double_quotes(event);

    assert_non_null(w->session);
    session_client_event(w->session,
                         (struct parley_view){copy + PARLEY_EVENT_ROOM_BYTES, event.len},
                         PARLEY_EVENT_ROOM);
    free(copy);
    (void)loop_run_due(w->loop);
}

void wire_model_bytes(struct wire *w, struct parley_view event)
{
    char *copy = with_double_quotes(event);

    assert_non_null(up(w)->ctx);
    up(w)->host->on_event(up(w)->ctx,
                          (struct parley_view){copy + PARLEY_EVENT_ROOM_BYTES, event.len},
                          PARLEY_EVENT_ROOM);
    free(copy);
    (void)loop_run_due(w->loop);
}

bool wire_has_model(const struct wire *w)
{
    return up(w)->ctx != NULL;
}

void wire_model_closes(struct wire *w, int status, int close_code, const char *code, bool retryable)
{
    const struct parley_model_closed closed = {.size = sizeof(closed),
                                               .status = status,
                                               .close_code = close_code,
                                               .retryable = retryable,
                                               .code = code,
                                               .type = "invalid_request_error",
                                               .message = "the model says no"};

    struct upstream *u = up(w);
    void *ctx = u->ctx;

    u->ctx = NULL;
    u->host->on_closed(ctx, &closed);
    (void)loop_run_due(w->loop);
}

void wire_model_busy(struct wire *w, bool busy)
{
    bool was = up(w)->is_busy;

    up(w)->is_busy = busy;
    if (was && !busy && up(w)->ctx != NULL)
        up(w)->host->on_writable(up(w)->ctx);
    (void)loop_run_due(w->loop);
}

void wire_client_leaves(struct wire *w)
{
    struct session *s = w->session;

    w->session = NULL;
    session_client_gone(s);
    (void)loop_run_due(w->loop);
}

void wire_resumable(void)
{
    is_resumable = true;
}

static void on_released(void *ctx)
{
    ((struct wire *)ctx)->keepers_released++;
}

bool wire_client_loses(struct wire *w)
{
    const struct session_keeper keeper = {.released = on_released, .ctx = w};
    struct session *s = w->session;

    w->session = NULL;
    bool waits = session_client_lost(s, &keeper);
    (void)loop_run_due(w->loop);
    return waits;
}

int wire_keepers_released(const struct wire *w)
{
    return w->keepers_released;
}

enum session_resumed wire_client_resumes(struct wire *w, const struct session_resume *by)
{
    struct session_resume mine = *by;

    mine.client = &client;
    mine.client_ctx = w;
    enum session_resumed r = session_resume(w->sessions, &mine, &w->session);
    (void)loop_run_due(w->loop);
    return r;
}

struct visitor {
    struct wire *wire;
    struct rebuild *rebuild;
    bool was_told;
    enum session_resumed how;
};

static void on_rebuilt(void *ctx, enum session_resumed how, struct session *s)
{
    struct visitor *v = ctx;

    v->was_told = true;
    v->how = how;
    v->wire->session = s;
}

static void begin_rebuild(struct visitor *v, const struct session_resume *by,
                          const struct parley_store_head *head)
{
    struct session_resume mine = *by;

    v->wire->store.head = head;
    mine.client = &client;
    mine.client_ctx = v->wire;
    v->rebuild = session_rebuild(v->wire->sessions, v->wire->wg, &mine, on_rebuilt, v);
    assert_non_null(v->rebuild);
}

enum session_resumed wire_client_finds(struct wire *w, const struct session_resume *by,
                                       const struct parley_store_head *head)
{
    struct visitor v = {.wire = w};

    begin_rebuild(&v, by, head);
    (void)loop_run_due(w->loop);
    assert_true(v.was_told);
    w->store.head = NULL;
    return v.how;
}

/* Time goes on while a session is opened: what that leads to comes on the loop's next turn. */
static void time_passes(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
    clock_fake_advance_us(1);
}

/* On each turn of the loop, behind the store's answers and before what is due. */
static void leaves_when_it_is_there(void *arg)
{
    struct visitor *v = arg;

    if (v->was_told)
        return;
    if (worker_sessions_count(v->wire->sessions) > 0)
        session_rebuild_abandon(v->rebuild);
    else
        assert_true(loop_post(v->wire->loop, leaves_when_it_is_there, NULL, v));
}

void wire_client_comes_and_goes(struct wire *w, const struct session_resume *by,
                                const struct parley_store_head *head)
{
    struct visitor v = {.wire = w};

    begin_rebuild(&v, by, head);
    log_set_sink(time_passes, NULL);
    log_set_level(LOG_LEVEL_INFO); /* it is told that the session goes on */
    leaves_when_it_is_there(&v);
    while (loop_run_due(w->loop) > 0)
        clock_fake_advance_us(1);
    log_set_level(LOG_LEVEL_ERROR);
    log_set_sink(NULL, NULL);
    assert_false(v.was_told);
    w->store.head = NULL;
}

void wire_has_disk(void)
{
    has_disk = true;
}

static void raise_it(void *arg)
{
    (void)sem_post(arg);
}

static void wait_for_it(void *arg)
{
    (void)sem_wait(arg);
}

static void ignore_end(void *arg, int status)
{
    (void)arg;
    (void)status;
}

/* A job behind all others; what they lead to is asked for in turn. */
void wire_disk_settles(struct wire *w)
{
    sem_t is_there;

    if (w->disk == NULL)
        return;
    (void)sem_init(&is_there, 0, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(offload_run(w->disk, w->loop, NULL, raise_it, ignore_end, &is_there), 0);
        (void)sem_wait(&is_there);
        (void)loop_run_due(w->loop);
    }
    (void)sem_destroy(&is_there);
}

void wire_disk_hangs(struct wire *w, bool hangs)
{
    if (hangs)
        assert_int_equal(
            offload_run(w->disk, w->loop, NULL, wait_for_it, ignore_end, &w->disk_lock), 0);
    else
        (void)sem_post(&w->disk_lock);
}

void wire_drain(struct wire *w, int64_t grace_ms)
{
    worker_sessions_drain(w->sessions, grace_ms);
    (void)loop_run_due(w->loop);
}

void wire_advance_ms(struct wire *w, int64_t ms)
{
    clock_fake_advance_us((uint64_t)ms * 1000);
    (void)loop_run_due(w->loop);
}

/* ---- looking ---- */

/* NULL when nothing more went there. */
static const json_t *side_next(struct side *s, const char *who)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (s->taken == s->count)
        return NULL;
    const char *text = s->events[s->taken++];
    json_decref(s->current);
    s->current = json_parse(view_of(text), &err);
    if (s->current == NULL)
        fail_msg("%s gets what is not JSON: %s: %s", who, err.message, text);
    return s->current;
}

static const json_t *side_gets(struct side *s, const char *who, const char *type)
{
    const json_t *event = side_next(s, who);

    if (event == NULL)
        fail_msg("%s gets nothing, %s was expected", who, type);
    if (strcmp(json_get_str(event, "type", ""), type) != 0)
        fail_msg("%s gets this, %s was expected: %s", who, type, s->events[s->taken - 1]);
    return event;
}

const json_t *wire_client_gets(struct wire *w, const char *type)
{
    const json_t *event = side_gets(&w->client, "the client", type);

    if (json_get_view(event, "event_id").len == 0)
        fail_msg("%s has no event_id", type);
    return event;
}

const json_t *wire_model_gets(struct wire *w, const char *type)
{
    return side_gets(&up(w)->said, "the model", type);
}

const json_t *wire_client_next(struct wire *w)
{
    const json_t *event = side_next(&w->client, "the client");

    if (event == NULL)
        side_done(&w->client); /* a long session leaves room for more */
    return event;
}

const json_t *wire_model_next(struct wire *w)
{
    const json_t *event = side_next(&up(w)->said, "the model");

    if (event == NULL)
        side_done(&up(w)->said);
    return event;
}

void wire_client_gets_nothing(struct wire *w)
{
    if (w->client.taken < w->client.count)
        fail_msg("the client gets: %s", w->client.events[w->client.taken]);
}

void wire_model_gets_nothing(struct wire *w)
{
    const struct side *said = &up(w)->said;

    if (said->taken < said->count)
        fail_msg("the model gets: %s", said->events[said->taken]);
}

void wire_client_is_closed(struct wire *w, int code)
{
    assert_true(w->client_closed);
    assert_int_equal(w->client_code, code);
}

bool wire_client_was_closed(const struct wire *w)
{
    return w->client_closed;
}

bool wire_client_is_paused(const struct wire *w)
{
    return w->client_paused;
}

bool wire_model_is_closed(const struct wire *w)
{
    return up(w)->was_asked;
}

/* ---- tools and store ---- */

int wire_tool_calls(struct wire *w)
{
    return w->call_count;
}

const char *wire_tool_call_id(struct wire *w, int n)
{
    return w->calls[n].call_id;
}

static void end_call(struct wire *w, int n, int status, const char *output, const char *image)
{
    const struct parley_tool_result result = {.size = sizeof(result),
                                              .status = status,
                                              .output = view_of(output),
                                              .image = view_of(image),
                                              .flags = strcmp(output, WIRE_FAREWELL) == 0};

    w->calls[n].ended = true;
    w->tools_host->end(w->calls[n].op, &result);
    (void)loop_run_due(w->loop);
}

void wire_tool_ends(struct wire *w, int n, const char *output)
{
    end_call(w, n, PARLEY_OK, output, "");
}

void wire_tool_fails(struct wire *w, int n, const char *output)
{
    end_call(w, n, PARLEY_E_UNAVAILABLE, output, "");
}

void wire_tool_shows(struct wire *w, int n, const char *output, const char *image)
{
    end_call(w, n, PARLEY_OK, output, image);
}

void wire_tool_progress(struct wire *w, int n, double done, double total, const char *message)
{
    w->tools_host->progress(w->calls[n].op, done, total, view_of(message));
    (void)loop_run_due(w->loop);
}

const char *wire_tool_traceparent(struct wire *w, int n)
{
    return w->calls[n].traceparent;
}

const char *wire_tool_authorization(struct wire *w, int n)
{
    return w->calls[n].authorization;
}

const char *wire_model_traceparent(struct wire *w)
{
    return w->models.traceparent;
}

const char *wire_model_tracestate(struct wire *w)
{
    return w->models.tracestate;
}

bool wire_tool_was_cancelled(struct wire *w, int n)
{
    return w->calls[n].cancelled;
}

const char *wire_stored(struct wire *w)
{
    return w->store.stored.data == NULL ? "" : w->store.stored.data;
}

const char *wire_stored_response(struct wire *w)
{
    return buf_view(&w->store.response).data;
}

const char *wire_stored_data(struct wire *w)
{
    return w->store.item.data == NULL ? "" : w->store.item.data;
}

void wire_store_fails(struct wire *w)
{
    w->store.status = PARLEY_E_INTERNAL;
}

void wire_store_answers(struct wire *w, int status, int64_t retry_after_ms)
{
    w->store.status = status;
    w->store.retry_after_ms = retry_after_ms;
}

void wire_store_answers_once(struct wire *w, int status)
{
    w->store.once = status;
}

void wire_store_takes(struct wire *w, size_t most_bytes)
{
    w->store.most_bytes = most_bytes;
}

void wire_store_refuses(struct wire *w, int status)
{
    w->store.refuses = status;
}

void wire_store_holds(struct wire *w, bool holds)
{
    keeping_hold(&w->store, holds);
    (void)loop_run_due(w->loop);
}
