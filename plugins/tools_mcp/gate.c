/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include "parts/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINES   40
#define MAX_REFUSAL ((size_t)16 << 10) /* of the body that explains one */

/* A request with copies of all it says. */
struct passage {
    struct passage *next;
    struct gatehouse *house;
    struct gate *gate; /* NULL: nobody listens */
    struct auth_waiter waiter;
    struct parley_http_events events;
    void *ctx;
    uint64_t id;      /* ours */
    uint64_t http_id; /* the service's, while it is under way */
    bool is_sent;
    bool is_waiting;   /* for a token */
    bool is_cancelled; /* told in the next turn */
    unsigned attempts; /* before this one */
    unsigned number;   /* of the token that it carries */
    int64_t deadline_ms;
    char *method;
    char *url;
    char *ca_file;
    char *lines[MAX_LINES];
    uint32_t line_count;
    char *body;
    size_t body_len;
    int64_t max_response_bytes;
    uint32_t flags;
    struct text refusal; /* the body of a 401 or 403 */
};

struct gatehouse {
    struct surroundings around;
    const struct parley_service_http *http;
    struct passage *first;
    struct parley_timer *turn;
    uint64_t last_id;
};

struct gate {
    struct gatehouse *house;
    struct auth *auth;
};

static int64_t now_ms(const struct gatehouse *house)
{
    return (int64_t)(house->around.host->now_us() / 1000);
}

/* ---- passages ---- */

static void passage_free(struct passage *p)
{
    struct passage **at = &p->house->first;

    while (*at != NULL && *at != p)
        at = &(*at)->next;
    if (*at == p)
        *at = p->next;
    if (p->gate != NULL)
        auth_leave(p->gate->auth, &p->waiter);
    for (uint32_t i = 0; i < p->line_count; i++)
        free(p->lines[i]);
    free(p->method);
    free(p->url);
    free(p->ca_file);
    free(p->body);
    text_done(&p->refusal);
    free(p);
}

static bool copy_request(struct passage *p, const struct parley_http_request *request)
{
    p->method = strdup(request->method);
    p->url = strdup(request->url);
    p->ca_file = strdup(request->ca_file == NULL ? "" : request->ca_file);
    p->body = malloc(request->body.len + 1);
    p->body_len = request->body.len;
    p->max_response_bytes = request->max_response_bytes;
    p->flags = request->flags;
    bool is_whole = p->method != NULL && p->url != NULL && p->ca_file != NULL && p->body != NULL;
    if (is_whole && request->body.len > 0)
        memcpy(p->body, request->body.data, request->body.len);
    for (uint32_t i = 0; is_whole && i < request->header_count; i++) {
        p->lines[p->line_count] = strdup(request->headers[i]);
        is_whole = p->lines[p->line_count] != NULL;
        p->line_count += is_whole;
    }
    return is_whole;
}

static struct passage *passage_create(struct gate *g, const struct parley_http_request *request)
{
    struct passage *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->house = g->house;
    p->gate = g;
    p->id = ++g->house->last_id;
    p->deadline_ms = now_ms(g->house) + (request->timeout_ms > 0 ? request->timeout_ms : 30000);
    p->next = g->house->first;
    g->house->first = p;
    if (copy_request(p, request))
        return p;
    passage_free(p);
    return NULL;
}

/* ---- ends ---- */

static void tell(struct passage *p, const struct parley_http_response *response)
{
    const struct parley_http_events events = p->events;
    void *ctx = p->ctx;
    bool is_heard = p->gate != NULL;

    passage_free(p); /* first: its owner may end the whole gate */
    if (is_heard)
        events.on_end(ctx, response);
}

static void tell_failure(struct passage *p, int status, const char *why)
{
    const struct parley_http_response response = {
        .size = sizeof(response), .status = status, .message = why};

    tell(p, &response);
}

/* The answer as it came, with the body that was held back. */
static void tell_refusal(struct passage *p, const struct parley_http_response *response,
                         const char *why)
{
    struct text body = p->refusal;
    struct parley_http_response told = *response;

    p->refusal = (struct text){0};
    if (why[0] != '\0') {
        tell_failure(p, PARLEY_E_DENIED, why);
    } else {
        if (p->gate != NULL && p->events.on_data != NULL && body.len > 0)
            p->events.on_data(p->ctx, response->code, text_view(&body));
        tell(p, &told);
    }
    text_done(&body);
}

/* ---- sending ---- */

static int send_now(struct passage *p, struct parley_error *err);

static void on_settled(struct auth_waiter *w, int status, const char *why)
{
    struct passage *p = (struct passage *)(void *)((char *)w - offsetof(struct passage, waiter));
    struct parley_error err = PARLEY_ERROR_INIT;

    p->is_waiting = false;
    if (p->is_cancelled)
        return; /* told in its own turn */
    if (status < 0)
        tell_failure(p, status, why);
    else if (send_now(p, &err) < 0)
        tell_failure(p, err.status, err.message);
}

static void wait_for_token(struct passage *p)
{
    p->is_waiting = true;
    p->waiter.on_settled = on_settled;
    auth_wait(p->gate->auth, &p->waiter);
}

static bool is_refusal(int code)
{
    return code == 401 || code == 403;
}

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct passage *p = ctx;

    if (p->gate == NULL || p->is_cancelled)
        return;
    if (is_refusal(code))
        (void)text_append(&p->refusal, data, MAX_REFUSAL);
    else if (p->events.on_data != NULL)
        p->events.on_data(p->ctx, code, data);
}

