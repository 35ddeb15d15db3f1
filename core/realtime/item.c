/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/item.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <string.h>

static const char *const kind_names[RT_ITEM_KIND_COUNT] = {
    [RT_ITEM_UNKNOWN] = "",
    [RT_ITEM_MESSAGE] = "message",
    [RT_ITEM_FUNCTION_CALL] = "function_call",
    [RT_ITEM_FUNCTION_CALL_OUTPUT] = "function_call_output",
    [RT_ITEM_MCP_LIST_TOOLS] = "mcp_list_tools",
    [RT_ITEM_MCP_CALL] = "mcp_call",
    [RT_ITEM_MCP_APPROVAL_REQUEST] = "mcp_approval_request",
    [RT_ITEM_MCP_APPROVAL_RESPONSE] = "mcp_approval_response",
    [RT_ITEM_REFERENCE] = "item_reference",
};
static const char *const role_names[RT_ROLE_COUNT] = {"", "system", "user", "assistant"};
static const char *const status_names[RT_ITEM_STATUS_COUNT] = {"", "in_progress", "completed",
                                                               "incomplete"};
static const char *const part_names[RT_PART_KIND_COUNT] = {
    "", "input_text", "input_audio", "input_image", "output_text", "output_audio"};

const char *rt_item_kind_name(enum rt_item_kind kind)
{
    return kind_names[kind];
}

const char *rt_role_name(enum rt_role role)
{
    return role_names[role];
}

const char *rt_item_status_name(enum rt_item_status status)
{
    return status_names[status];
}

const char *rt_part_kind_name(enum rt_part_kind kind)
{
    return part_names[kind];
}

/* Index of the word, 0 when it is none of them. */
static unsigned index_of(struct parley_view word, const char *const *names, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        if (view_is(word, names[i]))
            return i;
    }
    return 0;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void write_member(struct buf *out, const char *key, struct parley_view text)
{
    buf_printf(out, ",\"%s\":", key);
    buf_append_json_string(out, text);
}

static void write_optional(struct buf *out, const char *key, struct parley_view text)
{
    if (text.data != NULL)
        write_member(out, key, text);
}

static void write_part(struct buf *out, const struct rt_part *part)
{
    bool is_audio = part->kind == RT_PART_INPUT_AUDIO || part->kind == RT_PART_OUTPUT_AUDIO;

    buf_printf(out, "{\"type\":\"%s\"", part_names[part->kind]);
    if (is_audio && part->text.data == NULL)
        buf_append_str(out, ",\"transcript\":null");
    else if (part->kind == RT_PART_INPUT_IMAGE)
        write_member(out, "image_url", part->image_url);
    else
        write_member(out, is_audio ? "transcript" : "text", part->text);
    if (is_audio)
        write_optional(out, "audio", part->audio);
    buf_append_char(out, '}');
}

static void write_content(struct buf *out, const struct rt_item *item)
{
    buf_printf(out, ",\"role\":\"%s\",\"content\":[", role_names[item->role]);
    for (size_t i = 0; i < item->part_count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        write_part(out, &item->parts[i]);
    }
    buf_append_char(out, ']');
}

void rt_item_write(struct buf *out, const struct rt_item *item)
{
    buf_append_char(out, '{');
    if (item->id.data != NULL) {
        buf_append_str(out, "\"id\":");
        buf_append_json_string(out, item->id);
        buf_append_char(out, ',');
    }
    buf_printf(out, "\"object\":\"realtime.item\",\"type\":\"%s\"", kind_names[item->kind]);
    if (item->status != RT_ITEM_NO_STATUS)
        buf_printf(out, ",\"status\":\"%s\"", status_names[item->status]);
    if (item->kind == RT_ITEM_MESSAGE)
        write_content(out, item);
    write_optional(out, "call_id", item->call_id);
    write_optional(out, "name", item->name);
    write_optional(out, "arguments", item->arguments);
    write_optional(out, "output", item->output);
    buf_append_char(out, '}');
}

/* --- Reading ---------------------------------------------------------------------------------- */

