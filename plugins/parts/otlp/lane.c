/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include "bearer.h"
#include "retry.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_BEFORE_REST 5
#define REST_MS              30000
#define REASON               400
#define ANSWER_BYTES         (64 << 10) /* an answer is short; more of it is not read */

struct request {
    struct request *next;
    struct body body;
    uint64_t records;
    int64_t expires_ms;
    lane_on_done on_done;
    void *ctx;
};

struct lane {
    struct lane_config config;
    struct request *first; /* the one at hand */
    struct request *last;
    size_t bytes;
    struct parley_timer *timer;
    struct bearer *bearer; /* NULL: no tokens are shown */
    uint64_t http;         /* of the request in flight */
    bool is_in_flight;     /* or its token is asked for */
    bool is_started;       /* the first request has its deadline */
    bool is_hurried;
    unsigned tried;
    int64_t deadline_ms;
    unsigned failures; /* in a row */
    bool is_part_told; /* in the log, of a row of batches that were taken in part */
    int64_t rests_until_ms;
};

static int64_t now_ms(const struct lane *lane)
{
    return (int64_t)(lane->config.host->now_us() / 1000);
}

static void request_free(struct request *r)
{
    free(r->body.bytes);
    free(r);
}

static void next_step(struct lane *lane, int64_t delay_ms)
{
    lane->config.timer->start(lane->timer, delay_ms);
}

/* The first request is done with; go on with the next. */
static void finish(struct lane *lane, int status, uint64_t lost, const struct parley_error *err)
{
    struct request *r = lane->first;

    lane->first = r->next;
    if (lane->first == NULL)
        lane->last = NULL;
    lane->bytes -= r->body.len;
    lane->is_started = false;
    if (lane->first != NULL)
        next_step(lane, 0);
    r->on_done(r->ctx, status, lost, err);
    request_free(r);
}

/* Of the address, what may be shown: some have a key in their query. */
static int shown_len(const struct lane *lane)
{
    return (int)strcspn(lane->config.url, "?#");
}

static void rest(struct lane *lane, int64_t ms)
{
    int64_t until = now_ms(lane) + ms;

    if (until > lane->rests_until_ms)
        lane->rests_until_ms = until;
}

static void give_up(struct lane *lane, int status, const char *reason, bool is_set_up_wrong)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    lane->failures++;
    if (is_set_up_wrong || lane->failures >= FAILURES_BEFORE_REST) {
        uint32_t random;
        lane->config.host->random(&random, sizeof(random));
        rest(lane, REST_MS + random % (REST_MS / 5));
    }
    /* Once per row of failures, so that a collector that is down does not fill the log. */
    if (lane->failures == 1 || is_set_up_wrong)
        lane->config.host->log(lane->config.handle, PARLEY_LOG_WARN,
                               "telemetry not delivered url=%.*s reason=\"%s\" records=%llu",
                               shown_len(lane), lane->config.url, reason,
                               (unsigned long long)lane->first->records);
    (void)parley_fail(&err, status, "%.*s: %s", shown_len(lane), lane->config.url, reason);
    finish(lane, status, lane->first->records, &err);
}

/* The next batch would not be more welcome before the time that the collector asked for. */
static void give_up_busy(struct lane *lane, const char *reason, int64_t after_ms)
{
    char more[REASON + 64];

    rest(lane, after_ms);
    (void)snprintf(more, sizeof(more), "%s; it wants to be left alone for %lld s", reason,
                   (long long)(after_ms / 1000));
    give_up(lane, PARLEY_E_UNAVAILABLE, after_ms > 0 ? more : reason, false);
}

/* Once for a row of them, for it may be some of every batch. */
static void tell_part(struct lane *lane, uint64_t lost, const char *message)
{
    bool is_part = lost > 0 || message[0] != '\0';

    if (is_part && !lane->is_part_told)
        lane->config.host->log(lane->config.handle, PARLEY_LOG_WARN,
                               "telemetry delivered in part url=%.*s rejected=%llu reason=\"%s\"",
                               shown_len(lane), lane->config.url, (unsigned long long)lost,
                               message);
    lane->is_part_told = is_part;
}

