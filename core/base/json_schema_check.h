/* SPDX-License-Identifier: Apache-2.0 */
/* One check of a value, between the json_schema*.c files. */
#ifndef BASE_JSON_SCHEMA_CHECK_H
#define BASE_JSON_SCHEMA_CHECK_H

#include "base/buf.h"
#include "base/json_pattern.h"
#include "base/json_schema.h"
#include "base/map.h"

#include <stddef.h>

#define SCHEMA_MAX_DEPTH    96 /* of subschemas in each other, references followed */
#define SCHEMA_WORK         100000
#define SCHEMA_MAX_PATH     160
#define SCHEMA_MAX_MESSAGE  240
#define SCHEMA_MAX_PATTERNS 8 /* kept compiled during a check */

enum schema_dialect {
    SCHEMA_2020,
    SCHEMA_2019,
    SCHEMA_DRAFT7, /* and 6: `$ref` stands alone */
    SCHEMA_DRAFT4, /* `exclusiveMinimum` is a flag */
    SCHEMA_OTHER,
};

struct json_schema {
    unsigned refs;
    json_t *root;
    enum schema_dialect dialect;
    const char *id;       /* of the root, or "" */
    bool has_other_bases; /* a `$id` inside: what a `$ref` means there is not followed */
    struct map anchors;
};

/* Why it did not fit, the deepest reason so far. */
struct fault {
    unsigned rank; /* 0: none */
    char text[SCHEMA_MAX_MESSAGE + SCHEMA_MAX_PATH + 4];
};

struct kept_pattern {
    const char *text; /* borrowed from the schema */
    struct json_pattern *pattern;
};

struct check {
    const struct json_schema *schema;
    const struct json_schema_words *words;
    size_t work;
    unsigned depth;   /* of subschemas */
    unsigned silence; /* above 0: nobody will read why */
    char path[SCHEMA_MAX_PATH];
    size_t path_len;
    unsigned path_depth;
    struct fault fault;
    struct kept_pattern patterns[SCHEMA_MAX_PATTERNS];
    size_t next_pattern;
};

/* Members or items of one value that some keyword has looked at; for unevaluated... */
struct seen {
    bool *places; /* by the order of members, or the index */
    size_t count;
};

/* ---- json_schema.c ---- */

/* A subschema against a value. `seen` (or NULL) learns what was evaluated, if it fits. */
enum json_schema_verdict schema_apply(struct check *c, const json_t *schema, const json_t *value,
                                      struct seen *seen);

/* The same without a word about why not. */
enum json_schema_verdict schema_try(struct check *c, const json_t *schema, const json_t *value,
                                    struct seen *seen);

/* Both must hold: a misfit beats unknown beats a fit. */
static inline enum json_schema_verdict schema_both(enum json_schema_verdict a,
                                                   enum json_schema_verdict b)
{
    if (a == JSON_SCHEMA_MISFIT || b == JSON_SCHEMA_MISFIT)
        return JSON_SCHEMA_MISFIT;
    return a == JSON_SCHEMA_UNKNOWN ? a : b;
}

/* Take work off; false when there is none left. */
bool schema_spend(struct check *c, size_t work);

/* The pattern is borrowed from the schema: its address tells it from others. */
enum json_pattern_answer schema_find_pattern(struct check *c, const char *pattern,
                                             struct parley_view subject);

/* ---- json_schema_ref.c ---- */

/* What a `$ref` leads to in this document, or NULL. */
const json_t *schema_resolve(const struct json_schema *s, const char *ref);

/* ---- json_schema_logic.c: allOf, anyOf, oneOf, not, if ---- */

enum json_schema_verdict schema_check_logic(struct check *c, const json_t *schema,
                                            const json_t *value, struct seen *seen);

/* ---- json_schema_value.c: type, enum, const, numbers, strings ---- */

enum json_schema_verdict schema_check_value(struct check *c, const json_t *schema,
                                            const json_t *value);
bool schema_is_of_type(const json_t *value, const char *type);

/* ---- json_schema_object.c, json_schema_array.c ---- */

enum json_schema_verdict schema_check_object(struct check *c, const json_t *schema,
                                             const json_t *object, struct seen *seen);
enum json_schema_verdict schema_check_array(struct check *c, const json_t *schema,
                                            const json_t *array, struct seen *seen);

/* What `seen` does not have, against unevaluatedProperties or unevaluatedItems. */
enum json_schema_verdict schema_check_unseen(struct check *c, const json_t *schema,
                                             const json_t *value, struct seen *seen);

/* ---- json_schema_seen.c ---- */

/* As many places as the value has members or items; false without memory. */
bool seen_init(struct seen *seen, const json_t *value);
void seen_done(struct seen *seen);
void seen_add(struct seen *seen, const struct seen *more);

static inline void seen_mark(struct seen *seen, size_t place)
{
    if (seen != NULL && place < seen->count)
        seen->places[place] = true;
}

static inline void seen_mark_all(struct seen *seen)
{
    for (size_t i = 0; seen != NULL && i < seen->count; i++)
        seen->places[i] = true;
}

/* ---- json_schema_words.c ---- */

/* Step into a member or an item, and back. */
size_t path_enter_member(struct check *c, const char *name);
size_t path_enter_item(struct check *c, size_t index);
void path_leave(struct check *c, size_t mark);

/* Would a reason of this weight, here, be kept? Asked before one is made at some cost. */
enum weight { WEIGHT_KIND, WEIGHT_REST };
bool schema_is_heard(const struct check *c, enum weight weight);

/* A misfit: "PATH: WHAT". `weight` says how telling it is among alternatives: a wrong kind says
 * less than a missing member. Returns JSON_SCHEMA_MISFIT. */
enum json_schema_verdict schema_refuse(struct check *c, enum weight weight, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value to begin a reason with: itself, or "it" when it is large or hidden. Returns out. */
#define SCHEMA_QUOTED 64
const char *schema_quote(const struct check *c, const json_t *value, char *out, size_t size);

/* "an integer" */
const char *schema_kind(const json_t *value);

/* The value as JSON, strings cut, and only the kind of objects and arrays. */
void schema_write(struct buf *out, const json_t *value, size_t limit);

/* The same of a `type`. */
const char *schema_type_words(const char *type);

#endif
