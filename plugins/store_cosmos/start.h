/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before the first operation: the account is read, the container looked at and, when the options
 * say so, created. One worker does it for all; the others take over what it found. What fails is
 * logged, ends all operations that wait, and is tried again by the next one after a while.
 */
#ifndef STORE_COSMOS_START_H
#define STORE_COSMOS_START_H

#include <stdbool.h>

#include "store.h"

/* Whether operations may begin; starts when nobody has. */
bool start_is_done(struct store *s);

/* It failed a moment ago: s->why tells more. */
bool start_has_failed(const struct store *s);

/* The worker stops in the middle of it. */
void start_give_up(struct store *s);

#endif
