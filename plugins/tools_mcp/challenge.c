/* SPDX-License-Identifier: Apache-2.0 */
#include "challenge.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_PARTS 256 /* of one header; nobody means more */

/* ---- the parts of a header ---- */

struct cursor {
    const char *at;
    const char *end;
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void skip(struct cursor *c, const char *chars)
{
    while (c->at < c->end && *c->at != '\0' && strchr(chars, *c->at) != NULL)
        c->at++;
}

static struct parley_view take_token(struct cursor *c)
{
    struct parley_view token = {c->at, 0};

    while (c->at < c->end && is_token_char(*c->at))
        c->at++;
    token.len = (size_t)(c->at - token.data);
    return token;
}

/* A quoted string with its escapes undone, or a token; "" when it is longer than `out`. */
static void take_value(struct cursor *c, char *out, size_t size)
{
    bool is_quoted = c->at < c->end && *c->at == '"';
    size_t len = 0;

    if (is_quoted)
        c->at++;
    while (c->at < c->end && (is_quoted ? *c->at != '"' : strchr(" \t,", *c->at) == NULL)) {
        if (is_quoted && *c->at == '\\' && c->at + 1 < c->end)
            c->at++;
        if (len < size)
            out[len] = *c->at;
        len++;
        c->at++;
    }
    if (is_quoted && c->at < c->end)
        c->at++;
    out[len < size ? len : 0] = '\0';
}

/* ---- challenges ---- */

static bool is_name(struct parley_view token, const char *name)
{
    return token.len == strlen(name) && strncasecmp(token.data, name, token.len) == 0;
}

/* The first of each name counts. */
static void take_parameter(struct challenge *one, struct parley_view name, struct cursor *c)
{
    char rest[1];
    char *out = rest;
    size_t size = sizeof(rest);

    if (is_name(name, "resource_metadata") && one->resource_metadata[0] == '\0') {
        out = one->resource_metadata;
        size = sizeof(one->resource_metadata);
    } else if (is_name(name, "scope") && one->scope[0] == '\0') {
        out = one->scope;
        size = sizeof(one->scope);
    } else if (is_name(name, "error") && one->error[0] == '\0') {
        out = one->error;
        size = sizeof(one->error);
    }
    take_value(c, out, size);
}

/* What a server says is shown and sent on: visible ASCII and single blanks only. */
static void tidy(char *text, const char *also)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((*c <= ' ' || *c > '~') && strchr(also, *c) == NULL) {
            text[0] = '\0';
            return;
        }
    }
}

static void settle(struct challenge *best, struct challenge *one)
{
    if (!one->is_bearer && (!one->is_dpop || best->is_bearer))
        return;
    tidy(one->resource_metadata, "");
    tidy(one->scope, " ");
    tidy(one->error, " ");
    if (best->is_bearer != one->is_bearer || !(best->is_bearer || best->is_dpop) ||
        (best->resource_metadata[0] == '\0' && one->resource_metadata[0] != '\0'))
        *best = *one;
}

/* A word is a parameter's name when "=" and a value follow; else a scheme begins, or it is the 68
 * characters of one, which mean nothing here. */
static bool is_parameter(struct cursor *c)
{
    struct cursor ahead = *c;

    skip(&ahead, " \t");
    if (ahead.at >= ahead.end || *ahead.at != '=')
        return false;
    ahead.at++;
    skip(&ahead, " \t");
    if (ahead.at >= ahead.end || strchr("=,", *ahead.at) != NULL)
        return false;
    *c = ahead;
    return true;
}

static void read_header(struct parley_view value, struct challenge *best)
{
    struct cursor c = {value.data, value.data + value.len};
    struct challenge one = {0};

    for (unsigned parts = 0; parts < MAX_PARTS; parts++) {
        skip(&c, " \t,");
        if (c.at >= c.end)
            break;
        struct parley_view token = take_token(&c);
        if (token.len == 0) {
            c.at++; /* nothing that belongs here */
        } else if (is_parameter(&c)) {
            take_parameter(&one, token, &c);
        } else {
            settle(best, &one);
            one = (struct challenge){.is_bearer = is_name(token, "Bearer"),
                                     .is_dpop = is_name(token, "DPoP")};
        }
    }
    settle(best, &one);
}

void challenge_read(struct parley_view headers, struct challenge *ret)
{
    static const char name[] = "www-authenticate:";

    *ret = (struct challenge){0};
    while (headers.len > 0) {
        const char *end = memchr(headers.data, '\n', headers.len);
        size_t line = end == NULL ? headers.len : (size_t)(end - headers.data) + 1;
        if (line > sizeof(name) && strncasecmp(headers.data, name, sizeof(name) - 1) == 0) {
            struct parley_view value = {headers.data + sizeof(name) - 1, line - sizeof(name) + 1};
            while (value.len > 0 && strchr(" \r\n", value.data[value.len - 1]) != NULL)
                value.len--;
            read_header(value, ret);
        }
        headers = (struct parley_view){headers.data + line, headers.len - line};
    }
}

/* ---- scopes ---- */

/* The next word at *at, which moves behind it; len 0: no more. */
static struct parley_view next_word(const char **at)
{
    const char *start = *at + strspn(*at, " ");
    struct parley_view word = {start, strcspn(start, " ")};

    *at = start + word.len;
    return word;
}

static bool has_word(const char *all, struct parley_view wanted)
{
    for (struct parley_view word; (word = next_word(&all)).len > 0;) {
        if (word.len == wanted.len && memcmp(word.data, wanted.data, word.len) == 0)
            return true;
    }
    return false;
}

bool challenge_has_scopes(const char *all, const char *words)
{
    for (struct parley_view word; (word = next_word(&words)).len > 0;) {
        if (!has_word(all, word))
            return false;
    }
    return true;
}

static bool add_words(char joined[CHALLENGE_MAX_SCOPE], const char *words)
{
    size_t len = strlen(joined);

    for (struct parley_view word; (word = next_word(&words)).len > 0;) {
        if (has_word(joined, word))
            continue;
        if (len + word.len + 2 > CHALLENGE_MAX_SCOPE)
            return false;
        if (len > 0)
            joined[len++] = ' ';
        memcpy(joined + len, word.data, word.len);
        len += word.len;
        joined[len] = '\0';
    }
    return true;
}

bool challenge_join_scopes(const char *a, const char *b, char out[CHALLENGE_MAX_SCOPE])
{
    char joined[CHALLENGE_MAX_SCOPE] = "";

    if (!add_words(joined, a) || !add_words(joined, b))
        return false;
    memcpy(out, joined, sizeof(joined));
    return true;
}
