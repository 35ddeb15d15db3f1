/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to Cosmos DB: signed, sent to the right region, tried again by the rules of retry.h
 * until their deadline, told about once. One per worker. A write may be sent again although its
 * first try was applied: whoever sends it must be able to tell.
 */
#ifndef STORE_COSMOS_REST_H
#define STORE_COSMOS_REST_H

#include <stdbool.h>

#include <jansson.h>

#include <parley/error.h>

#include "around.h"

struct credential;
struct rest;

enum resource {
    RESOURCE_ACCOUNT,
    RESOURCE_DATABASES,
    RESOURCE_DATABASE,
    RESOURCE_CONTAINERS,
    RESOURCE_CONTAINER,
    RESOURCE_DOCUMENTS,
    RESOURCE_DOCUMENT,
};

#define REST_WRITE  (1u << 0)
#define REST_QUERY  (1u << 1)
#define REST_UPSERT (1u << 2)
#define REST_BATCH  (1u << 3)
#define REST_PATCH  (1u << 5)
#define REST_FRESH  (1u << 4) /* a read where writes go, which is never behind another region */

/* All is borrowed until rest_send() returns. NULL and 0: not used. */
struct rest_request {
    const char *operation; /* a literal, for messages and metrics: "append" */
    const char *verb;
    enum resource resource;
    uint32_t flags;
    const char *id;        /* of RESOURCE_DOCUMENT */
    const char *partition; /* the value of the partition key */
    const char *if_match;
    const char *continuation;
    unsigned page;   /* most items of one answer */
    char *take_body; /* JSON, malloc'ed; taken in any case */
    size_t count;    /* operations of a batch */
    int64_t throughput;
    int64_t deadline_ms; /* by around_now_ms() */
};

struct rest_reply {
    int status; /* PARLEY_OK: an answer, its code is 2xx, 404, 409 or 412; else err tells more */
    int code;
    json_t *body; /* borrowed */
    struct parley_view etag;
    struct parley_view continuation;
    const struct parley_error *err;
};

typedef void (*rest_on_reply)(void *ctx, const struct rest_reply *reply);

/* NULL: no memory. */
struct rest *rest_create(const struct around *around, struct credential *credential);

/* Gives up all requests without a word. */
void rest_destroy(struct rest *r);

/* on_reply follows exactly once, never on this stack; NO_MEMORY is the only refusal. */
int rest_send(struct rest *r, const struct rest_request *request, rest_on_reply on_reply, void *ctx,
              struct parley_error *err);

/* The account's description; asked for by whoever starts, and again when regions change. */
int rest_set_account(struct rest *r, const char *json, struct parley_error *err);

/* What is known of it. */
struct account *rest_account(struct rest *r);

#endif
