/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "parts/header.h"
#include "parts/refusal.h"
#include "parts/sse.h"
#include "talk.h"
#include "value.h"

#define MAX_HEADERS   (HEADER_MAX_LINES + 5)
#define MAX_REFUSAL   65536
#define MAX_EVENT     ((size_t)4 << 20)
#define MAX_RESPONSE  INT64_C(67108864)
#define CALL_OFF_MS   5000
#define ADVICE        "base_url, and that the agent is hosted there with this protocol"
#define DECLINED_CODE 400 /* from here on, an answer is a refusal */

/*
 *   idle --generate--> [waits for a token] --> [prepares] --> asks --> streams --> idle, and the
 *   host is told
 *
 * A token that the host of the agent refuses is fetched anew, once; a conversation that it does not
 * know any more is told anew, once.
 */
enum step { STEP_PREPARE, STEP_ASK };

struct session {
    const struct agent_server *server;
    struct parley_worker *worker;
    const struct parley_chat_host *host;
    struct parley_timer *idle;
    parley_op op;     /* 0: idle */
    uint64_t request; /* 0: none */
    enum step step;
    char trace_header[80]; /* "": none */
    struct key_token token;
    bool has_begun_anew;
    bool is_cancelled;
    bool is_idle_too_long;
    bool is_stream;
    struct sse sse;
    struct text body; /* of a refusal, or of an answer that is no stream */
    struct talk talk;
};

/* ---- the end of an answer ---- */

static bool is_news_to_agent(const struct session *s)
{
    bool is_kept =
        s->server->protocol->keeps_cut_turns || s->server->history == HISTORY_CONVERSATION;

    return s->talk.answer.is_over || (is_kept && s->talk.answer.is_begun);
}

static void reset(struct session *s)
{
    s->server->timers->stop(s->idle);
    turn_done(&s->talk.turn);
    answer_done(&s->talk.answer);
    text_done(&s->body);
    sse_done(&s->sse);
    key_token_forget(&s->token);
    s->op = 0;
    s->has_begun_anew = s->is_cancelled = s->is_idle_too_long = false;
}

static void end(struct session *s)
{
    struct answer *a = &s->talk.answer;

    if (is_news_to_agent(s) && (a->err.status == PARLEY_OK || s->is_cancelled))
        talk_remember(&s->talk, s->is_cancelled);
    key_scrub(&s->token, &a->err);
    /* The host may ask again at once, so what it is told must not be needed any more. */
    struct answer told = *a;
    struct turn turn = s->talk.turn;
    *a = (struct answer){0};
    s->talk.turn = (struct turn){0};
    reset(s);
    answer_end(&told, s->server->must_pass_tools ? turn.tools : NULL);
    answer_done(&told);
    turn_done(&turn);
}

static void end_failed(struct session *s, const struct parley_error *err)
{
    s->talk.answer.err.status = PARLEY_OK;
    s->talk.answer.err = *err;
    end(s);
}

static void end_with(struct session *s, int status, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)parley_fail(&err, status, "%s", message);
    end_failed(s, &err);
}

/* ---- requests ---- */

static int go_on(struct session *s, struct parley_error *err);

/* Takes the errand. */
static int send(struct session *s, struct errand *take_errand, const struct parley_http_events *on,
                uint32_t flags, uint64_t *ret_request, struct parley_error *err)
{
    const struct agent_server *server = s->server;
    const char *headers[MAX_HEADERS] = {"Accept: text/event-stream, application/json"};
    char *line = key_line(&s->token), *body = take_errand->body;
    uint32_t count = 1;

    if (body != NULL)
        headers[count++] = "Content-Type: application/json";
    if (line != NULL)
        headers[count++] = line;
    if (s->trace_header[0] != '\0')
        headers[count++] = s->trace_header;
    if (take_errand->header != NULL)
        headers[count++] = take_errand->header;
    for (size_t i = 0; i < server->headers->count; i++)
        headers[count++] = server->headers->items[i];
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = count,
        .method = take_errand->method,
        .url = take_errand->url == NULL ? "" : take_errand->url,
        .headers = headers,
        .body = {body == NULL ? "" : body, body == NULL ? 0 : strlen(body)},
        .ca_file = server->ca_file,
        .timeout_ms = flags == 0 ? server->timeout_ms : CALL_OFF_MS,
        .max_response_bytes = MAX_RESPONSE,
        .flags = flags,
    };
    int r = server->http->start(s->worker, &request, on, s, ret_request, err);
    key_wipe(line);
    errand_done(take_errand);
    return r;
}

