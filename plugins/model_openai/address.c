/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *from;
    const char *to;
} schemes[] = {
    {"wss://", "wss://"},
    {"https://", "wss://"},
    {"ws://", "ws://"},
    {"http://", "ws://"},
};

/* What stands behind the scheme, NULL when there is no known one. */
static const char *behind_scheme(const char *url, const char **ret_scheme)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].from);
        if (strncasecmp(url, schemes[i].from, len) == 0) {
            *ret_scheme = schemes[i].to;
            return url + len;
        }
    }
    return NULL;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Percent-encoded. False when it does not fit. */
static bool append_encoded(char *out, size_t size, const char *text)
{
    size_t at = strlen(out);

    for (; *text != '\0'; text++) {
        int n = is_unreserved(*text)
                    ? snprintf(out + at, size - at, "%c", *text)
                    : snprintf(out + at, size - at, "%%%02X", (unsigned)(unsigned char)*text);
        if (n < 0 || (size_t)n >= size - at)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Length without slashes at the end; 0 when it does not end in a path of /v1. */
static size_t base_len(const char *rest)
{
    size_t len = strlen(rest);

    while (len > 0 && rest[len - 1] == '/')
        len--;
    if (len < 4 || memcmp(rest + len - 3, "/v1", 3) != 0 || strpbrk(rest, "?# \t\r\n") != NULL)
        return 0;
    return len;
}

int address_make(const char *base_url, const char *model, char out[ADDRESS_SIZE],
                 struct parley_error *err)
{
    const char *scheme = NULL;
    const char *rest = behind_scheme(base_url, &scheme);

    if (rest == NULL)
        return parley_fail(
            err, PARLEY_E_INVALID,
            "base_url: \"%s\" does not start with wss://, https://, ws:// or http://; "
            "write it as wss://api.openai.com/v1",
            base_url);
    if (strchr(rest, '@') != NULL) /* an address is logged and shown */
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: it holds a user or a password; give the key by api_key");
    size_t len = base_len(rest);
    if (len == 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: \"%s\" does not end in /v1; write it as "
                           "wss://api.openai.com/v1, without /realtime and without a query",
                           base_url);
    int n = snprintf(out, ADDRESS_SIZE, "%s%.*s/realtime?model=", scheme, (int)len, rest);
    if (n < 0 || n >= ADDRESS_SIZE || !append_encoded(out, ADDRESS_SIZE, model))
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url and model are longer than %d characters together",
                           ADDRESS_SIZE);
    return PARLEY_OK;
}
