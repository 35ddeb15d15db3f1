/* SPDX-License-Identifier: Apache-2.0 */
#include "session/journal_cut.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <parley/store.h>

#include <string.h>

#define MOST_PARTS 64 /* of a message */

/* The beginning, and what is not there. */
static json_t *shortened(const json_t *text, size_t bytes)
{
    struct parley_view all = json_view(text);
    size_t keep = all.len < JOURNAL_CUT_CHARS ? all.len : JOURNAL_CUT_CHARS;

    while (keep > 0 && keep < all.len && ((unsigned char)all.data[keep] & 0xc0) == 0x80)
        keep--; /* not in the middle of a character */
    return json_sprintf("%.*s [cut: the record had %zu bytes, more than the store takes]",
                        (int)keep, all.data, bytes);
}

static json_t *instead_of_media(const char *what, size_t bytes)
{
    json_t *text = json_sprintf(
        "[%s left out: the record had %zu bytes, more than the store takes]", what, bytes);

    return json_pack("{s:s, s:o}", "type", "input_text", "text", text);
}

static void cut_strings(json_t *object, size_t bytes)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, key, value)
    {
        if (!json_is_string(value) || json_string_length(value) <= JOURNAL_CUT_CHARS)
            continue;
        if (strcmp(key, "arguments") == 0) /* is JSON itself */
            json_object_set_new(object, key, json_string("{}"));
        else
            json_object_set_new(object, key, shortened(value, bytes));
    }
}

static void cut_parts(json_t *content, size_t bytes)
{
    size_t i;
    json_t *part;

    while (json_array_size(content) > MOST_PARTS)
        json_array_remove(content, json_array_size(content) - 1);
    json_array_foreach(content, i, part)
    {
        if (strcmp(json_get_str(part, "type", ""), "input_image") == 0) {
            json_array_set_new(content, i, instead_of_media("an image", bytes));
            continue;
        }
        json_object_del(part, "audio");
        cut_strings(part, bytes);
    }
}

bool journal_cut(uint32_t kind, struct buf *data, size_t bytes)
{
    _cleanup_json_ json_t *tree = json_parse(buf_view(data), NULL);
    struct buf text = {0};

    if (!json_is_object(tree))
        return false;
    cut_strings(tree, bytes);
    if (kind == PARLEY_RECORD_ITEM)
        cut_parts(json_object_get(tree, "content"), bytes);
    json_write(&text, tree);
    if (text.failed) {
        buf_done(&text);
        return false;
    }
    buf_done(data);
    *data = text;
    return true;
}
