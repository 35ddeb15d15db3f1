/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

#include <string.h>

static const char *string_of(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    return json_is_string(value) ? json_string_value(value) : "";
}

static void append(char *text, const char *part)
{
    size_t len = strlen(text), left = UTTERANCE_MAX_BYTES - len;
    size_t part_len = strlen(part);

    if (part_len == 0 || left < 2)
        return;
    if (len > 0) {
        text[len++] = ' ';
        left--;
    }
    if (part_len > left) {
        part_len = left;
        while (part_len > 0 && ((unsigned char)part[part_len] & 0xc0) == 0x80)
            part_len--;
    }
    memcpy(text + len, part, part_len);
    text[len + part_len] = '\0';
}

/* Typed text, or what audio was heard as. */
static void read_content(json_t *content, char *text)
{
    size_t index = 0;
    json_t *part = NULL;

    text[0] = '\0';
    json_array_foreach(content, index, part)
    {
        append(text, string_of(part, "text"));
        append(text, string_of(part, "transcript"));
    }
}

/* Newest first while walking back; turned round at the end. */
static void reverse(struct items_end *end)
{
    for (size_t i = 0; i < end->output_count / 2; i++) {
        struct parley_view *a = &end->outputs[i], *b = &end->outputs[end->output_count - 1 - i];
        struct parley_view swap = *a;
        *a = *b;
        *b = swap;
    }
}

/* True when the item decides what comes next, so that the walk ends. */
static bool read_item(json_t *item, struct items_end *end)
{
    const char *type = string_of(item, "type");
    const char *role = string_of(item, "role");

    if (strcmp(type, "function_call_output") == 0) {
        const char *output = string_of(item, "output");
        if (end->output_count < ITEMS_MAX_OUTPUTS)
            end->outputs[end->output_count++] = (struct parley_view){output, strlen(output)};
        end->last = ITEMS_OUTPUTS;
        return false;
    }
    if (end->last == ITEMS_OUTPUTS && strcmp(type, "function_call") == 0)
        return false;
    if (end->last == ITEMS_OUTPUTS)
        return true;
    if (strcmp(role, "user") == 0) {
        end->last = ITEMS_USER;
        end->id = string_of(item, "id");
        read_content(json_object_get(item, "content"), end->said);
        return true;
    }
    if (strcmp(role, "assistant") == 0)
        end->last = ITEMS_ASSISTANT;
    return end->last == ITEMS_ASSISTANT;
}

void items_read_end(json_t *items, struct items_end *ret_end)
{
    *ret_end = (struct items_end){.id = ""};
    for (size_t i = json_array_size(items); i > 0; i--) {
        if (read_item(json_array_get(items, i - 1), ret_end))
            break;
    }
    reverse(ret_end);
}
