/* SPDX-License-Identifier: Apache-2.0 */
/* How messages get to a server and back: what client.c needs of http.c and of stdio.c. */
#ifndef TOOLS_MCP_LINK_H
#define TOOLS_MCP_LINK_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/service/timer.h>

#include <jansson.h>

/* What every part of a worker's state needs of the host. */
struct surroundings {
    const struct parley_host *host;
    const struct parley_service_timer *timer;
    struct parley_worker *worker;
    const void *handle; /* for the log */
};

enum link_purpose {
    LINK_ORDINARY,
    LINK_INITIALIZE,  /* its answer brings the session */
    LINK_INITIALIZED, /* what follows must not overtake it */
};

struct link_message {
    const char *text; /* copied */
    enum link_purpose purpose;
    uint64_t request; /* which of the client's requests it is; 0: no answer is awaited */
    int64_t timeout_ms;
    /* In the stateless revision, for headers of HTTP: */
    const char *method; /* NULL: an older revision */
    const char *name;   /* of the tool that is called, or NULL */
    char *const *lines; /* further ones, whole */
    size_t line_count;
};

/* What a link tells the client; never on the stack of the client's own call. */
struct link_events {
    /* A message of the server; borrowed. */
    void (*on_message)(void *ctx, json_t *message);
    /* No answer will come to this request: PARLEY_E_GONE when the session is not known any more,
     * PARLEY_E_UNAVAILABLE when the server is not, PARLEY_E_NOT_FOUND when there is no such
     * endpoint, others when only this request failed. */
    void (*on_fault)(void *ctx, uint64_t request, int status, const char *why);
    /* The server wants this request to come again after so long: nothing of it was done. */
    void (*on_later)(void *ctx, uint64_t request, int64_t wait_ms, const char *why);
    /* The connection is gone, with all that was sent over it. */
    void (*on_down)(void *ctx, const char *why);
    /* The message with LINK_INITIALIZED has arrived. */
    void (*on_initialized)(void *ctx);
};

struct link_vtable {
    /* Begin anew: what was open is closed. */
    int (*open)(void *link, struct parley_error *err);
    int (*send)(void *link, const struct link_message *message, struct parley_error *err);
    /* Nobody waits for this request's answer any more. */
    void (*forget)(void *link, uint64_t request);
    /* The revision that was agreed on. */
    void (*set_version)(void *link, const char *version);
    /* End the connection in order; open() may follow. */
    void (*close)(void *link);
    /* At worker_stop: close, and free. */
    void (*destroy)(void *link);
    int is_http; /* forget() closes what the request's answer comes by */
};

struct link {
    const struct link_vtable *vtable;
    void *data;
};

#endif
