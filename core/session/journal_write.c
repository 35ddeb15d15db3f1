/* SPDX-License-Identifier: Apache-2.0 */
/* One write to the store at a time, and what is done when it does not go well. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/journal.h"
#include "session/journal_cut.h"
#include "session/state.h"

#include <stdlib.h>

#define RETRY_MS       INT64_C(500)
#define MOST_DOUBLINGS 6 /* 32 s */
#define EMPTIED        "{}"

void journal_record_free(struct journal_record *r)
{
    list_remove(&r->entry);
    buf_done(&r->data);
    free(r->id);
    free(r);
}

static void clear(struct list *records)
{
    while (!list_empty(records))
        journal_record_free(list_entry(records->next, struct journal_record, entry));
}

/* Tools wait for this much to be kept. */
static void noted(struct session *s, int64_t seq)
{
    if (s->phase == SESSION_OPEN)
        tools_noted(s, seq);
}

/* ---- what the store refuses ---- */

void journal_lose(struct session *s, size_t count)
{
    s->journal.lost += count;
    measure_store_lost(s, count);
}

/* It is over with this conversation's record: say it once, and what the agent wants done. */
static void failed(struct session *s, const char *what, const struct parley_error *err)
{
    struct journal *j = &s->journal;

    if (j->has_failed)
        return;
    j->has_failed = true;
    if (err->status == PARLEY_E_CONFLICT && s->resume.is_on) {
        promise_drop(s); /* there it was never said */
        session_end_soon(s, 1001, "session_taken_over", "The session goes on at another server.");
    }
    promise_release(s);
    log_error(
        "the store failed; this conversation is not kept from here on session=%s store=\"%s\" "
        "while=\"%s\" reason=\"%s\"",
        s->id, j->store->instance->title, what, err->message);
    if (s->agent->config->on_store_failure == AGENT_STORE_FAILURE_END && s->phase == SESSION_OPEN)
        session_end_soon(
            s, 1011, "store_failed",
            "The conversation can not be kept, and the agent does not go on without that.");
}

/* Will the same write go well later? A key that was refused may be mended in the meantime. */
static bool may_pass(int status)
{
    return status == PARLEY_E_BUSY || status == PARLEY_E_UNAVAILABLE ||
           status == PARLEY_E_TIMEOUT || status == PARLEY_E_DENIED || status == PARLEY_E_NO_MEMORY;
}

/* What was under way waits again, before what came meanwhile. */
static void take_back(struct journal *j)
{
    while (!list_empty(&j->sending)) {
        struct journal_record *r = list_entry(j->sending.prev, struct journal_record, entry);
        list_remove(&r->entry);
        list_prepend(&j->waiting, &r->entry);
        j->waiting_count++;
        j->waiting_bytes += r->data.len;
    }
}

static void on_retry(void *ctx)
{
    journal_write(ctx);
}

/* Later and later; sessions that lost the same store do not come back in step. */
static void retry_later(struct session *s, int64_t after_ms)
{
    struct journal *j = &s->journal;
    int64_t wait_ms = RETRY_MS << (j->attempts < MOST_DOUBLINGS ? j->attempts : MOST_DOUBLINGS);

    wait_ms += wait_ms * (unsigned char)s->id[strlen(s->id) - 1] / 1024; /* random letters */
    j->attempts++;
    loop_timer_start(s->env->loop, &j->retry, after_ms > wait_ms ? after_ms : wait_ms, on_retry, s);
}

/* An agent that does not go on without its record does not talk for long without one; and who has
 * gone is not kept in memory for a store that does not answer. */
static bool is_given_up(const struct session *s, uint64_t now)
{
    const struct journal *j = &s->journal;

    if (j->give_up_us != 0)
        return now >= j->give_up_us;
    return s->agent->config->on_store_failure == AGENT_STORE_FAILURE_END && j->trouble_us != 0 &&
           now >= j->trouble_us + JOURNAL_PATIENCE_US;
}

static void in_trouble(struct session *s, const char *what, const struct parley_error *err)
{
    struct journal *j = &s->journal;
    uint64_t now = clock_now_us();

    if (is_given_up(s, now)) {
        failed(s, what, err);
        return;
    }
    if (j->trouble_us == 0) {
        j->trouble_us = now;
        promise_late(s);
        log_warn("the store does not take this conversation now; it is tried again session=%s "
                 "store=\"%s\" while=\"%s\" waiting=%zu reason=\"%s\"",
                 s->id, j->store->instance->title, what, j->waiting_count, err->message);
    }
    retry_later(s, err->retry_after_ms);
    if (s->agent->config->on_store_failure == AGENT_STORE_FAILURE_CONTINUE)
        noted(s, INT64_MAX); /* tools do not wait for it */
}

static bool is_emptied(const struct journal_record *r)
{
    return view_is(buf_view(&r->data), EMPTIED);
}

