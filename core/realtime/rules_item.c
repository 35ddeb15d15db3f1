/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/rules.h"

#include "base/json.h"
#include "base/str.h"
#include "realtime/item.h"

#include <string.h>

static const char *const object_words[] = {"realtime.item", NULL};
static const char *const status_words[] = {"in_progress", "completed", "incomplete", NULL};
static const char *const role_words[] = {"system", "user", "assistant", NULL};
static const char *const detail_words[] = {"auto", "low", "high", NULL};

#define ITEM_COMMON                                                                                \
    RT_STR("id", .max = RT_MAX_CLIENT_ID_CHARS), RT_STR("object", .words = object_words),          \
        RT_STR("type"), RT_STR("status", .words = status_words)

static const struct rt_rule text_part[] = {
    RT_STR("type"),
    RT_NEED_STR("text"),
    RT_RULES_END,
};

static const struct rt_rule input_audio_part[] = {
    RT_STR("type"),
    RT_NEED_STR("audio"),
    RT_STR_NULL("transcript"),
    RT_RULES_END,
};

/* A picture comes inside the event: parley fetches nothing for a client. */
static int check_data_uri(const json_t *value, const struct rt_path *path, struct rt_error *fault)
{
    if (view_starts_with(json_view(value), VIEW("data:image/")))
        return PARLEY_OK;
    return rt_schema_fail(
        fault, RT_ERROR_INVALID_VALUE, path,
        "An image is sent as a data URI that starts with 'data:image/png;base64,' "
        "or 'data:image/jpeg;base64,'.");
}

static const struct rt_rule image_part[] = {
    RT_STR("type"),
    RT_NEED_STR("image_url", .check = check_data_uri),
    RT_STR_NULL("detail", .words = detail_words),
    RT_RULES_END,
};

static const struct rt_variant system_parts[] = {{"input_text", text_part}, {NULL, NULL}};
static const struct rt_variant user_parts[] = {
    {"input_text", text_part},
    {"input_audio", input_audio_part},
    {"input_image", image_part},
    {NULL, NULL},
};
/* Audio of an assistant cannot be inserted. */
static const struct rt_variant assistant_parts[] = {{"output_text", text_part}, {NULL, NULL}};

static const struct rt_variant *parts_of(const char *role)
{
    if (strcmp(role, "system") == 0)
        return system_parts;
    return strcmp(role, "user") == 0 ? user_parts : assistant_parts;
}

/* Which parts a message may hold depends on its role. */
static int check_message(const json_t *item, const struct rt_path *path, struct rt_error *fault)
{
    const struct rt_rule part = {.is = RT_IS_OBJECT,
                                 .variants = parts_of(json_get_str(item, "role", ""))};
    const struct rt_rule content = {.is = RT_IS_ARRAY, .element = &part};
    struct rt_path here = {path, "content", 0};

    return rt_schema_check(json_object_get(item, "content"), &content, &here, fault);
}

static const struct rt_rule message_item[] = {
    ITEM_COMMON,
    RT_NEED_STR("role", .words = role_words),
    RT_MEMBER("content", RT_IS_ARRAY | RT_REQUIRED),
    RT_RULES_END,
};

static const struct rt_rule function_call_item[] = {
    ITEM_COMMON,         RT_STR("call_id", .max = RT_MAX_CLIENT_ID_CHARS),
    RT_NEED_STR("name"), RT_NEED_STR("arguments"),
    RT_RULES_END,
};

static const struct rt_rule function_call_output_item[] = {
    ITEM_COMMON,
    RT_NEED_STR("call_id"),
    RT_NEED_STR("output"),
    RT_RULES_END,
};

static const struct rt_rule mcp_approval_response_item[] = {
    ITEM_COMMON,
    RT_NEED_STR("approval_request_id"),
    RT_MEMBER("approve", RT_IS_BOOL | RT_REQUIRED),
    RT_STR_NULL("reason"),
    RT_RULES_END,
};

/* Items of a former session, put back by a client that keeps its own history. */
static const struct rt_rule mcp_call_item[] = {
    ITEM_COMMON,
    RT_NEED_STR("server_label"),
    RT_NEED_STR("name"),
    RT_NEED_STR("arguments"),
    RT_STR_NULL("output"),
    RT_STR_NULL("approval_request_id"),
    RT_MEMBER("error", RT_IS_OBJECT | RT_IS_NULL),
    RT_RULES_END,
};

static const struct rt_rule mcp_list_tools_item[] = {
    ITEM_COMMON,
    RT_NEED_STR("server_label"),
    RT_MEMBER("tools", RT_IS_ARRAY | RT_REQUIRED),
    RT_RULES_END,
};

static const struct rt_rule mcp_approval_request_item[] = {
    ITEM_COMMON,  RT_NEED_STR("server_label"), RT_NEED_STR("name"), RT_NEED_STR("arguments"),
    RT_RULES_END,
};

static const struct rt_rule reference_item[] = {
    RT_STR("type"),
    RT_NEED_STR("id"),
    RT_RULES_END,
};

#define ITEM_VARIANTS                                                                              \
    {"message", message_item}, {"function_call", function_call_item},                              \
        {"function_call_output", function_call_output_item},                                       \
        {"mcp_approval_response", mcp_approval_response_item}, {"mcp_call", mcp_call_item},        \
        {"mcp_list_tools", mcp_list_tools_item},                                                   \
    {                                                                                              \
        "mcp_approval_request", mcp_approval_request_item                                          \
    }

static const struct rt_variant item_variants[] = {ITEM_VARIANTS, {NULL, NULL}};
static const struct rt_variant input_variants[] = {
    ITEM_VARIANTS, {"item_reference", reference_item}, {NULL, NULL}};

static int check_item(const json_t *item, const struct rt_path *path, struct rt_error *fault)
{
    if (strcmp(json_get_str(item, "type", ""), "message") != 0)
        return PARLEY_OK;
    return check_message(item, path, fault);
}

const struct rt_rule rt_rule_item = {
    .is = RT_IS_OBJECT, .variants = item_variants, .check = check_item};
const struct rt_rule rt_rule_input_item = {
    .is = RT_IS_OBJECT, .variants = input_variants, .check = check_item};
