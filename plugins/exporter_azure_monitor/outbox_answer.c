/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_state.h"

#include <stdio.h>
#include <stdlib.h>

#define REASON 512

/* ---- what the service said ---- */

void outbox_tell(const struct outbox *o, const char *what, const char *reason, uint64_t records)
{
    o->config.post.host->log(o->config.post.handle, PARLEY_LOG_WARN,
                             "%s endpoint=%s reason=\"%s\" records=%llu", what,
                             o->config.post.endpoint, reason, (unsigned long long)records);
}

static int64_t pause_ms(const struct outbox *o)
{
    return o->config.retry_ms - outbox_random(o, o->config.retry_ms / 5 + 1);
}

/* Nothing is posted for a while. */
static void rest(struct outbox *o, const struct post_end *end, uint64_t records)
{
    int64_t delay = pause_ms(o);

    if (o->failures++ == 0)
        outbox_tell(o,
                    end->ruling == RULING_DENIED
                        ? "telemetry is refused and kept for later: check the "
                          "credential and its role on the resource"
                        : "telemetry is not delivered and kept for later",
                    end->reason, records);
    o->is_throttled = end->ruling == RULING_THROTTLED || end->retry_after_ms > 0;
    if (end->retry_after_ms > 0)
        delay = end->retry_after_ms;
    o->rests_until_ms = outbox_now_ms(o) + delay;
    o->drains_at_ms = o->rests_until_ms;
}

/* What is on the shelf waits no longer when the service is well again. */
static void go_on(struct outbox *o)
{
    bool was_unwell = o->failures > 0;

    if (was_unwell)
        o->config.post.host->log(o->config.post.handle, PARLEY_LOG_INFO,
                                 "telemetry is delivered again endpoint=%s",
                                 o->config.post.endpoint);
    o->failures = 0;
    o->is_refusal_told = false;
    o->is_throttled = false;
    o->rests_until_ms = 0;
    if (o->is_posting_file || was_unwell)
        o->drains_at_ms = outbox_now_ms(o) + DRAIN_MS + outbox_random(o, DRAIN_MS);
}

/* What a 206 says. */
struct part {
    uint64_t refused; /* records */
    bool is_any_accepted;
};

/*
 * What may be taken later stays in the parcel. When the answer cannot be read nothing is sent
 * again: some of it was accepted.
 */
static struct part sort_out(struct outbox *o, struct parcel *parcel, const struct post_end *end)
{
    enum verdict *verdicts = calloc(parcel->count + 1, sizeof(*verdicts));
    bool *keeps = calloc(parcel->count + 1, sizeof(*keeps));
    char message[ANSWER_MESSAGE] = "the answer cannot be read";
    struct part part = {.refused = parcel_records(parcel), .is_any_accepted = true};

    if (verdicts != NULL && keeps != NULL && end->is_whole &&
        answer_judge(end->body, parcel->count, verdicts, message)) {
        part = (struct part){0};
        for (uint32_t i = 0; i < parcel->count; i++) {
            part.refused += verdicts[i] == VERDICT_REFUSED && parcel->items[i].is_record;
            part.is_any_accepted = part.is_any_accepted || verdicts[i] == VERDICT_ACCEPTED;
            keeps[i] = verdicts[i] == VERDICT_AGAIN;
        }
    }
    if (keeps != NULL)
        parcel_pick(parcel, keeps);
    else
        parcel->count = 0;
    if (part.refused > 0 && !o->is_part_told)
        outbox_tell(o, "telemetry is delivered in part", message, part.refused);
    o->is_part_told = part.refused > 0;
    free(verdicts);
    free(keeps);
    return part;
}

/* ---- a fresh parcel's end ---- */

/* Halves of what was too large for one request; false when it is one item, or without memory. */
static bool split(struct outbox *o, struct waiting *w)
{
    struct waiting *rest_ = w->parcel.count < 2 ? NULL : calloc(1, sizeof(*rest_));
    size_t before = w->parcel.lines.len;

    if (rest_ == NULL || !parcel_split(&w->parcel, &rest_->parcel)) {
        free(rest_);
        return false;
    }
    rest_->outbox = o;
    rest_->since_ms = w->since_ms;
    rest_->delivery = w->delivery;
    if (w->delivery != NULL)
        delivery_add_part(w->delivery);
    o->bytes += w->parcel.lines.len + rest_->parcel.lines.len - before;
    outbox_push_front(o, rest_);
    outbox_push_front(o, w);
    return true;
}

/* What the service says of the items, behind its code. */
static void reason_of(const struct post_end *end, uint32_t items, char out[REASON])
{
    enum verdict *verdicts = calloc(items + 1, sizeof(*verdicts));
    char message[ANSWER_MESSAGE] = "";

    if (verdicts != NULL && !answer_judge(end->body, items, verdicts, message))
        message[0] = '\0';
    (void)snprintf(out, REASON, "%s%s%s", end->reason, message[0] == '\0' ? "" : ": ", message);
    free(verdicts);
}

static void tell_refusal(struct outbox *o, const struct post_end *end, uint32_t items,
                         uint64_t records)
{
    char reason[REASON];

    if (o->is_refusal_told)
        return;
    o->is_refusal_told = true;
    reason_of(end, items, reason);
    outbox_tell(o, "telemetry is refused for good: check key and endpoint of the connection string",
                reason, records);
}

static void drop(struct outbox *o, struct waiting *w, const struct post_end *end)
{
    uint64_t records = parcel_records(&w->parcel);

    tell_refusal(o, end, w->parcel.count, records);
    outbox_finish(o, w, PARLEY_E_PROTOCOL, records, "refused", end->reason);
}