/* The only one of its append. */
static void cut_first(struct session *s, const struct parley_error *err)
{
    struct journal *j = &s->journal;
    struct journal_record *r = list_entry(j->waiting.next, struct journal_record, entry);
    size_t before = r->data.len;

    j->waiting_bytes -= before;
    if (r->is_cut || !journal_cut(r->kind, &r->data, before)) {
        r->data.len = 0;
        buf_append_str(&r->data, EMPTIED); /* its place stays */
    }
    log_warn("a record is too large for the store, and kept without its contents session=%s "
             "store=\"%s\" id=%s bytes=%zu kept_bytes=%zu reason=\"%s\"",
             s->id, j->store->instance->title, r->id, before, r->data.len, err->message);
    r->is_cut = true;
    j->waiting_bytes += r->data.len;
}

/* One of them is, or all of them are. */
static void too_large(struct session *s, const struct parley_error *err)
{
    struct journal *j = &s->journal;
    struct list *first = j->waiting.next;
    size_t sent =
        (size_t)(j->sending_seq - list_entry(first, struct journal_record, entry)->seq + 1);

    if (sent == 1 && is_emptied(list_entry(first, struct journal_record, entry))) {
        failed(s, "append", err); /* nothing is left that could be cut */
        return;
    }
    if (sent > 1)
        j->batch_most = sent / 2;
    else
        cut_first(s, err);
    loop_timer_start(s->env->loop, &j->retry, 0, on_retry, s); /* the store may be on the stack */
}

static void refused(struct session *s, const char *what, const struct parley_error *err)
{
    struct journal *j = &s->journal;
    bool was_append = !list_empty(&j->sending);

    take_back(j);
    if (was_append && err->status == PARLEY_E_TOO_LARGE)
        too_large(s, err);
    else if (may_pass(err->status))
        in_trouble(s, what, err);
    else
        failed(s, what, err);
}

/* ---- a queue that is full, and the gap ---- */

void journal_overflowed(struct session *s)
{
    struct journal *j = &s->journal;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (j->has_gap || j->has_failed)
        return;
    if (s->agent->config->on_store_failure == AGENT_STORE_FAILURE_END) {
        (void)parley_fail(&err, PARLEY_E_UNAVAILABLE,
                          "%zu records of %zu bytes wait for it, the most there may be",
                          j->waiting_count, j->waiting_bytes);
        failed(s, "append", &err);
        return;
    }
    j->has_gap = true;
    log_error("the store is away or too slow, and nothing more of this conversation can wait for "
              "it; what comes now is written when it answers, as far as it is in the conversation "
              "then session=%s store=\"%s\" waiting=%zu bytes=%zu",
              s->id, j->store->instance->title, j->waiting_count, j->waiting_bytes);
}

/* The items of the gap in their order; what came to pass with calls and responses is lost. */
static void close_gap(struct session *s)
{
    struct journal *j = &s->journal;
    struct list *at;
    size_t items = 0;

    j->has_gap = false;
    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (i->journaled || i->json == NULL)
            continue;
        journal_item(s, i);
        items++;
    }
    log_info("the gap in the record is closed session=%s items=%zu lost=%llu", s->id, items,
             (unsigned long long)j->lost);
    journal_write(s); /* there may have been nothing in it */
}

static void answered(struct session *s)
{
    struct journal *j = &s->journal;

    if (j->trouble_us != 0)
        log_info("the store takes this conversation again session=%s store=\"%s\" after_ms=%llu "
                 "waiting=%zu lost=%llu",
                 s->id, j->store->instance->title,
                 (unsigned long long)((clock_now_us() - j->trouble_us) / 1000), j->waiting_count,
                 (unsigned long long)j->lost);
    j->trouble_us = 0;
    j->attempts = 0;
}

/* ---- writing ---- */

static void fill_head(struct session *s, struct buf *data, struct parley_store_head *head)
{
    const struct journal *j = &s->journal;
    int64_t now = clock_unix_ms();

    buf_append_str(data, "{\"usage\":");
    rt_usage_write(data, &s->usage);
    buf_printf(data, ",\"turns\":%u", s->turn.number);
    resume_write(s, data);
    _cleanup_json_ json_t *recordings = tape_describe(s);
    if (recordings != NULL) {
        buf_append_str(data, ",\"recordings\":");
        json_write(data, recordings);
    }
    buf_append_char(data, '}');
    *head = (struct parley_store_head){
        .size = sizeof(*head),
        .state = j->is_ending && !j->hands_over ? PARLEY_SESSION_ENDED : PARLEY_SESSION_ACTIVE,
        .session_id = s->id,
        .agent = s->agent->name,
        .user = s->user,
        .owner = s->env->host_name,
        .epoch = s->journal.epoch,
        .lease_until_ms = s->resume.is_on && !j->is_ending ? now + RESUME_LEASE_MS : 0,
        .created_ms = s->journal.created_ms,
        .updated_ms = now,
        .expires_ms = s->agent->config->keep_ms == 0 ? 0 : now + s->agent->config->keep_ms,
        .data = buf_view(data),
    };
}

static void on_created(void *ctx, int status, const struct parley_error *err)
{
    struct session *s = ctx;
    struct journal *j = &s->journal;

    j->request = NULL;
    measure_store(s, "create", clock_now_us() - j->began_us, status);
    /* Nobody else makes a session of this id: the answer to the first attempt was lost. */
    if (status == PARLEY_E_CONFLICT && j->was_created_unheard)
        status = PARLEY_OK;
    if (status < 0) {
        j->was_created_unheard = true;
        refused(s, "create", err);
    } else {
        j->is_created = true;
        answered(s);
    }
    journal_write(s);
}