static void succeed(struct lane *lane, struct parley_view body)
{
    struct encode_answer answer = encode_read_answer(body);
    uint64_t lost = 0;

    if (answer.rejected > 0)
        lost = (uint64_t)answer.rejected < lane->first->records ? (uint64_t)answer.rejected
                                                                : lane->first->records;
    tell_part(lane, lost, answer.message);
    if (lane->failures > 0)
        lane->config.host->log(lane->config.handle, PARLEY_LOG_INFO,
                               "telemetry is delivered again url=%.*s", shown_len(lane),
                               lane->config.url);
    lane->failures = 0;
    finish(lane, PARLEY_OK, lost, NULL);
}

/* That of the answer, also of one that broke off; 0: there was none. */
static int code_of(const struct parley_http_response *response)
{
    return response->code >= 200 ? response->code : 0;
}

/* What the answer says of it is behind its code. */
static void describe(const struct parley_http_response *response, char ret[REASON])
{
    const char *more = "";
    char said[ENCODE_MESSAGE];

    if (response->code >= 300 && response->code < 400)
        more = ", a redirect, which is not followed; write the address that it leads to";
    encode_read_refusal(response->body, said);
    if (code_of(response) > 0)
        (void)snprintf(ret, REASON, "answered %d%s%s%s", response->code, more,
                       said[0] == '\0' ? "" : ": ", said);
    else
        (void)snprintf(ret, REASON, "%s", response->message);
}

/* Another try, or the end of the first request. */
static void fail_try(struct lane *lane, const struct parley_http_response *response)
{
    char reason[REASON];
    uint32_t random;
    int code = code_of(response);
    int status = code > 0 ? PARLEY_OK : response->status;

    describe(response, reason);
    lane->config.host->random(&random, sizeof(random));
    int64_t after =
        code == 0 ? 0
                  : retry_after_ms(response->headers, (int64_t)lane->config.host->unix_us() / 1000);
    int64_t delay = retry_delay_ms(lane->tried, random, after);
    if (!retry_is_wanted(status, code))
        give_up(lane, code == 0 ? status : PARLEY_E_PROTOCOL, reason,
                code == 401 || code == 403 || code == 404);
    else if (lane->is_hurried || lane->tried >= RETRY_MAX_TRIES ||
             now_ms(lane) + delay >= lane->deadline_ms)
        give_up_busy(lane, reason, after);
    else
        next_step(lane, delay);
}

static void try_first(struct lane *lane);

static void on_answer(void *ctx, const struct parley_http_response *response)
{
    struct lane *lane = ctx;
    bool is_refused = response->code == 401;

    lane->is_in_flight = false;
    if (response->code >= 200 && response->code < 300)
        succeed(lane, response->body); /* also when the rest of it is lost: it was accepted */
    else if (is_refused && lane->bearer != NULL && bearer_renew(lane->bearer))
        try_first(lane); /* with a fresh token, once */
    else
        fail_try(lane, response);
}

static const struct parley_http_events answer_events = {.size = sizeof(answer_events),
                                                        .on_end = on_answer};

static void fail_without_answer(struct lane *lane, int status, const char *message)
{
    const struct parley_http_response none = {
        .size = sizeof(none), .status = status, .message = message};

    fail_try(lane, &none);
}

static void send_first(struct lane *lane, const char *const *headers, uint32_t header_count)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_http_request request = {
        .size = sizeof(request),
        .method = "POST",
        .url = lane->config.url,
        .headers = headers,
        .header_count = header_count,
        .body = {(const char *)lane->first->body.bytes, lane->first->body.len},
        .ca_file = lane->config.ca_file,
        .client_cert_file = lane->config.client_cert_file,
        .client_key_file = lane->config.client_key_file,
        .timeout_ms = lane->deadline_ms - now_ms(lane),
        .max_response_bytes = ANSWER_BYTES,
    };

    int r = lane->config.http->start(lane->config.worker, &request, &answer_events, lane,
                                     &lane->http, &err);
    if (r == PARLEY_OK) {
        lane->is_in_flight = true;
        return;
    }
    fail_without_answer(lane, r, err.message);
}

