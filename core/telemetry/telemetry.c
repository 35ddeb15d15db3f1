/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/telemetry.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/loop.h"
#include "base/str.h"
#include "telemetry/batch.h"
#include "telemetry/names.h"
#include "telemetry/process.h"
#include "telemetry/recorder.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_RESOURCE     10
#define RESOURCE_BYTES   128 /* of one value */
#define UUID_SIZE        37
#define MAX_BATCHES_TICK 16 /* then other work of the loop gets its turn */

struct telemetry {
    struct telemetry_config config;
    struct loop *loop;
    struct loop_timer batch_timer;
    struct loop_timer metrics_timer;
    struct telemetry_recorder *recorders[TELEMETRY_MAX_RECORDERS];
    atomic_size_t recorder_count;
    struct telemetry_recorder *own;
    atomic_bool wake_pending;
    struct batch_times times;
    struct span **picked; /* room for batch_size */
    struct parley_attr resource[MAX_RESOURCE];
    char resource_text[MAX_RESOURCE][RESOURCE_BYTES];
    uint32_t resource_count;
    pthread_t thread;
    bool has_thread;
};

static void add_resource(struct telemetry *t, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0' || t->resource_count == MAX_RESOURCE)
        return;
    char *text = t->resource_text[t->resource_count];
    view_copy(text, RESOURCE_BYTES, view_of(value));
    t->resource[t->resource_count++] =
        (struct parley_attr){.key = key, .type = PARLEY_ATTR_STRING, .string = view_of(text)};
}

/* A random one, version 4. */
static void make_uuid(char out[UUID_SIZE])
{
    uint8_t b[16];

    id_random_bytes(b, sizeof(b));
    b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    (void)snprintf(out, UUID_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}

static void describe_process(struct telemetry *t)
{
    char random_id[UUID_SIZE];
    char host[RESOURCE_BYTES] = "";

    make_uuid(random_id);
    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    add_resource(t, "service.name", t->config.service_name);
    add_resource(t, "service.version", PARLEY_VERSION);
    add_resource(t, "service.instance.id",
                 t->config.instance_id != NULL ? t->config.instance_id : random_id);
    add_resource(t, "deployment.environment.name", t->config.environment);
    add_resource(t, "telemetry.sdk.name", "parley");
    add_resource(t, "telemetry.sdk.language", "c");
    add_resource(t, "telemetry.sdk.version", PARLEY_VERSION);
    add_resource(t, "host.name", host);
    t->resource[t->resource_count++] = (struct parley_attr){
        .key = "process.pid", .type = PARLEY_ATTR_INT, .string = {"", 0}, .integer = getpid()};
}

static void set_defaults(struct telemetry_config *c)
{
    c->batch_ms = c->batch_ms == 0 ? 1000 : c->batch_ms;
    c->metrics_ms = c->metrics_ms == 0 ? 60000 : c->metrics_ms;
    c->ring_size = c->ring_size == 0 ? 2048 : c->ring_size;
    c->batch_size = c->batch_size == 0 ? 512 : c->batch_size;
    c->service_name = c->service_name == NULL ? "parley" : c->service_name;
}

int telemetry_create(const struct telemetry_config *config, struct loop *loop,
                     struct telemetry **ret, struct parley_error *err)
{
    struct telemetry *t = calloc(1, sizeof(*t));

    if (t != NULL) {
        t->config = *config;
        t->loop = loop;
        set_defaults(&t->config);
        t->times.start_unix_us = clock_unix_us();
        t->times.unix_minus_now_us = t->times.start_unix_us - clock_now_us();
        describe_process(t);
        /* Only needed while it was copied: the caller's strings may go. */
        t->config.service_name = t->config.environment = t->config.instance_id = NULL;
        t->picked = calloc(t->config.batch_size, sizeof(*t->picked));
        t->own = telemetry_recorder_create(t);
    }
    if (t == NULL || t->picked == NULL || t->own == NULL) {
        telemetry_destroy(t);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "telemetry: no memory");
    }
    *ret = t;
    return PARLEY_OK;
}

struct telemetry *telemetry_destroy(struct telemetry *t)
{
    if (t == NULL)
        return NULL;
    loop_timer_stop(&t->batch_timer);
    loop_timer_stop(&t->metrics_timer);
    for (size_t i = 0; i < atomic_load(&t->recorder_count); i++) {
        recorder_done(t->recorders[i]);
        free(t->recorders[i]);
    }
    free(t->picked);
    free(t);
    return NULL;
}

struct telemetry_recorder *telemetry_recorder_create(struct telemetry *t)
{
    size_t count = atomic_load(&t->recorder_count);
    struct telemetry_recorder *r;

    if (count == TELEMETRY_MAX_RECORDERS)
        return NULL;
    /* Its rings ask for whole cache lines. */
    r = aligned_alloc(alignof(struct telemetry_recorder), sizeof(*r));
    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof(*r));
    if (!recorder_init(r, t, t->config.ring_size, t->config.captures_content)) {
        free(r);
        return NULL;
    }
    t->recorders[count] = r;
    atomic_store(&t->recorder_count, count + 1);
    return r;
}

