/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends: checked, held against the agent's rules, and passed on to the model. */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

/* ---- audio: bytes only, no tree, no base64 ---- */

static void append_audio(struct session *s, struct parley_view event, uint32_t flags,
                         const struct rt_peek *peek)
{
    if (peek->payload.data == NULL) {
        say_fault(s, RT_ERROR_MISSING_PARAMETER, "audio", peek->event_id,
                  "Missing required parameter: 'audio'.");
        return;
    }
    if (peek->payload.len > SESSION_APPEND_BYTES) {
        say_fault(s, RT_ERROR_STRING_TOO_LONG, "audio", peek->event_id,
                  "'audio' holds %zu characters; at most %u are taken at once.", peek->payload.len,
                  SESSION_APPEND_BYTES);
        return;
    }
    s->counts.client_hot++;
    s->counts.input_bytes += peek->payload_bytes;
    s->hearing.uncommitted_bytes += peek->payload_bytes;
    tape_client_audio(s, peek);
    hearing_keep(s, event);
    tell_view(s, event, flags);
}

/* ---- ids ---- */

static bool is_long_id(const struct session *s, struct parley_view id)
{
    return s->caps.max_id_chars != 0 && id.len > s->caps.max_id_chars;
}

/* ---- items ---- */

static bool has_room_for_item(struct session *s, struct parley_view raw_event_id)
{
    const struct agent_config *c = s->agent->config;

    session_trim_items(s, 1);
    if (s->items.count >= (size_t)c->max_items) {
        say_fault(s, RT_ERROR_ARRAY_TOO_LONG, "item", raw_event_id,
                  "The conversation holds %zu items, the most this agent allows; delete some, or "
                  "open a new session.",
                  s->items.count);
        return false;
    }
    if (s->items.bytes > (size_t)c->max_item_bytes) {
        say_fault(s, RT_ERROR_ARRAY_TOO_LONG, "item", raw_event_id,
                  "The conversation holds %zu bytes, more than the %lld this agent allows; delete "
                  "items, or open a new session.",
                  s->items.bytes, (long long)c->max_item_bytes);
        return false;
    }
    return true;
}

static bool may_answer_call(struct session *s, const struct rt_client_event *e)
{
    const struct rt_item *item = &e->u.item_create.item;

    if (item->kind != RT_ITEM_FUNCTION_CALL_OUTPUT || !tools_is_server_call(s, item->call_id))
        return true;
    say_fault(s, RT_ERROR_INVALID_VALUE, "item.call_id", e->event_id,
              "Call '%.*s' is run by the server; its result is not the client's to give.",
              (int)item->call_id.len, item->call_id.data);
    return false;
}

/*
 * The item is noted at once, by a name that is known to both sides before the model shows it: so
 * that it is not lost with a model that was told of it and did not get to show it. NULL without
 * memory.
 */
static struct item *note_item(struct session *s, const struct rt_client_event *e,
                              struct item *after)
{
    const struct rt_item_create *create = &e->u.item_create;
    char made[ID_SIZE];
    char for_model[ID_SIZE];
    bool needs_other =
        is_long_id(s, create->item.id) || (create->item.id.len > 0 && s->tag_len > 0);

    id_make(made, "item_");
    id_make(for_model, "item_");
    struct parley_view id = create->item.id.len > 0 ? create->item.id : view_of(made);
    struct parley_view model_id = needs_other ? view_of(for_model) : id;
    struct item *i = create->after == RT_AFTER_ROOT ? items_add_first(&s->items, id, model_id)
                                                    : items_add(&s->items, id, model_id, after);
    json_t *body = json_deep_copy(json_object_get(e->tree, "item"));
    if (i != NULL && body != NULL) {
        json_object_set_new(body, "id", json_string(i->id));
        items_set_json(&s->items, i, body);
        items_await(&s->items, i);
        i->asked_by = e->event_id.len == 0 ? NULL : view_dup(e->event_id);
    }
    json_decref(body);
    return i;
}

