/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/decode.h"

#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"
#include "realtime/rules.h"

#include <string.h>

#define COMMON RT_STR("type"), RT_STR_NULL("event_id", .max = RT_MAX_EVENT_ID_CHARS)

/* --- What each event may hold ----------------------------------------------------------------- */

static const struct rt_rule bare_members[] = {
    COMMON,
    RT_RULES_END,
};

static const struct rt_rule append_members[] = {
    COMMON,
    RT_NEED_STR("audio"),
    RT_RULES_END,
};

/* The session is checked by rt_session_update(), against the session there is. */
static const struct rt_rule session_update_members[] = {
    COMMON,
    RT_MEMBER("session", RT_IS_OBJECT | RT_REQUIRED),
    RT_RULES_END,
};

static const struct rt_rule item_create_members[] = {
    COMMON,
    RT_STR_NULL("previous_item_id"),
    RT_MEMBER("item", RT_IS_OBJECT | RT_REQUIRED),
    RT_RULES_END,
};

static const struct rt_rule item_id_members[] = {
    COMMON,
    RT_NEED_STR("item_id"),
    RT_RULES_END,
};

static const struct rt_rule item_truncate_members[] = {
    COMMON,
    RT_NEED_STR("item_id"),
    RT_MEMBER("content_index", RT_IS_INT | RT_REQUIRED, .min = 0, .max = 1000),
    RT_MEMBER("audio_end_ms", RT_IS_INT | RT_REQUIRED, .min = 0, .max = 1e12),
    RT_RULES_END,
};

static const struct rt_rule response_create_members[] = {
    COMMON,
    RT_MEMBER("response", RT_IS_OBJECT | RT_IS_NULL),
    RT_RULES_END,
};

static const struct rt_rule response_cancel_members[] = {
    COMMON,
    RT_STR_NULL("response_id"),
    RT_RULES_END,
};

/* --- One function per event ------------------------------------------------------------------- */

static int decode_bare(struct rt_client_event *e, struct rt_error *fault)
{
    return rt_schema_members(e->tree, bare_members, NULL, fault);
}

static int decode_append(struct rt_client_event *e, struct rt_error *fault)
{
    return rt_schema_members(e->tree, append_members, NULL, fault);
}

static int decode_session_update(struct rt_client_event *e, struct rt_error *fault)
{
    e->u.session = json_object_get(e->tree, "session");
    return rt_schema_members(e->tree, session_update_members, NULL, fault);
}

static int decode_item_create(struct rt_client_event *e, struct rt_error *fault)
{
    struct rt_item_create *create = &e->u.item_create;
    const json_t *item = json_object_get(e->tree, "item");
    struct rt_path here = {NULL, "item", 0};

    int r = rt_schema_members(e->tree, item_create_members, NULL, fault);
    if (r == PARLEY_OK)
        r = rt_schema_check(item, &rt_rule_item, &here, fault);
    if (r < 0)
        return r;
    create->previous_item_id = json_get_view(e->tree, "previous_item_id");
    create->after = create->previous_item_id.data == NULL       ? RT_AFTER_LAST
                    : view_is(create->previous_item_id, "root") ? RT_AFTER_ROOT
                                                                : RT_AFTER_ITEM;
    rt_item_read(item, &create->item);
    return PARLEY_OK;
}

static int decode_item_id(struct rt_client_event *e, struct rt_error *fault)
{
    e->u.item_id = json_get_view(e->tree, "item_id");
    return rt_schema_members(e->tree, item_id_members, NULL, fault);
}

static int decode_item_truncate(struct rt_client_event *e, struct rt_error *fault)
{
    e->u.item_truncate = (struct rt_item_truncate){
        .item_id = json_get_view(e->tree, "item_id"),
        .content_index = json_get_int(e->tree, "content_index", 0),
        .audio_end_ms = json_get_int(e->tree, "audio_end_ms", 0),
    };
    return rt_schema_members(e->tree, item_truncate_members, NULL, fault);
}

/* The member, or NULL when it is absent or null. */
static const json_t *present(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_null(value) ? NULL : value;
}

static int decode_response_create(struct rt_client_event *e, struct rt_error *fault)
{
    const json_t *response = present(e->tree, "response");
    const json_t *modalities = json_object_get(response, "output_modalities");
    struct rt_path here = {NULL, "response", 0};

    int r = rt_schema_members(e->tree, response_create_members, NULL, fault);
    if (r == PARLEY_OK && response != NULL)
        r = rt_schema_check(response, &rt_rule_response, &here, fault);
    if (r < 0)
        return r;
    e->u.response_create = (struct rt_response_create){
        .response = response,
        .metadata = present(response, "metadata"),
        .input = present(response, "input"),
        .tools = present(response, "tools"),
        .out_of_band = strcmp(json_get_str(response, "conversation", "auto"), "none") == 0,
        .has_modalities = modalities != NULL,
        .text_only = view_is(json_view(json_array_get(modalities, 0)), "text"),
        .instructions = json_get_view(response, "instructions"),
    };
    return PARLEY_OK;
}

static int decode_response_cancel(struct rt_client_event *e, struct rt_error *fault)
{
    e->u.response_id = json_get_view(e->tree, "response_id");
    return rt_schema_members(e->tree, response_cancel_members, NULL, fault);
}

static int decode_event(struct rt_client_event *e, struct rt_error *fault)
{
    switch (e->event) {
    case RT_SESSION_UPDATE:
        return decode_session_update(e, fault);
    case RT_INPUT_AUDIO_APPEND:
        return decode_append(e, fault);
    case RT_INPUT_AUDIO_COMMIT:
    case RT_INPUT_AUDIO_CLEAR:
        return decode_bare(e, fault);
    case RT_ITEM_CREATE:
        return decode_item_create(e, fault);
    case RT_ITEM_RETRIEVE:
    case RT_ITEM_DELETE:
        return decode_item_id(e, fault);
    case RT_ITEM_TRUNCATE:
        return decode_item_truncate(e, fault);
    case RT_RESPONSE_CREATE:
        return decode_response_create(e, fault);
    case RT_RESPONSE_CANCEL:
        return decode_response_cancel(e, fault);
    default:
        return rt_error_of_unknown_type(fault, view_of(rt_event_name(e->event)));
    }
}

static bool is_decodable(enum rt_event event)
{
    const struct rt_event_info *info = rt_event_info(event);

    return event != RT_UNKNOWN && info->direction == RT_CLIENT && info->action != RT_DO_REFUSE;
}

int rt_decode_client(struct parley_view bytes, const struct rt_peek *peek,
                     struct rt_client_event *ret_event, struct rt_error *fault)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!is_decodable(peek->event))
        return rt_error_of_unknown_type(fault, peek->type);

    struct rt_client_event e = {.event = peek->event, .event_id = peek->event_id};
    e.tree = json_parse(bytes, &err);
    if (e.tree == NULL)
        return rt_error_set(fault, RT_ERROR_INVALID_JSON, NULL,
                            "The message cannot be taken: %s. Send one JSON object per text "
                            "message, in valid UTF-8, each member once.",
                            err.message);
    int r = decode_event(&e, fault);
    if (r < 0) {
        rt_client_event_done(&e);
        return r;
    }
    *ret_event = e;
    return PARLEY_OK;
}

void rt_client_event_done(struct rt_client_event *event)
{
    json_decref(event->tree);
    event->tree = NULL;
}