/* Told now, as a part of its own: the rest of the parcel goes on. */
static void tell_part(struct outbox *o, struct waiting *w, uint64_t refused)
{
    if (refused > 0 && w->delivery != NULL) {
        delivery_add_part(w->delivery);
        delivery_end_part(w->delivery, PARLEY_OK, refused, "");
    } else if (refused > 0) {
        outbox_count_dropped(o, "refused", refused);
    }
}

/* By itself, later: an item that the service does not get done must not hold up the others. */
static void put_aside(struct outbox *o, struct waiting *w)
{
    w->not_before_ms = outbox_now_ms(o) + pause_ms(o);
    outbox_push_back(o, w);
}

/* The service is well when it took some of it; one that takes nothing for now is left alone, but
 * once for each parcel. */
static void on_part(struct outbox *o, struct waiting *w, const struct post_end *end)
{
    const struct post_end later = {.ruling = RULING_LATER,
                                   .retry_after_ms = end->retry_after_ms,
                                   .reason = "the service takes a part of it later"};
    size_t before = w->parcel.lines.len;
    struct part part = sort_out(o, &w->parcel, end);
    bool is_done = w->parcel.count == 0;
    bool rests =
        !is_done && (end->retry_after_ms > 0 || (!part.is_any_accepted && !w->was_put_off));

    o->bytes -= before - w->parcel.lines.len;
    if (rests)
        rest(o, &later, parcel_records(&w->parcel));
    else if (is_done || part.is_any_accepted)
        go_on(o);
    if (is_done) {
        outbox_finish(o, w, PARLEY_OK, part.refused, "refused", "");
        return;
    }
    tell_part(o, w, part.refused);
    w->was_put_off = true;
    if (rests || o->is_hurried)
        outbox_keep(o, w, later.reason);
    else
        put_aside(o, w);
}

static void on_fresh_end(struct outbox *o, struct waiting *w, const struct post_end *end)
{
    switch (end->ruling) {
    case RULING_DONE:
        o->is_part_told = false;
        go_on(o);
        outbox_finish(o, w, PARLEY_OK, 0, NULL, "");
        break;
    case RULING_PART:
        on_part(o, w, end);
        break;
    case RULING_TOO_LARGE:
        if (!split(o, w))
            drop(o, w, end);
        break;
    case RULING_DROP:
        drop(o, w, end);
        break;
    default:
        rest(o, end, parcel_records(&w->parcel));
        outbox_keep(o, w, end->reason);
        break;
    }
}

/* ---- a file's end ---- */

static void on_replaced(void *ctx, const struct keeper_result *r)
{
    struct outbox *o = ctx;

    if (r->result != SHELF_OK) {
        outbox_tell_shelf(o, r->reason);
        outbox_count_dropped(o, "storage_full", r->parcel->count);
    }
    outbox_arm(o);
}

/* What is left is laid down anew, behind the others. */
static void on_file_part(struct outbox *o, const struct post_end *end)
{
    const struct post_end later = {.ruling = RULING_LATER,
                                   .retry_after_ms = end->retry_after_ms,
                                   .reason = "the service takes a part of it later"};
    struct part part = sort_out(o, &o->from_file, end);
    uint32_t left = o->from_file.count;

    outbox_count_dropped(o, "refused", part.refused);
    if (left > 0 && end->retry_after_ms > 0)
        rest(o, &later, left);
    else if (left == 0 || part.is_any_accepted)
        go_on(o);
    else
        o->drains_at_ms = outbox_now_ms(o) + pause_ms(o);
    if (left == 0)
        keeper_remove(&o->keeper, &o->file);
    else if (!keeper_replace(&o->keeper, &o->file, &o->from_file, on_replaced, o))
        outbox_count_dropped(o, "storage_full", left);
}

/* In memory from here on, as if it had not been laid down. */
static bool split_file(struct outbox *o)
{
    struct waiting *w = calloc(1, sizeof(*w));
    size_t len = o->from_file.lines.len;

    if (w == NULL)
        return false;
    *w = (struct waiting){.outbox = o, .parcel = o->from_file, .since_ms = outbox_now_ms(o)};
    if (!split(o, w)) {
        free(w);
        return false;
    }
    o->from_file = (struct parcel){0};
    o->bytes += len;
    return true;
}

static void drop_file(struct outbox *o, const struct post_end *end)
{
    tell_refusal(o, end, o->from_file.count, o->from_file.count);
    outbox_count_dropped(o, "refused", o->from_file.count);
}

static void on_file_end(struct outbox *o, const struct post_end *end)
{
    switch (end->ruling) {
    case RULING_DONE:
        go_on(o);
        keeper_remove(&o->keeper, &o->file);
        break;
    case RULING_PART:
        on_file_part(o, end);
        break;
    case RULING_TOO_LARGE:
    case RULING_DROP:
        if (end->ruling == RULING_DROP || !split_file(o))
            drop_file(o, end);
        keeper_remove(&o->keeper, &o->file);
        o->drains_at_ms = outbox_now_ms(o) + DRAIN_MS;
        break;
    default:
        rest(o, end, o->from_file.count);
        shelf_release(&o->file);
        break;
    }
    parcel_done(&o->from_file);
    o->is_posting_file = false;
}

void outbox_on_answer(void *ctx, const struct post_end *end)
{
    struct outbox *o = ctx;
    struct waiting *w = o->posted;

    o->posted = NULL;
    if (w != NULL)
        on_fresh_end(o, w, end);
    else if (o->is_posting_file)
        on_file_end(o, end);
    outbox_arm(o);
}
