/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool reserve(struct json *j, size_t more)
{
    if (j->failed || j->cap - j->len > more)
        return !j->failed;
    size_t cap = (j->len + more + 1) * 2;
    char *data = realloc(j->data, cap);
    if (data == NULL) {
        j->failed = true;
        return false;
    }
    j->data = data;
    j->cap = cap;
    return true;
}

void json_bytes(struct json *j, const char *bytes, size_t len)
{
    if (len == 0 || !reserve(j, len))
        return;
    memcpy(j->data + j->len, bytes, len);
    j->len += len;
}

void json_done(struct json *j)
{
    free(j->data);
    *j = (struct json){0};
}

void json_raw(struct json *j, const char *text)
{
    json_bytes(j, text, strlen(text));
}

/* Bytes of the character that begins there; 0 when it is none (RFC 3629). */
static size_t char_len(const unsigned char *c, size_t len)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        unsigned char len;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    if (c[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (c[0] < forms[i].first || c[0] > forms[i].last)
            continue;
        if (len < forms[i].len || c[1] < forms[i].low || c[1] > forms[i].high)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++) {
            if ((c[k] & 0xC0) != 0x80)
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

size_t json_cut(struct parley_view text, size_t limit)
{
    if (text.len <= limit)
        return text.len;
    size_t len = limit;
    /* Back over the bytes that continue a character, at most three of them. */
    while (len > 0 && limit - len < 3 && ((unsigned char)text.data[len] & 0xC0) == 0x80)
        len--;
    return ((unsigned char)text.data[len] & 0xC0) == 0x80 ? limit : len;
}

static void add_escaped(struct json *j, unsigned char c)
{
    static const char names[] = "\"\"\\\\\nn\rr\tt";
    char escape[8];

    for (size_t i = 0; names[i] != '\0'; i += 2) {
        if ((unsigned char)names[i] == c) {
            (void)snprintf(escape, sizeof(escape), "\\%c", names[i + 1]);
            json_raw(j, escape);
            return;
        }
    }
    (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
    json_raw(j, escape);
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\' && c < 127;
}

/* A bad byte becomes three: they count, so that the limit holds for what is read. */
void json_text(struct json *j, struct parley_view text, size_t limit)
{
    const unsigned char *c = (const unsigned char *)text.data;
    size_t len = json_cut(text, limit), used = 0;

    json_raw(j, "\"");
    for (size_t i = 0; i < len;) {
        size_t run = 0;
        while (i + run < len && is_plain(c[i + run]) && used + run < limit)
            run++;
        json_bytes(j, text.data + i, run);
        i += run;
        used += run;
        if (i == len || used >= limit)
            break;
        size_t one = char_len(c + i, len - i);
        size_t weight = one == 0 ? sizeof(REPLACEMENT) - 1 : one;
        if (used + weight > limit)
            break;
        if (one == 0)
            json_raw(j, REPLACEMENT);
        else if (one == 1)
            add_escaped(j, c[i]);
        else
            json_bytes(j, text.data + i, one);
        i += one == 0 ? 1 : one;
        used += weight;
    }
    json_raw(j, "\"");
}

void json_str(struct json *j, const char *text, size_t limit)
{
    json_text(j, (struct parley_view){text, strlen(text)}, limit);
}

void json_int(struct json *j, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    json_raw(j, text);
}

void json_double(struct json *j, double value)
{
    char text[40];

    (void)snprintf(text, sizeof(text), "%.15g", isfinite(value) ? value : 0.0);
    json_raw(j, text);
}

void json_key(struct json *j, const char *key)
{
    char last = j->len > 0 ? j->data[j->len - 1] : '{';

    if (last != '{' && last != '[')
        json_raw(j, ",");
    json_str(j, key, SIZE_MAX);
    json_raw(j, ":");
}

void json_member(struct json *j, const char *key, struct parley_view text, size_t limit)
{
    if (text.len == 0)
        return;
    json_key(j, key);
    json_text(j, text, limit);
}
