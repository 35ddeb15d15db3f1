/* SPDX-License-Identifier: Apache-2.0 */
#include "cascade/dialogue.h"

#include "audio/g711.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>

/* ---- one item -------------------------------------------------------------------------------- */

struct dialogue_item *dialogue_item_create(json_t *take_json)
{
    _cleanup_json_ json_t *json = take_json;
    struct parley_view id = json_get_view(json, "id");
    struct dialogue_item *i = calloc(1, sizeof(*i));

    if (i == NULL || id.len == 0 || id.len > RT_MAX_CLIENT_ID_CHARS) {
        free(i);
        return NULL;
    }
    view_copy(i->id, sizeof(i->id), id);
    i->json = TAKE(json);
    return i;
}

struct dialogue_item *dialogue_item_destroy(struct dialogue_item *i)
{
    if (i == NULL)
        return NULL;
    json_decref(i->json);
    buf_done(&i->audio);
    buf_done(&i->text);
    free(i->marks);
    free(i);
    return NULL;
}

json_t *dialogue_message_json(const char *id, const char *role, const char *status)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[]}", "id", id, "object", "realtime.item", "type",
                     "message", "status", status, "role", role, "content");
}

json_t *dialogue_call_json(const char *id, const char *status, const char *call_id,
                           struct parley_view name, struct parley_view arguments)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id", id, "object", "realtime.item",
                     "type", "function_call", "status", status, "call_id", call_id, "name",
                     json_from_view(name), "arguments", json_from_view(arguments));
}

void dialogue_set_part(json_t *message, const char *type, const char *key, struct parley_view text)
{
    json_t *words = text.data == NULL ? json_null() : json_from_view(text);

    json_object_set_new(message, "content", json_pack("[{s:s, s:o}]", "type", type, key, words));
}

void dialogue_set_status(json_t *item, const char *status)
{
    json_object_set_new(item, "status", json_string(status));
}

/* ---- all items ------------------------------------------------------------------------------- */

void dialogue_init(struct dialogue *d)
{
    *d = (struct dialogue){0};
    list_init(&d->items);
}

void dialogue_done(struct dialogue *d)
{
    while (!list_empty(&d->items))
        dialogue_remove(d, list_entry(d->items.next, struct dialogue_item, entry));
}

void dialogue_remove(struct dialogue *d, struct dialogue_item *i)
{
    list_remove(&i->entry);
    d->count--;
    d->bytes -= i->bytes;
    d->audio_bytes -= i->audio.len;
    dialogue_item_destroy(i);
}

/* Oldest first, but never the one at the end, and none that is still worked on. */
static void forget_old(struct dialogue *d)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &d->items)
    {
        struct dialogue_item *i = list_entry(at, struct dialogue_item, entry);
        if (d->count <= DIALOGUE_MAX_ITEMS && d->bytes <= DIALOGUE_MAX_TEXT_BYTES)
            return;
        if (at->next != &d->items && !i->is_open && i->words != DIALOGUE_PENDING)
            dialogue_remove(d, i);
    }
}

void dialogue_recount(struct dialogue *d, struct dialogue_item *i)
{
    _cleanup_(buf_done) struct buf text = {0};

    json_write(&text, i->json);
    d->bytes -= i->bytes;
    i->bytes = text.len + sizeof(*i);
    d->bytes += i->bytes;
}

static void insert(struct dialogue *d, struct dialogue_item *i, struct list *before)
{
    list_insert(before, &i->entry);
    d->count++;
    d->audio_bytes += i->audio.len;
    dialogue_recount(d, i);
    forget_old(d);
}

void dialogue_append(struct dialogue *d, struct dialogue_item *i)
{
    insert(d, i, &d->items);
}

void dialogue_insert_after(struct dialogue *d, struct dialogue_item *i, struct dialogue_item *after)
{
    insert(d, i, after->entry.next);
}

void dialogue_insert_first(struct dialogue *d, struct dialogue_item *i)
{
    insert(d, i, d->items.next);
}

struct dialogue_item *dialogue_find(const struct dialogue *d, struct parley_view id)
{
    struct list *at;

