/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to do about one answer of the service: the table of docs/store-cosmos.md as a pure
 * function. Counts are per call, so that every kind of trouble has its own patience.
 */
#ifndef STORE_COSMOS_RETRY_H
#define STORE_COSMOS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* One answer, or what came instead. */
struct outcome {
    int status; /* PARLEY_OK: an answer came; else PARLEY_E_... */
    int code;   /* of HTTP, or of the operation that made a batch fail */
    int substatus;
    int64_t retry_after_ms; /* -1: not told */
    int64_t skew_s;         /* the service's clock minus the one that signed */
    bool is_readable;       /* the body is what it should be */
    bool is_for_writer;     /* goes where writes go, and nowhere else */
    bool is_document;       /* or the account, a database, a container */
};

/* How often this call met each kind of trouble. */
struct tries {
    unsigned total;
    unsigned throttled;
    unsigned collided;
    unsigned unavailable;
    unsigned unreachable;
    unsigned gone;
    unsigned moved;
    unsigned stale;
    unsigned refused;
    unsigned skewed;
    int64_t throttled_ms; /* waited in all */
};

enum verdict {
    VERDICT_ANSWER,    /* what it says is for the caller to judge */
    VERDICT_AGAIN,     /* the same once more */
    VERDICT_ELSEWHERE, /* leave this region alone, and try another or, if there is none, the same */
    VERDICT_REFRESH,   /* read the account again, then try */
    VERDICT_FRESHER,   /* this replica is behind: where writes go */
    VERDICT_SIGN,      /* with another key, or a newer token */
    VERDICT_CLOCK,     /* with the service's time */
    VERDICT_FAIL,
};

/* Decide, and count the trouble. *ret_wait_ms: before the next try, without jitter. */
enum verdict retry_judge(const struct outcome *o, struct tries *t, int64_t *ret_wait_ms);

#endif
