/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <stdbool.h>
#include <string.h>

struct cursor {
    const char *at;
    const char *end;
};

/* Behind the string whose opening quote is at c->at; its text in *ret. False: it does not end. */
static bool take_string(struct cursor *c, struct parley_view *ret)
{
    const char *start = ++c->at;

    while (c->at < c->end) {
        const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));
        if (quote == NULL)
            return false;
        size_t slashes = 0;
        while (quote - slashes > start && quote[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        c->at = quote + 1;
        if (slashes % 2 == 0) {
            *ret = (struct parley_view){start, (size_t)(quote - start)};
            return true;
        }
    }
    return false;
}

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

/* A name of the outermost object was read: is its value the one? */
static bool is_value_of_type(struct cursor *c, struct parley_view name)
{
    skip_blanks(c);
    if (name.len != 4 || memcmp(name.data, "type", 4) != 0 || c->at >= c->end || *c->at != ':')
        return false;
    c->at++;
    skip_blanks(c);
    return c->at < c->end && *c->at == '"';
}

struct parley_view scan_type(struct parley_view event)
{
    struct cursor c = {event.data, event.data + event.len};
    struct parley_view text = {0};
    int depth = 0;

    while (c.at < c.end) {
        char now = *c.at;
        if (now == '"') {
            if (!take_string(&c, &text))
                break;
            if (depth == 1 && is_value_of_type(&c, text))
                return take_string(&c, &text) ? text : (struct parley_view){0};
            continue;
        }
        depth += now == '{' || now == '[';
        depth -= now == '}' || now == ']';
        c.at++;
    }
    return (struct parley_view){0};
}
