/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/stereo_file.h"

#include "../ctl/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#define MOST 20000

/* What a reader who trusts the head finds. */
static struct {
    uint32_t rate;
    uint32_t channels;
    size_t frames;
    int16_t left[MOST];
    int16_t right[MOST];
    char comment[600];
} heard;

static uint32_t u32(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void hear(const char *path)
{
    static unsigned char bytes[MOST * 4 + 1024];
    FILE *file = fopen(path, "rbe");
    size_t len = fread(bytes, 1, sizeof(bytes), file);

    fclose(file);
    memset(&heard, 0, sizeof(heard));
    assert_memory_equal(bytes, "RIFF", 4);
    assert_int_equal(u32(bytes + 4) + 8, len);
    for (size_t at = 12; at + 8 <= len; at += 8 + u32(bytes + at + 4) + (u32(bytes + at + 4) & 1)) {
        const unsigned char *data = bytes + at + 8;
        size_t chunk = u32(bytes + at + 4);
        assert_true(chunk <= len - at - 8);
        if (memcmp(bytes + at, "fmt ", 4) == 0) {
            heard.channels = data[2];
            heard.rate = u32(data + 4);
        } else if (memcmp(bytes + at, "LIST", 4) == 0) {
            strncpy(heard.comment, (const char *)data + 12, sizeof(heard.comment) - 1);
        } else if (memcmp(bytes + at, "data", 4) == 0) {
            heard.frames = chunk / 4;
            for (size_t i = 0; i < heard.frames; i++) {
                heard.left[i] = (int16_t)(data[4 * i] | data[4 * i + 1] << 8);
                heard.right[i] = (int16_t)(data[4 * i + 2] | data[4 * i + 3] << 8);
            }
        }
    }
}

static struct stereo_file *make(const char *name)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct stereo_file *f = NULL;

    assert_int_equal(stereo_create(temp_path(name), "who it is", &f, &err), PARLEY_OK);
    return f;
}

static void put(struct stereo_file *f, enum stereo_side side, uint64_t frame, int16_t value,
                size_t count)
{
    static int16_t samples[MOST];
    struct parley_error err = PARLEY_ERROR_INIT;

    for (size_t i = 0; i < count; i++)
        samples[i] = value;
    assert_int_equal(stereo_write(f, side, frame, samples, count, &err), PARLEY_OK);
}

static void an_empty_one_is_a_wav_file(void **state)
{
    struct stereo_file *f = make("empty.wav");

    (void)state;
    hear(temp_path("empty.wav"));
    assert_int_equal(heard.rate, 24000);
    assert_int_equal(heard.channels, 2);
    assert_int_equal(heard.frames, 0);
    assert_string_equal(heard.comment, "who it is");
    (void)stereo_close(f);
}

static void the_head_is_true_while_it_grows(void **state)
{
    struct stereo_file *f = make("grows.wav");

    (void)state;
    put(f, STEREO_LEFT, 0, 7, 100);
    hear(temp_path("grows.wav")); /* nobody has closed it */
    assert_int_equal(heard.frames, 100);
    put(f, STEREO_RIGHT, 50, -9, 5000);
    hear(temp_path("grows.wav"));
    assert_int_equal(heard.frames, 5050);
    (void)stereo_close(f);
}

/* As a filter gives it that holds back its first samples. */
static void nothing_put_far_away_makes_it_no_longer(void **state)
{
    struct stereo_file *f = make("nothing.wav");

    (void)state;
    put(f, STEREO_LEFT, 5000, 7, 0);
    hear(temp_path("nothing.wav"));
    assert_int_equal(heard.frames, 0);
    (void)stereo_close(f);
}

static void the_sides_leave_each_other_alone(void **state)
{
    struct stereo_file *f = make("sides.wav");

    (void)state;
    put(f, STEREO_RIGHT, 10, 300, 5000);
    put(f, STEREO_LEFT, 4000, -20, 3000);
    hear(temp_path("sides.wav"));
    assert_int_equal(heard.frames, 7000);
    assert_int_equal(heard.right[9], 0);
    assert_int_equal(heard.right[10], 300);
    assert_int_equal(heard.right[5009], 300);
    assert_int_equal(heard.right[5010], 0);
    assert_int_equal(heard.left[3999], 0);
    assert_int_equal(heard.left[4000], -20);
    assert_int_equal(heard.left[6999], -20);
    (void)stereo_close(f);
}

static void silence_between_takes_no_room(void **state)
{
    struct stereo_file *f = make("sparse.wav");
    struct stat info;

    (void)state;
    put(f, STEREO_LEFT, 24000u * 3600, 1, 10);
    assert_int_equal(stat(temp_path("sparse.wav"), &info), 0);
    assert_true(info.st_size > 345000000);
    assert_true(info.st_blocks < 200);
    (void)stereo_close(f);
}

