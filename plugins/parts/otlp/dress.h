/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of a span, taken apart and put together anew for a destination with keys of its own.
 * Everything lives in the arena.
 */
#ifndef PARTS_OTLP_DRESS_H
#define PARTS_OTLP_DRESS_H

#include "arena.h"

#include <parley/exporter.h>

#include <stdbool.h>

#define DRESS_MAX 96 /* attributes of one span; further ones are left out */

/* A list that grows up to its limit. */
struct dress {
    struct arena *arena;
    struct parley_attr *items; /* DRESS_MAX of them */
    uint32_t count;
};

/* False without memory. */
bool dress_begin(struct dress *d, struct arena *arena);

void dress_copy(struct dress *d, const struct parley_attr *a);
/* The text is copied; an empty one leaves the attribute out. `flags` as in struct parley_attr. */
void dress_text(struct dress *d, const char *key, struct parley_view text, uint32_t flags);
void dress_str(struct dress *d, const char *key, const char *text);
void dress_int(struct dress *d, const char *key, int64_t value);
void dress_bool(struct dress *d, const char *key, bool value);

/* The list, as an attribute of a span. */
struct parley_attrs dress_attrs(const struct dress *d);

/* Attribute i, and the one of that key or NULL. */
const struct parley_attr *attr_at(const struct parley_attrs *attrs, uint32_t i);
const struct parley_attr *attr_find(const struct parley_attrs *attrs, const char *key);
/* The text of that key, or an empty one. */
struct parley_view attr_text(const struct parley_attrs *attrs, const char *key);
/* The integer of that key, or 0. */
int64_t attr_int(const struct parley_attrs *attrs, const char *key);

/* What parley's spans are: by gen_ai.operation.name. */
enum span_role {
    SPAN_ROLE_TURN,   /* invoke_agent */
    SPAN_ROLE_ANSWER, /* realtime_inference */
    SPAN_ROLE_TOOL,   /* execute_tool */
    SPAN_ROLE_OTHER,
};
enum span_role span_role(const struct parley_span *span);

/* The span of a batch, or its event of that name or NULL. */
const struct parley_span *span_at(const struct parley_batch *batch, uint32_t i);
const struct parley_span_event *span_event(const struct parley_span *span, const char *name);

/* A span without ids would have a destination refuse the whole batch. */
bool span_has_ids(const struct parley_span *span);

#endif
