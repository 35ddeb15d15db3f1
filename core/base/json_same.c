/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_same.h"

#include <string.h>

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static bool spend(size_t *work)
{
    if (*work == 0)
        return false;
    (*work)--;
    return true;
}

/* ---- equality ---- */

static bool is_same_number(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    return json_number_value(a) == json_number_value(b);
}

static bool is_same_string(const json_t *a, const json_t *b)
{
    size_t len = json_string_length(a);

    return len == json_string_length(b) &&
           memcmp(json_string_value(a), json_string_value(b), len) == 0;
}

static bool is_same_array(const json_t *a, const json_t *b, size_t *work)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (!json_is_same(json_array_get(a, i), json_array_get(b, i), work))
            return false;
    }
    return true;
}

static bool is_same_object(const json_t *a, const json_t *b, size_t *work)
{
    const char *key;
    json_t *member;

    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, key, member)
    {
        const json_t *other = json_object_get(b, key);
        if (other == NULL || !json_is_same(member, other, work))
            return false;
    }
    return true;
}

bool json_is_same(const json_t *a, const json_t *b, size_t *work)
{
    if (!spend(work))
        return false;
    if (json_is_number(a) && json_is_number(b))
        return is_same_number(a, b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    switch (json_typeof(a)) {
    case JSON_STRING:
        return is_same_string(a, b);
    case JSON_ARRAY:
        return is_same_array(a, b, work);
    case JSON_OBJECT:
        return is_same_object(a, b, work);
    default:
        return true;
    }
}

/* ---- hashes ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * FNV_PRIME;
    return hash;
}

static uint64_t hash_number(const json_t *value)
{
    double number = json_number_value(value) + 0.0; /* -0 is 0 */

    return mix(FNV_START ^ 1, &number, sizeof(number));
}

/* Members in any order: their hashes are added. */
static uint64_t hash_object(const json_t *value, size_t *work)
{
    uint64_t sum = FNV_START ^ 2;
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        uint64_t one = json_hash_of(member, work);
        sum += mix(one, key, strlen(key));
    }
    return sum;
}

static uint64_t hash_array(const json_t *value, size_t *work)
{
    uint64_t hash = FNV_START ^ 3;

    for (size_t i = 0; i < json_array_size(value); i++) {
        uint64_t one = json_hash_of(json_array_get(value, i), work);
        hash = mix(hash, &one, sizeof(one));
    }
    return hash;
}

uint64_t json_hash_of(const json_t *value, size_t *work)
{
    if (!spend(work))
        return 0;
    if (json_is_number(value))
        return hash_number(value);
    switch (json_typeof(value)) {
    case JSON_STRING:
        return mix(FNV_START ^ 4, json_string_value(value), json_string_length(value));
    case JSON_ARRAY:
        return hash_array(value, work);
    case JSON_OBJECT:
        return hash_object(value, work);
    default:
        return FNV_START ^ (10 + (uint64_t)json_typeof(value));
    }
}
