/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests on a loop, through libcurl. Only http and https, no redirects, answers limited in
 * size and time, certificates checked. Names are resolved off the thread.
 */
#ifndef TRANSPORT_HTTP_CLIENT_H
#define TRANSPORT_HTTP_CLIENT_H

#include <parley/error.h>
#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct http_client;

struct http_client_request {
    const char *method;         /* "GET", "POST" ... */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    struct parley_view body;      /* copied before http_client_start() returns */
    const char *ca_file;          /* PEM trusted besides the system's; NULL or "": none */
    const char *client_cert_file; /* PEM that this side shows; NULL or "": none */
    const char *client_key_file;  /* its key; NULL or "": in the same file */
    int64_t timeout_ms;           /* the whole exchange; 0: 30,000 */
    size_t max_response_bytes;    /* 0: 4 MiB; beyond it: PARLEY_E_TOO_LARGE */
    /* Connect to addresses of the public Internet alone, by what the name resolved to, and never
     * through a proxy; others: PARLEY_E_DENIED, and nothing is sent. */
    bool is_public_only;
    bool may_loop_back; /* with is_public_only: this machine's own address is fine, too */
};

struct http_client_response {
    int status; /* PARLEY_OK when an answer came, whatever its code; else PARLEY_E_... */
    int code;   /* HTTP status code, 0 when none came */
    struct parley_view headers; /* "name: value\r\n"..., names in lower case */
    struct parley_view body;    /* empty when on_data took it */
    const char *message;        /* what failed: host and reason; "" on success */
};

struct http_client_events {
    /* A piece of the body as it comes; NULL: it is collected for on_end. */
    void (*on_data)(void *ctx, int code, struct parley_view data);
    /* Exactly once, from the loop; also after http_client_cancel(). */
    void (*on_end)(void *ctx, const struct http_client_response *response);
};

/* NULL without memory. */
struct http_client *http_client_create(struct loop *loop);

/* Ends what is open (PARLEY_E_CANCELLED, from in here). Returns NULL. */
struct http_client *http_client_destroy(struct http_client *c);

/* Begin; *ret_id is a number for http_client_cancel(), never 0. on_end never comes before this
 * returns. PARLEY_E_INVALID with err: the URL, method or a header. */
int http_client_start(struct http_client *c, const struct http_client_request *request,
                      const struct http_client_events *events, void *ctx, uint64_t *ret_id,
                      struct parley_error *err);

/* Work on what is under way for at most so long, without the loop: for the end, when there is none
 * any more. Blocks. */
void http_client_step(struct http_client *c, int limit_ms);

/* Give up; on_end (PARLEY_E_CANCELLED) follows. Unknown numbers are ignored. */
void http_client_cancel(struct http_client *c, uint64_t id);

#endif
