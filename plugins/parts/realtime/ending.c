/* SPDX-License-Identifier: Apache-2.0 */
#include "parts/realtime/ending.h"

#include "parts/scrub.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_RETRY_AFTER_MS 3600000

struct verdict {
    int status;
    int retryable;
};

/* Types and codes of errors. Quota comes with close 1013, "try again later": it does not help. */
static const struct {
    const char *word;
    struct verdict verdict;
} words[] = {
    {"insufficient_quota", {PARLEY_E_DENIED, 0}},
    {"credit_balance_exhausted", {PARLEY_E_DENIED, 0}},
    {"billing_hard_limit_reached", {PARLEY_E_DENIED, 0}},
    {"invalid_api_key", {PARLEY_E_DENIED, 0}},
    {"authentication_error", {PARLEY_E_DENIED, 0}},
    {"permission_error", {PARLEY_E_DENIED, 0}},
    {"missing_model", {PARLEY_E_INVALID, 0}},
    {"invalid_model", {PARLEY_E_INVALID, 0}},
    {"model_not_found", {PARLEY_E_NOT_FOUND, 0}},
    {"DeploymentNotFound", {PARLEY_E_NOT_FOUND, 0}},
    {"beta_api_shape_disabled", {PARLEY_E_UNSUPPORTED, 0}},
    {"OpperationNotSupported", {PARLEY_E_UNSUPPORTED, 0}}, /* spelled so by the service */
    {"rate_limit_exceeded", {PARLEY_E_BUSY, 1}},
    {"tokens", {PARLEY_E_BUSY, 1}},
    {"requests", {PARLEY_E_BUSY, 1}},
    {"session_expired", {PARLEY_E_UNAVAILABLE, 1}},
    {"server_error", {PARLEY_E_UNAVAILABLE, 1}},
    {"invalid_request_error", {PARLEY_E_INVALID, 0}},
};

static bool find_word(const char *word, struct verdict *ret)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0) {
            *ret = words[i].verdict;
            return true;
        }
    }
    return false;
}

/* By the code, then by the type; what neither knows may pass. */
static struct verdict verdict_of_error(const struct ending *e)
{
    struct verdict v = {PARLEY_E_UNAVAILABLE, 1};

    if (strcmp(e->type, "insufficient_quota") == 0 || !find_word(e->code, &v))
        (void)find_word(e->type, &v); /* else it stays as it is */
    return v;
}

static struct verdict verdict_of_http(int status)
{
    switch (status) {
    case 401:
    case 403:
        return (struct verdict){PARLEY_E_DENIED, 0};
    case 404:
        return (struct verdict){PARLEY_E_NOT_FOUND, 0};
    case 408:
        return (struct verdict){PARLEY_E_TIMEOUT, 1};
    case 425:
    case 429:
        return (struct verdict){PARLEY_E_BUSY, 1};
    default:
        if (status >= 500)
            return (struct verdict){PARLEY_E_UNAVAILABLE, 1};
        return (struct verdict){status >= 400 ? PARLEY_E_INVALID : PARLEY_E_PROTOCOL, 0};
    }
}

static struct verdict verdict_of_close(int code)
{
    switch (code) {
    case 1002:
    case 1003:
    case 1007:
    case 1010:
        return (struct verdict){PARLEY_E_PROTOCOL, 0};
    case 1008:
    case 3000:
        return (struct verdict){PARLEY_E_DENIED, 0};
    case 1009:
        return (struct verdict){PARLEY_E_TOO_LARGE, 0};
    case 1013:
        return (struct verdict){PARLEY_E_BUSY, 1};
    case 4004:
        return (struct verdict){PARLEY_E_NOT_FOUND, 0};
    default:
        if (code >= 3000)
            return (struct verdict){PARLEY_E_INVALID, 0};
        return (struct verdict){PARLEY_E_UNAVAILABLE, 1};
    }
}

static void set_verdict(struct ending *e, struct verdict v)
{
    e->status = v.status;
    e->retryable = v.retryable;
}

static void copy_text(char *out, size_t size, const json_t *text)
{
    (void)snprintf(out, size, "%s", json_is_string(text) ? json_string_value(text) : "");
}

void ending_of_error(struct ending *e, const json_t *error)
{
    const json_t *message = json_object_get(error, "message");
    struct parley_view text = {json_string_value(message), json_string_length(message)};

    copy_text(e->code, sizeof(e->code), json_object_get(error, "code"));
    copy_text(e->type, sizeof(e->type), json_object_get(error, "type"));
    (void)scrub(text, e->key, e->message, sizeof(e->message)); /* always wanted scrubbed */
    set_verdict(e, verdict_of_error(e));
}

void ending_set(struct ending *e, int status, int retryable, const char *message)
{
    set_verdict(e, (struct verdict){status, retryable});
    e->is_own = 1;
    e->code[0] = '\0';
    e->type[0] = '\0';
    (void)snprintf(e->message, sizeof(e->message), "%s", message);
}

