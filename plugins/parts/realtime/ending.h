/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a session ended, told apart as OpenAI and Azure tell it: an `error` event just before the
 * close, the close code and reason, the status and body of a refused handshake. Pure functions.
 */
#ifndef PARTS_REALTIME_ENDING_H
#define PARTS_REALTIME_ENDING_H

#include <parley/model.h>
#include <parley/service/ws.h>

#include <jansson.h>

/* What is known so far. `key` is never shown and hidden wherever it turns up. */
struct ending {
    const char *key;
    int status;    /* PARLEY_OK until something is known */
    int retryable; /* meaningful when status is a failure */
    int is_own;    /* decided here, not by the peer: its close code says nothing */
    int64_t retry_after_ms;
    char code[64];
    char type[64];
    char message[448];
};

/* An `error` event's inner object; the last one before the close counts. */
void ending_of_error(struct ending *e, const json_t *error);

/* A reason of our own, such as a peer that sent no session.created. It outweighs the close. */
void ending_set(struct ending *e, int status, int retryable, const char *message);

/* An event came that is no error: what an earlier error said is not why a close follows. */
void ending_forget(struct ending *e);

/* The end itself: fills what is still unknown from the close, and *ret, whose strings lie in e. */
void ending_close(struct ending *e, const struct parley_ws_closed *closed,
                  struct parley_model_closed *ret);

#endif
