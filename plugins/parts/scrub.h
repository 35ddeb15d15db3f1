/* SPDX-License-Identifier: Apache-2.0 */
/* Keys out of texts: a service's message may quote the key it refused, whole or in part. */
#ifndef PARTS_SCRUB_H
#define PARTS_SCRUB_H

#include <parley/types.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * Copy `text` to out, with [hidden] for every word that is a key, looks like one, or shares eight
 * characters with `key`. Cut when too long, never inside a UTF-8 character. True when something was
 * hidden.
 */
bool scrub(struct parley_view text, const char *key, char *out, size_t size);

#endif
