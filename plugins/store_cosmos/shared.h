/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers of one instance share, under one lock that is held for copies only: the account
 * as it was last read, who reads it, how wrong this host's clock is, and the session tokens that
 * let one worker read what another wrote. Thread: any, but for create and destroy.
 */
#ifndef STORE_COSMOS_SHARED_H
#define STORE_COSMOS_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/error.h>
#include <parley/types.h>

struct shared;

/* [main] NULL: no memory. */
struct shared *shared_create(void);
void shared_destroy(struct shared *s);

/* Seconds to add to this host's clock to have the service's. */
int64_t shared_skew_s(struct shared *s);
void shared_set_skew_s(struct shared *s, int64_t skew_s);

/* Keep what an answer told, the newest of each range of partitions. Malformed tokens are ignored.
 */
void shared_note_session(struct shared *s, struct parley_view token);

/* All of them, as a request carries them; allocated, NULL when there is none. */
char *shared_session(struct shared *s);

/* --- The start ---------------------------------------------------------------------------------
 */

enum start_state {
    START_YOURS, /* the caller is to look at account and container, and to call shared_started() */
    START_WAIT,  /* another worker does */
    START_DONE,
    START_FAILED, /* a moment ago; nobody tries again yet */
};

/*
 * Whose turn it is. START_DONE gives a copy of the account's description, the caller's to free;
 * START_FAILED the reason, and until when nobody is to try again.
 */
enum start_state shared_claim_start(struct shared *s, int64_t now_ms, char **ret_account,
                                    struct parley_error *ret_why, int64_t *ret_until_ms);

/* The start is over: the account's description as JSON. */
void shared_started(struct shared *s, const char *account);

/* It failed. `why` is NULL when it was given up: the next one may try at once. */
void shared_start_failed(struct shared *s, const struct parley_error *why, int64_t until_ms);

/* The account was read again. */
void shared_set_account(struct shared *s, const char *account);

#endif
