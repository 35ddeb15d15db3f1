/* SPDX-License-Identifier: Apache-2.0 */
/* When a request is tried again. Pure functions. */
#ifndef PARTS_OTLP_RETRY_H
#define PARTS_OTLP_RETRY_H

#include <parley/types.h>

#include <stdbool.h>

#define RETRY_MAX_TRIES 5

/* Do an answer's code, or its absence (status is a failure), ask for the same body again? */
bool retry_is_wanted(int status, int code);

/*
 * Milliseconds before try number `tried` + 1: 1 s, half as much again each time, at most 5 s, and
 * up to a fifth more or less by `random`; at least what the server asked for (0: nothing).
 */
int64_t retry_delay_ms(unsigned tried, uint32_t random, int64_t retry_after_ms);

/* The retry-after of an answer's headers ("name: value\r\n"..., names in lower case): seconds or an
 * HTTP date. 0 when there is none. */
int64_t retry_after_ms(struct parley_view headers, int64_t unix_ms);

#endif
