/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of an answer, as parley.http/1 gives them, and those that a section adds. */
#ifndef PARTS_HEADER_H
#define PARTS_HEADER_H

#include <parley/error.h>
#include <parley/options.h>
#include <parley/types.h>

/* The value of the first header of this name, which is in lower case; empty when there is none. */
struct parley_view header_value(struct parley_view headers, const char *name);

/* Can the value of option `key` stand in a header? The message does not repeat it. */
int header_check_text(const char *key, const char *value, struct parley_error *err);

#define HEADER_MAX_LINES 24 /* of a section's own */

/* Likewise for whole lines, each "Name: value", of the option `headers`. */
int header_check_lines(const struct parley_list *headers, struct parley_error *err);

#endif
