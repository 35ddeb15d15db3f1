/* SPDX-License-Identifier: Apache-2.0 */
#include "session/journal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

static void clear(struct list *records)
{
    while (!list_empty(records))
        journal_record_free(list_entry(records->next, struct journal_record, entry));
}

/* ---- life ---- */

void journal_init(struct session *s)
{
    struct journal *j = &s->journal;

    list_init(&j->waiting);
    list_init(&j->sending);
    j->next_seq = 1;
    j->epoch = 1;
    j->batch_most = JOURNAL_MAX_RECORDS;
    j->created_ms = clock_unix_ms();
    j->store = worker_generation_store(s->wg, s->agent);
}

void journal_end(struct session *s)
{
    s->journal.is_ending = s->journal.store != NULL;
    s->journal.give_up_us = clock_now_us() + JOURNAL_PATIENCE_US;
    journal_write(s);
}

void journal_renew(struct session *s)
{
    s->journal.is_renewed = s->journal.is_created;
    journal_write(s);
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
    const struct journal *j = &s->journal;

    return j->request == NULL && j->waiting_count == 0 && !j->is_ending;
}

void journal_done(struct session *s)
{
    loop_timer_stop(&s->journal.retry);
    s->journal.request = store_abandon(s->journal.request);
    clear(&s->journal.waiting);
    clear(&s->journal.sending);
}

/* ---- records ---- */

/* A removal or a cut is small, and what it is about is in the store already. */
static bool has_room(const struct journal *j, uint32_t kind, size_t len)
{
    bool is_small = (kind == PARLEY_RECORD_DELETED || kind == PARLEY_RECORD_TRUNCATED) &&
                    len <= JOURNAL_SMALL_BYTES;
    size_t most = is_small ? 2 * JOURNAL_MAX_RECORDS : JOURNAL_MAX_RECORDS;

    if (j->waiting_count >= most || (j->has_gap && !is_small))
        return false;
    return is_small || j->waiting_bytes + len < JOURNAL_MAX_BYTES;
}

/* False: it is lost. */
static bool add(struct session *s, uint32_t kind, struct parley_view id, struct buf *take_data)
{
    struct journal *j = &s->journal;
    struct journal_record *r = NULL;
    bool is_kept = j->store != NULL && !j->has_failed && !take_data->failed;
    bool is_full = is_kept && !has_room(j, kind, take_data->len);

    if (is_kept && !is_full)
        r = calloc(1, sizeof(*r));
    if (r == NULL || (r->id = view_dup(id)) == NULL) {
        free(r);
        buf_done(take_data);
        if (j->store != NULL)
            journal_lose(s, 1);
        if (is_full)
            journal_overflowed(s);
        return false;
    }
    r->kind = kind;
    r->seq = j->next_seq++;
    r->time_ms = clock_unix_ms();
    r->data = TAKE(*take_data);
    list_append(&j->waiting, &r->entry);
    j->waiting_count++;
    j->waiting_bytes += r->data.len;
    journal_write(s);
    return true;
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
    i->journaled = add(s, PARLEY_RECORD_ITEM, view_of(i->id), &data);
    if (!i->journaled) /* the next one says whom it follows */
        view_copy(s->journal.last_item, sizeof(s->journal.last_item), VIEW("-"));
}

void journal_transcript(struct session *s, struct parley_view item_id, struct parley_view text)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_append_str(&data, "{\"transcript\":");
    buf_append_json_string(&data, text);
    buf_append_char(&data, '}');
    (void)add(s, PARLEY_RECORD_TRANSCRIPT, item_id, &data);
}

void journal_truncated(struct session *s, struct parley_view item_id, int64_t audio_end_ms,
                       int64_t produced_ms)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_printf(&data, "{\"audio_end_ms\":%lld,\"audio_ms\":%lld}", (long long)audio_end_ms,
               (long long)produced_ms);
    (void)add(s, audio_end_ms == 0 ? PARLEY_RECORD_DELETED : PARLEY_RECORD_TRUNCATED, item_id,
              &data);
}

void journal_deleted(struct session *s, struct parley_view item_id)
{
    struct buf data = {0};

    if (s->journal.store == NULL)
        return;
    buf_append_str(&data, "{}");
    (void)add(s, PARLEY_RECORD_DELETED, item_id, &data);
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
    (void)add(s, PARLEY_RECORD_CALL, view_of(c->call_id), &data);
    bool is_lost = j->next_seq == seq || j->has_failed; /* or refused at once */
    bool waits =
        j->trouble_us == 0 || s->agent->config->on_store_failure == AGENT_STORE_FAILURE_END;
    return is_lost || !waits ? 0 : seq;
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
    (void)add(s, PARLEY_RECORD_CALL, view_of(c->call_id), &data);
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
    (void)add(s, PARLEY_RECORD_RESPONSE, json_get_view(object, "id"), &data);
}
