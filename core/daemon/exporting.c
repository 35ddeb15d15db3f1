/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/exporting.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/complaint.h"
#include "host/exporter.h"
#include "host/worker.h"
#include "transport/transport.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define STOP_LIMIT_MS 2000 /* for exporters to deliver their last batches */

struct exporting {
    struct exporting_config config;
    struct loop *loop;
    struct parley_worker host;
    struct transport *transport;
    struct telemetry *telemetry;
    struct worker_instances *exporters;
    struct generation *generation;
    struct retired *retirement; /* of exporters, made with them so that it needs no memory */
    unsigned stopping;          /* sets of exporters that have not stopped */
    unsigned delivering;
    struct complaints complaints;
    bool is_ending;
    bool has_host;
    bool has_thread;
    struct loop_timer limit;
    sem_t ended;
};

/* ---- batches ---- */

struct delivery {
    struct exporting *exporting;
    enum telemetry_signal signal;
    uint64_t records;
    char exporter[COMPLAINT_NAME];
};

static void end_when_idle(struct exporting *e);

static const char *const signal_names[] = {"spans", "metrics", "logs"}; /* enum telemetry_signal */

/* The error.type of records that were given up; "rejected" is OpenTelemetry's, for those that the
 * destination did not take of a batch that it took. */
static const char *error_of(int status)
{
    switch (status) {
    case PARLEY_E_TIMEOUT:
        return "timeout";
    case PARLEY_E_UNAVAILABLE:
        return "unavailable";
    case PARLEY_E_BUSY:
        return "queue_full";
    case PARLEY_E_DENIED:
        return "denied";
    case PARLEY_E_CANCELLED:
        return "shutdown";
    case PARLEY_E_NO_MEMORY:
        return "no_memory";
    case PARLEY_E_INVALID:
    case PARLEY_E_PROTOCOL:
        return "refused";
    default:
        return status < 0 ? "failed" : "rejected";
    }
}

static void on_delivered(void *ctx, int status, uint64_t lost, uint64_t left_out,
                         const struct parley_error *err)
{
    struct delivery *d = ctx;
    struct exporting *e = d->exporting;

    d->records -= left_out < d->records ? left_out : d->records;
    if (status < 0 && lost == 0) /* it did not get as far as counting */
        lost = d->records;
    if (status < 0)
        complaint_add(&e->complaints, d->exporter, signal_names[d->signal], lost,
                      err == NULL ? "" : err->message);
    else if (status == PARLEY_OK)
        complaint_clear(&e->complaints, d->exporter, signal_names[d->signal]);
    if (status != PARLEY_EXPORT_NOTHING)
        telemetry_note_exported(e->telemetry, d->exporter, d->signal, d->records, lost,
                                error_of(status));
    free(d);
    e->delivering--;
    end_when_idle(e);
}

/* A batch is of one signal. */
static void describe(struct delivery *d, const struct parley_batch *batch)
{
    d->signal = batch->span_count > 0  ? SIGNAL_SPANS
                : batch->log_count > 0 ? SIGNAL_LOGS
                                       : SIGNAL_METRICS;
    d->records = (uint64_t)batch->span_count + batch->log_count + batch->metric_count;
}

static void deliver_to(struct exporting *e, struct worker_instance *wi,
                       const struct parley_batch *batch)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct delivery *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return;
    d->exporting = e;
    describe(d, batch);
    (void)snprintf(d->exporter, sizeof(d->exporter), "%s", wi->instance->name);
    e->delivering++;
    int r = exporter_deliver(wi, batch, on_delivered, d, &err);
    if (r == PARLEY_OK)
        return;
    e->delivering--;
    complaint_add(&e->complaints, d->exporter, signal_names[d->signal], d->records, err.message);
    telemetry_note_exported(e->telemetry, d->exporter, d->signal, d->records, d->records,
                            error_of(r));
    free(d);
}

static void deliver(void *ctx, const struct parley_batch *batch)
{
    struct exporting *e = ctx;

    if (e->exporters == NULL)
        return;
    for (struct worker_instance *wi = worker_instances_next(e->exporters, NULL); wi != NULL;
         wi = worker_instances_next(e->exporters, wi))
        deliver_to(e, wi, batch);
}

