/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tools of one server, as parley offers them: those that are allowed, under names that every
 * model takes, with their schemas as the server wrote them. The server's own names stay for calls.
 */
#ifndef TOOLS_MCP_CATALOG_H
#define TOOLS_MCP_CATALOG_H

#include <parley/options.h>
#include <parley/tools.h>

#include <jansson.h>
#include <stdbool.h>

#define CATALOG_MAX_TOOLS       256
#define CATALOG_MAX_NAME        64
#define CATALOG_MAX_DESCRIPTION 4096
#define CATALOG_MAX_SCHEMA      ((size_t)64 << 10)
#define CATALOG_MAX_DEPTH       64

struct catalog_tool {
    char *name;        /* the server's */
    char *shown_name;  /* the model's */
    char *description; /* tidied */
    char *parameters;  /* JSON */
    char *output;      /* schema of its structured results, or NULL */
};

struct catalog_rules {
    const char *prefix;              /* put before each name, or "" */
    const struct parley_list *allow; /* the server's names; empty: all */
    int64_t timeout_ms;
    int64_t max_timeout_ms;
    bool mirrors;         /* calls repeat arguments in headers; see mirror.h */
    struct pins *pins;    /* what the tools were like before; NULL: that does not matter */
    bool refuses_changed; /* leave out those that are not like that any more */
    void (*on_changed)(void *ctx, const char *name); /* one is not, told once for each new form */
};

struct catalog;

/* Told of each tool that is left out although it was wanted. */
typedef void (*catalog_on_refused)(void *ctx, const char *name, const char *reason);

/* NULL without memory. */
struct catalog *catalog_create(void);
void catalog_destroy(struct catalog *c);

/* Add `tools`, the array of one page. Tools that cannot be offered are told and left out. */
void catalog_add(struct catalog *c, const struct catalog_rules *rules, json_t *tools,
                 catalog_on_refused on_refused, void *ctx);

/* For parley_tools_vtable.list; valid as long as the catalog. */
const struct parley_tool *catalog_items(const struct catalog *c, size_t *ret_count);

/* By the model's name; NULL: none. */
const struct catalog_tool *catalog_find(const struct catalog *c, const char *shown_name);

/* By the server's name; NULL: none. */
const struct catalog_tool *catalog_find_own(const struct catalog *c, const char *name);

/* The same tools with the same words and schemas, in the same order. */
bool catalog_equals(const struct catalog *a, const struct catalog *b);

#endif
