/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A response whose model is gone. What is open of it is closed for the client in the order that the
 * protocol has, and what came of its words stays in the conversation, so that the next model knows
 * what was said. Deltas are relayed as bytes and their text is kept nowhere else: here as it
 * stands, escapes and all, up to a limit.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

#define MOST_TEXT (64u << 10)

void cut_note_delta(struct session *s, const struct rt_peek *peek)
{
    struct partial *p = &s->partial;
    bool is_text = peek->event == RT_OUTPUT_TEXT_DELTA;

    if (!is_text && peek->event != RT_OUTPUT_TRANSCRIPT_DELTA)
        return;
    if (!view_is(peek->item_id, p->item_id)) {
        buf_clear(&p->raw);
        view_copy(p->item_id, sizeof(p->item_id), peek->item_id);
        p->is_text = is_text;
    }
    if (p->raw.len + peek->payload.len <= MOST_TEXT)
        buf_append_view(&p->raw, peek->payload);
}

void cut_note_output(struct session *s, const struct response *r, struct item *i, json_t *body,
                     int64_t output_index, bool is_done)
{
    i->response = r->number;
    i->output_index = output_index < 0 ? 0 : (int)output_index;
    i->is_output_done = i->is_output_done || is_done;
    if (i->json == NULL || (is_done && !i->final))
        items_set_json(&s->items, i, body);
}

/* What came of a message, as its only part; NULL for nothing. */
static json_t *partial_content(const struct session *s, const struct item *i)
{
    const struct partial *p = &s->partial;
    struct buf quoted = {0};

    if (p->raw.len == 0 || !view_is(view_of(i->model_id), p->item_id))
        return NULL;
    buf_append_char(&quoted, '"');
    buf_append_view(&quoted, buf_view(&p->raw));
    buf_append_char(&quoted, '"');
    json_t *text = json_parse(buf_view(&quoted), NULL);
    buf_done(&quoted);
    if (text == NULL)
        return NULL;
    return p->is_text ? json_pack("[{s:s, s:o}]", "type", "output_text", "text", text)
                      : json_pack("[{s:s, s:o}]", "type", "output_audio", "transcript", text);
}

/* The item as it ends now; the caller owns it. */
static json_t *cut_body(const struct session *s, const struct item *i)
{
    json_t *body = json_deep_copy(i->json);

    if (body == NULL || i->final)
        return body;
    if (!i->is_output_done)
        json_object_set_new(body, "status", json_string("incomplete"));
    if (view_is(json_get_view(body, "type"), "message") &&
        json_array_size(json_object_get(body, "content")) == 0) {
        json_t *content = partial_content(s, i);
        if (content != NULL)
            json_object_set_new(body, "content", content);
    }
    return body;
}

static void say_item_done(struct session *s, struct item *i, const json_t *body)
{
    struct list *before = i->entry.prev;
    struct item *previous = before == &s->items.all
                                ? NULL
                                : items_visible(&s->items, list_entry(before, struct item, entry));

    rt_encode_item_tree(&s->out, RT_ITEM_DONE,
                        previous == NULL ? (struct parley_view){0} : view_of(previous->id), body);
    say_out(s);
}

static void say_output_done(struct session *s, const struct response *r, const struct item *i,
                            const json_t *body)
{
    char room[NAMES_ROOM];

    rt_encode_begin(&s->out, RT_OUTPUT_ITEM_DONE);
    rt_encode_string(&s->out, "response_id", names_for_client(s, view_of(r->id), room));
    rt_encode_int(&s->out, "output_index", i->output_index);
    rt_encode_tree(&s->out, "item", body);
    rt_encode_end(&s->out);
    say_out(s);
}

/* An item of that response that has had no end yet. */
static bool is_open(const struct response *r, const struct item *i)
{
    return r->in_band && i->response == r->number && i->json != NULL &&
           (!i->final || !i->is_output_done);
}

static void cut_item(struct session *s, const struct response *r, struct item *i, json_t *body)
{
    bool was_final = i->final;
    bool was_done = i->is_output_done;

    items_set_json(&s->items, i, body);
    i->final = i->is_output_done = true;
    journal_item(s, i);
    if (r->shown && !i->hidden && !was_final)
        say_item_done(s, i, body);
    if (r->shown && !i->hidden && !was_done)
        say_output_done(s, r, i, body);
    i->is_added = i->is_added || r->shown;
}

json_t *cut_items(struct session *s, const struct response *r)
{
    json_t *output = json_array();
    struct list *at;

    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (!is_open(r, i))
            continue;
        json_t *body = cut_body(s, i);
        if (body == NULL)
            continue;
        cut_item(s, r, i, body);
        if (!i->hidden)
            json_array_append(output, body);
        json_decref(body);
    }
    buf_clear(&s->partial.raw);
    s->partial.item_id[0] = '\0';
    return output;
}
