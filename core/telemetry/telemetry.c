/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/telemetry.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"
#include "telemetry/batch.h"
#include "telemetry/log_lines.h"
#include "telemetry/logs.h"
#include "telemetry/names.h"
#include "telemetry/process.h"
#include "telemetry/recorder.h"
#include "telemetry/resource.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>

#define TURN_MS 1 /* of exporters, between two batches of a burst */
#define NICE    5 /* than the workers; it still gets a quarter of a busy processor */

struct telemetry {
    struct telemetry_config config;
    struct sampling sampling;
    struct span_limits limits;
    struct loop *loop;
    struct loop_timer batch_timer;
    struct loop_timer logs_timer;
    struct loop_timer metrics_timer;
    struct telemetry_recorder *recorders[TELEMETRY_MAX_RECORDERS];
    atomic_size_t recorder_count;
    struct telemetry_recorder *own;
    atomic_bool wake_pending;
    struct batch_rules rules;
    struct span **picked;         /* room for batch_size */
    struct log_ring shared_lines; /* of threads without a recorder */
    struct resource resource;
    pthread_t thread;
    bool has_thread;
};

static void set_defaults(struct telemetry_config *c)
{
    c->batch_ms = c->batch_ms == 0 ? 1000 : c->batch_ms;
    c->logs_ms = c->logs_ms == 0 ? c->batch_ms : c->logs_ms;
    c->metrics_ms = c->metrics_ms == 0 ? 60000 : c->metrics_ms;
    c->ring_size = c->ring_size == 0 ? 2048 : c->ring_size;
    c->batch_size = c->batch_size == 0 ? 512 : c->batch_size;
    c->batch_lines = c->batch_lines == 0 ? 512 : c->batch_lines;
    c->limits = c->limits == NULL ? &span_default_limits : c->limits;
}

int telemetry_create(const struct telemetry_config *config, struct loop *loop,
                     struct telemetry **ret, struct parley_error *err)
{
    struct telemetry *t = calloc(1, sizeof(*t));

    if (t == NULL)
        redact_destroy(config->redact);
    if (t != NULL) {
        t->config = *config;
        t->loop = loop;
        set_defaults(&t->config);
        t->rules.times.start_unix_us = clock_unix_us();
        t->rules.times.unix_minus_now_us = t->rules.times.start_unix_us - clock_now_us();
        resource_init(&t->resource, &config->resource);
        t->config.resource = (struct resource_facts){0}; /* its strings may go */
        t->limits = *t->config.limits;
        t->config.limits = &t->limits;
        t->sampling = config->sampling == NULL ? (struct sampling){.ratio = 1} : *config->sampling;
        t->config.sampling = &t->sampling;
        t->rules.sampling = t->sampling;
        t->rules.redact = config->redact;
        t->picked = calloc(t->config.batch_size, sizeof(*t->picked));
        t->own = telemetry_recorder_create(t);
    }
    if (t == NULL || t->picked == NULL || t->own == NULL ||
        (t->config.records_logs && !log_ring_init(&t->shared_lines))) {
        telemetry_destroy(t);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "telemetry: no memory");
    }
    if (t->config.records_logs)
        logs_begin(t, &t->shared_lines, t->config.log_level);
    *ret = t;
    return PARLEY_OK;
}

static void stop_timers(struct telemetry *t)
{
    loop_timer_stop(&t->batch_timer);
    loop_timer_stop(&t->logs_timer);
    loop_timer_stop(&t->metrics_timer);
}