static void take_refusal(struct passage *p, const struct parley_http_response *response)
{
    const struct auth_refusal refusal = {
        .code = response->code,
        .number = p->number,
        .attempts = p->attempts,
        .headers = response->headers,
    };
    struct parley_error err = PARLEY_ERROR_INIT;
    char why[AUTH_MAX_WHY];

    enum auth_verdict verdict = auth_refused(p->gate->auth, &refusal, why);
    if (verdict == AUTH_FINAL) {
        tell_refusal(p, response, why);
        return;
    }
    p->attempts++;
    text_clear(&p->refusal);
    if (verdict == AUTH_WAIT)
        wait_for_token(p);
    else if (send_now(p, &err) < 0)
        tell_failure(p, err.status, err.message);
}

static void on_end(void *ctx, const struct parley_http_response *response)
{
    struct passage *p = ctx;

    p->is_sent = false;
    if (p->gate != NULL && response->status == PARLEY_OK)
        (void)auth_hear(p->gate->auth, response->headers);
    if (p->gate == NULL || p->is_cancelled || response->status < 0 || !is_refusal(response->code) ||
        (p->flags & PARLEY_HTTP_DETACHED) != 0)
        tell(p, response);
    else
        take_refusal(p, response);
}

static const struct parley_http_events streamed = {
    .size = sizeof(streamed), .on_data = on_data, .on_end = on_end};
static const struct parley_http_events collected = {.size = sizeof(collected), .on_end = on_end};

static int send_now(struct passage *p, struct parley_error *err)
{
    const char *lines[MAX_LINES + 2];
    const struct gatehouse *house = p->house;
    int64_t left = p->deadline_ms - now_ms(house);
    uint32_t count = p->line_count;
    const char *line = auth_line(p->gate->auth, &p->number);
    char *proof = line == NULL ? NULL : auth_proof(p->gate->auth, p->method, p->url);

    for (uint32_t i = 0; i < p->line_count; i++)
        lines[i] = p->lines[i];
    if (line != NULL)
        lines[count++] = line;
    if (proof != NULL)
        lines[count++] = proof;
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = count,
        .method = p->method,
        .url = p->url,
        .headers = lines,
        .body = {p->body, p->body_len},
        .ca_file = p->ca_file,
        .timeout_ms = left < 1 ? 1 : left,
        .max_response_bytes = p->max_response_bytes,
        .flags = p->flags,
    };
    int r =
        house->http->start(house->around.worker, &request,
                           p->events.on_data != NULL ? &streamed : &collected, p, &p->http_id, err);
    free(proof);
    p->is_sent = r == PARLEY_OK;
    return r;
}

/* ---- for the owner ---- */

int gate_start(struct gate *g, const struct parley_http_request *request,
               const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
               struct parley_error *err)
{
    bool is_last_word = (request->flags & PARLEY_HTTP_DETACHED) != 0;

    if (request->header_count > MAX_LINES)
        return parley_fail(err, PARLEY_E_INVALID, "a request with more than %d headers", MAX_LINES);
    struct passage *p = passage_create(g, request);
    if (p == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
    p->events = *events;
    p->ctx = ctx;
    *ret_request = p->id;
    if (!is_last_word && auth_is_lacking(g->auth)) {
        wait_for_token(p);
        return PARLEY_OK;
    }
    int r = send_now(p, err);
    if (r < 0)
        passage_free(p);
    return r;
}

static void on_turn(void *ctx)
{
    struct gatehouse *house = ctx;

    for (struct passage *p = house->first, *next; p != NULL; p = next) {
        next = p->next;
        if (!p->is_cancelled || p->is_sent)
            continue;
        tell_failure(p, PARLEY_E_CANCELLED, "given up by this side");
        next = house->first; /* others may be gone with it */
    }
}

void gate_cancel(struct gate *g, uint64_t request)
{
    struct gatehouse *house = g->house;
    struct passage *p = house->first;

    while (p != NULL && p->id != request)
        p = p->next;
    if (p == NULL || p->is_cancelled)
        return;
    p->is_cancelled = true;
    if (p->is_sent)
        house->http->cancel(house->around.worker, p->http_id); /* its end is told */
    else
        house->around.timer->start(house->turn, 0);
}

/* ---- life ---- */

struct gate *gate_create(struct gatehouse *house, struct auth *auth)
{
    struct gate *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    g->house = house;
    g->auth = auth;
    return g;
}

void gate_destroy(struct gate *g)
{
    struct gatehouse *house = g == NULL ? NULL : g->house;

    for (struct passage *p = house == NULL ? NULL : house->first, *next; p != NULL; p = next) {
        next = p->next;
        if (p->gate != g)
            continue;
        auth_leave(g->auth, &p->waiter);
        p->gate = NULL;
        if (!p->is_sent)
            passage_free(p);
        else if ((p->flags & PARLEY_HTTP_DETACHED) == 0)
            house->http->cancel(house->around.worker, p->http_id); /* on_end frees it */
    }
    free(g);
}

struct gatehouse *gatehouse_create(const struct surroundings *around,
                                   const struct parley_service_http *http)
{
    struct gatehouse *house = calloc(1, sizeof(*house));

    if (house == NULL)
        return NULL;
    house->around = *around;
    house->http = http;
    house->turn = around->timer->create(around->worker, on_turn, house);
    if (house->turn != NULL)
        return house;
    free(house);
    return NULL;
}

void gatehouse_destroy(struct gatehouse *house)
{
    if (house == NULL)
        return;
    while (house->first != NULL)
        passage_free(house->first);
    house->around.timer->destroy(house->turn);
    free(house);
}
