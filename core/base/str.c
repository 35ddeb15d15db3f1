/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdlib.h>

bool view_starts_with(struct parley_view a, struct parley_view prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.data, prefix.data, prefix.len) == 0);
}

bool view_ends_with(struct parley_view a, struct parley_view suffix)
{
    return a.len >= suffix.len &&
           (suffix.len == 0 || memcmp(a.data + a.len - suffix.len, suffix.data, suffix.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool view_equal_nocase(struct parley_view a, struct parley_view b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct parley_view view_trim(struct parley_view a)
{
    while (a.len > 0 && is_space(a.data[0])) {
        a.data++;
        a.len--;
    }
    while (a.len > 0 && is_space(a.data[a.len - 1]))
        a.len--;
    return a;
}

bool view_split(struct parley_view *rest, char separator, struct parley_view *ret_head)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);

    if (at == NULL) {
        *ret_head = *rest;
        *rest = (struct parley_view){0};
        return false;
    }
    *ret_head = (struct parley_view){rest->data, (size_t)(at - rest->data)};
    rest->len -= ret_head->len + 1;
    rest->data = at + 1;
    return true;
}

char *view_dup(struct parley_view a)
{
    char *copy = malloc(a.len + 1);

    if (copy == NULL)
        return NULL;
    if (a.len > 0)
        memcpy(copy, a.data, a.len);
    copy[a.len] = '\0';
    return copy;
}

void view_copy(char *dst, size_t dst_size, struct parley_view a)
{
    size_t len = a.len < dst_size ? a.len : dst_size - 1;

    if (len > 0)
        memcpy(dst, a.data, len);
    dst[len] = '\0';
}

bool view_to_int64(struct parley_view a, int64_t *ret)
{
    bool negative = a.len > 0 && a.data[0] == '-';
    int64_t value = 0;

    if (negative) {
        a.data++;
        a.len--;
    }
    if (a.len == 0)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (a.data[i] < '0' || a.data[i] > '9')
            return false;
        int digit = a.data[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *ret = value;
    return true;
}

bool view_equal_secret(struct parley_view a, struct parley_view b)
{
    volatile unsigned char different = a.len != b.len;

    for (size_t i = 0; i < a.len; i++)
        different |= (unsigned char)(a.data[i] ^ (b.len == 0 ? 0 : b.data[i % b.len]));
    return different == 0;
}
