/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service parley.http/1: HTTP requests on the worker's loop. Redirects are not followed;
 * answers are limited in size; certificates are checked; names are resolved off the thread.
 */
#ifndef PARLEY_SERVICE_HTTP_H
#define PARLEY_SERVICE_HTTP_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_HTTP "parley.http/1"

/* The request outlives worker_stop, unheard: a last word to the peer. For as long as the worker's
 * loop still runs. */
#define PARLEY_HTTP_DETACHED (1u << 0)

/* Only to addresses of the public Internet: a name that leads to a loopback, private, link-local or
 * otherwise special address is refused (PARLEY_E_DENIED) before anything is sent, by the address
 * that would be connected to, and no proxy is used. For URLs that a stranger chose. Since 1.1. */
#define PARLEY_HTTP_PUBLIC_ONLY (1u << 1)

/* With PARLEY_HTTP_PUBLIC_ONLY: addresses of this machine are allowed, too. Since 1.1. */
#define PARLEY_HTTP_MAY_LOOP_BACK (1u << 2)

struct parley_http_request {
    uint32_t size;
    uint32_t header_count;
    const char *method;         /* "GET", "POST" ... */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value", header_count of them */
    struct parley_view body;    /* copied before start() returns */
    const char *ca_file;        /* PEM trusted besides the system's, or "" */
    int64_t timeout_ms;         /* whole exchange; 0: 30,000 */
    int64_t max_response_bytes; /* 0: 4 MiB */
    uint32_t flags;             /* PARLEY_HTTP_...; since 1.1 */
    uint32_t reserved;
    /* PEM files of the certificate that parley shows to a server, and of its key (NULL: in the same
     * file); NULL or "": none. Since 1.1. */
    const char *client_cert_file;
    const char *client_key_file;
};

struct parley_http_response {
    uint32_t size;
    int32_t status; /* PARLEY_OK when an answer came, whatever its code; else PARLEY_E_... */
    int32_t code;   /* HTTP status code */
    uint32_t reserved;
    struct parley_view headers; /* "name: value\r\n"..., names in lower case */
    struct parley_view body;    /* empty when on_data took it */
    const char *message;        /* what failed: host and reason */
};

struct parley_http_events {
    uint32_t size;
    uint32_t reserved;
    /* A piece of the body as it comes; NULL: the body is collected for on_end. */
    void (*on_data)(void *ctx, int code, struct parley_view data);
    /* Exactly once, also after cancel() (PARLEY_E_CANCELLED). */
    void (*on_end)(void *ctx, const struct parley_http_response *response);
};

struct parley_service_http {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Begin; *ret_request is a number for cancel(). on_end never comes before this
     * returns. */
    int (*start)(struct parley_worker *worker, const struct parley_http_request *request,
                 const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                 struct parley_error *err);
    /* [worker] Give up; on_end follows. Unknown numbers are ignored. */
    void (*cancel)(struct parley_worker *worker, uint64_t request);
};

#ifdef __cplusplus
}
#endif

#endif
