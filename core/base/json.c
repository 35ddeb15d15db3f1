/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local uint64_t parse_count;

json_t *json_parse(struct parley_view text, struct parley_error *err)
{
    json_error_t fault;

    parse_count++;
    json_t *tree = json_loadb(text.data == NULL ? "" : text.data, text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (tree == NULL)
        (void)parley_fail(err, PARLEY_E_INVALID, "not valid JSON: %s at byte %d", fault.text,
                          fault.position);
    return tree;
}

uint64_t json_parse_count(void)
{
    return parse_count;
}

struct parley_view json_view(const json_t *string)
{
    if (!json_is_string(string))
        return (struct parley_view){0};
    return (struct parley_view){json_string_value(string), json_string_length(string)};
}

struct parley_view json_get_view(const json_t *object, const char *key)
{
    return json_view(json_object_get(object, key));
}

const char *json_get_str(const json_t *object, const char *key, const char *otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? json_string_value(value) : otherwise;
}

int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

double json_get_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool json_get_bool(const json_t *object, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

json_t *json_from_view(struct parley_view text)
{
    return json_stringn(text.data == NULL ? "" : text.data, text.len);
}

static int append_piece(const char *piece, size_t len, void *out)
{
    buf_append(out, piece, len);
    return ((struct buf *)out)->failed ? -1 : 0;
}

/* As few digits as give the same number back: 19.99, not 19.989999999999998. */
static size_t digits_of(double number)
{
    char text[40];

    for (int digits = 15; digits < 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return (size_t)digits;
    }
    return 17;
}

static size_t most_digits(const json_t *tree)
{
    size_t most = 15, i;
    const char *key;
    json_t *below;

    if (json_is_real(tree))
        return digits_of(json_real_value(tree));
    json_array_foreach(tree, i, below)
    {
        size_t digits = most_digits(below);
        most = digits > most ? digits : most;
    }
    json_object_foreach((json_t *)(uintptr_t)tree, key, below)
    {
        size_t digits = most_digits(below);
        most = digits > most ? digits : most;
    }
    return most;
}

size_t json_digits(const json_t *tree)
{
    return JSON_REAL_PRECISION(most_digits(tree));
}

void json_write(struct buf *out, const json_t *tree)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | json_digits(tree);

    if (json_dump_callback(tree, append_piece, out, flags) != 0)
        out->failed = true;
}
