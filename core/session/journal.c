/* SPDX-License-Identifier: Apache-2.0 */
#include "session/journal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

struct journal_record {
    struct list entry;
    uint32_t kind;
    int64_t seq;
    int64_t time_ms;
    char *id;
    struct buf data;
};

static void write_next(struct session *s);

static void record_free(struct journal_record *r)
{
    list_remove(&r->entry);
    buf_done(&r->data);
    free(r->id);
    free(r);
}

static void clear(struct list *records)
{
    while (!list_empty(records))
        record_free(list_entry(records->next, struct journal_record, entry));
}

/* The store has failed: say it once, and what the agent wants done about it. */
static void failed(struct session *s, const char *what, const struct parley_error *err)
{
    struct journal *j = &s->journal;

    if (j->has_failed)
        return;
    j->has_failed = true;
    if (err != NULL && err->status == PARLEY_E_CONFLICT && s->resume.is_on) {
        promise_drop(s); /* there it was never said */
        session_end_soon(s, 1001, "session_taken_over", "The session goes on at another server.");
    }
    promise_release(s);
    log_error(
        "the store failed; this conversation is not kept from here on session=%s store=\"%s\" "
        "while=\"%s\" reason=\"%s\"",
        s->id, j->store->instance->title, what, err == NULL ? "" : err->message);
    if (s->agent->config->on_store_failure == AGENT_STORE_FAILURE_END && s->phase == SESSION_OPEN)
        session_end_soon(
            s, 1011, "store_failed",
            "The conversation can not be kept, and the agent does not go on without that.");
}

/* Tools wait for this much to be kept. */
static void noted(struct session *s, int64_t seq)
{
    if (s->phase == SESSION_OPEN)
        tools_noted(s, seq);
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

    s->journal.request = NULL;
    measure_store(s, "create", clock_now_us() - s->journal.began_us, status);
    if (status < 0)
        failed(s, "create", err);
    else
        s->journal.is_created = true;
    write_next(s);
}

static void on_appended(void *ctx, int status, const struct parley_error *err)
{
    struct session *s = ctx;

    s->journal.request = NULL;
    measure_store(s, "append", clock_now_us() - s->journal.began_us, status);
    clear(&s->journal.sending);
    if (status < 0) {
        failed(s, "append", err);
    } else {
        s->journal.kept_seq = s->journal.sending_seq;
        promise_kept(s);
        noted(s, s->journal.sending_seq);
    }
    write_next(s);
}

static void on_updated(void *ctx, int status, const struct parley_error *err)
{
    struct session *s = ctx;

    s->journal.request = NULL;
    measure_store(s, "update", clock_now_us() - s->journal.began_us, status);
    if (status < 0)
        failed(s, "update", err);
    write_next(s);
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
    if (r < 0)
        failed(s, j->is_created ? "update" : "create", &err);
}

/* All that waits, in one append. */
static void write_records(struct session *s)
{
    struct journal *j = &s->journal;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_store_record *records = calloc(j->waiting_count, sizeof(*records));
    size_t n = 0;

    if (records == NULL)
        return;
    while (!list_empty(&j->waiting)) {
        struct journal_record *r = list_entry(j->waiting.next, struct journal_record, entry);
        list_remove(&r->entry);
        list_append(&j->sending, &r->entry);
        j->sending_seq = r->seq;
        records[n++] = (struct parley_store_record){.kind = r->kind,
                                                    .seq = r->seq,
                                                    .time_ms = r->time_ms,
                                                    .id = r->id,
                                                    .data = buf_view(&r->data)};
    }
    j->waiting_count = 0;
    j->waiting_bytes = 0;
    j->began_us = clock_now_us();
    int r = store_append(j->store, s->id, j->epoch, records, n,
                         (struct store_caller){&appended_events, s}, &j->request, &err);
    free(records);
    if (r < 0) {
        clear(&j->sending);
        failed(s, "append", &err);
    }
}

static void write_next(struct session *s)
{
    struct journal *j = &s->journal;

    if (j->store == NULL || j->request != NULL)
        return;
    if (j->has_failed) {
        j->lost += j->waiting_count;
        clear(&j->waiting);
        j->waiting_count = 0;
        j->waiting_bytes = 0;
        j->is_ending = j->is_renewed = false;
        if (s->agent->config->on_store_failure == AGENT_STORE_FAILURE_CONTINUE)
            noted(s, INT64_MAX); /* nothing will be kept: nothing to wait for */
    } else if (!j->is_created) {
        /* A conversation in which nothing was said is not kept, unless it was recorded: then the
         * head tells whose the file is. */
        if (j->waiting_count > 0 || tape_has_begun(s))
            write_head(s);
        else
            j->is_ending = false;
    } else if (j->waiting_count > 0) {
        write_records(s);
    } else if (j->is_ending || j->is_renewed) {
        write_head(s);
    }
    session_released(s);
}

/* ---- life ---- */

void journal_init(struct session *s)
{
    struct journal *j = &s->journal;

    list_init(&j->waiting);
    list_init(&j->sending);
    j->next_seq = 1;
    j->epoch = 1;
    j->created_ms = clock_unix_ms();
    j->store = worker_generation_store(s->wg, s->agent);
}

void journal_end(struct session *s)
{
    s->journal.is_ending = s->journal.store != NULL;
    write_next(s);
}

void journal_renew(struct session *s)
{
    s->journal.is_renewed = s->journal.is_created;
    write_next(s);
}

void journal_take_over(struct session *s, int64_t epoch, int64_t created_ms, int64_t records)
{
    struct journal *j = &s->journal;

    j->epoch = epoch;
    j->created_ms = created_ms;
    j->next_seq = records + 1;
    j->kept_seq = records;
    j->is_created = true;
}

