/* SPDX-License-Identifier: Apache-2.0 */
/* Members of JSON objects that strangers wrote: never NULL, whatever is there. */
#ifndef MODEL_AGENTS_VALUE_H
#define MODEL_AGENTS_VALUE_H

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static inline const char *value_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static inline bool value_is(const json_t *object, const char *key, const char *text)
{
    return strcmp(value_str(object, key), text) == 0;
}

static inline struct parley_view value_view(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);

    return json_is_string(text)
               ? (struct parley_view){json_string_value(text), json_string_length(text)}
               : (struct parley_view){"", 0};
}

static inline int64_t value_count(const json_t *object, const char *key)
{
    json_int_t count = json_integer_value(json_object_get(object, key));

    return count < 0 ? 0 : count;
}

static inline bool view_equal(struct parley_view a, struct parley_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
