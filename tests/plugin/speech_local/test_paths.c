/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int clear(void **state)
{
    (void)state;
    unsetenv("PARLEY_MODEL_DIR");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/home/somebody", 1);
    return 0;
}

static void the_option_is_the_only_place(void **state)
{
    struct paths paths;

    (void)state;
    setenv("PARLEY_MODEL_DIR", "/from/environment", 1);
    paths_init(&paths, "/from/option");
    assert_int_equal(paths.count, 1);
    assert_string_equal(paths.dirs[0], "/from/option");
}

static void then_the_environment(void **state)
{
    struct paths paths;

    (void)state;
    setenv("PARLEY_MODEL_DIR", "/from/environment", 1);
    paths_init(&paths, "");
    assert_int_equal(paths.count, 1);
    assert_string_equal(paths.dirs[0], "/from/environment");
}

static void then_the_build_tree_the_user_and_the_machine(void **state)
{
    struct paths paths;

    (void)state;
    paths_init(&paths, "");
    assert_int_equal(paths.count, 4);
    assert_string_equal(strrchr(paths.dirs[0], '/'), "/models"); /* this test lies in a build */
    assert_string_equal(paths.dirs[1], "/home/somebody/.local/share/parley/models");
    assert_string_equal(paths.dirs[2], "/var/lib/parley/models");
    setenv("XDG_DATA_HOME", "/data", 1);
    paths_init(&paths, "");
    assert_string_equal(paths.dirs[1], "/data/parley/models");
}

static void a_file_is_found_in_the_first_place_that_has_it(void **state)
{
    struct paths paths = {.dirs = {"/nowhere", "/", "/proc"}, .count = 3};
    char path[PATH_MAX];

    (void)state;
    assert_true(paths_find(&paths, "proc/self/stat", path, sizeof(path)));
    assert_string_equal(path, "//proc/self/stat");
    assert_false(paths_find(&paths, "no/such/file", path, sizeof(path)));
    assert_string_equal(path, "/nowhere/no/such/file");
}

#define TEST(name) cmocka_unit_test_setup(name, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_option_is_the_only_place),
        TEST(then_the_environment),
        TEST(then_the_build_tree_the_user_and_the_machine),
        TEST(a_file_is_found_in_the_first_place_that_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