    list_for_each(at, &d->items)
    {
        struct dialogue_item *i = list_entry(at, struct dialogue_item, entry);
        if (view_is(id, i->id))
            return i;
    }
    return NULL;
}

static struct parley_view id_at(const struct dialogue *d, struct list *at)
{
    if (at == &d->items)
        return (struct parley_view){0};
    return view_of(list_entry(at, struct dialogue_item, entry)->id);
}

struct parley_view dialogue_previous_id(const struct dialogue *d, const struct dialogue_item *i)
{
    return id_at(d, i->entry.prev);
}

struct parley_view dialogue_last_id(const struct dialogue *d)
{
    return id_at(d, d->items.prev);
}

bool dialogue_is_pending(const struct dialogue *d)
{
    struct list *at;

    list_for_each(at, &d->items)
    {
        if (list_entry(at, struct dialogue_item, entry)->words == DIALOGUE_PENDING)
            return true;
    }
    return false;
}

/* ---- audio and what was heard of it ---------------------------------------------------------- */

static void forget_audio(struct dialogue *d, const struct dialogue_item *keep)
{
    struct list *at;

    list_for_each(at, &d->items)
    {
        struct dialogue_item *i = list_entry(at, struct dialogue_item, entry);
        if (d->audio_bytes <= DIALOGUE_MAX_AUDIO_BYTES)
            return;
        if (i == keep)
            continue;
        d->audio_bytes -= i->audio.len;
        buf_done(&i->audio);
    }
}

void dialogue_keep_audio(struct dialogue *d, struct dialogue_item *i, const int16_t *samples,
                         size_t count, uint32_t rate_hz)
{
    bool is_listed = i->entry.next != NULL;

    i->audio_rate_hz = rate_hz;
    i->audio_us += (int64_t)(count * 1000000ull / rate_hz);
    if (!is_listed || i->audio.len + count > DIALOGUE_MAX_AUDIO_BYTES ||
        !buf_reserve(&i->audio, count))
        return;
    g711_ulaw_encode((uint8_t *)i->audio.data + i->audio.len, samples, count);
    i->audio.len += count;
    d->audio_bytes += count;
    forget_audio(d, i);
}

void dialogue_mark(struct dialogue_item *i)
{
    struct heard_mark mark = {i->text.len, i->audio_us / 1000};

    if (i->mark_count == DIALOGUE_MAX_MARKS) {
        i->marks[DIALOGUE_MAX_MARKS - 1] = mark;
        return;
    }
    if (i->mark_count % 16 == 0) {
        void *more = realloc(i->marks, (i->mark_count + 16) * sizeof(*i->marks));
        if (more == NULL)
            return; /* the next mark covers both sentences */
        i->marks = more;
    }
    i->marks[i->mark_count++] = mark;
}

void dialogue_interrupt(struct dialogue_item *i, int64_t ms)
{
    /* A sentence that was interrupted has no mark yet. */
    if (i->mark_count == 0 || i->marks[i->mark_count - 1].text_end < i->text.len)
        dialogue_mark(i);
    i->heard_bytes = heard_bytes(buf_view(&i->text), i->marks, i->mark_count, ms);
    i->is_cut = true;
}

struct dialogue_item *dialogue_last_spoken(const struct dialogue *d)
{
    for (struct list *at = d->items.prev; at != &d->items; at = at->prev) {
        struct dialogue_item *i = list_entry(at, struct dialogue_item, entry);
        if (i->is_spoken)
            return i;
    }
    return NULL;
}

void dialogue_cut(struct dialogue *d, struct dialogue_item *i, int64_t ms)
{
    size_t kept = (size_t)(ms * i->audio_rate_hz / 1000);

    dialogue_interrupt(i, ms);
    if (ms * 1000 < i->audio_us)
        i->audio_us = ms * 1000;
    if (kept < i->audio.len) {
        d->audio_bytes -= i->audio.len - kept;
        i->audio.len = kept;
    }
    dialogue_set_part(i->json, "output_audio", "transcript", VIEW(""));
}