struct telemetry *telemetry_destroy(struct telemetry *t)
{
    if (t == NULL)
        return NULL;
    logs_end(t);
    stop_timers(t);
    for (size_t i = 0; i < atomic_load(&t->recorder_count); i++) {
        recorder_done(t->recorders[i]);
        free(t->recorders[i]);
    }
    log_ring_done(&t->shared_lines);
    redact_destroy(t->config.redact);
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
    if (!recorder_init(r, t, &t->config)) {
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

enum telemetry_joining telemetry_joining(const struct telemetry_recorder *r)
{
    return r == NULL ? TELEMETRY_JOIN : r->joining;
}

uint64_t telemetry_slow_us(const struct telemetry_recorder *r)
{
    return r == NULL ? 0 : r->sampling.slow_us;
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

/* Hand a batch on. False without memory. */
static bool deliver(struct telemetry *t, const struct batch_source *source)
{
    const struct parley_attrs resource = {t->resource.attrs, t->resource.count,
                                          sizeof(struct parley_attr)};
    struct batch batch;

    if (!batch_build(&batch, source, &t->rules, resource))
        return false;
    if (t->config.sink.deliver != NULL)
        t->config.sink.deliver(t->config.sink.ctx, &batch.out);
    batch_done(&batch);
    return true;
}

/* ---- spans ---- */

static void deliver_picked(struct telemetry *t, size_t count)
{
    const struct batch_source source = {.spans = t->picked, .span_count = count};

    if (!deliver(t, &source))
        metrics_note(t->own, METRIC_SPANS_PROCESSED, (double)count, NAME_ERROR_TYPE, "no_memory");
    for (size_t i = 0; i < count; i++)
        recorder_return(t->picked[i]->recorder, t->picked[i]);
}

/* One batch. True when there may be another. */
static bool deliver_spans(struct telemetry *t)
{
    size_t count = pick(t);

    if (count > 0)
        deliver_picked(t, count);
    return count == t->config.batch_size;
}

/* ---- log records ---- */

static void note_lines(struct telemetry *t, uint64_t count, const char *error)
{
    if (count > 0)
        metrics_note(t->own, METRIC_LOGS_PROCESSED, (double)count,
                     error == NULL ? NULL : NAME_ERROR_TYPE, error == NULL ? "" : error);
}

/* Take lines of one ring, as far as there is room in `lines`. */
static size_t take_lines(struct telemetry *t, struct log_ring *ring, struct log_line *lines,
                         size_t count)
{
    char text[LOG_RING_TEXT_SIZE];
    struct log_entry entry;

    note_lines(t, log_ring_take_refused(ring), "queue_full");
    while (count < t->config.batch_lines && log_ring_pop(ring, &entry, text)) {
        if (log_line_init(&lines[count], &entry, text, t->rules.redact))
            count++;
        else
            note_lines(t, 1, "no_memory");
    }
    return count;
}

static size_t pick_lines(struct telemetry *t, struct log_line *lines)
{
    size_t count = take_lines(t, &t->shared_lines, lines, 0);

    for (size_t i = 0; i < atomic_load(&t->recorder_count); i++)
        count = take_lines(t, &t->recorders[i]->lines, lines, count);
    return count;
}

static bool has_lines(const struct telemetry *t)
{
    if (log_ring_used(&t->shared_lines) > 0)
        return true;
    for (size_t i = 0; i < atomic_load(&t->recorder_count); i++) {
        if (log_ring_used(&t->recorders[i]->lines) > 0)
            return true;
    }
    return false;
}

/* One batch. True when there may be another. */
static bool deliver_logs(struct telemetry *t)
{
    const uint32_t most = t->config.batch_lines;
    struct log_line *lines =
        t->config.records_logs && has_lines(t) ? calloc(most, sizeof(*lines)) : NULL;

    if (lines == NULL)
        return false;
    size_t count = pick_lines(t, lines);
    const struct batch_source source = {.lines = lines, .line_count = count};
    if (count > 0)
        note_lines(t, count, deliver(t, &source) ? NULL : "no_memory");
    for (size_t i = 0; i < count; i++)
        log_line_done(&lines[i]);
    free(lines);
    return count == most;
}

/* ---- metrics, and when ---- */

static void deliver_metrics(struct telemetry *t)
{
    struct metrics_snapshot *snapshot = telemetry_snapshot(t);
    const struct batch_source source = {.metrics = snapshot};

    if (snapshot != NULL && snapshot->count > 0)
        (void)deliver(t, &source); /* without memory: the next report has it all */
    metrics_snapshot_free(snapshot);
}

/* Between two batches exporters get their turn, so that a burst need not fit their queues. */
static void on_batch_timer(void *ctx)
{
    struct telemetry *t = ctx;
    int64_t pause_ms = deliver_spans(t) ? TURN_MS : t->config.batch_ms;

    loop_timer_start(t->loop, &t->batch_timer, pause_ms, on_batch_timer, t);
}

static void on_logs_timer(void *ctx)
{
    struct telemetry *t = ctx;
    int64_t pause_ms = deliver_logs(t) ? TURN_MS : t->config.logs_ms;

    loop_timer_start(t->loop, &t->logs_timer, pause_ms, on_logs_timer, t);
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
    if (t->config.records_logs)
        loop_timer_start(t->loop, &t->logs_timer, t->config.logs_ms, on_logs_timer, t);
    loop_timer_start(t->loop, &t->metrics_timer, t->config.metrics_ms, on_metrics_timer, t);
}

void telemetry_flush(struct telemetry *t)
{
    stop_timers(t);
    while (deliver_spans(t))
        continue;
    while (deliver_logs(t))
        continue;
    deliver_metrics(t);
}

static void on_wake(void *ctx)
{
    struct telemetry *t = ctx;

    atomic_store(&t->wake_pending, false);
    on_batch_timer(t);
    if (t->config.records_logs)
        on_logs_timer(t);
}

void telemetry_wake(struct telemetry *t)
{
    if (atomic_exchange(&t->wake_pending, true))
        return;
    if (!loop_post(t->loop, on_wake, NULL, t))
        atomic_store(&t->wake_pending, false);
}

void telemetry_note_exported(struct telemetry *t, const char *exporter,
                             enum telemetry_signal signal, uint64_t records, uint64_t lost,
                             const char *error)
{
    static const enum metric_id ids[] = {METRIC_SPANS_EXPORTED, METRIC_POINTS_EXPORTED,
                                         METRIC_LOGS_EXPORTED};
    const struct metric_label labels[] = {{NAME_COMPONENT_NAME, view_of(exporter)},
                                          {NAME_ERROR_TYPE, view_of(error)}};

    lost = lost < records ? lost : records;
    if (records > lost)
        metric_add(metrics_point(t->own, ids[signal], labels, 1), (double)(records - lost));
    if (lost > 0)
        metric_add(metrics_point(t->own, ids[signal], labels, 2), (double)lost);
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

/* Where processors are scarce, sound goes first. A worker that wakes takes the processor from an
 * idle thread at once; from one that is only nicer it has to wait for the end of a slice, which
 * shows in the 99th percentile of relayed messages (tests/bench/telemetry). On Linux both are of
 * the one thread. */
static void step_back(bool keeps_share)
{
    static const struct sched_param unused = {0};

    if (keeps_share || sched_setscheduler(0, SCHED_IDLE | SCHED_RESET_ON_FORK, &unused) != 0)
        (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
}

static void *run(void *ctx)
{
    struct telemetry *t = ctx;

    (void)pthread_setname_np(pthread_self(), "telemetry"); /* only for people */
    step_back(t->config.keeps_share);
    logs_mute();
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
