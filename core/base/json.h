/* SPDX-License-Identifier: Apache-2.0 */
/* Typed getters over jansson, and parsing with limits. Every tree that is built is counted. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <parley/error.h>
#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A guard: _cleanup_(json_unref_p) json_t *tree = NULL; */
static inline void json_unref_p(json_t **tree)
{
    json_decref(*tree);
}
#define _cleanup_json_ _cleanup_(json_unref_p)

/*
 * Parse a whole text; duplicate keys are refused. NULL with err: what is wrong and where. The
 * caller owns the tree. jansson itself stops at a depth of 2048.
 */
json_t *json_parse(struct parley_view text, struct parley_error *err);

/* How often json_parse() ran on this thread: lets tests prove that a path builds no tree. */
uint64_t json_parse_count(void);

/* Members of an object, or the default when absent or of another type. Borrowed. */
struct parley_view json_get_view(const json_t *object, const char *key);
const char *json_get_str(const json_t *object, const char *key, const char *otherwise);
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);
double json_get_number(const json_t *object, const char *key, double otherwise);
bool json_get_bool(const json_t *object, const char *key, bool otherwise);

/* The text of a JSON string value. */
struct parley_view json_view(const json_t *string);

/* A string from a view; NULL when it is not UTF-8 or without memory. */
json_t *json_from_view(struct parley_view text);

/* A flag for jansson's dumps: as many digits as the numbers of this tree need to stay what they
 * are, and no more where all of them are short. */
size_t json_digits(const json_t *tree);

/* Append the tree as compact JSON, members in their order. */
void json_write(struct buf *out, const json_t *tree);

#endif
