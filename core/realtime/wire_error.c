/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/wire_error.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REQUEST "invalid_request_error"

struct kind {
    const char *type;
    const char *code; /* "" is null */
};

static const struct kind kinds[RT_ERROR_KIND_COUNT] = {
    [RT_ERROR_INVALID_JSON] = {REQUEST, "invalid_json"},
    [RT_ERROR_INVALID_EVENT] = {REQUEST, "invalid_event"},
    [RT_ERROR_INVALID_VALUE] = {REQUEST, "invalid_value"},
    [RT_ERROR_INVALID_TYPE] = {REQUEST, "invalid_type"},
    [RT_ERROR_UNKNOWN_PARAMETER] = {REQUEST, "unknown_parameter"},
    [RT_ERROR_MISSING_PARAMETER] = {REQUEST, "missing_required_parameter"},
    [RT_ERROR_INTEGER_BELOW_MIN] = {REQUEST, "integer_below_min_value"},
    [RT_ERROR_INTEGER_ABOVE_MAX] = {REQUEST, "integer_above_max_value"},
    [RT_ERROR_DECIMAL_BELOW_MIN] = {REQUEST, "decimal_below_min_value"},
    [RT_ERROR_DECIMAL_ABOVE_MAX] = {REQUEST, "decimal_above_max_value"},
    [RT_ERROR_STRING_TOO_LONG] = {REQUEST, "string_above_max_length"},
    [RT_ERROR_ARRAY_TOO_LONG] = {REQUEST, "array_above_max_length"},
    [RT_ERROR_ACTIVE_RESPONSE] = {REQUEST, "conversation_already_has_active_response"},
    [RT_ERROR_CANCEL_NOT_ACTIVE] = {REQUEST, "response_cancel_not_active"},
    [RT_ERROR_COMMIT_EMPTY] = {REQUEST, "input_audio_buffer_commit_empty"},
    [RT_ERROR_TRUNCATE_UNKNOWN] = {REQUEST, "item_truncate_invalid_item_id"},
    [RT_ERROR_DELETE_UNKNOWN] = {REQUEST, "item_delete_invalid_item_id"},
    [RT_ERROR_RETRIEVE_UNKNOWN] = {REQUEST, "item_retrieve_invalid_item_id"},
    [RT_ERROR_VOICE_FIXED] = {REQUEST, "cannot_update_voice"},
    [RT_ERROR_SESSION_EXPIRED] = {REQUEST, "session_expired"},
    [RT_ERROR_RATE_LIMIT] = {"tokens", "rate_limit_exceeded"},
    [RT_ERROR_QUOTA] = {"insufficient_quota", "insufficient_quota"},
    [RT_ERROR_INVALID_API_KEY] = {REQUEST, "invalid_api_key"},
    [RT_ERROR_MISSING_MODEL] = {REQUEST, "missing_model"},
    [RT_ERROR_INVALID_MODEL] = {REQUEST, "invalid_model"},
    [RT_ERROR_MODEL_NOT_FOUND] = {REQUEST, "model_not_found"},
    [RT_ERROR_EVENT_TOO_LARGE] = {REQUEST, "event_too_large"},
    [RT_ERROR_SERVER] = {"server_error", ""},
};

static void copy(char *dst, size_t size, const char *src)
{
    view_copy(dst, size, view_of(src == NULL ? "" : src));
}

int rt_error_set(struct rt_error *e, enum rt_error_kind kind, const char *param, const char *format,
                 ...)
{
    if (e == NULL)
        return PARLEY_E_INVALID;

    va_list args;
    va_start(args, format);
    (void)vsnprintf(e->message, sizeof(e->message), format, args); /* cut when too long */
    va_end(args);
    copy(e->type, sizeof(e->type), kinds[kind].type);
    copy(e->code, sizeof(e->code), kinds[kind].code);
    copy(e->param, sizeof(e->param), param);
    return PARLEY_E_INVALID;
}

