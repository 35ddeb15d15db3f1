/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "parts/header.h"
#include "parts/refusal.h"

#define MAX_HEADERS  (HEADER_MAX_LINES + 4)
#define MAX_REFUSAL  65536
#define MAX_RESPONSE INT64_C(67108864)

/*
 *   idle --generate--> [waits for a token] --> asks --> streams --> idle, and the host is told
 *
 * A token that the server refuses is fetched anew, once.
 */
struct session {
    const struct chat_server *server;
    struct parley_worker *worker;
    const struct parley_chat_host *host;
    parley_op op;     /* 0: idle */
    char *body;       /* of the request, to send it again */
    uint64_t request; /* 0: none */
    struct key_token token;
    bool is_cancelled;
    struct completion completion;
    char trace_header[80]; /* "" for none */
    struct text refusal;   /* body of an answer other than 200 */
};

/* ---- the end of an answer ---- */

static void reset(struct session *s)
{
    completion_done(&s->completion);
    text_done(&s->refusal);
    key_token_forget(&s->token);
    free(s->body);
    s->body = NULL;
    s->op = 0;
    s->is_cancelled = false;
}

static void end_failed(struct session *s, const struct parley_error *err)
{
    struct parley_error told = *err;
    parley_op op = s->op;

    key_scrub(&s->token, &told);
    reset(s);
    s->host->end(op, told.status, 0, NULL, &told);
}

static void end_with(struct session *s, int status, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)parley_fail(&err, status, "%s", message);
    end_failed(s, &err);
}

/* ---- the request ---- */

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct session *s = ctx;

    if (s->is_cancelled)
        return;
    if (code != 200)
        (void)text_append(&s->refusal, data, MAX_REFUSAL); /* the rest says no more */
    else if (!completion_feed(&s->completion, data))
        s->server->http->cancel(s->worker, s->request);
}

/* True when another request is on its way. */
static bool renew(struct session *s, int code)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (code != 401 || !key_token_renew(&s->token))
        return false;
    text_clear(&s->refusal);
    return key_token_ask(&s->token, &err) >= 0;
}

static void on_refused(struct session *s, const struct parley_http_response *response)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (renew(s, response->code))
        return;
    refusal_read(response->code, response->headers, text_view(&s->refusal),
                 "base_url, which ends before /chat/completions, and model", &err);
    end_failed(s, &err);
}

static void on_end(void *ctx, const struct parley_http_response *response)
{
    struct session *s = ctx;

    s->request = 0;
    if (s->is_cancelled) {
        end_with(s, PARLEY_E_CANCELLED, "the answer was cancelled");
    } else if (s->completion.err.status == PARLEY_OK && response->status < 0) {
        end_with(s, response->status, response->message);
    } else if (s->completion.err.status == PARLEY_OK && response->code != 200) {
        on_refused(s, response);
    } else {
        key_scrub(&s->token, &s->completion.err);
        completion_finish(&s->completion);
        reset(s);
    }
}

static const struct parley_http_events http_events = {
    .size = sizeof(http_events), .on_data = on_data, .on_end = on_end};

static int send(struct session *s, struct parley_error *err)
{
    const struct chat_server *server = s->server;
    const char *headers[MAX_HEADERS] = {"Content-Type: application/json",
                                        "Accept: text/event-stream, application/json"};
    char *line = key_line(&s->token);
    uint32_t count = 2;

    if (line != NULL)
        headers[count++] = line;
    if (s->trace_header[0] != '\0')
        headers[count++] = s->trace_header;
    for (size_t i = 0; i < server->headers->count; i++)
        headers[count++] = server->headers->items[i];
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = count,
        .method = "POST",
        .url = server->url,
        .headers = headers,
        .body = {s->body, strlen(s->body)},
        .ca_file = server->ca_file,
        .timeout_ms = server->timeout_ms,
        .max_response_bytes = MAX_RESPONSE,
    };
    int r = server->http->start(s->worker, &request, &http_events, s, &s->request, err);
    key_wipe(line);
    return r;
}

/* ---- the token ---- */

static void on_token(void *ctx, const struct parley_error *failure)
{
    struct session *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (failure != NULL)
        end_failed(s, failure);
    else if (send(s, &err) < 0)
        end_failed(s, &err);
}

/* ---- for the host ---- */

int session_open(void *instance, const struct parley_chat_open *open, void **ret_session,
                 struct parley_error *err)
{
    const struct chat_server *server = instance;
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a conversation");
    s->server = server;
    s->worker = open->worker;
    s->token = (struct key_token){
        .key = &server->key, .worker = s->worker, .on_token = on_token, .ctx = s};
    if (server->sends_trace && PARLEY_HAS(open, traceparent) && open->traceparent[0] != '\0')
        (void)snprintf(s->trace_header, sizeof(s->trace_header), "traceparent: %s",
                       open->traceparent);
    s->host = open->host;
    *ret_session = s;
    return PARLEY_OK;
}

int session_generate(void *session, const struct parley_chat_request *request, parley_op op,
                     struct parley_error *err)
{
    struct session *s = session;

    s->body = messages_body(&s->server->messages, request, err);
    if (s->body == NULL)
        return err->status < 0 ? err->status : PARLEY_E_NO_MEMORY;
    completion_init(&s->completion, s->host, op);
    s->op = op;
    int r = s->server->key.credential[0] == '\0' ? send(s, err) : key_token_ask(&s->token, err);
    if (r < 0)
        reset(s);
    return r;
}

void session_cancel(void *session, parley_op op)
{
    struct session *s = session;

    if (op != s->op || s->is_cancelled)
        return;
    s->is_cancelled = true;
    if (s->request != 0) {
        s->server->http->cancel(s->worker, s->request); /* on_end follows */
        return;
    }
    key_token_cancel(&s->token);
    end_with(s, PARLEY_E_CANCELLED, "the answer was cancelled");
}

void session_close(void *session)
{
    struct session *s = session;

    reset(s);
    free(s);
}