/* ---- generations ---- */

struct retired {
    struct exporting *exporting;
    struct generation *generation;
};

static void on_stopped(void *ctx, struct instances *set)
{
    struct retired *r = ctx;
    struct exporting *e = r->exporting;

    (void)instances_unref(set); /* never the last: the generation holds one */
    e->config.generation_gone(e->config.ctx, r->generation);
    free(r);
    e->stopping--;
    end_when_idle(e);
}

static void flush_all(struct worker_instances *exporters)
{
    for (struct worker_instance *wi = worker_instances_next(exporters, NULL); wi != NULL;
         wi = worker_instances_next(exporters, wi))
        exporter_flush(wi);
}

/* After a reload, too, what waits is tried once more. */
static void retire(struct exporting *e)
{
    struct retired *r = TAKE(e->retirement);

    if (r == NULL)
        return;
    *r = (struct retired){.exporting = e, .generation = e->generation};
    struct worker_instances *exporters = e->exporters;
    e->exporters = NULL;
    e->generation = NULL;
    e->stopping++;
    flush_all(exporters);
    worker_instances_stop(exporters, on_stopped, r);
}

/* Takes the reference, also on failure. */
static void begin_generation(struct exporting *e, struct generation *take)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct worker_instances *exporters = NULL;
    struct retired *retirement = calloc(1, sizeof(*retirement));

    if (!e->config.options->enabled) {
        free(retirement);
        e->config.generation_gone(e->config.ctx, take);
        return;
    }
    int r = retirement == NULL
                ? parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory")
                : worker_instances_start(generation_instances(take),
                                         1u << INSTANCE_EXPORTER | WORKER_INSTANCES_SINGLY,
                                         &e->host, &exporters, &err);
    if (r < 0) {
        log_error("the exporters could not be started reason=\"%s\"", err.message);
        free(retirement);
        e->config.generation_gone(e->config.ctx, take);
        return;
    }
    retire(e);
    e->exporters = exporters;
    e->retirement = retirement;
    e->generation = take;
}

struct use {
    struct exporting *exporting;
    struct generation *generation;
};

static void use_now(void *arg)
{
    struct use *u = arg;

    begin_generation(u->exporting, u->generation);
    free(u);
}

static void use_dropped(void *arg)
{
    struct use *u = arg;

    u->exporting->config.generation_gone(u->exporting->config.ctx, u->generation);
    free(u);
}

void exporting_use(struct exporting *e, struct generation *take)
{
    struct use *u = calloc(1, sizeof(*u));

    if (u == NULL) {
        e->config.generation_gone(e->config.ctx, take);
        return;
    }
    *u = (struct use){.exporting = e, .generation = take};
    if (!loop_post(e->loop, use_now, use_dropped, u))
        use_dropped(u);
}

/* ---- life ---- */

static struct sampling sampling_from(const struct telemetry_options *o)
{
    struct sampling s = {.ratio = o->sample, .follows_parent = o->sample_parent != 0};

    for (size_t i = 0; i < o->always_keep.count; i++) {
        if (strcmp(o->always_keep.items[i], TELEMETRY_KEEP_ERRORS) == 0)
            s.keeps_errors = true;
        else
            s.slow_us = (uint64_t)o->slow_ms * 1000;
    }
    return s;
}

