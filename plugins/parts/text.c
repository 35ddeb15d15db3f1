/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 256

static bool reserve(struct text *t, size_t need)
{
    size_t size = t->size < FIRST_BYTES ? FIRST_BYTES : t->size;

    if (need <= t->size)
        return true;
    while (size < need)
        size *= 2;
    char *data = realloc(t->data, size);
    if (data == NULL)
        return false;
    t->data = data;
    t->size = size;
    return true;
}

bool text_append(struct text *t, struct parley_view more, size_t limit)
{
    if (more.len > limit || t->len > limit - more.len || !reserve(t, t->len + more.len + 1))
        return false;
    if (more.len > 0)
        memcpy(t->data + t->len, more.data, more.len);
    t->len += more.len;
    t->data[t->len] = '\0';
    return true;
}

void text_consume(struct text *t, size_t len)
{
    if (len == 0)
        return;
    memmove(t->data, t->data + len, t->len - len);
    t->len -= len;
    t->data[t->len] = '\0';
}

void text_clear(struct text *t)
{
    t->len = 0;
    if (t->data != NULL)
        t->data[0] = '\0';
}

void text_done(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

const char *text_str(const struct text *t)
{
    return t->data == NULL ? "" : t->data;
}

static bool is_middle(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

char *text_tidy(const char *text, size_t limit)
{
    size_t len = strnlen(text, limit + 1);

    if (len > limit) {
        for (len = limit; len > 0 && is_middle(text[len]);)
            len--;
    }
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        bool is_control = ((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 127;
        copy[i] = is_control ? ' ' : text[i];
    }
    copy[len] = '\0';
    return copy;
}
