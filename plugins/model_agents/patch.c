/* SPDX-License-Identifier: Apache-2.0 */
#include "patch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

#define MAX_DEPTH 32
#define MAX_KEY   256

/* The next name of a pointer, unescaped. False: it is too long. */
static bool next_name(const char **at, char name[MAX_KEY])
{
    size_t len = 0;

    (*at)++; /* the slash */
    while (**at != '\0' && **at != '/') {
        char c = *(*at)++;
        if (c == '~' && (**at == '0' || **at == '1'))
            c = *(*at)++ == '0' ? '~' : '/';
        if (len == MAX_KEY - 1)
            return false;
        name[len++] = c;
    }
    name[len] = '\0';
    return true;
}

/* Place in an array; its size for "-" and for what is no place. */
static size_t place_of(const json_t *array, const char *name)
{
    char *end = NULL;
    unsigned long at = strtoul(name, &end, 10);
    size_t size = json_array_size(array);

    return name[0] < '0' || name[0] > '9' || *end != '\0' || at > size ? size : (size_t)at;
}

static json_t *child_of(json_t *parent, const char *name)
{
    return json_is_array(parent) ? json_array_get(parent, place_of(parent, name))
                                 : json_object_get(parent, name);
}

static void change(json_t *parent, const char *name, const char *operation, json_t *value)
{
    bool is_removal = strcmp(operation, "remove") == 0;
    size_t at = place_of(parent, name);

    if (!is_removal && value == NULL)
        return;
    if (json_is_object(parent) && is_removal)
        json_object_del(parent, name);
    else if (json_is_object(parent))
        json_object_set(parent, name, value);
    else if (is_removal)
        json_array_remove(parent, at);
    else if (strcmp(operation, "add") == 0)
        json_array_insert(parent, at, value);
    else
        json_array_set(parent, at, value);
}

static void apply(json_t *document, const json_t *operation)
{
    const char *at = value_str(operation, "path"), *op = value_str(operation, "op");
    json_t *value = json_deep_copy(json_object_get(operation, "value"));
    bool is_known =
        strcmp(op, "add") == 0 || strcmp(op, "replace") == 0 || strcmp(op, "remove") == 0;
    char name[MAX_KEY];

    for (int depth = 0; is_known && document != NULL && *at == '/' && depth < MAX_DEPTH; depth++) {
        if (!next_name(&at, name))
            break;
        if (*at == '\0')
            change(document, name, op, value);
        else
            document = child_of(document, name);
    }
    json_decref(value);
}

json_t *patch_apply(json_t *take_document, const json_t *operations)
{
    json_t *document = take_document == NULL ? json_object() : take_document;
    const json_t *operation = NULL;
    size_t i = 0;

    json_array_foreach(operations, i, operation) apply(document, operation);
    return document;
}
