/* SPDX-License-Identifier: Apache-2.0 */
#include "headers.h"

#include <stdlib.h>
#include <string.h>

bool headers_add(struct headers *h, const char *name, const char *value)
{
    size_t len = strlen(name) + strlen(value) + 3;
    char *item = h->count < HEADERS_MAX ? malloc(len) : NULL;

    if (item == NULL)
        return false;
    (void)snprintf(item, len, "%s: %s", name, value);
    h->items[h->count++] = item;
    return true;
}

/* The characters that HTTP allows in a header's name. */
static bool is_token(const char *name, size_t len)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return len > 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo percent-encoding in place. False when what comes out cannot be a header's value. */
static bool decode_value(char *value)
{
    char *out = value;

    for (const char *in = value; *in != '\0'; in++, out++) {
        int high = in[0] == '%' ? hex_value(in[1]) : -1;
        int low = high >= 0 ? hex_value(in[2]) : -1;
        *out = low >= 0 ? (char)(high << 4 | low) : *in;
        in += low >= 0 ? 2 : 0;
        if ((unsigned char)*out < ' ' || *out == 127)
            return false;
    }
    *out = '\0';
    return true;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    for (size_t len = strlen(text); len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t');)
        text[--len] = '\0';
    return text;
}

static int add_pair(struct headers *h, char *pair, struct parley_error *err)
{
    char *name = trim(pair);
    char *equals = strchr(name, '=');

    if (name[0] == '\0')
        return PARLEY_OK;
    if (equals == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "headers: entry %u has no =; write name=value, name=value",
                           h->count + 1);
    *equals = '\0';
    name = trim(name);
    char *value = trim(equals + 1);
    if (!is_token(name, strlen(name)))
        return parley_fail(err, PARLEY_E_INVALID, "headers: entry %u has no good name",
                           h->count + 1);
    if (!decode_value(value))
        return parley_fail(err, PARLEY_E_INVALID, "headers: %s: a control character in its value",
                           name);
    if (h->count >= HEADERS_GIVEN_MAX)
        return parley_fail(err, PARLEY_E_INVALID, "headers: more than %d", HEADERS_GIVEN_MAX);
    return headers_add(h, name, value) ? PARLEY_OK
                                       : parley_fail(err, PARLEY_E_NO_MEMORY, "headers: no memory");
}

int headers_add_text(struct headers *h, const char *text, struct parley_error *err)
{
    char *copy = strdup(text);
    int r = PARLEY_OK;

    if (copy == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "headers: no memory");
    size_t len = strlen(copy);
    for (char *at = copy; at != NULL && r == PARLEY_OK;) {
        char *pair = at;
        at = strchr(at, ',');
        if (at != NULL)
            *at++ = '\0';
        r = add_pair(h, pair, err);
    }
    explicit_bzero(copy, len);
    free(copy);
    return r;
}

/* RFC 4648, section 4; out has room for 4 bytes for each 3, and a NUL. */
static void to_base64(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t word = (uint32_t)bytes[i] << 16;
        word |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        word |= n > 2 ? bytes[i + 2] : 0;
        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = n > 1 ? digits[word >> 6 & 63] : '=';
        *out++ = n > 2 ? digits[word & 63] : '=';
    }
    *out = '\0';
}

bool headers_add_basic(struct headers *h, const char *user, const char *password)
{
    size_t len = strlen(user) + 1 + strlen(password);
    size_t size = sizeof("Basic ") + (len + 2) / 3 * 4;
    char *pair = malloc(len + 1), *value = malloc(size);
    bool is_added = false;

    if (pair != NULL && value != NULL) {
        (void)snprintf(pair, len + 1, "%s:%s", user, password);
        memcpy(value, "Basic ", 6);
        to_base64((const unsigned char *)pair, len, value + 6);
        is_added = headers_add(h, "Authorization", value);
        explicit_bzero(pair, len);
        explicit_bzero(value, size);
    }
    free(pair);
    free(value);
    return is_added;
}

void headers_done(struct headers *h)
{
    for (uint32_t i = 0; i < h->count; i++) {
        explicit_bzero(h->items[i], strlen(h->items[i]));
        free(h->items[i]);
    }
    h->count = 0;
}
