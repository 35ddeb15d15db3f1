/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small documents of authorization from addresses that strangers name: over https only, from the
 * public Internet only, without redirects, at most 256 KiB of JSON in ten seconds.
 * `allow_loopback` lets this machine in, also without https. Addresses at an origin that the
 * operator wrote down himself may lie in a private network. Thread: the worker's.
 */
#ifndef TOOLS_MCP_FETCH_H
#define TOOLS_MCP_FETCH_H

#include <stdbool.h>

#include <parley/service/http.h>

#include <jansson.h>

#include "link.h"

#define FETCH_MAX_WHY 400

/* What all of them need; outlives them. */
struct fetcher {
    struct surroundings around;
    const struct parley_service_http *http;
    const char *ca_file; /* or "" */
    bool allow_loopback;
    const char *own[2]; /* addresses in the configuration; "": none */
};

/* May this address be asked? The message says why not; `what` is its name there. */
int fetch_check(const struct fetcher *f, const char *url, const char *what,
                struct parley_error *err);

struct fetch_request {
    const char *url;
    const char *what;          /* for messages: "the token endpoint" */
    const char *body;          /* of a POST; NULL: GET */
    const char *content_type;  /* of the body */
    const char *authorization; /* a whole header line, or NULL */
    const char *proof;         /* another one, or NULL */
};

struct fetch_result {
    int status; /* PARLEY_OK when an answer came, whatever its code */
    int code;
    json_t *tree;             /* an object; NULL: the body is none, or is not called JSON */
    struct parley_view nonce; /* for the next proof, when the answer has one */
    const char *why; /* a sentence for the log, when there is no tree or the code is not 2xx */
};

struct fetch;

/* on_done comes once, never on this stack, and frees. NULL with err when it cannot begin. */
struct fetch *fetch_start(const struct fetcher *f, const struct fetch_request *request,
                          void (*on_done)(void *ctx, const struct fetch_result *result), void *ctx,
                          struct parley_error *err);

/* At worker_stop: no on_done. NULL is fine. */
void fetch_destroy(struct fetch *f);

#endif
