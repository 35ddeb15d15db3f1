/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "parts/header.h"
#include "sign.h"

/* The value as a number; `otherwise` when the header is not there. */
static double number(struct parley_view headers, const char *name, double otherwise)
{
    struct parley_view value = header_value(headers, name);
    char text[32], *end = text;

    if (value.len == 0 || value.len >= sizeof(text))
        return otherwise;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    double result = strtod(text, &end);
    return end == text || result != result || result < 0 || result > 1e9 ? otherwise : result;
}

void answer_read(struct answer *a, const struct parley_http_response *response, bool is_for_writer,
                 int64_t signed_unix_s)
{
    const struct parley_view headers = response->headers;
    struct outcome *o = &a->outcome;
    struct parley_view activity;
    int64_t date = 0;

    memset(a, 0, sizeof(*a));
    o->status = response->status;
    o->is_for_writer = is_for_writer;
    if (response->status < 0)
        return;
    o->code = response->code;
    o->substatus = (int)number(headers, "x-ms-substatus", 0);
    o->retry_after_ms = (int64_t)number(headers, "x-ms-retry-after-ms", -1);
    if (sign_read_date(header_value(headers, "date"), &date))
        o->skew_s = date - signed_unix_s;
    a->body = json_loadb(response->body.data, response->body.len, 0, NULL);
    o->is_readable = a->body != NULL || o->code == 204;
    a->etag = header_value(headers, "etag");
    a->continuation = header_value(headers, "x-ms-continuation");
    a->session = header_value(headers, "x-ms-session-token");
    a->charge = number(headers, "x-ms-request-charge", 0);
    activity = header_value(headers, "x-ms-activity-id");
    if (activity.len < sizeof(a->activity))
        memcpy(a->activity, activity.data, activity.len);
}

static int code_of(const json_t *entry)
{
    return (int)json_integer_value(json_object_get(entry, "statusCode"));
}

void answer_read_batch(struct answer *a, size_t count)
{
    struct outcome *o = &a->outcome;
    json_t *entry;
    size_t i;

    if (o->status < 0 || o->code < 200 || o->code >= 300)
        return;
    o->is_readable = json_array_size(a->body) == count;
    json_array_foreach(a->body, i, entry)
    {
        int code = code_of(entry);
        if (code < 400 || code == 424) /* 424: not done because another failed */
            continue;
        json_t *wait = json_object_get(entry, "retryAfterMilliseconds");
        o->code = code;
        o->substatus = (int)json_integer_value(json_object_get(entry, "subStatusCode"));
        if (json_is_number(wait))
            o->retry_after_ms = (int64_t)json_number_value(wait);
        return;
    }
    if (o->code != 200)
        o->is_readable = false; /* 207 tells of a failure, and none is there */
}

void answer_done(struct answer *a)
{
    json_decref(a->body);
    a->body = NULL;
}