bool journal_is_idle(const struct session *s)
{
    return s->journal.request == NULL && s->journal.waiting_count == 0;
}

void journal_done(struct session *s)
{
    s->journal.request = store_abandon(s->journal.request);
    clear(&s->journal.waiting);
    clear(&s->journal.sending);
}

/* ---- records ---- */

static void add(struct session *s, uint32_t kind, struct parley_view id, struct buf *take_data)
{
    struct journal *j = &s->journal;
    struct journal_record *r = NULL;

    if (j->store != NULL && !j->has_failed && !take_data->failed &&
        j->waiting_count < JOURNAL_MAX_RECORDS &&
        j->waiting_bytes + take_data->len < JOURNAL_MAX_BYTES)
        r = calloc(1, sizeof(*r));
    if (r == NULL || (r->id = view_dup(id)) == NULL) {
        if (j->store != NULL && !j->has_failed && ++j->lost == 1)
            log_error("the store is too slow; records of this conversation are lost session=%s "
                      "waiting=%zu",
                      s->id, j->waiting_count);
        free(r);
        buf_done(take_data);
        return;
    }
    r->kind = kind;
    r->seq = j->next_seq++;
    r->time_ms = clock_unix_ms();
    r->data = TAKE(*take_data);
    list_append(&j->waiting, &r->entry);
    j->waiting_count++;
    j->waiting_bytes += r->data.len;
    write_next(s);
}

/*
 * Items become final in another order than they have in the conversation: an answer is cut off
 * while the question waits to be shown. The record of one that does not follow the item before it
 * says whom it follows.
 */
static void write_place(struct session *s, const struct item *i, struct buf *data)
{
    struct journal *j = &s->journal;
    const struct list *before = i->entry.prev;
    bool is_first = before == &s->items.all;
    const char *previous = is_first ? "" : list_entry(before, struct item, entry)->id;
    bool follows = strcmp(previous, j->last_item) == 0;

    view_copy(j->last_item, sizeof(j->last_item), view_of(i->id));
    if (follows || data->len == 0 || (is_first && session_has_trimmed(s)))
        return;
    data->len--; /* the brace that ends it */
    buf_append_str(data, ",\"previous_item_id\":");
    if (is_first)
        buf_append_str(data, "null");
    else
        buf_append_json_string(data, view_of(previous));
    buf_append_char(data, '}');
}

void journal_item(struct session *s, struct item *i)
{
    struct buf data = {0};

    if (s->journal.store == NULL || i->journaled || i->json == NULL)
        return;
    i->journaled = true;
    json_write(&data, i->json);
    write_place(s, i, &data);
    add(s, PARLEY_RECORD_ITEM, view_of(i->id), &data);
}

void journal_transcript(struct session *s, struct parley_view item_id, struct parley_view text)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_append_str(&data, "{\"transcript\":");
    buf_append_json_string(&data, text);
    buf_append_char(&data, '}');
    add(s, PARLEY_RECORD_TRANSCRIPT, item_id, &data);
}

void journal_truncated(struct session *s, struct parley_view item_id, int64_t audio_end_ms,
                       int64_t produced_ms)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_printf(&data, "{\"audio_end_ms\":%lld,\"audio_ms\":%lld}", (long long)audio_end_ms,
               (long long)produced_ms);
    add(s, audio_end_ms == 0 ? PARLEY_RECORD_DELETED : PARLEY_RECORD_TRUNCATED, item_id, &data);
}

void journal_deleted(struct session *s, struct parley_view item_id)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_append_str(&data, "{}");
    add(s, PARLEY_RECORD_DELETED, item_id, &data);
}

int64_t journal_call_started(struct session *s, const struct call *c)
{
    struct journal *j = &s->journal;
    struct buf data = {0};
    int64_t seq = j->next_seq;

    if (j->store == NULL || j->has_failed)
        return 0;
    buf_append_str(&data, "{\"name\":");
    buf_append_json_string(&data, view_of(c->name));
    buf_append_str(&data, ",\"arguments\":");
    buf_append_json_string(&data, json_view(c->arguments));
    buf_append_str(&data, ",\"status\":\"started\"}");
    add(s, PARLEY_RECORD_CALL, view_of(c->call_id), &data);
    return j->next_seq == seq || j->has_failed ? 0 : seq; /* lost, or refused at once */
}

void journal_call(struct session *s, const struct call *c, const struct tools_result *result)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_append_str(&data, "{\"name\":");
    buf_append_json_string(&data, view_of(c->name));
    buf_append_str(&data, ",\"arguments\":");
    buf_append_json_string(&data, json_view(c->arguments));
    buf_append_str(&data, ",\"output\":");
    buf_append_json_string(&data, result->output);
    buf_printf(&data, ",\"status\":\"%s\",\"duration_ms\":%lld}", turn_status_name(result->status),
               (long long)((clock_now_us() - c->start_us) / 1000));
    add(s, PARLEY_RECORD_CALL, view_of(c->call_id), &data);
}

void journal_response(struct session *s, const struct response *r, const json_t *object,
                      const struct rt_response *read)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_printf(&data, "{\"status\":\"%s\",\"usage\":", rt_response_status_name(read->status));
    if (read->has_usage)
        rt_usage_write(&data, &read->usage);
    else
        buf_append_str(&data, "null");
    timing_write_response(s, r, &data);
    buf_append_char(&data, '}');
    add(s, PARLEY_RECORD_RESPONSE, json_get_view(object, "id"), &data);
}
