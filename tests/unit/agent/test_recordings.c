/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recordings.h"

#include "../ctl/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>
#include <fcntl.h>

static struct agent agent_with(struct agent_config *config, const char *folder)
{
    config->record = 1;
    config->record_dir = folder;
    return (struct agent){.name = "desk", .config = config};
}

static void the_path_names_agent_session_and_offset(void **state)
{
    struct agent_config config = {0};
    struct agent a = agent_with(&config, "/var/tapes");
    struct buf path = {0};

    (void)state;
    recordings_path(&a, "sess_1", 0, &path);
    assert_string_equal(path.data, "/var/tapes/desk/sess_1.wav");
    buf_clear(&path);
    recordings_path(&a, "sess_1", 73512, &path);
    assert_string_equal(path.data, "/var/tapes/desk/sess_1_at_73512.wav");
    buf_done(&path);
}

static void check(const char *folder, const char *expected)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    int r = recordings_check(folder, &err);

    if (expected == NULL)
        assert_int_equal(r, PARLEY_OK);
    else if (r == PARLEY_OK || strstr(err.message, expected) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", folder, err.message, expected);
}

static void a_folder_that_can_be_written_or_made_is_fine(void **state)
{
    (void)state;
    check(temp_dir, NULL);
    check(temp_path("not/yet/there"), NULL);
    assert_false(temp_exists("not")); /* it only looked */
}

static void one_that_cannot_says_what_to_do(void **state)
{
    (void)state;
    temp_write("file", "", 0600);
    check(temp_path("file"), "is no folder; name one");
    check(temp_path("file/below"), "");
    check("/proc/1/tapes", geteuid() == 0 ? "" : "give the user that runs parleyd write access");
}

static void a_session_takes_its_recordings_with_it_and_no_others(void **state)
{
    size_t left = 9;

    (void)state;
    assert_int_equal(mkdir(temp_path("desk"), 0700), 0);
    temp_write("desk/sess_abc.wav", "", 0600);
    temp_write("desk/sess_abc_at_500.wav", "", 0600);
    temp_write("desk/sess_abcd.wav", "", 0600);
    temp_write("desk/sess_abc.txt", "", 0600);
    assert_int_equal(recordings_remove(temp_path("desk"), "sess_abc", &left), 2);
    assert_int_equal(left, 0);
    assert_true(temp_exists("desk/sess_abcd.wav"));
    assert_true(temp_exists("desk/sess_abc.txt"));
    assert_int_equal(recordings_remove(temp_path("desk"), "", &left), 0);
    assert_int_equal(recordings_remove(temp_path("nowhere"), "sess_abc", &left), 0);
}

static void what_is_old_goes(void **state)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    (void)state;
    assert_int_equal(mkdir(temp_path("old"), 0700), 0);
    temp_write("old/sess_1.wav", "", 0600);
    temp_write("old/sess_2.wav", "", 0600);
    temp_write("old/mine.wav", "", 0600);
    assert_int_equal(utimensat(AT_FDCWD, temp_path("old/sess_1.wav"), times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, temp_path("old/mine.wav"), times, 0), 0);
    assert_int_equal(recordings_expire(temp_path("old"), 1000000), 0);
    assert_int_equal(recordings_expire(temp_path("old"), 1000001), 1);
    assert_false(temp_exists("old/sess_1.wav"));
    assert_true(temp_exists("old/sess_2.wav"));
    assert_true(temp_exists("old/mine.wav"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_names_agent_session_and_offset),
        cmocka_unit_test(a_folder_that_can_be_written_or_made_is_fine),
        cmocka_unit_test(one_that_cannot_says_what_to_do),
        cmocka_unit_test(a_session_takes_its_recordings_with_it_and_no_others),
        cmocka_unit_test(what_is_old_goes),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
