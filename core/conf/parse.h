/* SPDX-License-Identifier: Apache-2.0 */
/* One value of an option, from its expanded text. Failures say what would be right. */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "base/buf.h"

#include <parley/error.h>
#include <parley/options.h>

/* Whole numbers: INT, DURATION (to milliseconds), SIZE (to bytes), by option->type, with bounds. */
int parse_whole(const struct parley_option *option, const char *text, int64_t *ret,
                struct parley_error *err);

int parse_number(const struct parley_option *option, const char *text, double *ret,
                 struct parley_error *err);

/* yes/no, true/false, on/off, 1/0. */
int parse_bool(const char *text, int32_t *ret, struct parley_error *err);

/* The word's place in option->values. */
int parse_enum(const struct parley_option *option, const char *text, int32_t *ret,
               struct parley_error *err);

/* A whole number in the type's own notation: 5000 of a DURATION is "5s", 65536 of a SIZE "64k". */
void parse_write_whole(uint32_t type, int64_t value, struct buf *out);

#endif
