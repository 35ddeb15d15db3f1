/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/ws_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void frame_header_grows_with_the_payload(void **state)
{
    static const struct {
        size_t len;
        size_t header;
        unsigned char bytes[10];
    } cases[] = {
        {0, 2, {0x81, 0}},
        {125, 2, {0x81, 125}},
        {126, 4, {0x81, 126, 0, 126}},
        {65535, 4, {0x81, 126, 0xff, 0xff}},
        {65536, 10, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    unsigned char *memory = calloc(1, 70000);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ws_frame_header_len(cases[i].len, 0), cases[i].header);
        assert_int_equal(ws_frame_header_len(cases[i].len, 1), cases[i].header + 4);
        unsigned char *payload = memory + WS_FRAME_HEADER_MAX;
        unsigned char *start = ws_frame_build(payload, cases[i].len, WS_OP_TEXT, NULL);
        assert_ptr_equal(start, payload - cases[i].header);
        assert_memory_equal(start, cases[i].bytes, cases[i].header);
    }
    free(memory);
}

static void frame_example_of_the_standard(void **state)
{
    /* RFC 6455, 5.7: a masked "Hello" */
    static const unsigned char expected[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
                                             0x7f, 0x9f, 0x4d, 0x51, 0x58};
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char memory[WS_FRAME_HEADER_MAX + 5];

    (void)state;
    memcpy(memory + WS_FRAME_HEADER_MAX, "Hello", 5);
    unsigned char *start = ws_frame_build(memory + WS_FRAME_HEADER_MAX, 5, WS_OP_TEXT, mask);
    assert_memory_equal(start, expected, sizeof(expected));
}

static void frame_mask_is_right_at_every_length_and_place(void **state)
{
    static const unsigned char mask[4] = {1, 2, 4, 0x88};
    unsigned char bytes[64], expected[64];

    (void)state;
    for (size_t at = 0; at < 8; at++) {
        for (size_t len = 0; at + len <= sizeof(bytes); len++) {
            for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = expected[i] = (unsigned char)(i * 7);
            for (size_t i = 0; i < len; i++)
                expected[at + i] ^= mask[i & 3];
            ws_frame_mask(bytes + at, len, mask);
            assert_memory_equal(bytes, expected, sizeof(bytes));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_header_grows_with_the_payload),
        cmocka_unit_test(frame_example_of_the_standard),
        cmocka_unit_test(frame_mask_is_right_at_every_length_and_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