void rt_item_read(const json_t *tree, struct rt_item *ret_item)
{
    *ret_item = (struct rt_item){
        .kind = (enum rt_item_kind)index_of(json_get_view(tree, "type"), kind_names,
                                            RT_ITEM_KIND_COUNT),
        .role = (enum rt_role)index_of(json_get_view(tree, "role"), role_names, RT_ROLE_COUNT),
        .status = (enum rt_item_status)index_of(json_get_view(tree, "status"), status_names,
                                                RT_ITEM_STATUS_COUNT),
        .id = json_get_view(tree, "id"),
        .call_id = json_get_view(tree, "call_id"),
        .name = json_get_view(tree, "name"),
        .arguments = json_get_view(tree, "arguments"),
        .output = json_get_view(tree, "output"),
        .part_count = json_array_size(json_object_get(tree, "content")),
        .tree = tree,
    };
}

static enum rt_part_kind part_kind(struct parley_view type)
{
    if (view_is(type, "text"))
        return RT_PART_OUTPUT_TEXT;
    if (view_is(type, "audio"))
        return RT_PART_OUTPUT_AUDIO;
    return (enum rt_part_kind)index_of(type, part_names, RT_PART_KIND_COUNT);
}

bool rt_item_part(const json_t *tree, size_t i, struct rt_part *ret_part)
{
    const json_t *part = json_array_get(json_object_get(tree, "content"), i);

    if (part == NULL)
        return false;
    enum rt_part_kind kind = part_kind(json_get_view(part, "type"));
    bool is_audio = kind == RT_PART_INPUT_AUDIO || kind == RT_PART_OUTPUT_AUDIO;
    *ret_part = (struct rt_part){
        .kind = kind,
        .text = json_get_view(part, is_audio ? "transcript" : "text"),
        .audio = json_get_view(part, "audio"),
        .image_url = json_get_view(part, "image_url"),
    };
    return true;
}

void rt_item_text(struct buf *out, const json_t *tree)
{
    struct rt_part part;
    bool has_text = false;

    for (size_t i = 0; rt_item_part(tree, i, &part); i++) {
        if (part.text.len == 0)
            continue;
        if (has_text)
            buf_append_char(out, ' ');
        buf_append_view(out, part.text);
        has_text = true;
    }
}

/* --- Replaying -------------------------------------------------------------------------------- */

static const char *replay_part_type(enum rt_role role)
{
    return role == RT_ROLE_ASSISTANT ? "output_text" : "input_text";
}

/* The part as it can be inserted, or NULL when nothing of it can. */
static json_t *replay_part(const json_t *tree, size_t i, enum rt_role role)
{
    struct rt_part part;

    if (!rt_item_part(tree, i, &part))
        return NULL;
    if (part.kind == RT_PART_INPUT_IMAGE)
        return json_deep_copy(json_array_get(json_object_get(tree, "content"), i));
    if (part.text.len == 0)
        return NULL;
    return json_pack("{s:s, s:o}", "type", replay_part_type(role), "text",
                     json_from_view(part.text));
}

static json_t *replay_message(const json_t *tree, const struct rt_item *item)
{
    _cleanup_json_ json_t *content = json_array();

    for (size_t i = 0; i < item->part_count; i++) {
        json_t *part = replay_part(tree, i, item->role);
        if (part != NULL && json_array_append_new(content, part) != 0)
            return NULL;
    }
    if (json_array_size(content) == 0)
        return NULL;
    json_t *copy = json_pack("{s:s, s:s, s:O}", "type", "message", "role", role_names[item->role],
                             "content", content);
    const json_t *id = json_object_get(tree, "id");
    if (copy != NULL && id != NULL)
        (void)json_object_set_new(copy, "id", json_deep_copy(id)); /* without it the model picks */
    return copy;
}

json_t *rt_item_for_replay(const json_t *tree)
{
    struct rt_item item;

    rt_item_read(tree, &item);
    if (item.kind == RT_ITEM_MESSAGE && item.role != RT_ROLE_NONE)
        return replay_message(tree, &item);
    if (item.kind != RT_ITEM_FUNCTION_CALL && item.kind != RT_ITEM_FUNCTION_CALL_OUTPUT)
        return NULL;
    json_t *copy = json_deep_copy(tree);
    if (copy != NULL) {
        (void)json_object_del(copy, "object"); /* may be absent */
        (void)json_object_del(copy, "status");
    }
    return copy;
}
