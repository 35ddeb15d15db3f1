/* SPDX-License-Identifier: Apache-2.0 */
/* One request to Cosmos DB on its way, with all its tries. */
#ifndef STORE_COSMOS_CALL_H
#define STORE_COSMOS_CALL_H

#include "account.h"
#include "credential.h"
#include "lines.h"
#include "rest.h"
#include "retry.h"

struct call {
    struct call *next;
    struct rest *rest;
    rest_on_reply on_reply;
    void *ctx;
    const char *operation;
    const char *verb;
    enum resource resource;
    uint32_t flags;
    char *path;      /* by names, as it is signed */
    char *encoded;   /* the same for the URL */
    char *partition; /* the header's value, or NULL */
    char *if_match;
    char *continuation;
    char *body;
    unsigned page;
    size_t count;
    int64_t throughput;
    int64_t deadline_ms;
    /* of the try under way */
    struct parley_timer *timer;
    uint64_t http;
    char *endpoint;
    struct pass pass;
    uint64_t token; /* what the host was asked for, or 0 */
    int64_t skew_s;
    int64_t signed_unix_s;
    /* of all tries */
    struct tries tries;
    struct outcome last; /* and why, for when the time is over before the next try */
    char last_message[160];
    bool wants_writer; /* reads where writes go */
    bool is_parked;    /* until the account has been read again */
};

/* Takes the request's body in any case. NULL: no memory. */
struct call *call_create(const struct rest_request *request, const struct config *config);

/* Free; NULL is fine. Not the timer. */
void call_free(struct call *c);

/* All header lines but those of the credential. */
void call_add_lines(const struct call *c, const struct around *around,
                    const struct account *account, struct lines *lines);

/* At the chosen endpoint; allocated, NULL without memory. */
char *call_url(const struct call *c);

#endif
