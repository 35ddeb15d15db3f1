/* SPDX-License-Identifier: Apache-2.0 */
#include "header.h"

#include <string.h>

static struct parley_view trimmed(struct parley_view value)
{
    while (value.len > 0 && strchr(" \t\r\n", value.data[value.len - 1]) != NULL)
        value.len--;
    while (value.len > 0 && strchr(" \t", value.data[0]) != NULL)
        value = (struct parley_view){value.data + 1, value.len - 1};
    return value;
}

struct parley_view header_value(struct parley_view headers, const char *name)
{
    size_t len = strlen(name);

    while (headers.len > 0) {
        const char *end = memchr(headers.data, '\n', headers.len);
        size_t line = end == NULL ? headers.len : (size_t)(end - headers.data) + 1;
        if (line > len && headers.data[len] == ':' && memcmp(headers.data, name, len) == 0)
            return trimmed((struct parley_view){headers.data + len + 1, line - len - 1});
        headers = (struct parley_view){headers.data + line, headers.len - line};
    }
    return (struct parley_view){"", 0};
}

int header_check_text(const char *key, const char *value, struct parley_error *err)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            return parley_fail(err, PARLEY_E_INVALID,
                               "%s: it holds a line end or another character that no header may "
                               "hold; check how it was copied",
                               key);
    }
    return PARLEY_OK;
}

int header_check_lines(const struct parley_list *headers, struct parley_error *err)
{
    int r = headers->count <= HEADER_MAX_LINES
                ? PARLEY_OK
                : parley_fail(err, PARLEY_E_INVALID, "headers: there are %zu lines; at most %d fit",
                              headers->count, HEADER_MAX_LINES);

    for (size_t i = 0; r == PARLEY_OK && i < headers->count; i++) {
        const char *colon = strchr(headers->items[i], ':');
        if (colon == NULL || colon == headers->items[i])
            return parley_fail(err, PARLEY_E_INVALID, "headers: line %zu is not Name: value",
                               i + 1);
        r = header_check_text("headers", headers->items[i], err);
    }
    return r;
}
