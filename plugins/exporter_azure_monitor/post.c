/* SPDX-License-Identifier: Apache-2.0 */
#include "post.h"

#include "place.h"

#include "parts/header.h"
#include "parts/otlp/gzip.h"
#include "parts/otlp/retry.h"
#include "parts/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH          "/v2.1/track"
#define MAX_REDIRECTS 10
#define REASON        256
#define MAX_LOCATION  2048

struct post {
    struct post_config config;
    post_on_end on_end;
    void *ctx;
    struct body body; /* of the request at hand */
    char *moved;      /* where a redirect has sent us: an origin; NULL: nowhere */
    char *token;
    uint64_t request; /* of HTTP or for a token */
    bool is_asking;
    bool is_in_flight;
    bool has_renewed; /* a token was refused already */
    unsigned redirects;
    int code; /* seen so far of an answer */
    struct text answer;
    bool is_cut;
};

/* ---- the body: a JSON array, compressed ---- */

static bool make_body(struct body *ret, const struct parcel *parcel)
{
    size_t len = parcel->lines.len;
    struct body body = {.bytes = malloc(len + 1), .len = len + 1};

    if (body.bytes == NULL)
        return false;
    body.bytes[0] = '[';
    memcpy(body.bytes + 1, parcel->lines.data, len);
    for (uint32_t i = 0; i < parcel->count; i++) /* each line's end */
        body.bytes[parcel->items[i].at + parcel->items[i].len] = i + 1 < parcel->count ? ',' : ']';
    if (!gzip_body(&body)) {
        free(body.bytes);
        return false;
    }
    *ret = body;
    return true;
}

/* ---- the end ---- */

static void wipe_token(struct post *p)
{
    if (p->token != NULL)
        explicit_bzero(p->token, strlen(p->token));
    free(p->token);
    p->token = NULL;
}

static void clear(struct post *p)
{
    free(p->body.bytes);
    p->body = (struct body){0};
    wipe_token(p);
}

static void end(struct post *p, enum ruling ruling, int64_t retry_after_ms, const char *reason)
{
    struct text answer = p->answer;
    const struct post_end how = {.ruling = ruling,
                                 .retry_after_ms = retry_after_ms,
                                 .body = text_view(&answer),
                                 .is_whole = !p->is_cut,
                                 .reason = reason};

    p->answer = (struct text){0};
    clear(p);
    p->on_end(p->ctx, &how); /* may send the next */
    text_done(&answer);
}

/* ---- requests ---- */

static int begin_request(struct post *p, struct parley_error *err);

static const char *origin_of(const struct post *p)
{
    return p->moved != NULL ? p->moved : p->config.endpoint;
}

static void forget_move(struct post *p)
{
    free(p->moved);
    p->moved = NULL;
}

/* Where the answer sends us, as a URL; a path alone stays on this host. */
static bool read_location(const struct post *p, struct parley_view headers, char out[MAX_LOCATION])
{
    struct parley_view location = header_value(headers, "location");
    struct place here = place_of_url(origin_of(p));
    bool is_path = location.len > 0 && location.data[0] == '/' &&
                   (location.len == 1 || location.data[1] != '/');

    int len = snprintf(out, MAX_LOCATION, "%.*s%.*s", is_path ? (int)here.origin.len : 0,
                       here.origin.data, (int)(location.len < MAX_LOCATION ? location.len : 0),
                       location.data);
    return len > 0 && len < MAX_LOCATION;
}

/* The same body to the host that the answer names, if that is one of the same cloud. */
static void follow(struct post *p, struct parley_view headers)
{
    char location[MAX_LOCATION], reason[REASON];
    struct place from = place_of_url(origin_of(p)), to = {0};
    struct parley_error err = PARLEY_ERROR_INIT;

    if (read_location(p, headers, location))
        to = place_of_url(location);
    if (!place_may_redirect(&from, &to)) {
        (void)snprintf(reason, sizeof(reason), "redirected to %.*s, which is not followed",
                       to.is_good ? (int)json_cut(to.host, 100) : 7,
                       to.is_good ? to.host.data : "nowhere");
        end(p, RULING_LATER, 0, reason);
        return;
    }
    char *moved = strndup(to.origin.data, to.origin.len);
    bool is_over = ++p->redirects > MAX_REDIRECTS;
    forget_move(p);
    p->moved = is_over ? NULL : moved;
    if (is_over) {
        free(moved);
        end(p, RULING_LATER, 0, "redirected more than 10 times in a row");
    } else if (begin_request(p, &err) < 0) {
        end(p, RULING_LATER, 0, err.message);
    }
}

static int ask_for_token(struct post *p, struct parley_error *err);

/* A refused token is made anew, once. False: it was that already, or there is none. */
static bool try_new_token(struct post *p)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (p->token == NULL || p->has_renewed)
        return false;
    p->has_renewed = true;
    p->config.credentials->refused(p->config.handle, p->config.credential, p->config.scope,
                                   (struct parley_view){p->token, strlen(p->token)});
    wipe_token(p);
    text_clear(&p->answer);
    if (ask_for_token(p, &err) < 0)
        end(p, RULING_DENIED, 0, err.message);
    return true;
}

static int64_t asked_pause_ms(const struct post *p, struct parley_view headers)
{
    return retry_after_ms(headers, (int64_t)p->config.host->unix_us() / 1000);
}

static void on_answer(struct post *p, int code, struct parley_view headers)
{
    int64_t after = asked_pause_ms(p, headers);
    enum ruling ruling = answer_ruling(code);
    char reason[REASON];

    (void)snprintf(reason, sizeof(reason), "answered %d", code);
    if (ruling == RULING_REDIRECT)
        follow(p, headers);
    else if (code != 401 || !try_new_token(p))
        end(p, ruling, after, reason);
}

