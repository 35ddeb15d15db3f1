/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a JSON value fit a JSON Schema? For the schemas that tools bring: 2020-12 (which one without
 * `$schema` is taken for), 2019-09, draft 7, 6 and 4. Bounded in depth and work, without a network:
 * what cannot be decided (another dialect, a `$ref` that leads elsewhere, `$dynamicRef`, a pattern
 * that is not understood, too much work) is unknown, and a caller takes it for a fit. `format` and
 * the content keywords are annotations. Thread: any, one at a time.
 */
#ifndef BASE_JSON_SCHEMA_H
#define BASE_JSON_SCHEMA_H

#include <parley/error.h>

#include <jansson.h>
#include <stdbool.h>

struct json_schema;

enum json_schema_verdict { JSON_SCHEMA_FITS, JSON_SCHEMA_MISFIT, JSON_SCHEMA_UNKNOWN };

/* Look through the schema once; it keeps a reference of the tree. NULL without memory. */
struct json_schema *json_schema_create(json_t *schema);

/* NULL is fine in both; unref returns NULL. */
struct json_schema *json_schema_ref(struct json_schema *s);
struct json_schema *json_schema_unref(struct json_schema *s);

struct json_schema_words {
    const char *name; /* of the value in messages: "arguments" */
    bool hides_value; /* the value itself is not quoted, for messages that reach a log */
};

/*
 * Check a value. A misfit fills err with its place and what would be right:
 * "arguments.items[2].count: 5 is above the maximum 3".
 */
enum json_schema_verdict json_schema_check(const struct json_schema *s, const json_t *value,
                                           const struct json_schema_words *words,
                                           struct parley_error *err);

#endif
