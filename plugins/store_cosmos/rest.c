/* SPDX-License-Identifier: Apache-2.0 */
#include "rest.h"

#include "account.h"
#include "answer.h"
#include "call.h"
#include "credential.h"
#include "dump.h"
#include "explain.h"
#include "lines.h"
#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RESPONSE ((int64_t)8 << 20) /* pages have at most 4 MB of items */
#define LEAST_TRY_MS 500
#define DENIED_MS    30000 /* wrong keys are not tried all the time */

struct rest {
    const struct around *around;
    struct credential *credential;
    struct account account;
    struct call *first;
    struct call *refresh; /* the account is being read again */
    int64_t denied_until_ms;
    struct parley_error denied;
};

/* ---- life ---- */

static void drop(struct call *c)
{
    struct rest *r = c->rest;
    struct call **at = &r->first;

    while (*at != NULL && *at != c)
        at = &(*at)->next;
    if (*at != NULL)
        *at = c->next;
    if (r->refresh == c)
        r->refresh = NULL;
    r->around->timer->destroy(c->timer);
    if (c->token != 0)
        r->around->credentials->cancel(r->around->worker, c->token);
    call_free(c);
}

struct rest *rest_create(const struct around *around, struct credential *credential)
{
    struct rest *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->around = around;
    r->credential = credential;
    if (account_init(&r->account, around->config))
        return r;
    rest_destroy(r);
    return NULL;
}

void rest_destroy(struct rest *r)
{
    if (r == NULL)
        return;
    while (r->first != NULL)
        drop(r->first); /* the host gives up what is in flight, without a further callback */
    account_done(&r->account);
    free(r);
}

struct account *rest_account(struct rest *r)
{
    return &r->account;
}

int rest_set_account(struct rest *r, const char *json, struct parley_error *err)
{
    return account_read(&r->account, json, around_now_ms(r->around), err);
}

/* ---- the end of a call ---- */

static void tell(struct call *c, const struct rest_reply *reply)
{
    rest_on_reply on_reply = c->on_reply;
    void *ctx = c->ctx;

    c->on_reply = NULL;
    if (on_reply != NULL)
        on_reply(ctx, reply);
}

static void succeed(struct call *c, const struct answer *a)
{
    const struct rest_reply reply = {
        .code = a->outcome.code,
        .body = a->body,
        .etag = a->etag,
        .continuation = a->continuation,
    };

    tell(c, &reply);
    drop(c);
}

static void fail(struct call *c, const struct answer *a, const char *message)
{
    struct rest *r = c->rest;
    struct parley_error err = PARLEY_ERROR_INIT;

    explain(c, a, message, r->credential, &err);
    if (a->outcome.status == PARLEY_OK && a->outcome.code == 401) {
        r->denied_until_ms = around_now_ms(r->around) + DENIED_MS;
        r->denied = err;
    }
    const struct rest_reply reply = {.status = err.status, .err = &err};
    tell(c, &reply);
    drop(c);
}

/* ---- regions ---- */

static void on_refreshed(void *ctx, const struct rest_reply *reply)
{
    struct rest *r = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    char *json = reply->status < 0 ? NULL : dump(reply->body);

    r->refresh = NULL;
    if (json != NULL && rest_set_account(r, json, &err) == PARLEY_OK)
        shared_set_account(r->around->shared, json);
    free(json);
    for (struct call *c = r->first; c != NULL; c = c->next) {
        if (c->is_parked)
            r->around->timer->start(c->timer, 0);
    }
}

static void refresh_account(struct rest *r)
{
    const struct rest_request request = {
        .operation = "account",
        .verb = "GET",
        .resource = RESOURCE_ACCOUNT,
        .deadline_ms = around_now_ms(r->around) + r->around->config->timeout_ms,
    };

    if (r->refresh != NULL)
        return;
    if (rest_send(r, &request, on_refreshed, r, NULL) == PARLEY_OK)
        r->refresh = r->first;
}

static bool is_for_writer(const struct call *c)
{
    return (c->flags & (REST_WRITE | REST_FRESH)) != 0;
}

/* Where this try goes, as a copy: the account may be read again meanwhile. */
static char *choose_endpoint(const struct call *c)
{
    const struct account *a = &c->rest->account;
    int64_t now_ms = around_now_ms(c->rest->around);

    if (c->resource == RESOURCE_ACCOUNT)
        return strdup(account_describer(a, c->tries.total));
    return strdup(is_for_writer(c) || c->wants_writer ? account_writer(a, now_ms)
                                                      : account_reader(a, now_ms));
}

/* ---- one try ---- */