static void on_appended(void *ctx, int status, const struct parley_error *err)
{
    struct session *s = ctx;
    struct journal *j = &s->journal;

    j->request = NULL;
    measure_store(s, "append", clock_now_us() - j->began_us, status);
    if (status < 0) {
        refused(s, "append", err);
    } else {
        clear(&j->sending);
        j->kept_seq = j->sending_seq;
        j->batch_most = j->batch_most < JOURNAL_MAX_RECORDS ? j->batch_most * 2 : j->batch_most;
        answered(s);
        promise_kept(s);
        noted(s, j->sending_seq);
    }
    journal_write(s);
}

/* The head did not get there: it is to be written again, with all that it was to say. */
static void head_again(struct session *s)
{
    s->journal.is_ending = s->journal.is_ending || s->phase == SESSION_ENDED;
    s->journal.is_renewed = true;
}

static void on_updated(void *ctx, int status, const struct parley_error *err)
{
    struct session *s = ctx;
    struct journal *j = &s->journal;

    j->request = NULL;
    measure_store(s, "update", clock_now_us() - j->began_us, status);
    if (status < 0) {
        head_again(s);
        refused(s, "update", err);
    } else {
        answered(s);
    }
    journal_write(s);
}

static const struct store_events created_events = {.on_end = on_created};
static const struct store_events appended_events = {.on_end = on_appended};
static const struct store_events updated_events = {.on_end = on_updated};

static void write_head(struct session *s)
{
    struct journal *j = &s->journal;
    struct buf data = {0};
    struct parley_store_head head;
    struct parley_error err = PARLEY_ERROR_INIT;
    int r;

    fill_head(s, &data, &head);
    if (j->is_created)
        j->is_ending = j->is_renewed = false;
    j->began_us = clock_now_us();
    if (!j->is_created)
        r = store_create(j->store, &head, (struct store_caller){&created_events, s}, &j->request,
                         &err);
    else
        r = store_update(j->store, &head, (struct store_caller){&updated_events, s}, &j->request,
                         &err);
    buf_done(&data);
    if (r < 0 && j->is_created)
        head_again(s);
    if (r < 0)
        refused(s, j->is_created ? "update" : "create", &err);
}

/* What waits, in one append. */
static void write_records(struct session *s)
{
    struct journal *j = &s->journal;
    struct parley_error err = PARLEY_ERROR_INIT;
    size_t most = j->waiting_count < j->batch_most ? j->waiting_count : j->batch_most;
    struct parley_store_record *records = calloc(most, sizeof(*records));
    size_t n = 0;

    if (records == NULL) {
        (void)parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for %zu records", most);
        in_trouble(s, "append", &err);
        return;
    }
    while (!list_empty(&j->waiting) && n < most) {
        struct journal_record *r = list_entry(j->waiting.next, struct journal_record, entry);
        list_remove(&r->entry);
        list_append(&j->sending, &r->entry);
        j->sending_seq = r->seq;
        j->waiting_count--;
        j->waiting_bytes -= r->data.len;
        records[n++] = (struct parley_store_record){.kind = r->kind,
                                                    .seq = r->seq,
                                                    .time_ms = r->time_ms,
                                                    .id = r->id,
                                                    .data = buf_view(&r->data)};
    }
    j->began_us = clock_now_us();
    int r = store_append(j->store, s->id, j->epoch, records, n,
                         (struct store_caller){&appended_events, s}, &j->request, &err);
    free(records);
    if (r < 0)
        refused(s, "append", &err);
}

/* It has failed: nothing of what waits is kept. */
static void drop_waiting(struct session *s)
{
    struct journal *j = &s->journal;

    journal_lose(s, j->waiting_count);
    clear(&j->waiting);
    j->waiting_count = 0;
    j->waiting_bytes = 0;
    j->is_ending = j->is_renewed = false;
    if (s->agent->config->on_store_failure == AGENT_STORE_FAILURE_CONTINUE)
        noted(s, INT64_MAX); /* nothing will be kept: nothing to wait for */
}

static void write_next(struct session *s)
{
    struct journal *j = &s->journal;

    if (!j->is_created) {
        /* A conversation in which nothing was said is not kept, unless it was recorded: then the
         * head tells whose the file is. */
        if (j->waiting_count > 0 || tape_has_begun(s))
            write_head(s);
        else
            j->is_ending = false;
    } else if (j->waiting_count > 0) {
        write_records(s);
    } else if (j->has_gap) {
        close_gap(s);
    } else if (j->is_ending || j->is_renewed) {
        write_head(s);
    }
}

void journal_write(struct session *s)
{
    struct journal *j = &s->journal;

    if (j->store == NULL || j->request != NULL || loop_timer_is_running(&j->retry))
        return;
    if (!j->has_failed)
        write_next(s);
    if (j->has_failed) /* before, or on the spot */
        drop_waiting(s);
    session_released(s);
}
