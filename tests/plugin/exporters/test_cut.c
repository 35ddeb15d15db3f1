/* SPDX-License-Identifier: Apache-2.0 */
/* A stretch of a recording, and what is no recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static struct cut cut;
static struct parley_error err;

static void put32(FILE *f, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        (void)fputc((int)(value >> 8 * i & 0xff), f);
}

/* One second whose frame i is (i, -i), with a comment of this many bytes before it. */
static void record_with(uint32_t comment, uint32_t frames)
{
    FILE *f = fopen(path, "wbe");

    (void)fwrite("RIFF", 1, 4, f);
    put32(f, 0xffffffff);
    (void)fwrite("WAVEfmt ", 1, 8, f);
    put32(f, 16);
    put32(f, 1 | 2 << 16);
    put32(f, 24000);
    put32(f, 96000);
    put32(f, 4 | 16 << 16);
    (void)fwrite("LIST", 1, 4, f);
    put32(f, comment);
    for (uint32_t i = 0; i < comment + (comment & 1); i++)
        (void)fputc('c', f);
    (void)fwrite("data", 1, 4, f);
    put32(f, 0);
    for (uint32_t i = 0; i < frames; i++)
        put32(f, (i & 0xffff) | (-i & 0xffff) << 16);
    (void)fclose(f);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/parley-cut-%d.wav", (int)getpid());
    err = (struct parley_error)PARLEY_ERROR_INIT;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cut_done(&cut);
    (void)unlink(path);
    return 0;
}

static uint32_t number_at(size_t at)
{
    const unsigned char *b = (const unsigned char *)cut.bytes + at;

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void stretch_is_a_file_of_its_own(void **state)
{
    (void)state;
    record_with(37, 24000);
    assert_int_equal(cut_read(path, 100, 350, &cut, &err), PARLEY_OK);
    assert_int_equal(cut.len, 44 + 250 * 96);
    assert_memory_equal(cut.bytes, "RIFF", 4);
    assert_int_equal(number_at(4), cut.len - 8);
    assert_memory_equal(cut.bytes + 8, "WAVEfmt ", 8);
    assert_int_equal(number_at(24), 24000);
    assert_memory_equal(cut.bytes + 36, "data", 4);
    assert_int_equal(number_at(40), 250 * 96);
    assert_int_equal(number_at(44) & 0xffff, 2400);
    assert_int_equal(strlen(cut.sha256), 44);
}

static void what_is_not_there_yet_is_left_out(void **state)
{
    (void)state;
    record_with(10, 24000 + 1);
    assert_int_equal(cut_read(path, 900, 2000, &cut, &err), PARLEY_OK);
    assert_int_equal(cut.len, 44 + 100 * 96 + 4);
    cut_done(&cut);
    assert_int_equal(cut_read(path, 1500, 2000, &cut, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "nothing is there from 1500 ms on"));
    assert_null(cut.bytes);
}

static void long_turns_are_cut_short(void **state)
{
    (void)state;
    record_with(10, 24000 * 125);
    assert_int_equal(cut_read(path, 1000, INT64_MAX, &cut, &err), PARLEY_OK);
    assert_int_equal(cut.len, 44 + (size_t)CUT_MAX_MS * 96);
}

static void times_that_are_none_are_refused(void **state)
{
    (void)state;
    record_with(10, 24000);
    assert_int_equal(cut_read(path, -1, 100, &cut, &err), PARLEY_E_NOT_FOUND);
    assert_int_equal(cut_read(path, 100, 100, &cut, &err), PARLEY_E_NOT_FOUND);
    assert_int_equal(cut_read(path, INT64_MAX - 1, INT64_MAX, &cut, &err), PARLEY_E_NOT_FOUND);
}

static void what_is_no_recording_is_refused(void **state)
{
    static const char *const texts[] = {"", "RIFF", "RIFF....WAVEfmt ....", "hello, this is text"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        FILE *f = fopen(path, "wbe");
        (void)fputs(texts[i], f);
        (void)fclose(f);
        assert_int_equal(cut_read(path, 0, 100, &cut, &err), PARLEY_E_INVALID);
        assert_non_null(strstr(err.message, "is no recording of parley"));
    }
    record_with(1 << 20, 10); /* the data is too far away */
    assert_int_equal(cut_read(path, 0, 100, &cut, &err), PARLEY_E_INVALID);
    (void)unlink(path);
    assert_int_equal(cut_read(path, 0, 100, &cut, &err), PARLEY_E_NOT_FOUND);
    assert_int_equal(cut_read("/tmp", 0, 100, &cut, &err), PARLEY_E_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stretch_is_a_file_of_its_own),    TEST(what_is_not_there_yet_is_left_out),
        TEST(long_turns_are_cut_short),        TEST(times_that_are_none_are_refused),
        TEST(what_is_no_recording_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