static void after(struct call *c, int64_t wait_ms)
{
    c->rest->around->timer->start(c->timer, wait_ms);
}

static int64_t with_jitter(const struct around *around, int64_t wait_ms)
{
    return wait_ms + around_random(around, wait_ms / 10 + 5);
}

/* What the verdict asks for before the next try. Gives the least wait that makes sense. */
static int64_t prepare(struct call *c, const struct answer *a, enum verdict verdict)
{
    struct rest *r = c->rest;
    const struct around *around = r->around;

    switch (verdict) {
    case VERDICT_ELSEWHERE:
        if (c->resource == RESOURCE_ACCOUNT)
            return 0; /* every try of it goes elsewhere */
        return account_mark_down(&r->account, c->endpoint, is_for_writer(c), around_now_ms(around))
                   ? 0
                   : 100 + around_random(around, 100); /* not all at once */
    case VERDICT_REFRESH:
        if (c->resource != RESOURCE_ACCOUNT)
            refresh_account(r);
        return 0;
    case VERDICT_FRESHER:
        c->wants_writer = true;
        return 0;
    case VERDICT_SIGN:
        return credential_refused(r->credential, around, &c->pass) ? 0 : 500;
    case VERDICT_CLOCK:
        shared_set_skew_s(around->shared, c->skew_s + a->outcome.skew_s);
        around->host->log(around->handle, PARLEY_LOG_WARN,
                          "this host's clock is wrong; requests to Cosmos DB are dated by its "
                          "clock seconds=%lld",
                          (long long)(c->skew_s + a->outcome.skew_s));
        return 0;
    default:
        return 0;
    }
}

static void count_retry(const struct call *c, const struct answer *a)
{
    const struct around *around = c->rest->around;
    char reason[16];

    (void)snprintf(reason, sizeof(reason), "%d", a->outcome.code);
    const struct parley_metric_label labels[] = {
        {"parley.store.operation", c->operation},
        {"error.type", a->outcome.status < 0 ? "no_answer" : reason},
    };
    if (around->metrics != NULL)
        (void)around->metrics->add(around->worker, "parley.store.retries", 1, labels, 2);
}

static void try_again(struct call *c, const struct answer *a, enum verdict verdict, int64_t wait_ms,
                      const char *message)
{
    const struct around *around = c->rest->around;
    int64_t least_ms = prepare(c, a, verdict);

    if (wait_ms < least_ms)
        wait_ms = least_ms;
    if (wait_ms > 0)
        wait_ms = with_jitter(around, wait_ms);
    if (around_now_ms(around) + wait_ms >= c->deadline_ms) {
        fail(c, a, message);
        return;
    }
    count_retry(c, a);
    c->last = a->outcome;
    (void)snprintf(c->last_message, sizeof(c->last_message), "%s", message);
    after(c, wait_ms);
}

static void judge(struct call *c, const struct answer *a, const char *message)
{
    int64_t wait_ms = 0;

    enum verdict verdict = retry_judge(&a->outcome, &c->tries, &wait_ms);
    if (verdict == VERDICT_ANSWER)
        succeed(c, a);
    else if (verdict == VERDICT_FAIL)
        fail(c, a, message);
    else
        try_again(c, a, verdict, wait_ms, message);
}

static void note_answer(const struct call *c, const struct answer *a)
{
    const struct around *around = c->rest->around;
    const struct parley_metric_label label = {"parley.store.operation", c->operation};

    if (a->session.len > 0)
        shared_note_session(around->shared, a->session);
    if (a->charge > 0 && around->metrics != NULL)
        (void)around->metrics->add(around->worker, "parley.store.request_charge", a->charge, &label,
                                   1);
}

static void on_end(void *ctx, const struct parley_http_response *response)
{
    struct call *c = ctx;
    struct answer a;

    answer_read(&a, response, is_for_writer(c), c->signed_unix_s);
    a.outcome.is_document = c->resource == RESOURCE_DOCUMENTS || c->resource == RESOURCE_DOCUMENT;
    if ((c->flags & REST_BATCH) != 0)
        answer_read_batch(&a, c->count);
    note_answer(c, &a);
    judge(c, &a, response->status < 0 ? response->message : "");
    answer_done(&a);
}

static const struct parley_http_events events = {.size = sizeof(events), .on_end = on_end};