/* ---- what comes ---- */

static void take_event(struct session *s, struct parley_view text)
{
    json_t *tree = json_loadb(text.data, text.len, 0, NULL);

    if (json_is_object(tree))
        s->server->protocol->event(&s->talk, tree);
    else
        answer_fail(&s->talk.answer, PARLEY_E_PROTOCOL,
                    "the agent's host sent an event that is no JSON object");
    json_decref(tree);
}

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    struct session *s = ctx;

    (void)type; /* the same stands inside */
    if (s->talk.answer.err.status < 0 || (data.len == 6 && memcmp(data.data, "[DONE]", 6) == 0))
        return;
    take_event(s, data);
}

/* An object begins with a brace, a stream never does. */
static bool is_object(struct parley_view data)
{
    size_t at = 0;

    while (at < data.len && strchr(" \t\r\n", data.data[at]) != NULL)
        at++;
    return at < data.len && data.data[at] == '{';
}

static void feed(struct session *s, struct parley_view data)
{
    struct answer *a = &s->talk.answer;

    if (!s->is_stream && s->body.len == 0 && !is_object(data))
        s->is_stream = true;
    if (s->is_stream && sse_feed(&s->sse, data, on_event, s) < 0)
        answer_fail(a, PARLEY_E_TOO_LARGE, "an event of the agent is longer than 4 MiB");
    if (!s->is_stream && !text_append(&s->body, data, MAX_EVENT))
        answer_fail(a, PARLEY_E_TOO_LARGE, "the answer of the agent is longer than 4 MiB");
}

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct session *s = ctx;

    if (s->is_cancelled)
        return;
    s->server->timers->start(s->idle, s->server->idle_timeout_ms);
    if (code >= DECLINED_CODE || s->step == STEP_PREPARE)
        (void)text_append(&s->body, data, code >= DECLINED_CODE ? MAX_REFUSAL : MAX_EVENT);
    else
        feed(s, data);
    if (s->talk.answer.err.status < 0)
        s->server->http->cancel(s->worker, s->request);
}

static void on_idle(void *ctx)
{
    struct session *s = ctx;

    s->is_idle_too_long = true;
    s->server->http->cancel(s->worker, s->request);
}

/* ---- the end of a request ---- */

/* True when another request is on its way. */
static bool renew_token(struct session *s, int code)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    return code == 401 && key_token_renew(&s->token) && key_token_ask(&s->token, &err) >= 0;
}

/* Likewise; the agent's host may have forgotten what it was to go on from. */
static bool begin_anew(struct session *s)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct answer *a = &s->talk.answer;
    const struct parley_chat_host *host = a->host;
    parley_op op = a->op;

    if (s->has_begun_anew || s->talk.told.item[0] == '\0' || a->said.len > 0)
        return false;
    s->has_begun_anew = true;
    talk_forget(&s->talk);
    answer_done(a);
    answer_init(a, host, op, s->server->must_show_calls);
    return go_on(s, &err) >= 0;
}

static void on_refused(struct session *s, const struct parley_http_response *response)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (renew_token(s, response->code))
        return;
    refusal_read(response->code, response->headers, text_view(&s->body), ADVICE, &err);
    bool is_lost = response->code == 404 || strstr(err.code, "not_found") != NULL;
    if (is_lost && begin_anew(s))
        return;
    end_failed(s, &err);
}

static void on_prepared(struct session *s)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    int r = s->server->protocol->prepared(&s->talk, text_view(&s->body), &err);

    if (r == PARLEY_OK)
        r = go_on(s, &err);
    if (r < 0)
        end_failed(s, &err);
}

static void finish_or_begin_anew(struct session *s)
{
    if (!s->talk.answer.is_lost || !begin_anew(s))
        end(s);
}

static void on_answered(struct session *s)
{
    if (!s->is_stream && s->body.len > 0)
        take_event(s, text_view(&s->body));
    if (s->talk.answer.err.status == PARLEY_OK)
        s->server->protocol->over(&s->talk);
    finish_or_begin_anew(s);
}