static int make(struct exporting *e, struct parley_error *err)
{
    const struct telemetry_options *o = e->config.options;
    const struct sampling sampling = sampling_from(o);
    const struct span_limits limits = {.attrs = (uint32_t)o->span_attributes,
                                       .events = (uint32_t)o->span_events,
                                       .value_bytes = (size_t)o->attribute_bytes,
                                       .content_bytes = (size_t)o->content_bytes};
    struct telemetry_config telemetry = {
        .sink = {.deliver = deliver, .ctx = e},
        .batch_ms = o->batch_ms,
        .logs_ms = o->logs_ms,
        .metrics_ms = o->metrics_ms,
        .has_no_spans = !o->enabled,
        .captures_content = o->content && o->enabled,
        .sampling = &sampling,
        .records_logs = o->logs > 0 && o->enabled,
        .log_level = o->logs > 0 ? (enum log_level)(o->logs - 1) : LOG_LEVEL_ERROR,
        .batch_size = (uint32_t)o->batch_spans,
        .batch_lines = (uint32_t)o->batch_logs,
        .joining = (enum telemetry_joining)o->trace_context,
        .ring_size = (uint32_t)o->queue_spans,
        .keeps_share = o->priority == TELEMETRY_LOW,
        .limits = &limits,
        .resource = {.service_name = o->service_name,
                     .environment = o->environment,
                     .given = o->resource,
                     .default_environment = e->config.environment,
                     .instance_id = e->config.instance_id},
    };

    e->loop = loop_create();
    if (e->loop == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no resources for the telemetry thread");
    e->transport = transport_create(e->loop, &(struct transport_config){0}, err);
    if (e->transport == NULL)
        return PARLEY_E_INTERNAL;
    const struct host_worker_config host = {.name = "telemetry",
                                            .loop = e->loop,
                                            .transport = e->transport,
                                            .offload = e->config.offload};
    int r = host_worker_init(&e->host, &host, err);
    e->has_host = r == PARLEY_OK;
    if (r == PARLEY_OK)
        r = redact_create(o->redact, &telemetry.redact, err);
    if (r == PARLEY_OK)
        r = telemetry_create(&telemetry, e->loop, &e->telemetry, err);
    if (r == PARLEY_OK)
        e->host.recorder = telemetry_own_recorder(e->telemetry); /* exporters count, too */
    return r;
}

static struct exporting *exporting_free(struct exporting *e)
{
    if (e->has_thread)
        telemetry_join(e->telemetry);
    if (e->transport != NULL)
        (void)transport_destroy(e->transport);
    if (e->has_host)
        host_worker_done(&e->host);
    (void)telemetry_destroy(e->telemetry);
    if (e->loop != NULL)
        (void)loop_destroy(e->loop);
    sem_destroy(&e->ended);
    free(e);
    return NULL;
}

int exporting_start(const struct exporting_config *config, struct exporting **ret,
                    struct parley_error *err)
{
    struct exporting *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for telemetry");
    e->config = *config;
    sem_init(&e->ended, 0, 0);
    int r = make(e, err);
    if (r == PARLEY_OK) {
        begin_generation(e, generation_ref(config->generation));
        telemetry_start(e->telemetry);
        r = telemetry_spawn(e->telemetry, err);
        e->has_thread = r == PARLEY_OK;
    }
    if (r < 0) {
        exporting_free(e);
        return r;
    }
    *ret = e;
    return PARLEY_OK;
}

struct telemetry *exporting_telemetry(const struct exporting *e)
{
    return e->telemetry;
}

static void post_ended(struct exporting *e)
{
    loop_timer_stop(&e->limit);
    sem_post(&e->ended);
}

static void end_when_idle(struct exporting *e)
{
    if (!e->is_ending || e->delivering > 0)
        return;
    if (e->exporters != NULL)
        retire(e); /* comes back here */
    else if (e->stopping == 0) {
        e->is_ending = false;
        post_ended(e);
    }
}

static void on_limit(void *ctx)
{
    struct exporting *e = ctx;

    log_warn("exporters did not deliver everything in time deliveries=%u", e->delivering);
    if (e->exporters != NULL)
        retire(e); /* cancels what is under way */
}

static void begin_end(void *arg)
{
    struct exporting *e = arg;

    e->is_ending = true;
    telemetry_flush(e->telemetry);
    if (e->exporters != NULL)
        flush_all(e->exporters);
    loop_timer_start(e->loop, &e->limit, STOP_LIMIT_MS, on_limit, e);
    end_when_idle(e);
}

struct exporting *exporting_stop(struct exporting *e)
{
    if (e == NULL)
        return NULL;
    if (loop_post(e->loop, begin_end, NULL, e)) {
        while (sem_wait(&e->ended) != 0)
            continue; /* interrupted by a signal */
    }
    return exporting_free(e);
}
