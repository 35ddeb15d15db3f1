/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "parts/refusal.h"

#define MAX_HEADERS  32
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
    uint64_t errand;  /* for a token; 0: none is waited for */
    uint64_t request; /* 0: none */
    char *token;      /* of the credential, as it was sent */
    bool has_renewed; /* the token, for this answer */
    bool is_cancelled;
    struct completion completion;
    char trace_header[80]; /* "" for none */
    struct text refusal;   /* body of an answer other than 200 */
};

static void wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* ---- the end of an answer ---- */

static void reset(struct session *s)
{
    completion_done(&s->completion);
    text_done(&s->refusal);
    wipe(s->token);
    free(s->body);
    s->token = NULL;
    s->body = NULL;
    s->op = 0;
    s->has_renewed = false;
    s->is_cancelled = false;
}

static void end_failed(struct session *s, const struct parley_error *err)
{
    parley_op op = s->op;

    reset(s);
    s->host->end(op, err->status, 0, NULL, err);
}

static void end_with(struct session *s, int status, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)parley_fail(&err, status, "%s", message);
    end_failed(s, &err);
}

/* ---- the request ---- */

static int ask_token(struct session *s, struct parley_error *err);
static int send(struct session *s, const char *key, struct parley_error *err);

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
    const struct chat_server *server = s->server;

    if (code != 401 || s->token == NULL || s->has_renewed)
        return false;
    s->has_renewed = true;
    server->credentials->refused(server->handle, server->credential, server->scope,
                                 (struct parley_view){s->token, strlen(s->token)});
    text_clear(&s->refusal);
    return ask_token(s, &err) >= 0;
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
        completion_finish(&s->completion);
        reset(s);
    }
}

static const struct parley_http_events http_events = {
    .size = sizeof(http_events), .on_data = on_data, .on_end = on_end};

/* The key's header, empty without a key. The caller wipes it. */
static char *key_header(const struct chat_server *server, const char *key)
{
    bool is_bearer = strcmp(server->key_header, "Authorization") == 0;
    size_t size = strlen(server->key_header) + strlen(key) + 16;
    char *line = key[0] == '\0' ? NULL : malloc(size);

    if (line != NULL)
        (void)snprintf(line, size, "%s: %s%s", server->key_header, is_bearer ? "Bearer " : "", key);
    return line;
}

static int send(struct session *s, const char *key, struct parley_error *err)
{
    const struct chat_server *server = s->server;
    const char *headers[MAX_HEADERS] = {"Content-Type: application/json",
                                        "Accept: text/event-stream, application/json"};
    char *line = key_header(server, key);
    uint32_t count = 2;

    if (line != NULL)
        headers[count++] = line;
    if (s->trace_header[0] != '\0')
        headers[count++] = s->trace_header;
    for (size_t i = 0; i < server->headers->count && count < MAX_HEADERS; i++)
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
    wipe(line);
    return r;
}

/* ---- the token ---- */

static void on_token(void *ctx, const struct parley_credential_token *token)
{
    struct session *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    s->errand = 0;
    if (token->status < 0) {
        end_with(s, token->status, token->message);
        return;
    }
    wipe(s->token);
    s->token = strndup(token->value.data, token->value.len);
    int r = s->token == NULL ? parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for a token")
                             : send(s, s->token, &err);
    if (r < 0)
        end_failed(s, &err);
}

static const struct parley_credential_events token_events = {.size = sizeof(token_events),
                                                             .on_token = on_token};

static int ask_token(struct session *s, struct parley_error *err)
{
    const struct chat_server *server = s->server;

    return server->credentials->get(server->handle, s->worker, server->credential, server->scope,
                                    &token_events, s, &s->errand, err);
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
    int r = s->server->credential[0] != '\0' ? ask_token(s, err) : send(s, s->server->api_key, err);
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
    s->server->credentials->cancel(s->worker, s->errand);
    s->errand = 0;
    end_with(s, PARLEY_E_CANCELLED, "the answer was cancelled");
}

void session_close(void *session)
{
    struct session *s = session;

    reset(s);
    free(s);
}
