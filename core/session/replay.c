/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fresh model is told of the conversation: messages as text, calls with their results, what was
 * interrupted only as far as it was heard. The newest part within the agent's history_tokens; a
 * call and its result go together, and a call whose result is still to come always goes. Every item
 * gets a name that the model cannot come upon by itself, so that none of its own is mixed up.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cascade/heard.h"
#include "session/state.h"

#include <stdlib.h>

#define BYTES_PER_TOKEN 4
#define TOKENS_PER_ITEM 8
#define TOKENS_OF_IMAGE 1000
#define MARK            "_r_" /* in the event ids of a replay: prefix, this, the item's name */

/* ---- one item ---- */

/* Words whose sound was heard to `heard_ms` of `produced_ms`. */
static json_t *heard_part(struct parley_view text, const struct item *i)
{
    const struct heard_mark whole = {.text_end = text.len, .audio_end_ms = i->produced_ms};
    struct buf cut = {0};

    buf_append_view(&cut,
                    (struct parley_view){text.data, heard_bytes(text, &whole, 1, i->heard_ms)});
    buf_append_str(&cut, " ...");
    json_t *json = json_from_view(buf_view(&cut));
    buf_done(&cut);
    return json;
}

static void cut_to_heard(json_t *body, const struct item *i)
{
    json_t *part = json_array_get(json_object_get(body, "content"), 0);
    struct parley_view text = json_get_view(part, "text");

    if (i->heard_ms >= 0 && i->heard_ms < i->produced_ms && text.len > 0)
        json_object_set_new(part, "text", heard_part(text, i));
}

/* The user's speech without its words: the answers to it would make no sense without a turn. */
static json_t *unknown_speech(const struct item *i)
{
    struct parley_view type =
        json_get_view(json_array_get(json_object_get(i->json, "content"), 0), "type");

    if (!view_is(json_get_view(i->json, "role"), "user") || !view_is(type, "input_audio"))
        return NULL;
    return json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "type", "message", "role", "user", "content",
                     "type", "input_text", "text", "(spoken, and not written down)");
}

/* One long result must not push everything else out. */
static void shorten_output(const struct session *s, json_t *body)
{
    struct parley_view output = json_get_view(body, "output");
    size_t most = (size_t)s->agent->config->history_tokens * BYTES_PER_TOKEN / 4;
    struct buf text = {0};

    if (output.len <= most)
        return;
    while (most > 0 && ((unsigned char)output.data[most] & 0xC0) == 0x80)
        most--; /* within a character */
    buf_append_view(&text, (struct parley_view){output.data, most});
    buf_append_str(&text, " ... (cut)");
    json_object_set_new(body, "output", json_from_view(buf_view(&text)));
    buf_done(&text);
}

/* As it is told a model, without its name; NULL: it cannot be. The caller owns it. */
static json_t *body_of(const struct session *s, const struct item *i)
{
    bool is_call = view_is(json_get_view(i->json, "type"), "function_call");

    if (i->json == NULL || i->is_ghost || i->heard_ms == 0)
        return NULL;
    if (is_call && view_is(json_get_view(i->json, "status"), "incomplete"))
        return NULL;
    if (is_call && i->response != 0 && !i->final && !i->is_output_done)
        return NULL; /* its arguments are not whole */
    json_t *body = rt_item_for_replay(i->json);
    if (body == NULL)
        body = unknown_speech(i);
    cut_to_heard(body, i);
    shorten_output(s, body);
    return body;
}

static size_t tokens_of(const json_t *body)
{
    size_t tokens = TOKENS_PER_ITEM;
    size_t n;
    json_t *part;

    tokens += (json_get_view(body, "arguments").len + json_get_view(body, "output").len) /
              BYTES_PER_TOKEN;
    json_array_foreach(json_object_get(body, "content"), n, part)
    {
        tokens += view_is(json_get_view(part, "type"), "input_image")
                      ? TOKENS_OF_IMAGE
                      : json_get_view(part, "text").len / BYTES_PER_TOKEN;
    }
    return tokens;
}

/* ---- which ---- */

/* One item on its way to the model. */
struct told {
    struct item *item;
    json_t *body;
    bool is_kept;
};

struct history {
    struct told *told;
    size_t count;
    size_t left_out;
};

