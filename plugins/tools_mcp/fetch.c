/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include "answer.h"
#include "parts/header.h"
#include "uri.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIMIT_MS  10000
#define MAX_BYTES ((int64_t)256 << 10)

struct fetch {
    const struct fetcher *fetcher;
    uint64_t id; /* the service's */
    void (*on_done)(void *ctx, const struct fetch_result *result);
    void *ctx;
    char what[64];
    char url[URI_MAX];
};

/* ---- which addresses ---- */

static bool is_own(const struct fetcher *f, const struct uri *u)
{
    struct uri own;

    for (size_t i = 0; i < sizeof(f->own) / sizeof(f->own[0]); i++) {
        if (f->own[i][0] != '\0' && uri_parse(f->own[i], &own) && uri_is_same_origin(&own, u))
            return true;
    }
    return false;
}

int fetch_check(const struct fetcher *f, const char *url, const char *what,
                struct parley_error *err)
{
    struct uri u;

    if (!uri_parse(url, &u))
        return parley_fail(err, PARLEY_E_DENIED, "%s \"%.150s\" is no https:// address", what, url);
    bool is_near = uri_is_loopback(&u);
    if (is_near && !f->allow_loopback && !is_own(f, &u))
        return parley_fail(err, PARLEY_E_DENIED,
                           "%s %.150s is an address of this machine, which is asked only with "
                           "allow_loopback = yes",
                           what, url);
    if (!u.is_https && !(is_near && f->allow_loopback))
        return parley_fail(err, PARLEY_E_DENIED, "%s %.150s is not https://; it is not asked", what,
                           url);
    return PARLEY_OK;
}

static uint32_t flags_for(const struct fetcher *f, const char *url)
{
    struct uri u;

    if (uri_parse(url, &u) && is_own(f, &u))
        return 0;
    return PARLEY_HTTP_PUBLIC_ONLY | (f->allow_loopback ? PARLEY_HTTP_MAY_LOOP_BACK : 0);
}

/* ---- answers ---- */

static bool is_json(const struct parley_http_response *response)
{
    struct parley_view type = header_value(response->headers, "content-type");
    size_t len = 0;

    while (len < type.len && strchr("; \t", type.data[len]) == NULL)
        len++;
    return (len == 16 && strncasecmp(type.data, "application/json", 16) == 0) ||
           (len > 5 && strncasecmp(type.data + len - 5, "+json", 5) == 0);
}

static json_t *read_tree(const struct parley_http_response *response)
{
    json_t *tree = response->status < 0 || !is_json(response)
                       ? NULL
                       : json_loadb(response->body.data, response->body.len, 0, NULL);

    if (json_is_object(tree))
        return tree;
    json_decref(tree);
    return NULL;
}

static void explain(const struct fetch *f, const struct parley_http_response *response,
                    char why[FETCH_MAX_WHY])
{
    struct parley_view type = header_value(response->headers, "content-type");

    if (response->status < 0)
        (void)snprintf(why, FETCH_MAX_WHY, "%s %.150s: %.180s", f->what, f->url, response->message);
    else if (response->code >= 300 && response->code < 400)
        (void)snprintf(why, FETCH_MAX_WHY,
                       "%s %.150s answered HTTP %d: it points elsewhere, which is not followed",
                       f->what, f->url, response->code);
    else if (response->code >= 200 && response->code < 300)
        (void)snprintf(why, FETCH_MAX_WHY,
                       "%s %.150s answered with content of type \"%.*s\", not with a JSON object",
                       f->what, f->url, (int)(type.len > 60 ? 60 : type.len), type.data);
    else
        (void)snprintf(why, FETCH_MAX_WHY, "%s %.150s answered HTTP %d", f->what, f->url,
                       response->code);
}

static void on_end(void *ctx, const struct parley_http_response *response)
{
    struct fetch *f = ctx;
    char why[FETCH_MAX_WHY];
    struct fetch_result result = {
        .status = response->status,
        .code = response->code,
        .tree = read_tree(response),
        .nonce = header_value(response->headers, "dpop-nonce"),
        .why = why,
    };

    explain(f, response, why);
    f->on_done(f->ctx, &result);
    json_decref(result.tree);
    free(f);
}

/* ---- asking ---- */

static const struct parley_http_events events = {.size = sizeof(events), .on_end = on_end};

static int begin(struct fetch *f, const struct fetch_request *asked, struct parley_error *err)
{
    const struct fetcher *by = f->fetcher;
    const char *body = asked->body == NULL ? "" : asked->body;
    const char *lines[5] = {"Accept: application/json"};
    char type[80];
    uint32_t count = 1;

    if (asked->body != NULL) {
        (void)snprintf(type, sizeof(type), "Content-Type: %s", asked->content_type);
        lines[count++] = type;
    }
    if (asked->authorization != NULL)
        lines[count++] = asked->authorization;
    if (asked->proof != NULL)
        lines[count++] = asked->proof;
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = count,
        .method = asked->body == NULL ? "GET" : "POST",
        .url = asked->url,
        .headers = lines,
        .body = {body, strlen(body)},
        .ca_file = by->ca_file,
        .timeout_ms = LIMIT_MS,
        .max_response_bytes = MAX_BYTES,
        .flags = flags_for(by, asked->url),
    };
    return by->http->start(by->around.worker, &request, &events, f, &f->id, err);
}

struct fetch *fetch_start(const struct fetcher *by, const struct fetch_request *request,
                          void (*on_done)(void *ctx, const struct fetch_result *result), void *ctx,
                          struct parley_error *err)
{
    if (fetch_check(by, request->url, request->what, err) < 0)
        return NULL;
    struct fetch *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to ask %s", request->what);
        return NULL;
    }
    f->fetcher = by;
    f->on_done = on_done;
    f->ctx = ctx;
    (void)snprintf(f->what, sizeof(f->what), "%s", request->what);
    (void)snprintf(f->url, sizeof(f->url), "%.*s", (int)strcspn(request->url, "?#"), request->url);
    if (begin(f, request, err) == PARLEY_OK)
        return f;
    free(f);
    return NULL;
}

void fetch_destroy(struct fetch *f)
{
    if (f == NULL)
        return;
    f->fetcher->http->cancel(f->fetcher->around.worker, f->id);
    free(f);
}
