/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/str.h"

static void encodes_every_tail_length(void **state)
{
    static const char *const want[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

    (void)state;
    for (size_t len = 0; len <= 6; len++) {
        struct buf out = {0};
        base64_encode(&out, "foobar", len);
        assert_string_equal(buf_view(&out).data, want[len]);
        buf_done(&out);
    }
}

static void decodes_what_it_encoded(void **state)
{
    unsigned char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct buf text = {0};
        struct buf back = {0};
        base64_encode(&text, bytes, len);
        assert_int_equal(base64_decoded_len(buf_view(&text)), len);
        assert_true(base64_decode(&back, buf_view(&text)));
        assert_int_equal(back.len, len);
        assert_memory_equal(buf_view(&back).data, bytes, len);
        buf_done(&text);
        buf_done(&back);
    }
}

static void refuses_what_is_not_base64(void **state)
{
    static const char *const bad[] = {
        "A", "AB", "ABC", "AB!=", "A===", "====", "AB=C", "ABCD====", "\xC3\xA4gh"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf out = {0};
        assert_false(base64_decode(&out, view_of(bad[i])));
        assert_int_equal(out.len, 0);
        buf_done(&out);
    }
}

static void counts_each_decode(void **state)
{
    struct buf out = {0};
    uint64_t before = base64_decode_count();

    (void)state;
    (void)base64_decoded_len(VIEW("Zm9v"));
    assert_int_equal(base64_decode_count(), before);
    (void)base64_decode(&out, VIEW("Zm9v"));
    assert_int_equal(base64_decode_count(), before + 1);
    buf_done(&out);
}

static void url_letters_go_both_ways_without_padding(void **state)
{
    static const char *const bad[] = {"A", "AA==", "AB", "+/AA", "AAAAA", "A A", "AAAB="};
    struct buf out = {0}, back = {0};

    (void)state;
    base64url_encode(&out, "\xfb\xff\xfe\x01", 4);
    assert_string_equal(out.data, "-__-AQ");
    assert_true(base64url_decode(&back, buf_view(&out)));
    assert_int_equal(back.len, 4);
    assert_memory_equal(back.data, "\xfb\xff\xfe\x01", 4);
    assert_true(base64url_decode(&back, VIEW("")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (base64url_decode(&back, view_of(bad[i])))
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(back.len, 4);
    buf_done(&out);
    buf_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_every_tail_length),
        cmocka_unit_test(decodes_what_it_encoded),
        cmocka_unit_test(refuses_what_is_not_base64),
        cmocka_unit_test(counts_each_decode),
        cmocka_unit_test(url_letters_go_both_ways_without_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