/* The model's name of the item, or of the nearest before it that the model knows. */
static const char *model_place(const struct session *s, const struct item *i)
{
    while (i->is_local || i->is_left_out || i->is_ghost) {
        if (i->entry.prev == &s->items.all)
            return "root";
        i = list_entry(i->entry.prev, struct item, entry);
    }
    return i->model_id;
}

/* The event as the model needs it: with its own names of items and calls. */
static void tell_item_create(struct session *s, const struct rt_client_event *e, struct item *after)
{
    const struct rt_item *item = &e->u.item_create.item;
    struct parley_view call_id = names_call_of_client(s, item->call_id);
    struct item *i = note_item(s, e, after);
    json_t *body = json_object_get(e->tree, "item");

    if (i != NULL)
        json_object_set_new(body, "id", json_string(i->model_id));
    if (i != NULL && e->event_id.len == 0) { /* a refusal must name it */
        const struct pending *p =
            pending_add(&s->pending, PENDING_CLIENT_ITEM, VIEW(""), json_string(i->model_id));
        json_object_set_new(e->tree, "event_id", json_string(p->id));
    }
    if (!view_equal(call_id, item->call_id))
        json_object_set_new(body, "call_id", json_from_view(call_id));
    if (after != NULL)
        json_object_set_new(e->tree, "previous_item_id", json_string(model_place(s, after)));
    json_write(&s->out, e->tree);
    tell_out(s);
}

static void create_item(struct session *s, const struct rt_client_event *e)
{
    const struct rt_item_create *create = &e->u.item_create;
    struct item *after = NULL;

    if (!has_room_for_item(s, e->event_id) || !may_answer_call(s, e))
        return;
    if (create->item.id.len > 0 && items_find(&s->items, create->item.id) != NULL) {
        say_fault(
            s, RT_ERROR_INVALID_VALUE, "item.id", e->event_id,
            "The conversation has an item '%.*s' already; leave the id out, or choose another.",
            (int)create->item.id.len, create->item.id.data);
        return;
    }
    if (create->after == RT_AFTER_ITEM) {
        after = items_find(&s->items, create->previous_item_id);
        if (after == NULL ? !session_has_trimmed(s) : after->hidden) {
            say_fault(s, RT_ERROR_INVALID_VALUE, "previous_item_id", e->event_id,
                      "There is no item '%.*s' to put this one after.",
                      (int)create->previous_item_id.len, create->previous_item_id.data);
            return;
        }
    }
    if (create->item.kind == RT_ITEM_MCP_APPROVAL_RESPONSE && approval_answered(s, e))
        return;
    if (create->item.role == RT_ROLE_USER)
        tools_new_input(s);
    turn_item(s, json_object_get(e->tree, "item"));
    tell_item_create(s, e, after);
}

/* Items that parley knows and the model does not, or cannot show. */
static bool retrieve_here(struct session *s, const struct item *i)
{
    if (i->json == NULL ||
        (!i->is_ghost && !i->is_replayed && (s->caps.flags & PARLEY_CAP_ITEM_RETRIEVE) != 0))
        return false;
    rt_encode_item_tree(&s->out, RT_ITEM_RETRIEVED, (struct parley_view){0}, i->json);
    say_out(s);
    return true;
}

/* An item that the model does not know. */
static void delete_here(struct session *s, struct item *i)
{
    journal_deleted(s, view_of(i->id));
    rt_encode_item_deleted(&s->out, view_of(i->id));
    say_out(s);
    items_remove(&s->items, i);
}

