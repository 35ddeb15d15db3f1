/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "message.h"
#include "parts/header.h"
#include "parts/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool answer_is_stream(char first)
{
    /* data, event, id, retry, a comment, or a byte order mark */
    return first != '\0' && strchr("deir:\xEF", first) != NULL;
}

/*
 * The error of a JSON-RPC body, or NULL; freed by the caller. One that names the request and a
 * fault of its own explains a 400; other codes are what servers send with sessions they do not
 * know.
 */
static char *error_in(struct parley_view body, bool *ret_explains)
{
    json_t *tree = json_loadb(body.data, body.len, 0, NULL);
    struct message m;

    message_read(tree, &m);
    *ret_explains = m.request != 0 && (m.error_code == MESSAGE_INVALID_PARAMS ||
                                       m.error_code == MESSAGE_METHOD_NOT_FOUND);
    char *text = m.kind == MESSAGE_ERROR ? text_tidy(m.error_message, 200) : NULL;
    json_decref(tree);
    return text;
}

/* `said`: the server's own words, or NULL. */
static int status_of_code(int code, bool has_session, bool is_explained, const char *said)
{
    if (has_session && (code == 404 || (code == 400 && !is_explained)))
        return PARLEY_E_GONE;
    switch (code) {
    case 404:
    case 405:
        return said == NULL ? PARLEY_E_NOT_FOUND : PARLEY_E_PROTOCOL;
    case 401:
    case 403:
        return PARLEY_E_DENIED;
    case 429:
        return PARLEY_E_BUSY;
    case 502:
    case 503:
    case 504:
        return PARLEY_E_UNAVAILABLE;
    default:
        return code >= 500 ? PARLEY_E_INTERNAL : PARLEY_E_PROTOCOL;
    }
}

#define MAX_WAIT_S 86400

static int64_t seconds_in(struct parley_view text)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        if (seconds < MAX_WAIT_S)
            seconds = seconds * 10 + (text.data[i] - '0');
    }
    return text.len == 0 ? -1 : seconds;
}

/* "Wed, 21 Oct 2026 07:28:00 GMT", the one form that is still written. */
static int64_t seconds_until(struct parley_view text, int64_t unix_ms)
{
    struct tm when = {0};
    char copy[64];

    (void)snprintf(copy, sizeof(copy), "%.*s", (int)(text.len > 60 ? 60 : text.len), text.data);
    const char *end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &when);
    if (end == NULL || *end != '\0')
        return -1;
    int64_t seconds = (int64_t)timegm(&when) - unix_ms / 1000;
    return seconds < 0 ? 0 : seconds;
}

int64_t answer_retry_after(const struct parley_http_response *response, int64_t unix_ms)
{
    struct parley_view text = header_value(response->headers, "retry-after");

    if (response->status < 0 || (response->code != 429 && response->code != 503))
        return -1;
    int64_t seconds = seconds_in(text);
    if (seconds < 0)
        seconds = seconds_until(text, unix_ms);
    return seconds < 0 ? -1 : (seconds > MAX_WAIT_S ? MAX_WAIT_S : seconds) * 1000;
}

static const char *hint_for(int code)
{
    if (code == 401)
        return "; it wants a token, see auth";
    if (code == 404 || code == 405)
        return "; is url the MCP endpoint? transport = sse reaches servers of 2024-11-05";
    return code >= 300 && code < 400 ? "; it points elsewhere, which is not followed: correct url"
                                     : "";
}

int answer_fault(const struct parley_http_response *response, struct parley_view body,
                 bool has_session, char why[ANSWER_MAX_WHY])
{
    bool is_explained = false;

    if (response->status < 0) {
        (void)snprintf(why, ANSWER_MAX_WHY, "%.300s", response->message);
        return response->status;
    }
    if (response->code >= 200 && response->code < 300) {
        struct parley_view type = header_value(response->headers, "content-type");
        (void)snprintf(why, ANSWER_MAX_WHY,
                       "it answered %d with content of type \"%.*s\" and no result in it",
                       response->code, (int)(type.len > 80 ? 80 : type.len), type.data);
        return PARLEY_E_PROTOCOL;
    }
    char *said = error_in(body, &is_explained);
    (void)snprintf(why, ANSWER_MAX_WHY, "it answered HTTP %d%s%s%s", response->code,
                   said == NULL ? "" : ": ", said == NULL ? "" : said, hint_for(response->code));
    int status = status_of_code(response->code, has_session, is_explained, said);
    free(said);
    return status;
}
