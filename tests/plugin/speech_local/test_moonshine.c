/* SPDX-License-Identifier: Apache-2.0 */
/* Sharing models between instances; needs no model. */
#include "moonshine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct moonshine_files some = {"/nowhere/e", "/nowhere/d", "/nowhere/t", "/nowhere/r"};
static const struct moonshine_files other = {"/nowhere/e2", "/nowhere/d", "/nowhere/t",
                                             "/nowhere/r"};

static void the_same_files_are_one_model(void **state)
{
    struct moonshine_shelf shelf;

    (void)state;
    moonshine_shelf_init(&shelf);
    struct moonshine *a = moonshine_ref(&shelf, &some);
    struct moonshine *b = moonshine_ref(&shelf, &other);
    assert_ptr_equal(moonshine_ref(&shelf, &some), a);
    assert_ptr_not_equal(a, b);
    moonshine_unref(&shelf, a);
    moonshine_unref(&shelf, b);
    moonshine_unref(&shelf, a);
    assert_null(shelf.first);
    moonshine_shelf_done(&shelf);
}

static void a_failed_load_is_told_each_time_but_not_shared(void **state)
{
    struct moonshine_shelf shelf;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    moonshine_shelf_init(&shelf);
    struct moonshine *a = moonshine_ref(&shelf, &some);
    assert_int_equal(moonshine_load(a, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/t"));
    assert_non_null(strstr(err.message, "parleyctl models verify"));
    err.message[0] = '\0';
    assert_int_equal(moonshine_load(a, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/t"));
    struct moonshine *b = moonshine_ref(&shelf, &some);
    assert_ptr_not_equal(a, b);
    moonshine_unref(&shelf, a);
    moonshine_unref(&shelf, b);
    moonshine_shelf_done(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_files_are_one_model),
        cmocka_unit_test(a_failed_load_is_told_each_time_but_not_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
