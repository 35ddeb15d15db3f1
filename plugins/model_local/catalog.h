/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tools of a request as the engine sees them: terms to match, parameters to fill. Made from the
 * JSON that parley.chat hands over; immutable afterwards. Thread: any.
 */
#ifndef CATALOG_H
#define CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <parley/types.h>

#include "utterance.h"

#define CATALOG_MAX_TOOLS      256
#define CATALOG_MAX_PARAMETERS 24
#define CATALOG_MAX_TERMS      160
#define CATALOG_MAX_NAME       64

/* What kind of words fill a parameter; found from its schema, its name and its description. */
enum slot_kind {
    SLOT_TEXT,
    SLOT_EXPRESSION,
    SLOT_ENUM,
    SLOT_BOOL,
    SLOT_NUMBER,
    SLOT_DATE,
    SLOT_TIME,
    SLOT_FILE,
    SLOT_ID,
    SLOT_KEY,
    SLOT_VALUE,
    SLOT_PERSON,
    SLOT_PLACE,
    SLOT_NAME,
    SLOT_LIST,
    SLOT_OTHER, /* an object: cannot be filled by speech */
};

struct parameter {
    const char *name;
    json_t *schema; /* borrowed from the catalog's root */
    json_t *values; /* of an enum, else NULL */
    enum slot_kind kind;
    double unit_seconds; /* of a number that is a duration, else 0 */
    bool is_integer;
    bool is_required;
    bool wants_iso_date;
};

/* A stem and how much it counts for the tool. */
struct term {
    uint32_t hash;
    float weight;
    bool is_anchor; /* from the name or the description, not from a parameter */
    bool is_name;
    char stem[TOKEN_MAX_BYTES + 1];
};

struct tool {
    const char *name;
    const char *description;
    struct parameter parameters[CATALOG_MAX_PARAMETERS];
    size_t parameter_count;
    struct term terms[CATALOG_MAX_TERMS];
    size_t term_count;
    float weight_sum;
    bool is_read_only;
    bool is_destructive;
    bool is_fillable; /* no required parameter is SLOT_OTHER */
};

struct catalog {
    json_t *root;
    struct tool *tools;
    size_t count;
    float mean_weight;
};

/* Read a JSON array of function tools. What is not one is left out. False: not JSON, or no memory.
 */
bool catalog_read(struct catalog *ret_catalog, struct parley_view json);

/* Release; a zeroed catalog is fine. */
void catalog_done(struct catalog *catalog);

/* The tool of that name, or NULL. */
const struct tool *catalog_find(const struct catalog *catalog, const char *name);

/* The term of the tool with that stem, or NULL. */
const struct term *tool_term(const struct tool *tool, const char *stem);

/* The same, also through words of like meaning; an anchor before others. */
const struct term *tool_term_like(const struct tool *tool, const char *stem);

/* The parameter of that name, or NULL. */
const struct parameter *tool_parameter(const struct tool *tool, const char *name);

#endif
