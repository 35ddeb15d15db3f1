/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include <stdlib.h>
#include <string.h>

#define HOLD_MS      45000 /* longest stay of a delivery, below the host's patience */
#define HURRY_MS     900   /* of a last post, below the host's patience with a stop */
#define DRAIN_MS     200   /* between two files of the shelf, and as much again by chance */
#define LINE_MESSAGE 256

struct waiting {
    struct waiting *next;
    struct parcel parcel;
    struct delivery *delivery; /* NULL: it has ended */
    struct outbox *outbox;
    int64_t since_ms;
};

struct outbox {
    struct outbox_config config;
    struct keeper_config keeper;
    struct post *post;
    struct parley_timer *step;
    struct parley_timer *hurry;
    struct waiting *first;
    struct waiting *last;
    size_t bytes;            /* of all in memory */
    struct waiting *posted;  /* in the post */
    struct parcel from_file; /* likewise */
    struct shelf_file file;
    bool is_posting_file;
    bool is_taking;
    unsigned failures;    /* in a row */
    bool is_throttled;    /* the service said when */
    bool is_shelf_told;   /* in the log, that it cannot be written */
    bool is_refusal_told; /* likewise, that the service takes nothing */
    bool is_hurried;
    int64_t rests_until_ms;
    int64_t drains_at_ms;
    int64_t shelf_bad_until_ms;
};

static int64_t now_ms(const struct outbox *o)
{
    return (int64_t)(o->config.post.host->now_us() / 1000);
}

static int64_t random_below(const struct outbox *o, int64_t limit)
{
    uint32_t number;

    o->config.post.host->random(&number, sizeof(number));
    return limit <= 0 ? 0 : (int64_t)(number % (uint64_t)limit);
}

static void count(const struct outbox *o, const char *metric, const char *error, uint64_t items)
{
    const struct parley_metric_label labels[] = {{"otel.component.name", o->config.name},
                                                 {"error.type", error}};

    if (items > 0 && o->config.metrics != NULL) /* a host that has no such metric does without */
        (void)o->config.metrics->add(o->config.post.worker, metric, (double)items, labels,
                                     error == NULL ? 1 : 2);
}

static void count_dropped(const struct outbox *o, const char *error, uint64_t items)
{
    count(o, "parley.exporter.dropped", error, items);
}

/* ---- what waits ---- */

static void waiting_free(struct waiting *w)
{
    parcel_done(&w->parcel);
    free(w);
}

static void push_front(struct outbox *o, struct waiting *w)
{
    w->next = o->first;
    o->first = w;
    if (o->last == NULL)
        o->last = w;
}

static void push_back(struct outbox *o, struct waiting *w)
{
    w->next = NULL;
    if (o->last != NULL)
        o->last->next = w;
    else
        o->first = w;
    o->last = w;
}

static struct waiting *pop(struct outbox *o)
{
    struct waiting *w = o->first;

    o->first = w->next;
    if (o->first == NULL)
        o->last = NULL;
    w->next = NULL;
    return w;
}

/* Its end. Records that are lost after their delivery ended are counted here. */
static void finish(struct outbox *o, struct waiting *w, int status, uint64_t lost,
                   const char *error, const char *reason)
{
    if (w->delivery == NULL)
        count_dropped(o, error, lost);
    delivery_end_part(w->delivery, status, lost, reason);
    o->bytes -= w->parcel.lines.len;
    waiting_free(w);
}

static void give_up(struct outbox *o, struct waiting *w, const char *error, const char *reason)
{
    finish(o, w, PARLEY_E_UNAVAILABLE, parcel_records(&w->parcel), error, reason);
}

/* ---- the next step ---- */

static void arm(struct outbox *o);

static bool is_resting(const struct outbox *o)
{
    return now_ms(o) < o->rests_until_ms && (!o->is_hurried || o->is_throttled);
}

static bool is_busy(const struct outbox *o)
{
    return o->posted != NULL || o->is_posting_file || o->is_taking;
}

/* A delivery that has waited long ends as kept: the host would give it up as lost. */
static void let_go(struct outbox *o, struct waiting *w)
{
    if (w != NULL && w->delivery != NULL && now_ms(o) - w->since_ms >= HOLD_MS) {
        struct delivery *d = w->delivery;
        w->delivery = NULL;
        count(o, "parley.exporter.kept", NULL, parcel_records(&w->parcel));
        delivery_end_part(d, PARLEY_OK, 0, "");
    }
}

