/* SPDX-License-Identifier: Apache-2.0 */
#include "track.h"

#include "parts/delta.h"

#include <stdlib.h>

struct track {
    struct track_config config;
    const struct parley_exporter_host *exporter;
    struct outbox *outbox;
    struct delta *delta;
};

int track_create(const struct track_config *config, struct track **ret, struct parley_error *err)
{
    struct track *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    t->config = *config;
    t->outbox = outbox_create(&t->config.outbox);
    t->delta = delta_open(config->outbox.name);
    if (t->outbox == NULL || t->delta == NULL) {
        track_destroy(t);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    }
    *ret = t;
    return PARLEY_OK;
}

void track_destroy(struct track *t)
{
    if (t == NULL)
        return;
    outbox_destroy(t->outbox);
    delta_close(t->delta);
    free(t);
}

void track_attach(struct track *t, const struct parley_exporter_host *exporter)
{
    t->exporter = exporter;
}

/* What is sent of the batch; counters and histograms as what has come since the last report. False
 * without memory. */
static bool choose(struct track *t, const struct parley_batch *batch, struct parley_batch *ret)
{
    *ret = *batch;
    if (!t->config.with_traces)
        ret->span_count = 0;
    if (!t->config.with_logs)
        ret->log_count = 0;
    if (!t->config.with_metrics)
        ret->metric_count = 0;
    if (ret->metric_count == 0)
        return true;
    ret->metrics = delta_take(t->delta, batch, &ret->metric_count);
    ret->metric_size = sizeof(struct parley_metric);
    return ret->metrics != NULL;
}

static size_t bytes_of(const struct envelopes *all)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < all->count; i++)
        bytes += all->parcels[i].lines.len;
    return bytes;
}

/* Points without a change, and spans that can be no operation, are neither delivered nor lost. */
static void leave_out(const struct track *t, const struct parley_batch *batch,
                      const struct envelopes *all, parley_op op)
{
    uint64_t records = (uint64_t)batch->span_count + batch->metric_count + batch->log_count;

    for (uint32_t i = 0; i < all->count; i++)
        records -= parcel_records(&all->parcels[i]);
    if (records > 0 && PARLEY_HAS(t->exporter, leave_out) && t->exporter->leave_out != NULL)
        t->exporter->leave_out(op, records);
}

static int send(struct track *t, struct envelopes *all, parley_op op, struct parley_error *err)
{
    if (!outbox_has_room(t->outbox, bytes_of(all)))
        return parley_fail(err, PARLEY_E_BUSY, "the queue is full; see max_queue_bytes");
    struct delivery *d = delivery_create(t->exporter, op);
    if (d == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    for (uint32_t i = 0; i < all->count; i++)
        outbox_add(t->outbox, &all->parcels[i], d);
    delivery_end_part(d, PARLEY_OK, 0, "");
    return PARLEY_OK;
}

int track_deliver(struct track *t, const struct parley_batch *batch, parley_op op,
                  struct parley_error *err)
{
    struct parley_batch chosen;
    struct envelopes all;

    if (!choose(t, batch, &chosen))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    if (chosen.span_count + chosen.metric_count + chosen.log_count == 0) {
        t->exporter->end(op, PARLEY_EXPORT_NOTHING, 0, NULL);
        return PARLEY_OK;
    }
    if (!envelopes_write(&all, &t->config.envelope, &chosen))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to write %u records",
                           chosen.span_count + chosen.metric_count + chosen.log_count);
    leave_out(t, batch, &all, op);
    int r = send(t, &all, op, err);
    envelopes_done(&all);
    return r;
}

void track_flush(struct track *t)
{
    outbox_hurry(t->outbox);
}
