/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/wav.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int16_t ramp[] = {0, 100, -200, 300, -32768, 32767};

static void what_is_written_reads_back(void **state)
{
    struct buf file = {0};
    struct wav w = {0};

    (void)state;
    wav_write(&file, 24000, ramp, ARRAY_LEN(ramp));
    assert_int_equal(wav_parse(buf_view(&file), &w, NULL), PARLEY_OK);
    assert_int_equal(w.rate_hz, 24000);
    assert_int_equal(w.count, ARRAY_LEN(ramp));
    assert_memory_equal(w.samples, ramp, sizeof(ramp));
    wav_done(&w);
    buf_done(&file);
}

static void a_file_on_disk_reads_back(void **state)
{
    char path[] = "/tmp/parley_wav_XXXXXX";
    int fd = mkstemp(path);
    struct wav w = {0};

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(wav_save(path, 16000, ramp, ARRAY_LEN(ramp), NULL), PARLEY_OK);
    assert_int_equal(wav_load(path, &w, NULL), PARLEY_OK);
    assert_int_equal(w.count, ARRAY_LEN(ramp));
    wav_done(&w);
    assert_int_equal(unlink(path), 0);
}

static void a_missing_file_is_named(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct wav w = {0};

    (void)state;
    assert_int_equal(wav_load("/nowhere/x.wav", &w, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/x.wav"));
}

static void stereo_is_mixed(void **state)
{
    const int16_t pairs[] = {100, 300, -100, -300};
    struct buf file = {0};
    struct wav w = {0};

    (void)state;
    wav_write(&file, 16000, pairs, ARRAY_LEN(pairs));
    file.data[22] = 2;
    assert_int_equal(wav_parse(buf_view(&file), &w, NULL), PARLEY_OK);
    assert_int_equal(w.count, 2);
    assert_int_equal(w.samples[0], 200);
    assert_int_equal(w.samples[1], -200);
    wav_done(&w);
    buf_done(&file);
}

static void chunks_before_the_data_are_passed_over(void **state)
{
    struct buf plain = {0}, file = {0};
    struct wav w = {0};

    (void)state;
    wav_write(&plain, 16000, ramp, ARRAY_LEN(ramp));
    buf_append(&file, plain.data, 12);
    buf_append(&file, "LIST\3\0\0\0abc\0", 12); /* odd length, padded */
    buf_append(&file, plain.data + 12, plain.len - 12);
    assert_int_equal(wav_parse(buf_view(&file), &w, NULL), PARLEY_OK);
    assert_int_equal(w.count, ARRAY_LEN(ramp));
    wav_done(&w);
    buf_done(&plain);
    buf_done(&file);
}

static void every_shortened_file_is_survived(void **state)
{
    struct buf file = {0};

    (void)state;
    wav_write(&file, 16000, ramp, ARRAY_LEN(ramp));
    for (size_t len = 0; len < file.len; len++) {
        /* A copy of its own, so that a sanitizer sees a read beyond it. */
        _cleanup_free_ char *part = malloc(len > 0 ? len : 1);
        struct wav w = {0};

        assert_non_null(part);
        memcpy(part, file.data, len);
        if (wav_parse((struct parley_view){part, len}, &w, NULL) == PARLEY_OK)
            assert_true(w.count < ARRAY_LEN(ramp));
        wav_done(&w);
    }
    buf_done(&file);
}

static void other_formats_are_refused_with_their_name(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct buf file = {0};
    struct wav w = {0};

    (void)state;
    wav_write(&file, 16000, ramp, ARRAY_LEN(ramp));
    file.data[34] = 24;
    assert_int_equal(wav_parse(buf_view(&file), &w, &err), PARLEY_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "24 bits"));
    file.data[34] = 16;
    file.data[22] = 6;
    assert_int_equal(wav_parse(buf_view(&file), &w, &err), PARLEY_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "6 channels"));
    assert_int_equal(wav_parse(VIEW("not a wave file at all"), &w, &err), PARLEY_E_INVALID);
    buf_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_file_on_disk_reads_back),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(stereo_is_mixed),
        cmocka_unit_test(chunks_before_the_data_are_passed_over),
        cmocka_unit_test(every_shortened_file_is_survived),
        cmocka_unit_test(other_formats_are_refused_with_their_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
