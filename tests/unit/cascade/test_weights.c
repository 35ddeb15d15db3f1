/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cascade/cascade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_folder_without_weights_is_named(void **state)
{
    struct silero_weights *weights = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(cascade_load_weights("/nowhere", &weights, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/silero-vad/silero_vad.onnx"));
}

static void the_environment_names_the_folder(void **state)
{
    struct silero_weights *weights = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(setenv("PARLEY_MODEL_DIR", "/no/such", 1), 0);
    assert_int_equal(cascade_load_weights("", &weights, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/no/such/"));
    assert_int_equal(unsetenv("PARLEY_MODEL_DIR"), 0);
}

static void a_file_that_is_no_model_is_refused(void **state)
{
    char folder[] = "/tmp/parley_weights_XXXXXX", below[256], path[512];
    struct silero_weights *weights = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(below, sizeof(below), "%s/silero-vad", folder);
    assert_int_equal(mkdir(below, 0700), 0);
    snprintf(path, sizeof(path), "%s/silero_vad.onnx", below);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("this is no model", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(cascade_load_weights(folder, &weights, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, path));
    assert_null(weights);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(below), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_without_weights_is_named),
        cmocka_unit_test(the_environment_names_the_folder),
        cmocka_unit_test(a_file_that_is_no_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
