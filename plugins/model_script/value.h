/* SPDX-License-Identifier: Apache-2.0 */
/* Members of JSON objects with defaults, by name or by path. */
#ifndef MODEL_SCRIPT_VALUE_H
#define MODEL_SCRIPT_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline const char *value_str(const json_t *object, const char *key, const char *otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? json_string_value(value) : otherwise;
}

static inline int64_t value_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? (int64_t)json_number_value(value) : otherwise;
}

static inline bool value_bool(const json_t *object, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/*
 * As text to free, or NULL. Measured first: json_dumps() leaves out what it had no memory for, and
 * goes on.
 */
static inline char *value_text(const json_t *value)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t size = value == NULL ? 0 : json_dumpb(value, NULL, 0, flags);
    char *text = size == 0 ? NULL : (char *)malloc(size + 1);

    if (text != NULL && json_dumpb(value, text, size, flags) != size) {
        free(text);
        return NULL;
    }
    if (text != NULL)
        text[size] = '\0';
    return text;
}

/* "item.content.0.text": members by name, elements by number. NULL when there is none. */
static inline const json_t *value_at(const json_t *tree, const char *path)
{
    while (tree != NULL && *path != '\0') {
        char name[64];
        size_t len = strcspn(path, ".");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        tree = json_is_array(tree) ? json_array_get(tree, strtoul(name, NULL, 10))
                                   : json_object_get(tree, name);
        path += len + (path[len] == '.');
    }
    return tree;
}

/* Is the word in the array of words? */
static inline bool value_has(const json_t *words, const char *word)
{
    size_t i;
    json_t *value;

    json_array_foreach(words, i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), word) == 0)
            return true;
    }
    return false;
}

#endif