void dialogue_hear(struct dialogue *d, struct dialogue_item *i, struct parley_view words)
{
    json_t *parts = json_object_get(i->json, "content");
    size_t index;
    json_t *part;

    i->words = DIALOGUE_KNOWN;
    json_array_foreach(parts, index, part)
    {
        if (strcmp(json_get_str(part, "type", ""), "input_audio") == 0) {
            json_object_set_new(part, "transcript", json_from_view(words));
            break;
        }
    }
    dialogue_recount(d, i);
}

/* ---- for the text model ---------------------------------------------------------------------- */

static json_t *heard_json(const struct dialogue_item *i)
{
    struct parley_view heard = {i->text.data, i->heard_bytes};

    if (heard.len == 0)
        return NULL;
    return json_pack("{s:s, s:s, s:[{s:s, s:o}]}", "type", "message", "role", "assistant",
                     "content", "type", "output_text", "text", json_from_view(heard));
}

static json_t *chat_json(const struct dialogue_item *i)
{
    if (i->is_open)
        return NULL;
    return i->is_cut ? heard_json(i) : rt_item_for_replay(i->json);
}

static void add_to_array(struct buf *out, const json_t *item)
{
    if (out->data[out->len - 1] != '[')
        buf_append_char(out, ',');
    json_write(out, item);
}

static bool is_result(const struct dialogue_item *i)
{
    return strcmp(json_get_str(i->json, "type", ""), "function_call_output") == 0;
}

/* The oldest item that still fits; a result whose call does not fit is left out too. */
static struct list *context_start(const struct dialogue *d)
{
    struct list *at = d->items.prev;
    size_t bytes = 0;

    while (at != &d->items) {
        bytes += list_entry(at, struct dialogue_item, entry)->bytes;
        if (bytes > DIALOGUE_MAX_CONTEXT_BYTES)
            break;
        at = at->prev;
    }
    if (at == &d->items)
        return at->next;
    at = at->next;
    while (at != &d->items && is_result(list_entry(at, struct dialogue_item, entry)))
        at = at->next;
    return at;
}

static bool has_result(const struct dialogue *d, struct parley_view call_id)
{
    struct list *at;

    list_for_each(at, &d->items)
    {
        const struct dialogue_item *i = list_entry(at, struct dialogue_item, entry);
        if (is_result(i) && view_equal(json_get_view(i->json, "call_id"), call_id))
            return true;
    }
    return false;
}

/* Text models refuse a call that has no result behind it, and it may run for a while. */
static void add_open_result(const struct dialogue *d, const json_t *item, struct buf *out)
{
    if (strcmp(json_get_str(item, "type", ""), "function_call") != 0 ||
        has_result(d, json_get_view(item, "call_id")))
        return;
    _cleanup_json_ json_t *result = json_pack("{s:s, s:O, s:s}", "type", "function_call_output",
                                              "call_id", json_object_get(item, "call_id"), "output",
                                              "(This call has no result yet; it may follow.)");
    if (result != NULL && !out->failed)
        add_to_array(out, result);
}

void dialogue_context(const struct dialogue *d, struct buf *out)
{
    buf_append_char(out, '[');
    for (struct list *at = context_start(d); at != &d->items; at = at->next) {
        _cleanup_json_ json_t *item = chat_json(list_entry(at, struct dialogue_item, entry));
        if (item != NULL && !out->failed)
            add_to_array(out, item);
        add_open_result(d, item, out);
    }
    buf_append_char(out, ']');
}

void dialogue_context_of(const struct dialogue *d, const json_t *input, struct buf *out)
{
    size_t index;
    json_t *given;

    buf_append_char(out, '[');
    json_array_foreach(input, index, given)
    {
        bool is_reference = strcmp(json_get_str(given, "type", ""), "item_reference") == 0;
        const struct dialogue_item *known =
            is_reference ? dialogue_find(d, json_get_view(given, "id")) : NULL;
        _cleanup_json_ json_t *item = known != NULL  ? chat_json(known)
                                      : is_reference ? NULL
                                                     : rt_item_for_replay(given);
        if (item != NULL && !out->failed)
            add_to_array(out, item);
    }
    buf_append_char(out, ']');
}
