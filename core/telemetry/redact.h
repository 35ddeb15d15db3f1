/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must not leave: patterns that are blotted out of content, messages of failures and lines of
 * the log before any exporter sees them. A text that cannot be judged within bounds is blotted out
 * whole. Immutable but for scratch memory. Thread: one at a time; the telemetry thread's.
 */
#ifndef TELEMETRY_REDACT_H
#define TELEMETRY_REDACT_H

#include "base/buf.h"

#include <parley/error.h>
#include <parley/options.h>

#include <stdbool.h>

#define REDACT_MAX_PATTERNS 64
#define REDACT_MARK         "[redacted]"

struct redact;

/* Compile regular expressions (PCRE2's, Unicode). *ret is NULL when there are none.
 * PARLEY_E_INVALID names the pattern, the place in it and what is wrong there. */
int redact_create(struct parley_list patterns, struct redact **ret, struct parley_error *err);
struct redact *redact_destroy(struct redact *r); /* NULL is fine; returns NULL */

/* Append what may be told of a valid UTF-8 text. False, and nothing is appended, when that is the
 * text as it is; always so for NULL. */
bool redact_apply(const struct redact *r, struct parley_view text, struct buf *out);

#endif
