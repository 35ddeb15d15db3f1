/* SPDX-License-Identifier: Apache-2.0 */
/* `Authorization: Bearer` of a [credential], asked for before each request; the host keeps tokens
 * and renews them. Thread: the worker's. */
#ifndef PARTS_OTLP_BEARER_H
#define PARTS_OTLP_BEARER_H

#include <parley/error.h>
#include <parley/host.h>

#include <stdbool.h>

struct bearer;

/* The header as it is sent, good until the function returns; or a failure and what went wrong. Not
 * on the stack of bearer_ask(). */
typedef void (*bearer_on_token)(void *ctx, int status, const char *header_or_message);

/* NULL without memory, or when the host has no credentials. Texts must outlive it. */
struct bearer *bearer_create(const struct parley_host *host, struct parley_worker *worker,
                             const void *handle, const char *credential, const char *scope,
                             bearer_on_token on_token, void *ctx);

/* What is asked for is not told any more. NULL is fine, here and below. */
void bearer_destroy(struct bearer *b);

/* A new request begins: one refusal may be answered with a fresh token. */
void bearer_begin(struct bearer *b);

int bearer_ask(struct bearer *b, struct parley_error *err);
bool bearer_is_asking(const struct bearer *b);

/* The last token was refused: the next one is another. False: that was tried already. */
bool bearer_renew(struct bearer *b);

#endif