static void collect(struct session *s, struct history *h)
{
    struct list *at;

    h->told = calloc(s->items.count + 1, sizeof(*h->told));
    if (h->told == NULL)
        return;
    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (i->is_local)
            continue;
        h->told[h->count++] = (struct told){.item = i, .body = body_of(s, i)};
    }
}

static bool is_type(const json_t *body, const char *type)
{
    return view_is(json_get_view(body, "type"), type);
}

/* The newest within the budget, and what the agent or the client said as system. */
static void keep_newest(const struct session *s, struct history *h)
{
    size_t budget = (size_t)s->agent->config->history_tokens;
    bool is_full = false;

    for (size_t n = h->count; n-- > 0;) {
        struct told *t = &h->told[n];
        size_t tokens = t->body == NULL ? 0 : tokens_of(t->body);
        bool is_system = view_is(json_get_view(t->body, "role"), "system");
        is_full = is_full || (tokens > budget && !is_system);
        t->is_kept = t->body != NULL && (!is_full || is_system);
        if (t->is_kept)
            budget -= tokens < budget ? tokens : budget;
    }
}

/* No result without its call; and no call without its result, unless that is still to come. */
static void keep_pairs(struct history *h)
{
    struct map results = {0};
    struct map calls = {0};

    for (size_t n = 0; n < h->count; n++) {
        struct told *t = &h->told[n];
        if (is_type(t->body, "function_call_output"))
            (void)map_set(&results, json_get_view(t->body, "call_id"), t);
    }
    for (size_t n = 0; n < h->count; n++) {
        struct told *t = &h->told[n];
        if (!is_type(t->body, "function_call"))
            continue;
        const struct told *result = map_get(&results, json_get_view(t->body, "call_id"));
        t->is_kept = result == NULL || result->is_kept;
        if (t->is_kept)
            (void)map_set(&calls, json_get_view(t->body, "call_id"), t);
    }
    for (size_t n = 0; n < h->count; n++) {
        struct told *t = &h->told[n];
        if (is_type(t->body, "function_call_output") &&
            map_get(&calls, json_get_view(t->body, "call_id")) == NULL)
            t->is_kept = false;
    }
    map_done(&results);
    map_done(&calls);
}

bool replay_has_open_call(const struct session *s)
{
    struct map results = {0};
    struct list *at;
    bool is_open = false;

    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (is_type(i->json, "function_call_output"))
            (void)map_set(&results, json_get_view(i->json, "call_id"), i);
    }
    list_for_each(at, &s->items.all)
    {
        const struct item *i = list_entry(at, struct item, entry);
        if (is_type(i->json, "function_call") && !i->is_left_out &&
            view_is(json_get_view(i->json, "status"), "completed") &&
            map_get(&results, json_get_view(i->json, "call_id")) == NULL)
            is_open = true;
    }
    map_done(&results);
    return is_open;
}

/* ---- telling ---- */

/* Audio that still plays is known by the model's name of its item. */
static void rename_playing(struct session *s, const char *old, const struct item *i)
{
    struct playback_item *p = playback_find(&s->playback, view_of(old));
    struct interruption *in = &s->interruption;

    if (p != NULL)
        view_copy(p->id, sizeof(p->id), view_of(i->model_id));
    if (in->item_id[0] != '\0' && strcmp(in->item_id, old) == 0)
        view_copy(in->item_id, sizeof(in->item_id), view_of(i->model_id));
}

static bool rename_item(struct session *s, struct item *i)
{
    char fresh[ID_SIZE];
    char old[PLAYBACK_ID_CHARS + 1];

    id_make(fresh, "item_");
    view_copy(old, sizeof(old), view_of(i->model_id));
    if (!items_rename(&s->items, i, view_of(fresh)))
        return false;
    rename_playing(s, old, i);
    return true;
}

/* previous: as of rt_encode_item_create(). */
static void tell_item(struct session *s, struct item *i, json_t *body, struct parley_view previous)
{
    struct parley_view call_id = json_get_view(body, "call_id");
    struct buf event_id = {0};

    (void)names_renew_call(s, call_id); /* without memory it keeps the name */
    json_object_set_new(body, "id", json_string(i->model_id));
    if (call_id.len > 0)
        json_object_set_new(body, "call_id", json_from_view(names_call_of_client(s, call_id)));
    buf_printf(&event_id, "%s" MARK "%s", s->pending.prefix, i->model_id);
    rt_encode_item_create_tree(&s->out, buf_view(&event_id), previous, body);
    buf_done(&event_id);
    items_await(&s->items, i);
    tell_out(s);
}

