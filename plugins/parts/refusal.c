/* SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS         200
#define MAX_RETRY_AFTER_S 3600

static int status_of(int code)
{
    switch (code) {
    case 401:
    case 403:
        return PARLEY_E_DENIED;
    case 404:
        return PARLEY_E_NOT_FOUND;
    case 408:
        return PARLEY_E_TIMEOUT;
    case 413:
        return PARLEY_E_TOO_LARGE;
    case 425:
    case 429:
        return PARLEY_E_BUSY;
    default:
        if (code >= 500)
            return PARLEY_E_UNAVAILABLE;
        return code >= 400 ? PARLEY_E_INVALID : PARLEY_E_PROTOCOL;
    }
}

/* {"error": {"message", "code"}} of OpenAI, {"error": "..."} of others, {"message"} of more. */
static const json_t *words_of(const json_t *tree)
{
    const json_t *error = json_object_get(tree, "error");
    const json_t *message = json_object_get(json_is_object(error) ? error : tree, "message");

    return json_is_string(message) ? message : error;
}

static int64_t retry_after_ms(struct parley_view headers)
{
    static const char name[] = "\r\nretry-after: ";
    const char *at = memmem(headers.data, headers.len, name, sizeof(name) - 1);
    char digits[12] = "";

    if (at == NULL)
        return 0;
    at += sizeof(name) - 1;
    size_t left = (size_t)(headers.data + headers.len - at), len = 0;
    while (len < left && len < sizeof(digits) - 1 && at[len] >= '0' && at[len] <= '9')
        len++;
    memcpy(digits, at, len);
    long seconds = strtol(digits, NULL, 10);
    return (int64_t)(seconds > MAX_RETRY_AFTER_S ? MAX_RETRY_AFTER_S : seconds) * 1000;
}

static void copy_code(struct parley_error *err, const json_t *tree)
{
    const char *code = json_string_value(json_object_get(json_object_get(tree, "error"), "code"));

    (void)snprintf(err->code, sizeof(err->code), "%s", code == NULL ? "" : code);
}

void refusal_read(int code, struct parley_view headers, struct parley_view body, const char *advice,
                  struct parley_error *err)
{
    json_t *tree = json_loadb(body.data, body.len, 0, NULL);
    const char *words = json_string_value(words_of(tree));
    int status = status_of(code);

    if (status == PARLEY_E_DENIED)
        (void)parley_fail(
            err, status, "the server refuses the key (HTTP %d); check api_key or credential", code);
    else if (words != NULL)
        (void)parley_fail(err, status, "the server answers with HTTP %d: %.*s", code, MAX_WORDS,
                          words);
    else if (code == 404)
        (void)parley_fail(err, status, "the server has no such path or model (HTTP 404); check %s",
                          advice);
    else
        (void)parley_fail(err, status, "the server answers with HTTP %d", code);
    err->retry_after_ms = retry_after_ms(headers);
    copy_code(err, tree);
    json_decref(tree);
}
