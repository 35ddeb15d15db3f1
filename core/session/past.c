/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation out of its records: items as they were last, what was heard of them, which calls
 * were made. A call that has no result gets one that says what is known of it: no tool that changes
 * something runs twice.
 */
#include "session/past.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

/* Where it belongs, when its record says so: at the end otherwise. */
static struct item *place_item(struct session *s, struct parley_view id, json_t *body)
{
    json_t *previous = json_object_get(body, "previous_item_id");
    bool is_first = json_is_null(previous);
    struct item *after = items_find(&s->items, json_view(previous));

    (void)json_object_del(body, "previous_item_id"); /* the record's, not the item's */
    return is_first ? items_add_first(&s->items, id, VIEW(""))
                    : items_add(&s->items, id, VIEW(""), after);
}

static void restore_item(struct session *s, struct parley_view id, json_t *body)
{
    struct item *i = place_item(s, id, body);

    if (i == NULL)
        return;
    items_set_json(&s->items, i, body);
    i->final = i->is_added = i->journaled = true;
    /* Whoever asked is gone, parley's host or the model: no model is told of it again. */
    i->is_local = i->is_ghost = approval_is_item(body);
}

static void restore_transcript(struct session *s, struct item *i, const json_t *data)
{
    json_t *part = json_array_get(json_object_get(i->json, "content"), 0);
    json_t *transcript = json_object_get(data, "transcript");

    if (json_is_object(part) && json_is_string(transcript))
        json_object_set(part, "transcript", transcript);
    items_set_json(&s->items, i, i->json);
}

void past_record(struct session *s, uint32_t kind, struct parley_view id, json_t *data)
{
    struct item *i = items_find(&s->items, id);
    struct rt_usage usage;

    if (kind == PARLEY_RECORD_ITEM && i == NULL)
        restore_item(s, id, data);
    else if (kind == PARLEY_RECORD_TRANSCRIPT && i != NULL)
        restore_transcript(s, i, data);
    else if (kind == PARLEY_RECORD_DELETED && i != NULL)
        items_remove(&s->items, i);
    if (kind == PARLEY_RECORD_TRUNCATED && i != NULL) {
        i->heard_ms = json_get_int(data, "audio_end_ms", -1);
        i->produced_ms = json_get_int(data, "audio_ms", i->heard_ms);
    }
    if (kind == PARLEY_RECORD_RESPONSE && rt_usage_read(json_object_get(data, "usage"), &usage))
        rt_usage_add(&s->usage, &usage);
}

/* ---- calls without a result ---- */

static bool has_result(const struct session *s, struct parley_view call_id)
{
    struct list *at;

    list_for_each(at, &s->items.all)
    {
        const json_t *body = list_entry(at, struct item, entry)->json;
        if (view_is(json_get_view(body, "type"), "function_call_output") &&
            view_equal(json_get_view(body, "call_id"), call_id))
            return true;
    }
    return false;
}

static const char *result_of(const json_t *call)
{
    const char *status = json_get_str(call, "status", "");

    if (status[0] == '\0')
        return "The server stopped before the call began; make it again if it is still wanted.";
    if (strcmp(status, "started") == 0)
        return "The server stopped while the call ran. Whether it took effect is not known; check "
               "before calling it again.";
    return json_get_str(call, "output", "");
}

static void settle(struct session *s, struct item *call, const json_t *known)
{
    char id[ID_SIZE];

    id_make(id, "item_");
    _cleanup_json_ json_t *body =
        json_pack("{s:s, s:s, s:s, s:s, s:O, s:s}", "id", id, "object", "realtime.item", "type",
                  "function_call_output", "status", "completed", "call_id",
                  json_object_get(call->json, "call_id"), "output", result_of(known));
    struct item *i = body == NULL ? NULL : items_add(&s->items, view_of(id), VIEW(""), call);
    if (i == NULL)
        return;
    items_set_json(&s->items, i, body);
    i->final = i->is_added = true;
    i->hidden = call->hidden;
    journal_item(s, i);
}

/* A call is parley's that is one of the agent's tools, or that has a record: a tool may be away. */
static bool is_own_call(const struct session *s, const json_t *body, const json_t *calls)
{
    return view_is(json_get_view(body, "type"), "function_call") &&
           json_get_view(body, "call_id").len > 0 &&
           (settings_tool(s, json_get_view(body, "name")) != NULL ||
            json_object_get(calls, json_get_str(body, "call_id", "")) != NULL);
}

/* Which calls are not run again, and what the client must not see. */
static void know_calls(struct session *s, const json_t *calls)
{
    static char started[] = "started";
    struct list *at;

    list_for_each(at, &s->items.all)
    {
        const json_t *body = list_entry(at, struct item, entry)->json;
        if (is_own_call(s, body, calls))
            (void)map_set(&s->ran, json_get_view(body, "call_id"), started);
    }
    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        i->hidden = settings_hides(s, i->json);
        s->has_hidden = s->has_hidden || i->hidden;
    }
}

void past_settle_calls(struct session *s)
{
    _cleanup_json_ json_t *calls = s->resume.calls;
    struct list *at, *next;

    s->resume.calls = NULL;
    know_calls(s, calls);
    list_for_each_safe(at, next, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        struct parley_view call_id = json_get_view(i->json, "call_id");
        if (!view_is(json_get_view(i->json, "type"), "function_call") ||
            view_is(json_get_view(i->json, "status"), "incomplete") ||
            map_get(&s->ran, call_id) == NULL || has_result(s, call_id))
            continue;
        settle(s, i, json_object_get(calls, json_get_str(i->json, "call_id", "")));
        s->sequencer.wants_answer = true; /* the model was waiting for it */
    }
}
