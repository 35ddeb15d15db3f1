/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of JSON Schema (ECMA-262's, as far as PCRE2 has them), bounded. */
#ifndef BASE_JSON_PATTERN_H
#define BASE_JSON_PATTERN_H

#include <parley/types.h>

#include <stdbool.h>
#include <stddef.h>

#define JSON_PATTERN_MAX_BYTES   1024
#define JSON_PATTERN_MAX_SUBJECT 8192

struct json_pattern;

enum json_pattern_answer { JSON_PATTERN_NO, JSON_PATTERN_YES, JSON_PATTERN_UNKNOWN };

/* NULL when it is too long, not understood, or without memory: then nothing can be said. */
struct json_pattern *json_pattern_create(struct parley_view text);

/* Is it anywhere in the subject? Takes what it may have cost off *work; unknown when that is not
 * enough, or the pattern needs too many attempts. */
enum json_pattern_answer json_pattern_find(const struct json_pattern *p, struct parley_view subject,
                                           size_t *work);

/* NULL is fine. Returns NULL. */
struct json_pattern *json_pattern_destroy(struct json_pattern *p);

#endif