static void append_text(const json_t *body, struct buf *out)
{
    size_t n;
    json_t *part;

    if (is_type(body, "function_call")) {
        buf_printf(out, "The assistant called %s with %s\n", json_get_str(body, "name", ""),
                   json_get_str(body, "arguments", ""));
        return;
    }
    buf_printf(out, "%s: ",
               is_type(body, "message") ? json_get_str(body, "role", "") : "result of the call");
    buf_append_view(out, json_get_view(body, "output"));
    json_array_foreach(json_object_get(body, "content"), n, part)
    {
        buf_append_view(out, json_get_view(part, "text"));
    }
    buf_append_char(out, '\n');
}

void replay_left_out(struct session *s, struct buf *out)
{
    const struct item *summary = items_find(&s->items, view_of(s->summary.item_id));
    struct history h = {0};
    size_t count = 0;

    collect(s, &h);
    keep_newest(s, &h);
    keep_pairs(&h);
    for (size_t n = 0; n < h.count; n++) {
        const struct told *t = &h.told[n];
        bool is_summary = summary != NULL && t->item == summary;
        if (t->body != NULL && (is_summary || !t->is_kept))
            append_text(t->body, out);
        count += t->body != NULL && !is_summary && !t->is_kept;
        json_decref(t->body);
    }
    free(h.told);
    if (count == 0)
        buf_clear(out);
}

size_t replay_conversation(struct session *s)
{
    struct history h = {0};
    size_t count = 0;

    collect(s, &h);
    keep_newest(s, &h);
    keep_pairs(&h);
    for (size_t n = 0; n < h.count; n++) {
        struct told *t = &h.told[n];
        items_arrived(&s->items, t->item);
        t->item->is_replayed = true;
        t->item->is_left_out = false;
        t->item->final = t->item->final || t->item->is_output_done;
        bool is_told = rename_item(s, t->item) && t->is_kept;
        if (is_told)
            tell_item(s, t->item, t->body, VIEW(""));
        else
            t->item->is_left_out = true;
        count += is_told;
        h.left_out += !is_told && t->body != NULL;
        json_decref(t->body);
    }
    free(h.told);
    if (h.left_out > 0)
        log_info("the oldest part of the conversation was left out session=%s items=%zu of=%zu",
                 s->id, h.left_out, h.count);
    return count;
}

bool replay_refused(struct session *s, const json_t *error)
{
    struct parley_view id = json_get_view(error, "event_id");
    size_t head = strlen(s->pending.prefix) + sizeof(MARK) - 1;

    if (!pending_is_ours(&s->pending, id) || id.len <= head ||
        memcmp(id.data + head - (sizeof(MARK) - 1), MARK, sizeof(MARK) - 1) != 0)
        return false;
    struct item *i =
        items_find_model(&s->items, (struct parley_view){id.data + head, id.len - head});
    log_warn("the model did not take an item of the conversation session=%s item=%s code=%s "
             "message=\"%s\"",
             s->id, i == NULL ? "" : i->id, json_get_str(error, "code", ""),
             json_get_str(error, "message", ""));
    if (i != NULL) {
        items_arrived(&s->items, i);
        i->is_left_out = true;
    }
    return true;
}

/* The nearest item before it that the model has; "root" for none. */
static struct parley_view place_of(const struct session *s, const struct item *i)
{
    for (struct list *at = i->entry.prev; at != &s->items.all; at = at->prev) {
        const struct item *before = list_entry(at, struct item, entry);
        if (!before->is_ghost && !before->is_left_out && !before->is_local)
            return view_of(before->model_id);
    }
    return VIEW("root");
}

void replay_heard(struct session *s, struct item *i)
{
    if (i->is_left_out)
        return;
    const struct pending *p = pending_add(&s->pending, PENDING_DELETE, VIEW(""), NULL);
    rt_encode_item_request(&s->out, RT_ITEM_DELETE, view_of(p->id), view_of(i->model_id));
    tell_out(s);
    json_t *body = body_of(s, i);
    if (body != NULL && rename_item(s, i))
        tell_item(s, i, body, place_of(s, i));
    else
        i->is_left_out = true;
    json_decref(body);
}
