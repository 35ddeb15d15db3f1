/* SPDX-License-Identifier: Apache-2.0 */
#include "session/tape_file.h"

#include "../ctl/temp_dir.h"
#include "base/base64.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tape_file *make(const char *name, uint64_t max_frames)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct tape_file *f = NULL;

    assert_int_equal(tape_file_create(temp_path(name), "", max_frames, &f, &err), PARLEY_OK);
    return f;
}

/* Bytes from..until of a run of the samples 0, 1, 2 ... at that place. */
static void write_run(struct tape_file *f, uint64_t place, size_t from, size_t until)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct tape_block *b = tape_block_create(STEREO_LEFT);
    struct buf text = {0};
    int16_t run[2000];

    for (int i = 0; i < 2000; i++)
        run[i] = (int16_t)i;
    b->run_place = place;
    b->run_bytes = from;
    base64_encode(&text, (const char *)run + from, until - from);
    assert_true(tape_block_add(b, buf_view(&text)));
    assert_int_equal(b->bytes, until - from);
    assert_int_equal(tape_file_write(f, b, &err), PARLEY_OK);
    buf_done(&text);
    tape_block_free(b);
}

static int16_t left_at(const char *name, size_t frame)
{
    FILE *file = fopen(temp_path(name), "rbe");
    unsigned char b[2] = {0};

    /* The head of a file without a comment has 36 + 22 + 8 bytes. */
    assert_int_equal(fseek(file, (long)(66 + frame * 4), SEEK_SET), 0);
    if (fread(b, 1, 2, file) != 2)
        b[0] = b[1] = 0xff;
    fclose(file);
    return (int16_t)(b[0] | b[1] << 8);
}

static void a_run_goes_on_through_blocks_that_cut_samples(void **state)
{
    struct tape_file *f = make("run.wav", 100000);

    (void)state;
    write_run(f, 100, 0, 33);
    write_run(f, 100, 33, 34);
    write_run(f, 100, 34, 801);
    write_run(f, 100, 801, 1000);
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(left_at("run.wav", 100 + i), i);
    (void)tape_file_close(f);
}

/* Such as one that the queue had no room for. */
static void after_a_lost_block_the_rest_lies_where_it_belongs(void **state)
{
    struct tape_file *f = make("lost.wav", 100000);

    (void)state;
    write_run(f, 0, 0, 201);
    write_run(f, 0, 401, 1000);
    assert_int_equal(left_at("lost.wav", 99), 99);
    assert_int_equal(left_at("lost.wav", 100), 0);
    assert_int_equal(left_at("lost.wav", 200), 0); /* half of it is there */
    for (size_t i = 201; i < 500; i++)
        assert_int_equal(left_at("lost.wav", i), i);
    (void)tape_file_close(f);
}

static void nothing_is_written_beyond_the_limit(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct tape_file *f = make("limit.wav", 120);
    struct stat info;

    (void)state;
    write_run(f, 0, 0, 200);
    write_run(f, 0, 200, 400);
    write_run(f, 500, 0, 400);
    assert_int_equal(tape_file_finish(f, 1000, &err), PARLEY_OK);
    (void)tape_file_close(f);
    assert_int_equal(stat(temp_path("limit.wav"), &info), 0);
    assert_int_equal(info.st_size, 66 + 120 * 4);
    assert_int_equal(left_at("limit.wav", 119), 119);
}

static void escapes_of_json_are_taken_out(void **state)
{
    struct buf scratch = {0};
    const struct parley_view plain = VIEW("AB+/");

    (void)state;
    assert_ptr_equal(tape_unescaped(plain, false, &scratch).data, plain.data);
    assert_true(view_is(tape_unescaped(VIEW("A\\/\\u002bB\\u002F="), true, &scratch), "A/+B/="));
    assert_true(view_is(tape_unescaped(VIEW("\\u12"), true, &scratch), "u12"));
    assert_true(view_is(tape_unescaped(VIEW("\\uzzzz\\u00e9"), true, &scratch), "uzzzzu00e9"));
    assert_true(view_is(tape_unescaped(VIEW("A\\"), true, &scratch), "A"));
    buf_done(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_goes_on_through_blocks_that_cut_samples),
        cmocka_unit_test(after_a_lost_block_the_rest_lies_where_it_belongs),
        cmocka_unit_test(nothing_is_written_beyond_the_limit),
        cmocka_unit_test(escapes_of_json_are_taken_out),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