int rt_error_of_fault(struct rt_error *e, const struct rt_peek *peek)
{
    switch (peek->fault) {
    case RT_FAULT_TOO_DEEP:
        return rt_error_set(e, RT_ERROR_INVALID_JSON, NULL,
                            "The event is nested deeper than %d levels, at byte %zu; flatten it.",
                            RT_MAX_DEPTH, peek->fault_at);
    case RT_FAULT_NOT_OBJECT:
        return rt_error_set(e, RT_ERROR_INVALID_EVENT, NULL,
                            "An event is a JSON object with a `type`; this message is another "
                            "kind of JSON value.");
    case RT_FAULT_NO_TYPE:
        return rt_error_set(e, RT_ERROR_INVALID_EVENT, "type",
                            "The event has no `type`; name one, such as \"session.update\".");
    case RT_FAULT_TYPE_NOT_STRING:
        return rt_error_set(e, RT_ERROR_INVALID_EVENT, "type",
                            "The event's `type` is not a plain string; send its name without "
                            "escapes, such as \"session.update\".");
    case RT_FAULT_DUPLICATE_TYPE:
        return rt_error_set(e, RT_ERROR_INVALID_EVENT, "type",
                            "The event has more than one `type`; send exactly one.");
    case RT_FAULT_DUPLICATE_KEY:
        return rt_error_set(e, RT_ERROR_INVALID_EVENT, NULL,
                            "The event has a member twice, at byte %zu; send each once.",
                            peek->fault_at);
    case RT_FAULT_ESCAPED_KEY:
        return rt_error_set(
            e, RT_ERROR_INVALID_EVENT, NULL,
            "A member's name is spelled with escapes, at byte %zu; send it plainly.",
            peek->fault_at);
    default:
        return rt_error_set(e, RT_ERROR_INVALID_JSON, NULL,
                            "The message is not valid JSON, at byte %zu; send one JSON object per "
                            "text message.",
                            peek->fault_at);
    }
}

/* 'a', 'b' and 'c': the types that a client may send. */
static size_t list_client_types(char *out, size_t size)
{
    size_t len = 0;

    for (unsigned i = 1; i < RT_EVENT_COUNT && len < size; i++) {
        const struct rt_event_info *info = rt_event_info((enum rt_event)i);
        if (info->direction == RT_CLIENT && info->action != RT_DO_REFUSE)
            len +=
                (size_t)snprintf(out + len, size - len, "%s'%s'", len == 0 ? "" : ", ", info->name);
    }
    return len;
}

int rt_error_of_unknown_type(struct rt_error *e, struct parley_view type)
{
    char known[512];

    (void)list_client_types(known, sizeof(known)); /* all fit, a test says */
    return rt_error_set(
        e, RT_ERROR_INVALID_VALUE, "type", "Invalid value: '%.*s'. Supported values are: %s.",
        (int)(type.len > 80 ? 80 : type.len), type.data == NULL ? "" : type.data, known);
}

void rt_error_copy(struct rt_error *e, const char *type, const char *code, const char *message)
{
    copy(e->type, sizeof(e->type), type == NULL || type[0] == '\0' ? "server_error" : type);
    copy(e->code, sizeof(e->code), code);
    copy(e->message, sizeof(e->message), message);
    e->param[0] = '\0';
}

int rt_error_close_code(const struct rt_error *e)
{
    static const struct {
        const char *word; /* a type or a code */
        int close_code;
    } table[] = {
        {"invalid_api_key", 3000},         {"missing_model", 4000},   {"invalid_model", 4000},
        {"beta_api_shape_disabled", 4000}, {"model_not_found", 4004}, {"insufficient_quota", 1013},
        {"rate_limit_exceeded", 1013},     {"session_expired", 1000}, {"event_too_large", 1009},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(e->code, table[i].word) == 0 || strcmp(e->type, table[i].word) == 0)
            return table[i].close_code;
    }
    return 1011;
}

void rt_error_close_reason(const struct rt_error *e, char out[124])
{
    (void)snprintf(out, 124, "%s%s%s", e->type, e->code[0] == '\0' ? "" : ".", e->code);
}
