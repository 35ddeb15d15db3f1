/* SPDX-License-Identifier: Apache-2.0 */
/* Asserts on events and trees, by paths such as "session.tools.0.name". */
#ifndef UNIT_REALTIME_WIRE_H
#define UNIT_REALTIME_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "realtime/peek.h"
#include "realtime/wire_error.h"

#include <stdlib.h>
#include <string.h>

/* The value at the path, NULL when there is none. */
static inline const json_t *wire_at(const json_t *tree, const char *path)
{
    while (tree != NULL && *path != '\0') {
        char name[64];
        size_t len = strcspn(path, ".");
        view_copy(name, sizeof(name), (struct parley_view){path, len});
        tree = json_is_array(tree) ? json_array_get(tree, strtoul(name, NULL, 10))
                                   : json_object_get(tree, name);
        path += len + (path[len] == '.');
    }
    return tree;
}

static inline void wire_assert_str(const json_t *tree, const char *path, const char *expected)
{
    const json_t *value = wire_at(tree, path);

    assert_true(json_is_string(value));
    assert_string_equal(json_string_value(value), expected);
}

static inline void wire_assert_int(const json_t *tree, const char *path, int64_t expected)
{
    const json_t *value = wire_at(tree, path);

    assert_true(json_is_integer(value));
    assert_int_equal(json_integer_value(value), expected);
}

static inline void wire_assert_null(const json_t *tree, const char *path)
{
    assert_true(json_is_null(wire_at(tree, path)));
}

static inline void wire_assert_absent(const json_t *tree, const char *path)
{
    assert_null(wire_at(tree, path));
}

/* The tree of a JSON text written with ' for ". The caller owns it. */
static inline json_t *wire_tree(const char *text)
{
    struct buf b = {0};
    struct parley_error err = PARLEY_ERROR_INIT;

    for (; *text != '\0'; text++)
        buf_append_char(&b, *text == '\'' ? '"' : *text);
    json_t *tree = json_parse(buf_view(&b), &err);
    if (tree == NULL)
        fail_msg("%s: %s", b.data, err.message);
    buf_done(&b);
    return tree;
}

/* The tree of the event that was written, which peek must accept too. Empties the buffer. */
static inline json_t *wire_take(struct buf *out)
{
    struct rt_peek peek;

    assert_false(out->failed);
    assert_int_equal(rt_peek(buf_view(out), &peek), PARLEY_OK);
    assert_int_not_equal(peek.event, RT_UNKNOWN);
    json_t *tree = json_parse(buf_view(out), NULL);
    assert_non_null(tree);
    buf_done(out);
    return tree;
}

/* The same for a server event, which always has an event_id. */
static inline json_t *wire_take_server(struct buf *out, const char *type)
{
    json_t *tree = wire_take(out);

    wire_assert_str(tree, "type", type);
    assert_memory_equal(json_get_str(tree, "event_id", ""), "event_", 6);
    return tree;
}

static inline void wire_assert_fault(const struct rt_error *fault, const char *code,
                                     const char *param)
{
    assert_string_equal(fault->code, code);
    assert_string_equal(fault->param, param);
    assert_string_not_equal(fault->message, "");
}

/* --- Want of memory: jansson's n-th allocation from now fails, and all after it -----------------
 */

static int wire_allocations_left = -1; /* -1: without end */

static inline void *wire_malloc(size_t size)
{
    if (wire_allocations_left == 0)
        return NULL;
    if (wire_allocations_left > 0)
        wire_allocations_left--;
    return malloc(size);
}

static inline void wire_starve_after(int allocations)
{
    wire_allocations_left = allocations;
    json_set_alloc_funcs(wire_malloc, free);
}

static inline void wire_feed(void)
{
    wire_allocations_left = -1;
}

#endif