/* It broke off: what its first line said still counts, and accepted items are not sent again. */
static void on_broken(struct post *p, const struct parley_http_response *response)
{
    int64_t after = asked_pause_ms(p, response->headers);
    enum ruling ruling = p->code == 0 ? RULING_LATER : answer_ruling(p->code);

    p->is_cut = true;
    if (p->code == 0)
        forget_move(p); /* perhaps it is only that host */
    end(p, ruling == RULING_REDIRECT ? RULING_LATER : ruling, after, response->message);
}

static void on_http_data(void *ctx, int code, struct parley_view data)
{
    struct post *p = ctx;

    p->code = code;
    if (!p->is_cut && !text_append(&p->answer, data, ANSWER_MAX_BYTES))
        p->is_cut = true;
}

static void on_http_end(void *ctx, const struct parley_http_response *response)
{
    struct post *p = ctx;

    p->is_in_flight = false;
    if (response->status < 0) {
        p->code = response->code >= 200 ? response->code : 0; /* an interim answer is none */
        on_broken(p, response);
        return;
    }
    if (response->body.len > 0)
        on_http_data(p, response->code, response->body);
    on_answer(p, response->code, response->headers);
}

static const struct parley_http_events http_events = {
    .size = sizeof(http_events), .on_data = on_http_data, .on_end = on_http_end};

static int start_http(struct post *p, const char *url, const char *const *headers, uint32_t count,
                      struct parley_error *err)
{
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = count,
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = {(const char *)p->body.bytes, p->body.len},
        .ca_file = p->config.ca_file,
        .timeout_ms = p->config.timeout_ms,
        .max_response_bytes = 2 * ANSWER_MAX_BYTES,
    };

    p->code = 0;
    p->is_cut = false;
    text_clear(&p->answer);
    int r = p->config.http->start(p->config.worker, &request, &http_events, p, &p->request, err);
    p->is_in_flight = r >= 0;
    return r;
}

static int begin_request(struct post *p, struct parley_error *err)
{
    char *url = NULL, *bearer = NULL, agent[64];
    const char *headers[6] = {"Content-Type: application/json", "Content-Encoding: gzip",
                              "Accept: application/json", agent};
    int r = PARLEY_E_NO_MEMORY;

    (void)snprintf(agent, sizeof(agent), "User-Agent: parley/%s", p->config.host->version);
    size_t len = p->token == NULL ? 0 : strlen(p->token) + sizeof("Authorization: Bearer ");
    struct parley_view path = place_of_url(p->config.endpoint).path; /* stays on a move */
    if (asprintf(&url, "%s%.*s" PATH, origin_of(p), p->moved == NULL ? 0 : (int)path.len,
                 path.data) < 0)
        url = NULL;
    if (len > 0)
        bearer = malloc(len);
    if (url == NULL || (len > 0 && bearer == NULL)) {
        r = parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    } else {
        if (bearer != NULL)
            (void)snprintf(bearer, len, "Authorization: Bearer %s", p->token);
        headers[4] = bearer;
        r = start_http(p, url, headers, bearer == NULL ? 4 : 5, err);
    }
    if (bearer != NULL)
        explicit_bzero(bearer, len);
    free(bearer);
    free(url);
    return r;
}

/* ---- tokens ---- */

static void on_token(void *ctx, const struct parley_credential_token *token)
{
    struct post *p = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    char reason[REASON];

    p->is_asking = false;
    if (token->status < 0) {
        (void)snprintf(reason, sizeof(reason), "no token: %s", token->message);
        end(p, RULING_DENIED, 0, reason);
        return;
    }
    if (token->kind != PARLEY_CREDENTIAL_BEARER) {
        end(p, RULING_DENIED, 0,
            "the credential is a key, and the service takes tokens of Entra only");
        return;
    }
    p->token = strndup(token->value.data, token->value.len);
    if (p->token == NULL)
        end(p, RULING_LATER, 0, "no memory");
    else if (begin_request(p, &err) < 0)
        end(p, RULING_LATER, 0, err.message);
}

static const struct parley_credential_events token_events = {.size = sizeof(token_events),
                                                             .on_token = on_token};

static int ask_for_token(struct post *p, struct parley_error *err)
{
    const struct post_config *c = &p->config;
    int r = c->credentials->get(c->handle, c->worker, c->credential, c->scope, &token_events, p,
                                &p->request, err);

    p->is_asking = r >= 0;
    return r;
}

/* ---- life ---- */

struct post *post_create(const struct post_config *config, post_on_end on_end, void *ctx)
{
    struct post *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->config = *config;
    p->on_end = on_end;
    p->ctx = ctx;
    return p;
}

static void stop(struct post *p)
{
    if (p->is_asking)
        p->config.credentials->cancel(p->config.worker, p->request);
    if (p->is_in_flight)
        p->config.http->cancel(p->config.worker, p->request);
}

void post_destroy(struct post *p)
{
    if (p == NULL)
        return;
    stop(p);
    clear(p);
    forget_move(p);
    text_done(&p->answer);
    free(p);
}

int post_send(struct post *p, const struct parcel *parcel, struct parley_error *err)
{
    p->has_renewed = false;
    p->redirects = 0;
    if (!make_body(&p->body, parcel))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    int r = p->config.credential[0] != '\0' ? ask_for_token(p, err) : begin_request(p, err);
    if (r < 0)
        clear(p);
    return r;
}

void post_cancel(struct post *p)
{
    bool was_asking = p->is_asking;

    stop(p); /* of a request, on_http_end still comes; of a token nothing */
    p->is_asking = false;
    if (was_asking)
        end(p, RULING_LATER, 0, "given up while waiting for a token");
}
