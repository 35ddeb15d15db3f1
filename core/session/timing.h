/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When things happened, as the store keeps it: in milliseconds on the session's own clock, which
 * begins with its creation, goes on when another process takes it over, and is the clock of its
 * recordings.
 */
#ifndef SESSION_TIMING_H
#define SESSION_TIMING_H

#include "base/buf.h"

#include <stdint.h>

struct response;
struct session;

/* A time of clock_now_us() on the session's clock. */
int64_t timing_ms(const struct session *s, uint64_t at_us);

/* Append the members of a response's record that say who wanted it, of which model, and when, each
 * with a comma before it. The response has just ended. */
void timing_write_response(const struct session *s, const struct response *r, struct buf *out);

#endif