static int start(struct call *c, struct lines *lines, const char *url, struct parley_error *err)
{
    const struct around *around = c->rest->around;
    int64_t left_ms = c->deadline_ms - around_now_ms(around);
    int64_t try_ms = around->config->timeout_ms / 2;

    if (try_ms < LEAST_TRY_MS)
        try_ms = LEAST_TRY_MS;
    if (try_ms > left_ms)
        try_ms = left_ms > 0 ? left_ms : 1;
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = lines->count,
        .method = c->verb,
        .url = url,
        .headers = lines->items,
        .body = {c->body == NULL ? "" : c->body, c->body == NULL ? 0 : strlen(c->body)},
        .ca_file = around->config->ca_file,
        .timeout_ms = try_ms,
        .max_response_bytes = MAX_RESPONSE,
    };
    return around->http->start(around->worker, &request, &events, c, &c->http, err);
}

static int begin(struct call *c, struct parley_error *err)
{
    struct rest *r = c->rest;
    struct lines lines = {0};
    int status = PARLEY_E_NO_MEMORY;

    free(c->endpoint);
    c->endpoint = choose_endpoint(c);
    c->skew_s = shared_skew_s(r->around->shared);
    c->signed_unix_s = (int64_t)(r->around->host->unix_us() / 1000000) + c->skew_s;
    credential_authorize(r->credential, r->around, c->verb, c->path, c->signed_unix_s, &c->pass,
                         &lines);
    call_add_lines(c, r->around, &r->account, &lines);
    char *url = call_url(c);
    if (!lines.failed && url != NULL)
        status = start(c, &lines, url, err);
    else
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
    lines_done(&lines);
    free(url);
    return status;
}

static void send_try(struct call *c)
{
    struct answer refused = {.outcome.is_for_writer = is_for_writer(c)};
    struct parley_error err = PARLEY_ERROR_INIT;

    refused.outcome.status = begin(c, &err);
    if (refused.outcome.status < 0)
        judge(c, &refused, err.message);
}

/* No token: the host has tried what can be tried. */
static void fail_without_token(struct call *c, const struct parley_error *err)
{
    const struct rest_reply reply = {.status = err->status, .err = err};

    tell(c, &reply);
    drop(c);
}

static void on_token(void *ctx, const struct parley_credential_token *token)
{
    struct call *c = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    c->token = 0;
    if (credential_take(c->rest->credential, token, &c->pass, &err) < 0)
        fail_without_token(c, &err);
    else
        send_try(c);
}

static void try_now(struct call *c)
{
    static const struct parley_credential_events token_events = {.size = sizeof(token_events),
                                                                 .on_token = on_token};
    struct rest *r = c->rest;
    struct parley_error err = PARLEY_ERROR_INIT;

    c->is_parked = false;
    if (!credential_is_asked(r->credential))
        send_try(c);
    else if (credential_ask(r->credential, r->around, &token_events, c, &c->token, &err) < 0)
        fail_without_token(c, &err);
}

static void end_denied(struct call *c)
{
    const struct parley_error *denied = &c->rest->denied;
    const struct rest_reply reply = {.status = denied->status, .err = denied};

    tell(c, &reply);
    drop(c);
}

/* Its time is over while the account is read again: what the last try met is the reason. */
static void end_late(struct call *c)
{
    const struct answer last = {.outcome = c->last};

    fail(c, &last, c->last_message);
}

/* The timer of a call: its first try, or the next one, or the end of its time. */
static void on_timer(void *ctx)
{
    struct call *c = ctx;
    struct rest *r = c->rest;
    int64_t now_ms = around_now_ms(r->around);

    if (now_ms < r->denied_until_ms) {
        end_denied(c);
    } else if (now_ms >= c->deadline_ms) {
        end_late(c);
    } else if (r->refresh != NULL && r->refresh != c) {
        c->is_parked = true; /* until the account has been read again */
        after(c, c->deadline_ms - now_ms);
    } else {
        try_now(c);
    }
}

int rest_send(struct rest *r, const struct rest_request *request, rest_on_reply on_reply, void *ctx,
              struct parley_error *err)
{
    struct call *c = call_create(request, r->around->config);

    if (c != NULL)
        c->timer = r->around->timer->create(r->around->worker, on_timer, c);
    if (c == NULL || c->timer == NULL) {
        call_free(c);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a request",
                           r->around->config->endpoint);
    }
    c->rest = r;
    c->on_reply = on_reply;
    c->ctx = ctx;
    c->next = r->first;
    r->first = c;
    after(c, 0);
    if (r->account.read_ms != 0 && c->resource != RESOURCE_ACCOUNT && r->refresh == NULL &&
        around_now_ms(r->around) - r->account.read_ms > ACCOUNT_REFRESH_MS) {
        r->account.read_ms = around_now_ms(r->around);
        refresh_account(r);
    }
    return PARLEY_OK;
}
