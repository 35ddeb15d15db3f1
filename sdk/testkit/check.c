/* SPDX-License-Identifier: Apache-2.0 */
/* What a text is: UTF-8, JSON; and what a value should have been. */
#include "kit.h"

#include <string.h>

#define MAX_JSON_DEPTH 64

struct parley_view kit_view(const char *text)
{
    return (struct parley_view){text, strlen(text)};
}

/* Length of the character at `at`, 0 when it is none (RFC 3629, table of section 4). */
static size_t utf8_char(const unsigned char *at, size_t left)
{
    unsigned char least = 0x80, most = 0xBF;
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;

    if (len == 1)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4 || len > left)
        return 0;
    if (at[0] == 0xE0)
        least = 0xA0;
    else if (at[0] == 0xED)
        most = 0x9F;
    else if (at[0] == 0xF0)
        least = 0x90;
    else if (at[0] == 0xF4)
        most = 0x8F;
    if (at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    }
    return len;
}

bool kit_is_utf8(struct parley_view text)
{
    for (size_t i = 0, len; i < text.len; i += len) {
        len = utf8_char((const unsigned char *)text.data + i, text.len - i);
        if (len == 0)
            return false;
    }
    return true;
}

struct json {
    const char *at;
    const char *end;
};

static void skip_space(struct json *j)
{
    while (j->at < j->end && strchr(" \t\r\n", *j->at) != NULL && *j->at != '\0')
        j->at++;
}

static bool take(struct json *j, char c)
{
    skip_space(j);
    if (j->at >= j->end || *j->at != c)
        return false;
    j->at++;
    return true;
}

static bool string(struct json *j)
{
    if (!take(j, '"'))
        return false;
    for (; j->at < j->end && *j->at != '"'; j->at++) {
        if ((unsigned char)*j->at < 0x20)
            return false;
        if (*j->at == '\\' && (++j->at >= j->end || strchr("\"\\/bfnrtu", *j->at) == NULL))
            return false;
    }
    return j->at++ < j->end;
}

static bool word(struct json *j)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(j->end - j->at) >= len && memcmp(j->at, words[i], len) == 0) {
            j->at += len;
            return true;
        }
    }
    size_t len = 0;
    while (j->at + len < j->end && strchr("+-.eE0123456789", j->at[len]) != NULL &&
           j->at[len] != '\0')
        len++;
    j->at += len;
    return len > 0;
}

static bool value(struct json *j, unsigned depth);

static bool members(struct json *j, char close, bool is_object, unsigned depth)
{
    if (take(j, close))
        return true;
    do {
        if (is_object && !(string(j) && take(j, ':')))
            return false;
        if (!value(j, depth + 1))
            return false;
    } while (take(j, ','));
    return take(j, close);
}

static bool value(struct json *j, unsigned depth)
{
    skip_space(j);
    if (depth > MAX_JSON_DEPTH || j->at >= j->end)
        return false;
    if (take(j, '{'))
        return members(j, '}', true, depth);
    if (take(j, '['))
        return members(j, ']', false, depth);
    return *j->at == '"' ? string(j) : word(j);
}

bool kit_is_json(struct parley_view text, char open)
{
    struct json j = {text.data, text.data + text.len};

    if (text.data == NULL || !kit_is_utf8(text))
        return false;
    skip_space(&j);
    if (open != 0 && (j.at >= j.end || *j.at != open))
        return false;
    if (!value(&j, 0))
        return false;
    skip_space(&j);
    return j.at == j.end;
}

unsigned kit_memory_next(unsigned n)
{
    return n < 200 ? n + 1 : n + n / 40;
}

void kit_check_refusal(int status, const struct parley_error *err)
{
    if (status >= 0 || err == NULL)
        return;
    if (memchr(err->message, '\0', sizeof(err->message)) == NULL)
        kit_fail("refusal-explains-itself", "the message of status %d is not ended by NUL", status);
    if (err->message[0] == '\0')
        kit_fail("refusal-explains-itself",
                 "it was refused with status %d and no message; parley_fail() writes both", status);
    if (!kit_is_utf8(kit_view(err->message)))
        kit_fail("refusal-explains-itself", "the message of status %d is not UTF-8", status);
}

void kit_expect_int(const char *what, long long actual, long long expected)
{
    if (actual != expected)
        kit_broken("%s is %lld, and should be %lld", what, actual, expected);
}

void kit_expect_text(const char *what, const char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0)
        kit_broken("%s is \"%.200s\", and should be \"%.200s\"", what, actual, expected);
}