static void on_end(void *ctx, const struct parley_http_response *response)
{
    struct session *s = ctx;

    s->request = 0;
    s->server->timers->stop(s->idle);
    if (s->is_cancelled)
        end_with(s, PARLEY_E_CANCELLED, "the answer was cancelled");
    else if (s->talk.answer.err.status < 0)
        finish_or_begin_anew(s);
    else if (s->is_idle_too_long)
        end_with(s, PARLEY_E_TIMEOUT,
                 "the agent's host was silent for too long; idle_timeout_ms is the limit");
    else if (response->status < 0)
        end_with(s, response->status, response->message);
    else if (response->code >= DECLINED_CODE || response->code / 100 == 3)
        on_refused(s, response);
    else if (s->step == STEP_PREPARE)
        on_prepared(s);
    else
        on_answered(s);
}

static const struct parley_http_events http_events = {
    .size = sizeof(http_events), .on_data = on_data, .on_end = on_end};

static int go_on(struct session *s, struct parley_error *err)
{
    struct errand errand = {0};
    int r = PARLEY_OK;

    text_clear(&s->body);
    sse_done(&s->sse);
    s->sse = (struct sse){.limit = MAX_EVENT};
    s->is_stream = false;
    s->step = s->server->protocol->prepare(&s->talk, &errand) ? STEP_PREPARE : STEP_ASK;
    if (s->step == STEP_ASK)
        r = s->server->protocol->ask(&s->talk, &errand, err);
    if (r == PARLEY_OK)
        r = send(s, &errand, &http_events, 0, &s->request, err);
    if (r == PARLEY_OK)
        s->server->timers->start(s->idle, s->server->idle_timeout_ms);
    errand_done(&errand);
    return r;
}

/* ---- the token ---- */

static void on_token(void *ctx, const struct parley_error *failure)
{
    struct session *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (failure != NULL)
        end_failed(s, failure);
    else if (go_on(s, &err) < 0)
        end_failed(s, &err);
}

static int begin(struct session *s, struct parley_error *err)
{
    return s->server->key.credential[0] == '\0' ? go_on(s, err) : key_token_ask(&s->token, err);
}

/* ---- for the host ---- */

int session_open(void *instance, const struct parley_chat_open *open, void **ret_session,
                 struct parley_error *err)
{
    const struct agent_server *server = instance;
    struct session *s = calloc(1, sizeof(*s));

    if (s != NULL)
        s->idle = server->timers->create(open->worker, on_idle, s);
    if (s == NULL || s->idle == NULL) {
        free(s);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a conversation");
    }
    s->server = server;
    s->worker = open->worker;
    s->host = open->host;
    s->token = (struct key_token){
        .key = &server->key, .worker = s->worker, .on_token = on_token, .ctx = s};
    s->talk.server = server;
    if (server->sends_trace && PARLEY_HAS(open, traceparent) && open->traceparent[0] != '\0')
        (void)snprintf(s->trace_header, sizeof(s->trace_header), "traceparent: %s",
                       open->traceparent);
    (void)snprintf(s->talk.session_id, sizeof(s->talk.session_id), "%s", open->session_id);
    *ret_session = s;
    return PARLEY_OK;
}

int session_generate(void *session, const struct parley_chat_request *request, parley_op op,
                     struct parley_error *err)
{
    struct session *s = session;
    int r = turn_read(&s->talk.turn, request, err);

    if (r < 0)
        return r;
    answer_init(&s->talk.answer, s->host, op, s->server->must_show_calls);
    s->op = op;
    if (talk_is_torn(&s->talk))
        talk_forget(&s->talk);
    if (talk_is_idle(&s->talk)) {
        end(s); /* a client asks for one answer more: the agent has said all it has to say */
        return PARLEY_OK;
    }
    r = begin(s, err);
    if (r < 0)
        reset(s);
    return r;
}

static void ignore_end(void *ctx, const struct parley_http_response *response)
{
    (void)ctx;
    (void)response;
}

/* A last word to the agent, unheard. */
static void call_off(struct session *s)
{
    static const struct parley_http_events unheard = {.size = sizeof(unheard),
                                                      .on_end = ignore_end};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct errand errand = {0};
    uint64_t request = 0;

    if (s->step == STEP_ASK && s->server->protocol->call_off(&s->talk, &errand))
        (void)send(s, &errand, &unheard, PARLEY_HTTP_DETACHED, &request, &err);
}

void session_cancel(void *session, parley_op op)
{
    struct session *s = session;

    if (op != s->op || s->is_cancelled)
        return;
    s->is_cancelled = true;
    if (s->request != 0) {
        call_off(s);
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
    talk_done(&s->talk);
    s->server->timers->destroy(s->idle);
    free(s);
}