static void let_go_of_old(struct outbox *o)
{
    let_go(o, o->posted);
    for (struct waiting *w = o->first; w != NULL; w = w->next)
        let_go(o, w);
}

/* ---- keeping ---- */

static bool has_shelf(const struct outbox *o)
{
    return o->config.shelf != NULL && o->config.offload != NULL;
}

static bool can_lay_down(const struct outbox *o)
{
    return has_shelf(o) && (o->is_hurried || now_ms(o) >= o->shelf_bad_until_ms);
}

/* Left alone for a while; told once for each row of failures. */
static void tell_shelf(struct outbox *o, const char *reason)
{
    o->shelf_bad_until_ms = now_ms(o) + o->config.retry_ms;
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
        push_front(o, w);
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
            count(o, "parley.exporter.kept", NULL, parcel_records(&w->parcel));
        finish(o, w, PARLEY_OK, 0, NULL, "");
    } else {
        tell_shelf(o, r->reason);
        keep_in_memory(o, w, r->reason);
    }
    arm(o);
}

static void keep(struct outbox *o, struct waiting *w, const char *reason)
{
    struct parcel parcel = w->parcel;
    size_t len = w->parcel.lines.len;

    if (!can_lay_down(o)) {
        keep_in_memory(o, w, reason);
    } else if (keeper_store(&o->keeper, &parcel, on_stored, w)) {
        w->parcel = (struct parcel){.lines = {.len = len}}; /* its bytes still count */
    } else {
        tell_shelf(o, "the offload pool is full");
        keep_in_memory(o, w, reason);
    }
}

static void keep_all(struct outbox *o, const char *reason)
{
    unsigned waiting = 0;

    for (const struct waiting *w = o->first; w != NULL; w = w->next)
        waiting++;
    while (waiting-- > 0 && o->first != NULL && (can_lay_down(o) || o->is_hurried))
        keep(o, pop(o), reason); /* which may put it back */
}

/* ---- what the service said ---- */

static void tell(const struct outbox *o, const char *what, const char *reason, uint64_t records)
{
    o->config.post.host->log(o->config.post.handle, PARLEY_LOG_WARN,
                             "%s endpoint=%s reason=\"%s\" records=%llu", what,
                             o->config.post.endpoint, reason, (unsigned long long)records);
}

/* Nothing is posted for a while. */
static void rest(struct outbox *o, const struct post_end *end, uint64_t records)
{
    int64_t delay = o->config.retry_ms - random_below(o, o->config.retry_ms / 5 + 1);

    if (o->failures++ == 0)
        tell(o,
             end->ruling == RULING_DENIED ? "telemetry is refused and kept for later: check the "
                                            "credential and its role on the resource"
                                          : "telemetry is not delivered and kept for later",
             end->reason, records);
    o->is_throttled = end->ruling == RULING_THROTTLED || end->retry_after_ms > 0;
    if (end->retry_after_ms > 0)
        delay = end->retry_after_ms;
    o->rests_until_ms = now_ms(o) + delay;
    o->drains_at_ms = o->rests_until_ms;
}

static void go_on(struct outbox *o)
{
    if (o->failures > 0)
        o->config.post.host->log(o->config.post.handle, PARLEY_LOG_INFO,
                                 "telemetry is delivered again endpoint=%s",
                                 o->config.post.endpoint);
    o->failures = 0;
    o->is_refusal_told = false;
    o->is_throttled = false;
    o->rests_until_ms = 0;
    if (o->is_posting_file || o->drains_at_ms > now_ms(o) + 2 * DRAIN_MS)
        o->drains_at_ms = now_ms(o) + DRAIN_MS + random_below(o, DRAIN_MS);
}

/*
 * Of a 206: what may be taken later stays in the parcel, and the answer is how many records were
 * refused. When it cannot be read nothing is sent again: some of it was accepted.
 */
