/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_state.h"

#include <stdlib.h>

#define HURRY_MS 900 /* of a last post, below the host's patience with a stop */

static bool is_resting(const struct outbox *o)
{
    return outbox_now_ms(o) < o->rests_until_ms && (!o->is_hurried || o->is_throttled);
}

static bool is_busy(const struct outbox *o)
{
    return o->posted != NULL || o->is_posting_file || o->is_taking;
}

/* ---- steps ---- */

static void post_failed(struct outbox *o, const struct parley_error *err)
{
    const struct post_end end = {.ruling = RULING_LATER, .reason = err->message};

    outbox_on_answer(o, &end);
}

static void post_fresh(struct outbox *o, struct waiting *w)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    o->posted = w;
    if (post_send(o->post, &w->parcel, &err) < 0)
        post_failed(o, &err);
}

static void on_taken(void *ctx, const struct keeper_result *r)
{
    struct outbox *o = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    o->is_taking = false;
    outbox_count_dropped(o, "too_old", r->loss.too_old);
    outbox_count_dropped(o, "unreadable", r->loss.unreadable);
    if (r->loss.unreadable > 0)
        outbox_tell(o, "a damaged file of storage_dir is thrown away", "it cannot be read",
                    r->loss.unreadable);
    o->drains_at_ms = outbox_now_ms(o) + o->config.retry_ms;
    if (r->result == SHELF_FAILED)
        outbox_tell_shelf(o, r->reason);
    if (r->result == SHELF_OK && !o->is_hurried) {
        o->from_file = *r->parcel;
        o->file = *r->file;
        *r->parcel = (struct parcel){0};
        *r->file = (struct shelf_file){.fd = -1};
        o->is_posting_file = true;
        if (post_send(o->post, &o->from_file, &err) < 0)
            post_failed(o, &err);
    }
    outbox_arm(o);
}

static void on_step(void *ctx)
{
    struct outbox *o = ctx;

    outbox_let_go(o);
    if (is_resting(o)) {
        if (outbox_can_lay_down(o) || o->is_hurried)
            outbox_keep_all(o, "the service is left alone");
    } else if (!is_busy(o)) {
        struct waiting *ready = outbox_pop_ready(o);
        if (ready != NULL)
            post_fresh(o, ready);
        else if (outbox_has_shelf(o) && !o->is_hurried && outbox_now_ms(o) >= o->drains_at_ms)
            o->is_taking = keeper_take(&o->keeper, on_taken, o);
        if (!is_busy(o) && outbox_now_ms(o) >= o->drains_at_ms)
            o->drains_at_ms = outbox_now_ms(o) + o->config.retry_ms; /* the pool was full */
    }
    outbox_arm(o);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* While the service is left alone: when what waits is laid down, or at least tried. */
static int64_t lies_down_at(const struct outbox *o)
{
    if (o->is_hurried)
        return outbox_now_ms(o);
    return outbox_has_shelf(o) ? earlier(o->shelf_bad_until_ms, o->rests_until_ms)
                               : o->rests_until_ms;
}

/* When there is something to do, unless an end comes before. */
void outbox_arm(struct outbox *o)
{
    int64_t now = outbox_now_ms(o), at = INT64_MAX;

    if (o->posted != NULL && o->posted->delivery != NULL)
        at = o->posted->since_ms + HOLD_MS;
    for (const struct waiting *w = o->first; w != NULL; w = w->next) {
        if (w->delivery != NULL)
            at = earlier(at, w->since_ms + HOLD_MS);
    }
    if (o->first != NULL && is_resting(o))
        at = earlier(at, lies_down_at(o));
    else if (!is_busy(o))
        at = earlier(at, outbox_ready_at(o));
    if (outbox_has_shelf(o) && !o->is_hurried && !is_busy(o))
        at = earlier(at, o->drains_at_ms > o->rests_until_ms ? o->drains_at_ms : o->rests_until_ms);
    if (at == INT64_MAX)
        o->config.timer->stop(o->step);
    else
        o->config.timer->start(o->step, at > now ? at - now : 0);
}

/* ---- life ---- */

static void on_hurry(void *ctx)
{
    struct outbox *o = ctx;

    outbox_keep_all(o, "parley is stopping");
    post_cancel(o->post);
    outbox_arm(o);
}

struct outbox *outbox_create(const struct outbox_config *config)
{
    struct outbox *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return NULL;
    o->config = *config;
    o->file.fd = -1;
    o->keeper = (struct keeper_config){.host = config->post.host,
                                       .offload = config->offload,
                                       .worker = config->post.worker,
                                       .shelf = config->shelf};
    o->post = post_create(&config->post, outbox_on_answer, o);
    o->step = config->timer->create(config->post.worker, on_step, o);
    o->hurry = config->timer->create(config->post.worker, on_hurry, o);
    if (o->post == NULL || o->step == NULL || o->hurry == NULL) {
        outbox_destroy(o);
        return NULL;
    }
    /* Not all of a fleet that was started at once should ask at once. */
    o->drains_at_ms = outbox_now_ms(o) + outbox_random(o, config->retry_ms);
    outbox_arm(o);
    return o;
}

void outbox_destroy(struct outbox *o)
{
    if (o == NULL)
        return;
    post_destroy(o->post);
    o->config.timer->destroy(o->step);
    o->config.timer->destroy(o->hurry);
    if (o->posted != NULL)
        outbox_push_front(o, o->posted);
    while (o->first != NULL) {
        struct waiting *w = outbox_pop(o);
        if (w->delivery == NULL) /* the host knows of the others */
            outbox_count_dropped(o, "shutdown", parcel_records(&w->parcel));
        delivery_drop_part(w->delivery);
        waiting_free(w);
    }
    parcel_done(&o->from_file);
    shelf_release(&o->file);
    free(o);
}

bool outbox_has_room(const struct outbox *o, size_t bytes)
{
    return o->bytes == 0 || (int64_t)(o->bytes + bytes) <= o->config.max_queue_bytes;
}

void outbox_add(struct outbox *o, struct parcel *take, struct delivery *delivery)
{
    struct waiting *w = calloc(1, sizeof(*w));

    delivery_add_part(delivery);
    if (w == NULL) {
        delivery_end_part(delivery, PARLEY_E_NO_MEMORY, parcel_records(take), "no memory");
        parcel_done(take);
        return;
    }
    w->parcel = *take;
    *take = (struct parcel){0};
    w->delivery = delivery;
    w->outbox = o;
    w->since_ms = outbox_now_ms(o);
    o->bytes += w->parcel.lines.len;
    outbox_push_back(o, w);
    outbox_arm(o);
}

void outbox_hurry(struct outbox *o)
{
    o->is_hurried = true;
    o->config.timer->start(o->hurry, HURRY_MS);
    outbox_arm(o);
}