static void what_was_not_heard_is_erased_and_cut(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct stereo_file *f = make("cut.wav");

    (void)state;
    put(f, STEREO_LEFT, 0, 5, 8000);
    put(f, STEREO_RIGHT, 0, 6, 12000);
    assert_int_equal(stereo_erase(f, STEREO_RIGHT, 3000, 99999, &err), PARLEY_OK);
    assert_int_equal(stereo_set_length(f, 9000, &err), PARLEY_OK);
    assert_int_equal(stereo_length(f), 9000);
    hear(temp_path("cut.wav"));
    assert_int_equal(heard.frames, 9000);
    assert_int_equal(heard.right[2999], 6);
    assert_int_equal(heard.right[3000], 0);
    assert_int_equal(heard.right[8999], 0);
    assert_int_equal(heard.left[7999], 5);
    assert_int_equal(stereo_set_length(f, 10000, &err), PARLEY_OK);
    hear(temp_path("cut.wav"));
    assert_int_equal(heard.frames, 10000);
    assert_int_equal(heard.left[9500], 0);
    (void)stereo_close(f);
}

static void it_is_its_owners_and_so_are_its_folders(void **state)
{
    struct stereo_file *f = make("outer/inner/private.wav");
    struct stat info;

    (void)state;
    assert_int_equal(stat(temp_path("outer/inner/private.wav"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(temp_path("outer/inner"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(temp_path("outer"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    (void)stereo_close(f);
}

static void another_ones_file_is_never_written(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct stereo_file *f = NULL;

    (void)state;
    temp_write("there.wav", "mine", 0600);
    assert_int_equal(stereo_create(temp_path("there.wav"), "", &f, &err), PARLEY_E_CONFLICT);
    assert_non_null(strstr(err.message, "there.wav"));
    assert_int_equal(symlink(temp_path("elsewhere"), temp_path("link.wav")), 0);
    assert_true(stereo_create(temp_path("link.wav"), "", &f, &err) < 0);
    assert_false(temp_exists("elsewhere"));
    assert_true(stereo_create("/proc/none/at/all/x.wav", "", &f, &err) < 0);
    assert_non_null(strstr(err.message, "/proc/none/at/all/x.wav"));
}

/* As a full disk does, and the file keeps what it has. */
static void a_disk_that_takes_no_more_is_told(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct rlimit before, less = {.rlim_cur = 20000, .rlim_max = RLIM_INFINITY};
    struct stereo_file *f = make("full.wav");
    int16_t samples[5000] = {0};

    (void)state;
    put(f, STEREO_LEFT, 0, 3, 1000);
    getrlimit(RLIMIT_FSIZE, &before);
    less.rlim_max = before.rlim_max;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &less);
    int r = stereo_write(f, STEREO_LEFT, 1000, samples, 5000, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    (void)signal(SIGXFSZ, old);
    assert_true(r < 0);
    assert_non_null(strstr(err.message, "full.wav"));
    assert_int_equal(stereo_length(f), 1000);
    put(f, STEREO_LEFT, 6000, 4, 1000); /* there is room again */
    hear(temp_path("full.wav"));
    assert_int_equal(heard.frames, 7000);
    assert_int_equal(heard.left[999], 3);
    assert_int_equal(heard.left[6000], 4);
    (void)stereo_close(f);
}

static void beyond_what_a_wav_file_can_hold_is_left_out(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct stereo_file *f = make("long.wav");
    int16_t samples[8] = {0};

    (void)state;
    assert_int_equal(stereo_write(f, STEREO_LEFT, STEREO_MAX_FRAMES, samples, 8, &err), PARLEY_OK);
    assert_int_equal(stereo_write(f, STEREO_LEFT, UINT64_MAX - 4, samples, 8, &err), PARLEY_OK);
    assert_int_equal(stereo_length(f), 0);
    (void)stereo_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_is_a_wav_file),
        cmocka_unit_test(the_head_is_true_while_it_grows),
        cmocka_unit_test(nothing_put_far_away_makes_it_no_longer),
        cmocka_unit_test(the_sides_leave_each_other_alone),
        cmocka_unit_test(silence_between_takes_no_room),
        cmocka_unit_test(what_was_not_heard_is_erased_and_cut),
        cmocka_unit_test(it_is_its_owners_and_so_are_its_folders),
        cmocka_unit_test(another_ones_file_is_never_written),
        cmocka_unit_test(a_disk_that_takes_no_more_is_told),
        cmocka_unit_test(beyond_what_a_wav_file_can_hold_is_left_out),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