static uint64_t sort_out(struct outbox *o, struct parcel *parcel, const struct post_end *end)
{
    enum verdict *verdicts = calloc(parcel->count + 1, sizeof(*verdicts));
    bool *keeps = calloc(parcel->count + 1, sizeof(*keeps));
    char message[ANSWER_MESSAGE] = "the answer cannot be read";
    uint64_t refused = parcel_records(parcel);

    if (verdicts != NULL && keeps != NULL && end->is_whole &&
        answer_judge(end->body, parcel->count, verdicts, message)) {
        refused = 0;
        for (uint32_t i = 0; i < parcel->count; i++) {
            refused += verdicts[i] == VERDICT_REFUSED && parcel->items[i].is_record;
            keeps[i] = verdicts[i] == VERDICT_AGAIN;
        }
    }
    if (keeps != NULL)
        parcel_pick(parcel, keeps);
    else
        parcel->count = 0;
    if (refused > 0)
        tell(o, "telemetry is delivered in part", message, refused);
    free(verdicts);
    free(keeps);
    return refused;
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
    push_front(o, rest_);
    push_front(o, w);
    return true;
}

static void tell_refusal(struct outbox *o, const char *reason, uint64_t records)
{
    if (!o->is_refusal_told)
        tell(o, "telemetry is refused for good: check the endpoint of the connection string",
             reason, records);
    o->is_refusal_told = true;
}

static void drop(struct outbox *o, struct waiting *w, const struct post_end *end)
{
    uint64_t records = parcel_records(&w->parcel);

    tell_refusal(o, end->reason, records);
    finish(o, w, PARLEY_E_PROTOCOL, records, "refused", end->reason);
}

static void on_part(struct outbox *o, struct waiting *w, const struct post_end *end)
{
    const struct post_end later = {.ruling = RULING_LATER,
                                   .retry_after_ms = end->retry_after_ms,
                                   .reason = "the service takes a part of it later"};
    size_t before = w->parcel.lines.len;
    uint64_t refused = sort_out(o, &w->parcel, end);

    o->bytes -= before - w->parcel.lines.len;
    if (w->parcel.count == 0) {
        finish(o, w, PARLEY_OK, refused, "refused", "");
        return;
    }
    rest(o, &later, parcel_records(&w->parcel));
    if (refused > 0 && w->delivery != NULL) { /* told now, as a part of its own */
        delivery_add_part(w->delivery);
        delivery_end_part(w->delivery, PARLEY_OK, refused, "");
    } else if (refused > 0) {
        count_dropped(o, "refused", refused);
    }
    keep(o, w, later.reason);
}

static void on_fresh_end(struct outbox *o, struct waiting *w, const struct post_end *end)
{
    switch (end->ruling) {
    case RULING_DONE:
        go_on(o);
        finish(o, w, PARLEY_OK, 0, NULL, "");
        break;
    case RULING_PART:
        go_on(o);
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
        keep(o, w, end->reason);
        break;
    }
}

/* ---- a file's end ---- */

static void on_replaced(void *ctx, const struct keeper_result *r)
{
    struct outbox *o = ctx;

    if (r->result != SHELF_OK) {
        tell_shelf(o, r->reason);
        count_dropped(o, "storage_full", r->parcel->count);
    }
    arm(o);
}

static void on_file_part(struct outbox *o, const struct post_end *end)
{
    const struct post_end later = {.ruling = RULING_LATER,
                                   .retry_after_ms = end->retry_after_ms,
                                   .reason = "the service takes a part of it later"};

    count_dropped(o, "refused", sort_out(o, &o->from_file, end));
    if (o->from_file.count == 0) {
        keeper_remove(&o->keeper, &o->file);
        return;
    }
    uint32_t left = o->from_file.count;
    rest(o, &later, left);
    if (!keeper_replace(&o->keeper, &o->file, &o->from_file, on_replaced, o))
        count_dropped(o, "storage_full", left);
}

static void on_file_end(struct outbox *o, const struct post_end *end)
{
    switch (end->ruling) {
    case RULING_DONE:
        go_on(o);
        keeper_remove(&o->keeper, &o->file);
        break;
    case RULING_PART:
        go_on(o);
        on_file_part(o, end);
        break;
    case RULING_TOO_LARGE:
    case RULING_DROP:
        tell_refusal(o, end->reason, o->from_file.count);
        count_dropped(o, "refused", o->from_file.count);
        keeper_remove(&o->keeper, &o->file);
        o->drains_at_ms = now_ms(o) + DRAIN_MS;
        break;
    default:
        rest(o, end, o->from_file.count);
        shelf_release(&o->file);
        break;
    }
    parcel_done(&o->from_file);
    o->is_posting_file = false;
}

static void on_post_end(void *ctx, const struct post_end *end)
{
    struct outbox *o = ctx;
    struct waiting *w = o->posted;

    o->posted = NULL;
    if (w != NULL)
        on_fresh_end(o, w, end);
    else if (o->is_posting_file)
        on_file_end(o, end);
    arm(o);
}

