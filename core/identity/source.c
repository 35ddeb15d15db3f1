/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/source.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "conf/secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_RETRY_AFTER_S 60

void source_ask_done(struct source_ask *ask)
{
    secret_buf_done(&ask->url);
    secret_buf_done(&ask->header);
    secret_buf_done(&ask->body);
}

void source_answer_done(struct source_answer *a)
{
    secret_free(TAKE(a->token));
}

void source_fail(struct source_answer *ret, enum source_verdict verdict, int status,
                 const char *format, ...)
{
    va_list args;

    ret->verdict = verdict;
    ret->status = status;
    va_start(args, format);
    (void)vsnprintf(ret->message, sizeof(ret->message), format, args);
    va_end(args);
}

/* ---- building ---- */

struct parley_view source_resource(const char *scope)
{
    struct parley_view v = view_of(scope);
    const struct parley_view suffix = VIEW("/.default");

    if (view_ends_with(v, suffix))
        v.len -= suffix.len;
    return v;
}

void source_append_encoded(struct buf *out, struct parley_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (isalnum(c) || strchr("-._~", c) != NULL)
            buf_append_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void source_append_field(struct buf *form, const char *name, struct parley_view value)
{
    buf_printf(form, "%s%s=", form->len == 0 ? "" : "&", name);
    source_append_encoded(form, value);
}

const char *source_or_env(const char *value, const char *variable)
{
    const char *set = getenv(variable);

    return value[0] != '\0' ? value : set == NULL ? "" : set;
}

/* ---- reading ---- */

/* In seconds; an HTTP date counts as none. */
static int64_t retry_after_ms(struct parley_view headers)
{
    struct parley_view line, name;
    int64_t seconds = 0;

    while (view_split(&headers, '\n', &line)) {
        struct parley_view value = line;
        if (!view_split(&value, ':', &name) || !view_is(name, "retry-after"))
            continue;
        if (view_to_int64(view_trim(value), &seconds) && seconds > 0)
            return (seconds < MAX_RETRY_AFTER_S ? seconds : MAX_RETRY_AFTER_S) * 1000;
    }
    return 0;
}

void source_read_trouble(struct source_answer *ret, const struct http_client_response *response,
                         const char *who, unsigned attempt, unsigned most, int64_t pause_ms)
{
    enum source_verdict verdict = attempt + 1 < most ? SOURCE_AGAIN : SOURCE_FAILED;
    int64_t asked_ms = retry_after_ms(response->headers);

    ret->again_ms = asked_ms > 0 ? asked_ms : pause_ms;
    if (response->status < 0)
        source_fail(ret, verdict, response->status, "%s: %s", who, response->message);
    else
        source_fail(ret, verdict, PARLEY_E_UNAVAILABLE, "%s answers with HTTP %d", who,
                    response->code);
}

/* Seconds as a number or in a string; some platforms have sent a date (ISO 8601). */
static int64_t read_seconds(const json_t *value)
{
    struct tm date = {0};
    int64_t seconds = 0;

    if (json_is_integer(value))
        return json_integer_value(value);
    if (view_to_int64(json_view(value), &seconds))
        return seconds;
    const char *text = json_string_value(value);
    if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &date) == NULL)
        return 0;
    return (int64_t)timegm(&date);
}

static bool is_token(struct parley_view token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~')
            return false; /* it becomes a header */
    }
    return token.len > 0 && token.len <= SOURCE_MAX_TOKEN;
}

static void read_times(struct source_answer *ret, const json_t *tree)
{
    int64_t now_s = clock_unix_ms() / 1000;
    int64_t on = read_seconds(json_object_get(tree, "expires_on"));
    int64_t in = read_seconds(json_object_get(tree, "expires_in"));

    ret->life_s = in > 0 ? in : on > now_s ? on - now_s : 0;
    ret->expires_s = now_s + ret->life_s;
    ret->refresh_s = read_seconds(json_object_get(tree, "refresh_in"));
}

void source_read_token(struct source_answer *ret, const char *who, struct parley_view body)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *tree = json_parse(body, &err);
    struct parley_view token = json_get_view(tree, "access_token");

    if (token.len == 0)
        token = json_get_view(tree, "accessToken"); /* of the CLI */
    if (!is_token(token)) {
        source_fail(ret, SOURCE_FAILED, PARLEY_E_PROTOCOL, "%s answers without a token", who);
        return;
    }
    read_times(ret, tree);
    if (ret->life_s <= 0) {
        source_fail(ret, SOURCE_FAILED, PARLEY_E_PROTOCOL,
                    "%s gave a token that has ended already; is this machine's clock right?", who);
        return;
    }
    ret->verdict = SOURCE_TOKEN;
    ret->token = view_dup(token);
    if (ret->token == NULL)
        source_fail(ret, SOURCE_FAILED, PARLEY_E_NO_MEMORY, "no memory for a token");
}
