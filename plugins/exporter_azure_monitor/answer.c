/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <string.h>

#define MAX_DEPTH 32

enum ruling answer_ruling(int code)
{
    switch (code) {
    case 206:
        return RULING_PART;
    case 307:
    case 308:
        return RULING_REDIRECT;
    case 401:
    case 403:
        return RULING_DENIED;
    case 413:
        return RULING_TOO_LARGE;
    case 429:
    case 439:
        return RULING_THROTTLED;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
        return RULING_LATER;
    default:
        return code >= 200 && code < 300 ? RULING_DONE : RULING_DROP;
    }
}

/* ---- JSON, as far as it is asked for ---- */

struct scan {
    const char *at;
    const char *end;
};

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) != NULL && *s->at != '\0')
        s->at++;
}

/* The next character that is no blank, passed over, when it is this one. */
static bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool next_is(struct scan *s, char c)
{
    skip_blanks(s);
    return s->at < s->end && *s->at == c;
}

/* What is between the quotes, escapes as they are. */
static bool take_string(struct scan *s, struct parley_view *ret)
{
    if (!take(s, '"'))
        return false;
    const char *start = s->at;
    for (; s->at < s->end && *s->at != '"'; s->at++) {
        if (*s->at == '\\' && ++s->at == s->end)
            return false;
    }
    *ret = (struct parley_view){start, (size_t)(s->at - start)};
    return take(s, '"');
}

/* A whole number; the rest of another one is passed over, and it counts as -1. */
static bool take_int(struct scan *s, int64_t *ret)
{
    int64_t value = 0;
    bool is_whole = true;
    const char *start;

    skip_blanks(s);
    start = s->at;
    for (; s->at < s->end && strchr("+-.eE0123456789", *s->at) != NULL && *s->at != '\0'; s->at++) {
        is_whole = is_whole && *s->at >= '0' && *s->at <= '9' && value < INT32_MAX;
        if (is_whole)
            value = value * 10 + (*s->at - '0');
    }
    *ret = is_whole ? value : -1;
    return s->at > start;
}

static bool skip_value(struct scan *s, unsigned depth);

static bool skip_word(struct scan *s)
{
    const char *start = s->at;

    while (s->at < s->end && ((*s->at >= 'a' && *s->at <= 'z')))
        s->at++;
    return s->at > start;
}

static bool skip_members(struct scan *s, char close, unsigned depth)
{
    struct parley_view key;

    if (take(s, close))
        return true;
    do {
        if (close == '}' && (!take_string(s, &key) || !take(s, ':')))
            return false;
        if (!skip_value(s, depth))
            return false;
    } while (take(s, ','));
    return take(s, close);
}

static bool skip_value(struct scan *s, unsigned depth)
{
    struct parley_view text;
    int64_t number;

    if (depth == MAX_DEPTH)
        return false;
    if (next_is(s, '"'))
        return take_string(s, &text);
    if (take(s, '{'))
        return skip_members(s, '}', depth + 1);
    if (take(s, '['))
        return skip_members(s, ']', depth + 1);
    return s->at < s->end && *s->at >= 'a' ? skip_word(s) : take_int(s, &number);
}

static bool is(struct parley_view text, const char *what)
{
    return text.len == strlen(what) && memcmp(text.data, what, text.len) == 0;
}

/* ---- errors ---- */

struct refusal {
    int64_t index;
    int64_t status;
    struct parley_view message;
};

struct judgement {
    uint32_t count;
    enum verdict *verdicts;
    char *message;
};

static bool take_refusal(struct scan *s, struct refusal *r)
{
    struct parley_view key;

    *r = (struct refusal){.index = -1, .status = -1, .message = {"", 0}};
    if (!take(s, '{'))
        return false;
    if (take(s, '}'))
        return true;
    do {
        if (!take_string(s, &key) || !take(s, ':'))
            return false;
        bool good = is(key, "message") && next_is(s, '"') ? take_string(s, &r->message)
                    : is(key, "index")                    ? take_int(s, &r->index)
                    : is(key, "statusCode")               ? take_int(s, &r->status)
                                                          : skip_value(s, 1);
        if (!good)
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

/* Left out by the service's own sampling: that is how it is meant. */
static bool is_sampled_out(struct parley_view message)
{
    static const char words[] = "sampled out";

    return memmem(message.data, message.len, words, sizeof(words) - 1) != NULL;
}

static bool is_for_later(int64_t status)
{
    enum ruling ruling = answer_ruling(status < 0 ? 0 : (int)status);

    return ruling == RULING_LATER || ruling == RULING_THROTTLED || ruling == RULING_DENIED ||
           ruling == RULING_PART;
}

/* What a stranger wrote must stay on its line of the log. */
static void keep_message(char out[ANSWER_MESSAGE], struct parley_view message)
{
    size_t len = message.len < ANSWER_MESSAGE - 1 ? message.len : ANSWER_MESSAGE - 1;

    if (out[0] != '\0')
        return;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)message.data[i];
        out[i] = c < ' ' || c >= 127 || c == '"' || c == '\\' ? ' ' : (char)c;
    }
    out[len] = '\0';
}

static void judge(struct judgement *j, const struct refusal *r)
{
    if (r->index < 0 || r->index >= j->count || j->verdicts[r->index] == VERDICT_REFUSED)
        return;
    bool is_again = is_for_later(r->status) && !is_sampled_out(r->message);
    j->verdicts[r->index] = is_again ? VERDICT_AGAIN : VERDICT_REFUSED;
    if (!is_again)
        keep_message(j->message, r->message);
}

static bool take_errors(struct scan *s, struct judgement *j)
{
    struct refusal refusal;

    if (!take(s, '['))
        return skip_value(s, 1);
    if (take(s, ']'))
        return true;
    do {
        if (!take_refusal(s, &refusal))
            return false;
        judge(j, &refusal);
    } while (take(s, ','));
    return take(s, ']');
}

static bool take_answer(struct scan *s, struct judgement *j)
{
    struct parley_view key;

    if (!take(s, '{'))
        return false;
    if (take(s, '}'))
        return true;
    do {
        if (!take_string(s, &key) || !take(s, ':'))
            return false;
        if (is(key, "errors") ? !take_errors(s, j) : !skip_value(s, 1))
            return false;
    } while (take(s, ','));
    return take(s, '}');
}

bool answer_judge(struct parley_view body, uint32_t count, enum verdict *verdicts,
                  char message[ANSWER_MESSAGE])
{
    struct judgement j = {.count = count, .verdicts = verdicts, .message = message};
    struct scan s = {body.data, body.data + body.len};

    message[0] = '\0';
    for (uint32_t i = 0; i < count; i++)
        verdicts[i] = VERDICT_ACCEPTED;
    if (!take_answer(&s, &j))
        return false;
    skip_blanks(&s);
    return s.at == s.end;
}