/* ---- steps ---- */

static void post_failed(struct outbox *o, const struct parley_error *err)
{
    const struct post_end end = {.ruling = RULING_LATER, .reason = err->message};

    on_post_end(o, &end);
}

static void post_fresh(struct outbox *o)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    o->posted = pop(o);
    if (post_send(o->post, &o->posted->parcel, &err) < 0)
        post_failed(o, &err);
}

static void on_taken(void *ctx, const struct keeper_result *r)
{
    struct outbox *o = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    o->is_taking = false;
    count_dropped(o, "too_old", r->loss.too_old);
    count_dropped(o, "unreadable", r->loss.unreadable);
    if (r->loss.unreadable > 0)
        tell(o, "a damaged file of storage_dir is thrown away", "it cannot be read",
             r->loss.unreadable);
    o->drains_at_ms = now_ms(o) + o->config.retry_ms;
    if (r->result == SHELF_FAILED)
        tell_shelf(o, r->reason);
    if (r->result == SHELF_OK && !o->is_hurried) {
        o->from_file = *r->parcel;
        o->file = *r->file;
        *r->parcel = (struct parcel){0};
        *r->file = (struct shelf_file){.fd = -1};
        o->is_posting_file = true;
        if (post_send(o->post, &o->from_file, &err) < 0)
            post_failed(o, &err);
    }
    arm(o);
}

static void on_step(void *ctx)
{
    struct outbox *o = ctx;

    let_go_of_old(o);
    if (is_resting(o)) {
        if (can_lay_down(o) || o->is_hurried)
            keep_all(o, "the service is left alone");
    } else if (!is_busy(o)) {
        if (o->first != NULL)
            post_fresh(o);
        else if (has_shelf(o) && !o->is_hurried && now_ms(o) >= o->drains_at_ms)
            o->is_taking = keeper_take(&o->keeper, on_taken, o);
        if (!is_busy(o) && now_ms(o) >= o->drains_at_ms)
            o->drains_at_ms = now_ms(o) + o->config.retry_ms; /* the pool was full */
    }
    arm(o);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* While the service is left alone: when what waits is laid down, or at least tried. */
static int64_t lies_down_at(const struct outbox *o)
{
    if (o->is_hurried)
        return now_ms(o);
    return has_shelf(o) ? earlier(o->shelf_bad_until_ms, o->rests_until_ms) : o->rests_until_ms;
}

/* When there is something to do, unless an end comes before. */
static void arm(struct outbox *o)
{
    int64_t now = now_ms(o), at = INT64_MAX;

    if (o->posted != NULL && o->posted->delivery != NULL)
        at = o->posted->since_ms + HOLD_MS;
    for (const struct waiting *w = o->first; w != NULL; w = w->next) {
        if (w->delivery != NULL)
            at = earlier(at, w->since_ms + HOLD_MS);
    }
    if (o->first != NULL && !is_busy(o) && !is_resting(o))
        at = now;
    else if (o->first != NULL && is_resting(o))
        at = earlier(at, lies_down_at(o));
    if (has_shelf(o) && !o->is_hurried && !is_busy(o))
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

    keep_all(o, "parley is stopping");
    post_cancel(o->post);
    arm(o);
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
    o->post = post_create(&config->post, on_post_end, o);
    o->step = config->timer->create(config->post.worker, on_step, o);
    o->hurry = config->timer->create(config->post.worker, on_hurry, o);
    if (o->post == NULL || o->step == NULL || o->hurry == NULL) {
        outbox_destroy(o);
        return NULL;
    }
    /* Not all of a fleet that was started at once should ask at once. */
    o->drains_at_ms = now_ms(o) + random_below(o, config->retry_ms);
    arm(o);
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
        push_front(o, o->posted);
    while (o->first != NULL) {
        struct waiting *w = pop(o);
        if (w->delivery == NULL) /* the host knows of the others */
            count_dropped(o, "shutdown", parcel_records(&w->parcel));
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
    w->since_ms = now_ms(o);
    o->bytes += w->parcel.lines.len;
    push_back(o, w);
    arm(o);
}

void outbox_hurry(struct outbox *o)
{
    o->is_hurried = true;
    o->config.timer->start(o->hurry, HURRY_MS);
    arm(o);
}