void ending_forget(struct ending *e)
{
    const char *key = e->key;

    memset(e, 0, sizeof(*e));
    e->key = key;
}

/* The body of a refused handshake: {"error": {type?, code, message}}, or any text. */
static void read_body(struct ending *e, struct parley_view body)
{
    json_t *tree = json_loadb(body.data == NULL ? "" : body.data, body.len, 0, NULL);
    const json_t *error = json_object_get(tree, "error");

    if (json_is_object(error))
        ending_of_error(e, error);
    json_decref(tree);
}

/* The close reason is TYPE.CODE of the error, when the error itself was missed. */
static void read_reason(struct ending *e, struct parley_view reason)
{
    const char *dot = reason.len == 0 ? NULL : memchr(reason.data, '.', reason.len);
    size_t type_len = dot == NULL ? reason.len : (size_t)(dot - reason.data);
    struct verdict v;
    char type[sizeof(e->type)];

    (void)snprintf(type, sizeof(type), "%.*s", (int)type_len, reason.len == 0 ? "" : reason.data);
    if (!find_word(type, &v))
        return;
    memcpy(e->type, type, sizeof(type));
    if (dot != NULL)
        (void)snprintf(e->code, sizeof(e->code), "%.*s", (int)(reason.len - type_len - 1), dot + 1);
    set_verdict(e, verdict_of_error(e));
}

/* Value of "name: value\r\n" among the headers, -1 when absent or no number. */
static double header_number(struct parley_view headers, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = headers.data;
    const char *end = at == NULL ? NULL : at + headers.len;

    while (at != NULL && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop == NULL ? end : stop) - at);
        if (len > name_len && at[name_len] == ':' && strncasecmp(at, name, name_len) == 0) {
            char text[32];
            char *rest;
            (void)snprintf(text, sizeof(text), "%.*s", (int)(len - name_len - 1),
                           at + name_len + 1);
            double value = strtod(text, &rest);
            return rest == text ? -1 : value;
        }
        at = stop == NULL ? end : stop + 1;
    }
    return -1;
}

/* A date instead of a number counts as not said. */
static int64_t retry_after(struct parley_view headers)
{
    double ms = header_number(headers, "retry-after-ms");

    if (ms < 0)
        ms = header_number(headers, "retry-after") * 1000;
    if (!(ms > 0))
        return 0;
    return ms > MAX_RETRY_AFTER_MS ? MAX_RETRY_AFTER_MS : (int64_t)ms;
}

static void read_http(struct ending *e, const struct parley_ws_closed *c)
{
    struct verdict v;

    read_body(e, c->reason);
    bool is_quota = strcmp(e->type, "insufficient_quota") == 0;
    if (!is_quota && !find_word(e->code, &v))
        set_verdict(e, verdict_of_http(c->http_status)); /* else the code says more */
    e->retry_after_ms = retry_after(c->headers);
    if (e->message[0] == '\0')
        (void)snprintf(e->message, sizeof(e->message), "The model's server refused with HTTP %d.",
                       c->http_status);
}

static void read_close(struct ending *e, const struct parley_ws_closed *c)
{
    read_reason(e, c->reason);
    if (e->status != PARLEY_OK)
        return;
    if (c->status != PARLEY_OK && (c->close_code == 0 || c->close_code == 1006)) {
        bool is_final = c->status == PARLEY_E_INVALID || c->status == PARLEY_E_PROTOCOL ||
                        c->status == PARLEY_E_TOO_LARGE || c->status == PARLEY_E_DENIED;
        set_verdict(e, (struct verdict){c->status, !is_final});
    } else {
        set_verdict(e, verdict_of_close(c->close_code));
    }
}

static void fill_message(struct ending *e, const struct parley_ws_closed *c)
{
    const char *text = c->message == NULL ? "" : c->message;

    if (e->message[0] != '\0')
        return;
    if (text[0] != '\0')
        (void)scrub((struct parley_view){text, strlen(text)}, e->key, e->message,
                    sizeof(e->message)); /* always wanted scrubbed */
    else
        (void)snprintf(e->message, sizeof(e->message),
                       "The model's server closed the session with code %d.", c->close_code);
}

/* 0 when the peer said nothing: it broke off, or the end was decided here. */
static int peer_code(const struct ending *e, const struct parley_ws_closed *c)
{
    if (e->is_own || (c->http_status == 0 && c->close_code == 1006))
        return 0;
    return c->http_status != 0 ? c->http_status : c->close_code;
}

void ending_close(struct ending *e, const struct parley_ws_closed *c,
                  struct parley_model_closed *ret)
{
    bool is_known = e->status != PARLEY_OK;

    if (!is_known && c->http_status != 0)
        read_http(e, c);
    else if (!is_known)
        read_close(e, c);
    fill_message(e, c);
    *ret = (struct parley_model_closed){
        .size = sizeof(*ret),
        .status = e->status,
        .close_code = peer_code(e, c),
        .retryable = e->retryable != 0,
        .retry_after_ms = e->retry_after_ms,
        .code = e->code,
        .type = e->type,
        .message = e->message,
    };
}
