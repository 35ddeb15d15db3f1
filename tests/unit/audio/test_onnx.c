/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/onnx.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdlib.h>

/* A field of bytes; len is below 16,384. */
static void put_bytes(struct buf *out, int number, const void *bytes, size_t len)
{
    buf_append_char(out, (char)(number << 3 | 2));
    buf_append_char(out, (char)((len & 0x7f) | 0x80));
    buf_append_char(out, (char)(len >> 7));
    buf_append(out, bytes, len);
}

static void put_number(struct buf *out, int number, char value)
{
    buf_append_char(out, (char)(number << 3));
    buf_append_char(out, value);
}

/* A tensor [2][1] of the floats 1 and -2. */
static void put_tensor(struct buf *out, int number, const char *name)
{
    _cleanup_(buf_done) struct buf t = {0};
    const char floats[] = "\0\0\x80\x3f\0\0\0\xc0";

    put_number(&t, 1, 2);
    put_number(&t, 1, 1);
    put_number(&t, 2, 1);
    put_bytes(&t, 8, name, strlen(name));
    put_bytes(&t, 9, floats, 8);
    put_bytes(out, number, t.data, t.len);
}

/* A node with an attribute that holds a graph with one tensor. */
static void put_branch(struct buf *out, const char *attribute, const char *tensor)
{
    _cleanup_(buf_done) struct buf graph = {0}, attr = {0}, node = {0};

    put_tensor(&graph, 5, tensor);
    put_bytes(&attr, 1, attribute, strlen(attribute));
    put_bytes(&attr, 6, graph.data, graph.len);
    put_bytes(&node, 4, "If", 2);
    put_bytes(&node, 5, attr.data, attr.len);
    put_bytes(out, 1, node.data, node.len);
}

static void make_file(struct buf *out)
{
    _cleanup_(buf_done) struct buf graph = {0}, attr = {0}, node = {0};

    put_tensor(&attr, 5, "constant");
    put_bytes(&node, 5, attr.data, attr.len);
    put_bytes(&graph, 1, node.data, node.len);
    put_tensor(&graph, 5, "initialiser");
    put_branch(&graph, "then_branch", "then");
    put_branch(&graph, "else_branch", "else");
    put_number(out, 1, 8);
    put_bytes(out, 7, graph.data, graph.len);
}

static void note(void *ctx, const struct onnx_tensor *t)
{
    struct buf *names = ctx;

    assert_int_equal(t->rank, 2);
    assert_int_equal(t->dims[0], 2);
    assert_true(onnx_float(t, 0) == 1.0f);
    assert_true(onnx_float(t, 1) == -2.0f);
    buf_append_view(names, t->name);
    buf_append_char(names, ' ');
}

static void ignore(void *ctx, const struct onnx_tensor *t)
{
    (void)ctx;
    (void)t;
}

static void shows_constants_initialisers_and_then_branches(void **state)
{
    _cleanup_(buf_done) struct buf file = {0}, names = {0};

    (void)state;
    make_file(&file);
    assert_int_equal(onnx_walk(buf_view(&file), note, &names, NULL), PARLEY_OK);
    assert_string_equal(names.data, "constant initialiser then ");
}

static void every_shortened_file_is_refused(void **state)
{
    _cleanup_(buf_done) struct buf file = {0};

    (void)state;
    make_file(&file);
    for (size_t len = 3; len < file.len; len++) {
        /* A copy of its own, so that a sanitizer sees a read beyond it. */
        _cleanup_free_ char *part = malloc(len);
        struct parley_error err = PARLEY_ERROR_INIT;

        assert_non_null(part);
        memcpy(part, file.data, len);
        assert_int_equal(onnx_walk((struct parley_view){part, len}, ignore, NULL, &err),
                         PARLEY_E_INVALID);
        assert_non_null(strstr(err.message, "not an ONNX file"));
    }
}

static void a_tensor_whose_floats_do_not_match_its_shape_is_not_shown(void **state)
{
    _cleanup_(buf_done) struct buf file = {0}, names = {0};

    (void)state;
    make_file(&file);
    for (size_t i = 0; i + 1 < file.len; i++) {
        /* The first dimension of every tensor: 2 becomes 3. */
        if (file.data[i] == 1 << 3 && file.data[i + 1] == 2)
            file.data[i + 1] = 3;
    }
    assert_int_equal(onnx_walk(buf_view(&file), note, &names, NULL), PARLEY_OK);
    assert_int_equal(names.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_constants_initialisers_and_then_branches),
        cmocka_unit_test(every_shortened_file_is_refused),
        cmocka_unit_test(a_tensor_whose_floats_do_not_match_its_shape_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
