/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request at a time to the service, from the token to the answer:
 *
 *     idle -> asking for a token -> in flight -> answered
 *              (Entra only)          |   ^ 307, 308: the same body to an allowed host
 *                                    +---+ 401 with Entra: once more, with a fresh token
 *
 * Thread: the worker's.
 */
#ifndef AZURE_MONITOR_POST_H
#define AZURE_MONITOR_POST_H

#include "answer.h"
#include "parcel.h"

#include <parley/error.h>
#include <parley/host.h>
#include <parley/service/credentials.h>
#include <parley/service/http.h>

struct post_config {
    const struct parley_host *host;
    const struct parley_service_http *http;
    const struct parley_service_credentials *credentials; /* NULL without a credential */
    struct parley_worker *worker;
    const void *handle;
    const char *endpoint;   /* without a path of its own, or with one that stays */
    const char *credential; /* "": none */
    const char *scope;
    const char *ca_file;
    int64_t timeout_ms; /* of one request */
};

/* How it ended. Borrowed until the function that gets it returns. */
struct post_end {
    enum ruling ruling;     /* never RULING_REDIRECT */
    int64_t retry_after_ms; /* 0: the service said nothing of it */
    struct parley_view body;
    bool is_whole; /* the body is all of it */
    const char *reason;
};

typedef void (*post_on_end)(void *ctx, const struct post_end *end);

struct post;

/* What config points to must outlive it. NULL without memory. */
struct post *post_create(const struct post_config *config, post_on_end on_end, void *ctx);

/* The worker stops: what is under way is not heard of again. NULL is fine. */
void post_destroy(struct post *p);

/* Send; on_end follows, not on this stack. A failure: it does not. One at a time. */
int post_send(struct post *p, const struct parcel *parcel, struct parley_error *err);

/* Give up waiting; on_end follows, perhaps on this stack. */
void post_cancel(struct post *p);

#endif
