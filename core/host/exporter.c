/* SPDX-License-Identifier: Apache-2.0 */
#include "host/exporter.h"

#include "base/cleanup.h"
#include "host/error_copy.h"

#include <stdlib.h>
#include <string.h>

/* One batch on its way. Told once; freed when it was told and the plugin has ended it. */
struct delivery {
    struct parley_worker *worker;
    exporter_on_end on_end;
    void *ctx;
    parley_op op; /* 0 once the plugin has ended it */
    bool is_ended;
    bool is_told;
    int status;
    uint64_t lost;
    uint64_t left_out;
    struct parley_error err;
    struct loop_timer turn;
    struct loop_timer limit;
};

static void delivery_free(struct delivery *d)
{
    loop_timer_stop(&d->turn);
    loop_timer_stop(&d->limit);
    free(d);
}

static void on_turn(void *ctx)
{
    struct delivery *d = ctx;

    if (!d->is_told) {
        d->is_told = true;
        d->on_end(d->ctx, d->status, d->lost, d->left_out, d->status < 0 ? &d->err : NULL);
    }
    if (d->op == 0)
        delivery_free(d);
}

/* Only the first end counts. */
static void end_with(struct delivery *d, int status, uint64_t lost, const struct parley_error *err)
{
    loop_timer_stop(&d->limit);
    if (!d->is_ended) {
        d->is_ended = true;
        d->status = status;
        d->lost = lost;
        d->err = error_copy(err);
    }
    loop_timer_start(d->worker->loop, &d->turn, 0, on_turn, d);
}

static void end_cancelled(struct delivery *d, int status, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)parley_fail(&err, status, "%s", message);
    end_with(d, status, 0, &err);
}

static void sweep(void *owner)
{
    struct delivery *d = owner;

    op_withdraw(TAKE(d->op));
    end_cancelled(d, PARLEY_E_CANCELLED, "the exporter is being stopped");
}

/* The plugin was told to hurry by flush(). */
static void cancel(void *owner)
{
    (void)owner;
}

static const struct op_type delivery_type = {.name = "delivery", .sweep = sweep, .cancel = cancel};

static void host_end(parley_op op, int status, uint64_t lost, const struct parley_error *err)
{
    struct delivery *d = op_owner(op, &delivery_type, "exporter end");

    if (d == NULL)
        return;
    op_end(TAKE(d->op));
    end_with(d, status, lost, err);
}

static void host_leave_out(parley_op op, uint64_t records)
{
    struct delivery *d = op_owner(op, &delivery_type, "exporter leave_out");

    if (d != NULL)
        d->left_out += records;
}

static const struct parley_exporter_host exporter_host = {
    .size = sizeof(exporter_host),
    .end = host_end,
    .leave_out = host_leave_out,
};

static void on_limit(void *ctx)
{
    end_cancelled(ctx, PARLEY_E_TIMEOUT, "the exporter did not end the delivery in time");
}

void exporter_attach(struct worker_instance *wi)
{
    struct watch watch = watch_instance(wi, "attach");

    wi->instance->plugin->exporter.attach(wi->ctx, wi->worker, &exporter_host);
    watch_end(&watch);
}

static int deliver_in_plugin(struct worker_instance *wi, const struct parley_batch *batch,
                             parley_op op, struct parley_error *err)
{
    struct watch watch = watch_instance(wi, "deliver");
    int r = wi->instance->plugin->exporter.deliver(wi->ctx, batch, op, err);

    watch_end(&watch);
    return r;
}

int exporter_deliver(struct worker_instance *wi, const struct parley_batch *batch,
                     exporter_on_end on_end, void *ctx, struct parley_error *err)
{
    if (wi->is_stopping)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is being stopped", wi->instance->title);
    struct delivery *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", wi->instance->title);
    d->worker = wi->worker;
    d->on_end = on_end;
    d->ctx = ctx;
    parley_op op = d->op = op_begin(wi, &delivery_type, d);
    int r = op == 0 ? parley_fail(err, PARLEY_E_BUSY, "%s: too many deliveries are open",
                                  wi->instance->title)
                    : deliver_in_plugin(wi, batch, op, err);
    if (r < 0) {
        if (d->op == op && op != 0)
            op_withdraw(op);
        delivery_free(d);
        return r;
    }
    if (d->op != 0)
        loop_timer_start(wi->worker->loop, &d->limit, EXPORTER_TIMEOUT_MS, on_limit, d);
    return PARLEY_OK;
}

void exporter_flush(struct worker_instance *wi)
{
    if (wi->instance->plugin->exporter.flush == NULL)
        return;
    struct watch watch = watch_instance(wi, "flush");
    wi->instance->plugin->exporter.flush(wi->ctx);
    watch_end(&watch);
}
