/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking JSON values against small tables, with faults in the words that clients know. Every
 * object of the protocol that a client may send is such a table, see rules.h.
 */
#ifndef REALTIME_SCHEMA_H
#define REALTIME_SCHEMA_H

#include "realtime/wire_error.h"

#include <jansson.h>

/* Kinds of values, or-ed in rt_rule.is. */
#define RT_IS_STRING 1u
#define RT_IS_INT    2u
#define RT_IS_NUMBER 4u /* whole or not */
#define RT_IS_BOOL   8u
#define RT_IS_OBJECT 16u
#define RT_IS_ARRAY  32u
#define RT_IS_NULL   64u
#define RT_IS_ANY    127u
/* Beside them: the member must be there. */
#define RT_REQUIRED 256u

/* Where a value stands, from the outside in: "session.tools[0].name". */
struct rt_path {
    const struct rt_path *up; /* NULL: outermost */
    const char *name;         /* NULL: an element of an array */
    size_t index;
};

struct rt_rule;

/* One form of an object that its `type` tells apart. */
struct rt_variant {
    const char *type;
    const struct rt_rule *members;
};

struct rt_rule {
    const char *name;         /* of the member; NULL ends a table */
    unsigned is;              /* RT_IS_..., RT_REQUIRED */
    double min;               /* numbers: bounds, used when min < max */
    double max;               /* strings: most characters; arrays: most elements; 0: no limit */
    const char *const *words; /* strings: the only ones, ended by NULL */
    const struct rt_rule *members;     /* objects: known members; NULL: any */
    const struct rt_variant *variants; /* objects: by `type`, ended by type NULL */
    const char *default_type;          /* of variants when `type` is absent; NULL: required */
    const struct rt_rule *element;     /* arrays: of each element; NULL: any */
    const char *moved;                 /* an old name: refused, and this path is the new one */
    /* What a table cannot say; called when everything else is right. May be NULL. */
    int (*check)(const json_t *value, const struct rt_path *path, struct rt_error *fault);
};

/* PARLEY_OK, or PARLEY_E_INVALID with the first fault. */
int rt_schema_check(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                    struct rt_error *fault);

/* The members of an object against a table; `path` may be NULL for the outermost object. */
int rt_schema_members(const json_t *object, const struct rt_rule *members,
                      const struct rt_path *path, struct rt_error *fault);

/* "session.tools[0].name", cut when too long. */
void rt_path_write(const struct rt_path *path, char *out, size_t size);

/* rt_error_set() at a path. */
int rt_schema_fail(struct rt_error *fault, enum rt_error_kind kind, const struct rt_path *path,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