bool telemetry_captures_content(const struct telemetry_recorder *r)
{
    return r != NULL && r->captures_content;
}

struct telemetry_recorder *telemetry_own_recorder(struct telemetry *t)
{
    return t->own;
}

/* Take up to batch_size finished spans, recorder by recorder. */
static size_t pick(struct telemetry *t)
{
    size_t count = 0;

    for (size_t i = 0; i < atomic_load(&t->recorder_count); i++) {
        struct span *s;
        while (count < t->config.batch_size && (s = ring_pop(&t->recorders[i]->finished)) != NULL)
            t->picked[count++] = s;
    }
    return count;
}

static void deliver(struct telemetry *t, size_t span_count, const struct metrics_snapshot *metrics)
{
    const struct parley_attrs resource = {t->resource, t->resource_count,
                                          sizeof(struct parley_attr)};
    struct batch batch;

    if (batch_build(&batch, t->picked, span_count, metrics, &t->times, resource)) {
        if (t->config.sink.deliver != NULL)
            t->config.sink.deliver(t->config.sink.ctx, &batch.out);
        batch_done(&batch);
    } else {
        metrics_note(t->own, METRIC_SPANS_PROCESSED, (double)span_count, NAME_ERROR_TYPE,
                     "no_memory");
    }
    for (size_t i = 0; i < span_count; i++)
        recorder_return(t->picked[i]->recorder, t->picked[i]);
}

static void deliver_spans(struct telemetry *t)
{
    for (int i = 0; i < MAX_BATCHES_TICK; i++) {
        size_t count = pick(t);
        if (count == 0)
            break;
        deliver(t, count, NULL);
    }
}

static void deliver_metrics(struct telemetry *t)
{
    struct metrics_snapshot *snapshot = telemetry_snapshot(t);

    if (snapshot != NULL && snapshot->count > 0)
        deliver(t, 0, snapshot);
    metrics_snapshot_free(snapshot);
}

static void on_batch_timer(void *ctx)
{
    struct telemetry *t = ctx;

    deliver_spans(t);
    loop_timer_start(t->loop, &t->batch_timer, t->config.batch_ms, on_batch_timer, t);
}

static void on_metrics_timer(void *ctx)
{
    struct telemetry *t = ctx;

    deliver_metrics(t);
    loop_timer_start(t->loop, &t->metrics_timer, t->config.metrics_ms, on_metrics_timer, t);
}

void telemetry_start(struct telemetry *t)
{
    loop_timer_start(t->loop, &t->batch_timer, t->config.batch_ms, on_batch_timer, t);
    loop_timer_start(t->loop, &t->metrics_timer, t->config.metrics_ms, on_metrics_timer, t);
}

void telemetry_flush(struct telemetry *t)
{
    loop_timer_stop(&t->batch_timer);
    loop_timer_stop(&t->metrics_timer);
    deliver_spans(t);
    deliver_metrics(t);
}

static void on_wake(void *ctx)
{
    struct telemetry *t = ctx;

    atomic_store(&t->wake_pending, false);
    deliver_spans(t);
}

void telemetry_wake(struct telemetry *t)
{
    if (atomic_exchange(&t->wake_pending, true))
        return;
    if (!loop_post(t->loop, on_wake, NULL, t))
        atomic_store(&t->wake_pending, false);
}

void telemetry_note_exported(struct telemetry *t, const char *exporter, uint64_t spans,
                             uint64_t lost)
{
    const struct metric_label labels[] = {{NAME_COMPONENT_NAME, view_of(exporter)},
                                          {NAME_ERROR_TYPE, VIEW("lost")}};

    metric_add(metrics_point(t->own, METRIC_SPANS_EXPORTED, labels, 1), (double)spans);
    if (lost > 0)
        metric_add(metrics_point(t->own, METRIC_SPANS_EXPORTED, labels, 2), (double)lost);
}

struct metrics_snapshot *telemetry_snapshot(struct telemetry *t)
{
    struct metrics_snapshot *s = calloc(1, sizeof(*s));
    bool good = s != NULL;

    for (size_t i = 0; good && i < atomic_load(&t->recorder_count); i++)
        good = metrics_snapshot_add(s, &t->recorders[i]->metrics);
    if (good)
        good = process_measure(s);
    if (!good)
        return metrics_snapshot_free(s);
    metrics_snapshot_sort(s);
    return s;
}

static void *run(void *ctx)
{
    struct telemetry *t = ctx;

    (void)pthread_setname_np(pthread_self(), "telemetry"); /* only for people */
    loop_run(t->loop);
    return NULL;
}

int telemetry_spawn(struct telemetry *t, struct parley_error *err)
{
    int r = pthread_create(&t->thread, NULL, run, t);

    if (r != 0)
        return parley_fail(err, PARLEY_E_INTERNAL, "telemetry: its thread cannot start: %s",
                           strerror(r));
    t->has_thread = true;
    return PARLEY_OK;
}

void telemetry_join(struct telemetry *t)
{
    if (!t->has_thread)
        return;
    loop_stop(t->loop);
    (void)pthread_join(t->thread, NULL); /* fails only for a thread that is not there */
    t->has_thread = false;
}