static void item_request(struct session *s, struct parley_view event, uint32_t flags,
                         const struct rt_client_event *e)
{
    struct item *i = items_find(&s->items, e->u.item_id);
    bool deletes = e->event == RT_ITEM_DELETE;

    if (i == NULL && session_has_trimmed(s)) {
        tell_view(s, event, flags);
        return;
    }
    if (i != NULL && deletes && (i->is_local || i->is_left_out)) {
        delete_here(s, i);
        return;
    }
    if (i == NULL || i->hidden || (deletes && i->is_ghost)) {
        say_fault(s, deletes ? RT_ERROR_DELETE_UNKNOWN : RT_ERROR_RETRIEVE_UNKNOWN, "item_id",
                  e->event_id, "There is no item '%.*s' in the conversation.",
                  (int)e->u.item_id.len, e->u.item_id.data);
        return;
    }
    if (!deletes && retrieve_here(s, i))
        return;
    if (i->model_id == i->id) {
        tell_view(s, event, flags);
        return;
    }
    const struct pending *p = pending_add(&s->pending, PENDING_CLIENT_EVENT, e->event_id, NULL);
    rt_encode_item_request(&s->out, e->event, view_of(p->id), view_of(i->model_id));
    tell_out(s);
}

/* ---- all others ---- */

static void decoded_event(struct session *s, struct parley_view event, uint32_t flags,
                          const struct rt_client_event *e)
{
    switch (e->event) {
    case RT_SESSION_UPDATE:
        settings_client_update(s, e->u.session, e->event_id);
        break;
    case RT_ITEM_CREATE:
        create_item(s, e);
        break;
    case RT_ITEM_RETRIEVE:
    case RT_ITEM_DELETE:
        item_request(s, event, flags, e);
        break;
    case RT_ITEM_TRUNCATE:
        interruption_client_truncate(s, e);
        break;
    case RT_RESPONSE_CREATE:
        response_client_create(s, e);
        break;
    case RT_RESPONSE_CANCEL:
        response_client_cancel(s, event, e);
        break;
    default: /* commit, clear */
        s->hearing.is_commit_asked = e->event == RT_INPUT_AUDIO_COMMIT;
        tell_view(s, event, flags);
    }
}

static void known_event(struct session *s, struct parley_view event, uint32_t flags,
                        const struct rt_peek *peek)
{
    struct rt_client_event e;
    struct rt_error fault;

    if (rt_decode_client(event, peek, &e, &fault) < 0) {
        say_error(s, &fault, peek->event_id);
        return;
    }
    decoded_event(s, event, flags, &e);
    rt_client_event_done(&e);
}

/* What parley does not know goes to the model when it takes it, so that new events work at once. */
static void unknown_event(struct session *s, struct parley_view event, uint32_t flags,
                          const struct rt_peek *peek)
{
    struct rt_error fault;

    s->counts.unknown_events++;
    s->counts.client_unknown++;
    if (view_is(peek->type, "parley.playback")) {
        _cleanup_json_ json_t *tree = json_parse(event, NULL);
        interruption_report(s, tree);
    } else if ((s->caps.flags & PARLEY_CAP_PASSTHROUGH) != 0 &&
               !view_starts_with(peek->type, VIEW("parley."))) {
        tell_view(s, event, flags);
    } else {
        (void)rt_error_of_unknown_type(&fault, peek->type);
        say_error(s, &fault, peek->event_id);
    }
}

void client_event(struct session *s, struct parley_view event, uint32_t flags)
{
    struct rt_peek peek;
    struct rt_error fault;

    if (s->counts.client_events % MEASURE_EACH == 0)
        measure_publish(s); /* before this one, whose kind is not known yet */
    s->counts.client_events++;
    if (rt_peek(event, &peek) < 0) {
        (void)rt_error_of_fault(&fault, &peek);
        say_error(s, &fault, peek.event_id);
    } else if (peek.event == RT_INPUT_AUDIO_APPEND) {
        append_audio(s, event, flags, &peek);
    } else if (peek.event == RT_UNKNOWN) {
        unknown_event(s, event, flags, &peek);
    } else {
        known_event(s, event, flags, &peek);
    }
}