static void on_token(void *ctx, int status, const char *header)
{
    struct lane *lane = ctx;
    uint32_t count = lane->config.header_count;
    const char **headers = calloc(count + 1, sizeof(*headers));

    lane->is_in_flight = false;
    if (status < 0) {
        fail_without_answer(lane, status, header);
    } else if (now_ms(lane) >= lane->deadline_ms) {
        give_up(lane, PARLEY_E_TIMEOUT, "its token came too late", false);
    } else if (headers == NULL) {
        fail_without_answer(lane, PARLEY_E_NO_MEMORY, "no memory");
    } else {
        memcpy(headers, lane->config.headers, count * sizeof(*headers));
        headers[count] = header;
        send_first(lane, headers, count + 1);
    }
    free(headers);
}

static void try_first(struct lane *lane)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    lane->tried++;
    if (lane->bearer == NULL) {
        send_first(lane, lane->config.headers, lane->config.header_count);
        return;
    }
    int r = bearer_ask(lane->bearer, &err);
    lane->is_in_flight = r >= 0;
    if (r < 0)
        fail_without_answer(lane, r, err.message);
}

/* The lane's timer: begin with the first request, or try it again. */
static void on_step(void *ctx)
{
    struct lane *lane = ctx;
    int64_t now = now_ms(lane);

    if (lane->first == NULL || lane->is_in_flight)
        return;
    if (!lane->is_started) {
        int64_t deadline = now + lane->config.timeout_ms;
        lane->is_started = true;
        lane->tried = 0;
        if (lane->bearer != NULL)
            bearer_begin(lane->bearer);
        lane->deadline_ms = deadline < lane->first->expires_ms ? deadline : lane->first->expires_ms;
    }
    if (now >= lane->deadline_ms)
        give_up(lane, PARLEY_E_TIMEOUT, "it waited too long behind others", false);
    else if (now < lane->rests_until_ms && !lane->is_hurried)
        give_up(lane, PARLEY_E_UNAVAILABLE, "resting after failures", false);
    else
        try_first(lane);
}

struct lane *lane_create(const struct lane_config *config)
{
    struct lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return NULL;
    lane->config = *config;
    lane->timer = config->timer->create(config->worker, on_step, lane);
    bool is_anonymous = config->credential == NULL || config->credential[0] == '\0';
    if (!is_anonymous)
        lane->bearer = bearer_create(config->host, config->worker, config->handle,
                                     config->credential, config->scope, on_token, lane);
    if (lane->timer == NULL || (!is_anonymous && lane->bearer == NULL)) {
        config->timer->destroy(lane->timer);
        bearer_destroy(lane->bearer);
        free(lane);
        return NULL;
    }
    return lane;
}

static int refuse(struct body body, struct parley_error *err, int status, const char *reason)
{
    free(body.bytes);
    return parley_fail(err, status, "%s", reason);
}

int lane_send(struct lane *lane, struct body body, uint64_t records, lane_on_done on_done,
              void *ctx, struct parley_error *err)
{
    if (now_ms(lane) < lane->rests_until_ms)
        return refuse(body, err, PARLEY_E_UNAVAILABLE,
                      "the collector failed or wants a pause; it is left alone");
    if (lane->first != NULL && (int64_t)(lane->bytes + body.len) > lane->config.max_queue_bytes)
        return refuse(body, err, PARLEY_E_BUSY, "the queue is full; see max_queue_bytes");
    struct request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return refuse(body, err, PARLEY_E_NO_MEMORY, "no memory");
    r->body = body;
    r->records = records;
    r->expires_ms = now_ms(lane) + LANE_WAIT_MS;
    r->on_done = on_done;
    r->ctx = ctx;
    lane->bytes += body.len;
    if (lane->last != NULL)
        lane->last->next = r;
    else
        next_step(lane, 0);
    lane->last = r;
    if (lane->first == NULL)
        lane->first = r;
    return PARLEY_OK;
}

void lane_hurry(struct lane *lane)
{
    lane->is_hurried = true;
    if (lane->first != NULL && !lane->is_in_flight)
        next_step(lane, 0);
}

void lane_close(struct lane *lane)
{
    if (lane == NULL)
        return;
    lane->config.timer->destroy(lane->timer);
    if (lane->is_in_flight && !bearer_is_asking(lane->bearer))
        lane->config.http->cancel(lane->config.worker, lane->http);
    bearer_destroy(lane->bearer);
    while (lane->first != NULL) {
        struct request *r = lane->first;
        lane->first = r->next;
        r->on_done(r->ctx, PARLEY_E_CANCELLED, r->records, NULL);
        request_free(r);
    }
    free(lane);
}
