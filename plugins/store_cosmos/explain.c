/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include "answer.h"
#include "call.h"
#include "credential.h"

#include <stdio.h>
#include <string.h>

#define MAX_WHAT  160
#define MAX_WORDS 120

static int status_of(const struct outcome *o)
{
    if (o->status < 0)
        return o->status;
    switch (o->code) {
    case 401:
    case 403:
        return o->substatus == 1014 ? PARLEY_E_TOO_LARGE : PARLEY_E_DENIED;
    case 408:
        return PARLEY_E_TIMEOUT;
    case 413:
        return PARLEY_E_TOO_LARGE;
    case 423:
    case 429:
    case 449:
        return PARLEY_E_BUSY;
    case 400:
        return PARLEY_E_PROTOCOL;
    default:
        return PARLEY_E_UNAVAILABLE;
    }
}

/* The service's own words, for what should never happen: the start of its message, on one line. */
static void quote(const struct answer *a, char out[MAX_WORDS])
{
    const char *message = json_string_value(json_object_get(a->body, "message"));

    (void)snprintf(out, MAX_WORDS, "%.*s", MAX_WORDS - 1, message == NULL ? "" : message);
    for (char *at = out; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = ' ';
    }
}

static void explain_forbidden(const struct answer *a, const struct call *c,
                              const struct credential *credential, char *advice, size_t size)
{
    const struct outcome *o = &a->outcome;

    if (o->substatus == 1014)
        (void)snprintf(advice, size, "the session's partition is full (20 GB)");
    else if (o->substatus == 5300)
        (void)snprintf(advice, size,
                       "an Entra token cannot create databases or containers; create them "
                       "beforehand, or use a key");
    else if (c->tries.skewed > 0)
        (void)snprintf(advice, size, "this host's clock is %lld seconds off; set it right",
                       (long long)(o->skew_s < 0 ? -o->skew_s : o->skew_s));
    else
        (void)snprintf(advice, size, "check the account's firewall, or %s",
                       credential_advice(credential) + strlen("check "));
}

/* What to do about it; "" when nothing can be said. */
static void advise(const struct answer *a, const struct call *c, const char *message,
                   const struct credential *credential, char *advice, size_t size)
{
    const struct outcome *o = &a->outcome;

    advice[0] = '\0';
    if (o->status < 0) {
        if (strstr(message, "certificate") != NULL)
            (void)snprintf(advice, size, "trust its authority with ca_file, if it is yours");
        else if (strstr(message, "resolve") != NULL)
            (void)snprintf(advice, size, "check endpoint");
    } else if (o->code == 401) {
        (void)snprintf(advice, size, "%s", credential_advice(credential));
    } else if (o->code == 403) {
        explain_forbidden(a, c, credential, advice, size);
    } else if (o->code == 404) {
        (void)snprintf(advice, size, "the database or the container is not there any more");
    } else if (o->code == 413) {
        (void)snprintf(advice, size, "Cosmos DB takes 2 MB at most");
    } else if (o->code == 429) {
        (void)snprintf(advice, size, "the container's throughput is used up; raise its RU/s");
    } else if (o->code == 400) {
        quote(a, advice);
    }
}

static void describe(const struct answer *a, const char *message, char what[MAX_WHAT])
{
    const struct outcome *o = &a->outcome;
    char substatus[16] = "";

    if (o->substatus != 0)
        (void)snprintf(substatus, sizeof(substatus), "/%d", o->substatus);
    if (o->status < 0)
        (void)snprintf(what, MAX_WHAT, "%s", message);
    else if (o->code < 300)
        (void)snprintf(what, MAX_WHAT, "answered %d with what is not Cosmos DB's JSON", o->code);
    else
        (void)snprintf(what, MAX_WHAT, "answered %d%s", o->code, substatus);
}

void explain(const struct call *c, const struct answer *a, const char *message,
             const struct credential *credential, struct parley_error *err)
{
    char what[MAX_WHAT], advice[240], activity[ANSWER_MAX_ID + 16] = "", tries[32] = "";

    describe(a, message, what);
    advise(a, c, message, credential, advice, sizeof(advice));
    if (a->activity[0] != '\0')
        (void)snprintf(activity, sizeof(activity), ", activity %s", a->activity);
    if (c->tries.total > 1)
        (void)snprintf(tries, sizeof(tries), ", try %u", c->tries.total);
    *err = (struct parley_error)PARLEY_ERROR_INIT;
    if (a->outcome.retry_after_ms > 0)
        err->retry_after_ms = a->outcome.retry_after_ms;
    if (a->outcome.status == PARLEY_OK)
        (void)snprintf(err->code, sizeof(err->code), "%d", a->outcome.code);
    (void)parley_fail(err, status_of(&a->outcome), "%s/%s: %s: %s%s%s%s%s",
                      c->endpoint == NULL ? "Cosmos DB" : c->endpoint, c->path, c->operation, what,
                      tries, activity, advice[0] == '\0' ? "" : "; ", advice);
}
