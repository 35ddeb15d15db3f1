/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/vocabulary.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int extract(const char *source, struct buf *out, struct parley_error *err)
{
    return vocabulary_extract(view_of(source), out, err);
}

static void the_string_is_decoded(void **state)
{
    _cleanup_(buf_done) struct buf out = {0};

    (void)state;
    assert_int_equal(
        extract("x;\nllama_vocab_base64 = \"PHVuaz4KPHM+\"\nllama_merges = \"AA\"", &out, NULL),
        PARLEY_OK);
    assert_string_equal(out.data, "<unk>\n<s>");
}

static void a_use_of_the_name_is_not_its_value(void **state)
{
    _cleanup_(buf_done) struct buf out = {0};

    (void)state;
    assert_int_equal(
        extract("f(v || llama_vocab_base64);\nllama_vocab_base64 = \"eA==\"", &out, NULL),
        PARLEY_OK);
    assert_string_equal(out.data, "x");
}

static void another_shape_is_refused_with_the_name_that_is_missing(void **state)
{
    static const char *const sources[] = {
        "",
        "llama_vocab_base64",
        "llama_vocab_base64 = ",
        "llama_vocab_base64 = \"",
        "llama_vocab_base64 = \"\"",
        "llama_vocab_base64 = \"PHVuaz4K",
        "llama_vocab_base64 = \"no base 64!\"",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        _cleanup_(buf_done) struct buf out = {0};
        struct parley_error err = PARLEY_ERROR_INIT;
        assert_int_equal(extract(sources[i], &out, &err), PARLEY_E_INVALID);
        assert_non_null(strstr(err.message, "llama_vocab_base64"));
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_string_is_decoded),
        cmocka_unit_test(a_use_of_the_name_is_not_its_value),
        cmocka_unit_test(another_shape_is_refused_with_the_name_that_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
