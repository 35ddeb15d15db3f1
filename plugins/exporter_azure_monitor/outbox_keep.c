/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_state.h"

#include <stdlib.h>

int64_t outbox_now_ms(const struct outbox *o)
{
    return (int64_t)(o->config.post.host->now_us() / 1000);
}

int64_t outbox_random(const struct outbox *o, int64_t limit)
{
    uint32_t number;

    o->config.post.host->random(&number, sizeof(number));
    return limit <= 0 ? 0 : (int64_t)(number % (uint64_t)limit);
}

void outbox_count(const struct outbox *o, const char *metric, const char *error, uint64_t items)
{
    const struct parley_metric_label labels[] = {{"otel.component.name", o->config.name},
                                                 {"error.type", error}};

    if (items > 0 && o->config.metrics != NULL) /* a host that has no such metric does without */
        (void)o->config.metrics->add(o->config.post.worker, metric, (double)items, labels,
                                     error == NULL ? 1 : 2);
}

void outbox_count_dropped(const struct outbox *o, const char *error, uint64_t items)
{
    outbox_count(o, "parley.exporter.dropped", error, items);
}

/* ---- what waits ---- */

void waiting_free(struct waiting *w)
{
    parcel_done(&w->parcel);
    free(w);
}

void outbox_push_front(struct outbox *o, struct waiting *w)
{
    w->next = o->first;
    o->first = w;
    if (o->last == NULL)
        o->last = w;
}

void outbox_push_back(struct outbox *o, struct waiting *w)
{
    w->next = NULL;
    if (o->last != NULL)
        o->last->next = w;
    else
        o->first = w;
    o->last = w;
}

struct waiting *outbox_pop(struct outbox *o)
{
    struct waiting *w = o->first;

    o->first = w->next;
    if (o->first == NULL)
        o->last = NULL;
    w->next = NULL;
    return w;
}

static bool is_ready(const struct outbox *o, const struct waiting *w)
{
    return o->is_hurried || w->not_before_ms <= outbox_now_ms(o);
}

struct waiting *outbox_pop_ready(struct outbox *o)
{
    struct waiting *before = NULL, *w = o->first;

    while (w != NULL && !is_ready(o, w)) {
        before = w;
        w = w->next;
    }
    if (w == NULL)
        return NULL;
    if (before == NULL)
        return outbox_pop(o);
    before->next = w->next;
    if (o->last == w)
        o->last = before;
    w->next = NULL;
    return w;
}

int64_t outbox_ready_at(const struct outbox *o)
{
    int64_t at = INT64_MAX;

    for (const struct waiting *w = o->first; w != NULL; w = w->next) {
        int64_t ready = is_ready(o, w) ? outbox_now_ms(o) : w->not_before_ms;
        at = ready < at ? ready : at;
    }
    return at;
}

/* Its end. Records that are lost after their delivery ended are counted here. */
void outbox_finish(struct outbox *o, struct waiting *w, int status, uint64_t lost,
                   const char *error, const char *reason)
{
    if (w->delivery == NULL)
        outbox_count_dropped(o, error, lost);
    delivery_end_part(w->delivery, status, lost, reason);
    o->bytes -= w->parcel.lines.len;
    waiting_free(w);
}

static void give_up(struct outbox *o, struct waiting *w, const char *error, const char *reason)
{
    outbox_finish(o, w, PARLEY_E_UNAVAILABLE, parcel_records(&w->parcel), error, reason);
}

/* A delivery that has waited long ends as kept: the host would give it up as lost. */
static void let_go(struct outbox *o, struct waiting *w)
{
    if (w != NULL && w->delivery != NULL && outbox_now_ms(o) - w->since_ms >= HOLD_MS) {
        struct delivery *d = w->delivery;
        w->delivery = NULL;
        outbox_count(o, "parley.exporter.kept", NULL, parcel_records(&w->parcel));
        delivery_end_part(d, PARLEY_OK, 0, "");
    }
}

void outbox_let_go(struct outbox *o)
{
    let_go(o, o->posted);
    for (struct waiting *w = o->first; w != NULL; w = w->next)
        let_go(o, w);
}

/* ---- keeping ---- */

bool outbox_has_shelf(const struct outbox *o)
{
    return o->config.shelf != NULL && o->config.offload != NULL;
}

bool outbox_can_lay_down(const struct outbox *o)
{
    return outbox_has_shelf(o) && (o->is_hurried || outbox_now_ms(o) >= o->shelf_bad_until_ms);
}

/* Left alone for a while; told once for each row of failures. */
void outbox_tell_shelf(struct outbox *o, const char *reason)
{
    o->shelf_bad_until_ms = outbox_now_ms(o) + o->config.retry_ms;
    if (!o->is_shelf_told)
        o->config.post.host->log(o->config.post.handle, PARLEY_LOG_WARN,
                                 "undelivered telemetry cannot be laid down in storage_dir; it is "
                                 "kept in memory reason=\"%s\"",
                                 reason);
    o->is_shelf_told = true;
}

/* Back into memory, or lost when there is no time left. */
static void keep_in_memory(struct outbox *o, struct waiting *w, const char *reason)
{
    if (o->is_hurried)
        give_up(o, w, "shutdown", reason);
    else
        outbox_push_front(o, w);
}

static void on_stored(void *ctx, const struct keeper_result *r)
{
    struct waiting *w = ctx;
    struct outbox *o = w->outbox;
    size_t len = w->parcel.lines.len;

    w->parcel = *r->parcel; /* the job had it */
    *r->parcel = (struct parcel){0};
    o->bytes += w->parcel.lines.len - len;
    if (r->result == SHELF_OK) {
        o->is_shelf_told = false;
        if (w->delivery != NULL)
            outbox_count(o, "parley.exporter.kept", NULL, parcel_records(&w->parcel));
        outbox_finish(o, w, PARLEY_EXPORT_KEPT, 0, NULL, "");
    } else {
        outbox_tell_shelf(o, r->reason);
        keep_in_memory(o, w, r->reason);
    }
    outbox_arm(o);
}

void outbox_keep(struct outbox *o, struct waiting *w, const char *reason)
{
    struct parcel parcel = w->parcel;
    size_t len = w->parcel.lines.len;

    if (!outbox_can_lay_down(o)) {
        keep_in_memory(o, w, reason);
    } else if (keeper_store(&o->keeper, &parcel, on_stored, w)) {
        w->parcel = (struct parcel){.lines = {.len = len}}; /* its bytes still count */
    } else {
        outbox_tell_shelf(o, "the offload pool is full");
        keep_in_memory(o, w, reason);
    }
}

void outbox_keep_all(struct outbox *o, const char *reason)
{
    unsigned waiting = 0;

    for (const struct waiting *w = o->first; w != NULL; w = w->next)
        waiting++;
    while (waiting-- > 0 && o->first != NULL && (outbox_can_lay_down(o) || o->is_hurried))
        outbox_keep(o, outbox_pop(o), reason); /* which may put it back */
}
