/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/catalogue.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX_MODELS 16

static const char *const machines[] = {"x86_64", "aarch64"};

static void check_digest(const char *hex)
{
    assert_int_equal(strlen(hex), SHA256_HEX_LEN);
    for (; *hex != '\0'; hex++)
        assert_true(isdigit((unsigned char)*hex) || (*hex >= 'a' && *hex <= 'f'));
}

static void check_file(const struct model *model, const struct model_file *file)
{
    assert_int_equal(strncmp(file->member, "package/", 8), 0);
    assert_null(strstr(file->member, ".."));
    assert_int_equal(strncmp(file->path, model->name, strlen(model->name)), 0);
    assert_int_equal(file->path[strlen(model->name)], '/');
    assert_null(strstr(file->path, ".."));
    assert_true(file->size > 0);
    check_digest(file->sha256);
    check_digest(model_file_member_sha256(file));
}

static void check_model(const struct model *model, const char *machine)
{
    assert_true(model->summary[0] != '\0');
    assert_true(model->licence[0] != '\0');
    assert_true(model->download_size > 0);
    assert_true(model_file_count(model) > 0);
    for (size_t i = 0; i < model_file_count(model); i++)
        check_file(model, &model->files[i]);
    for (size_t i = 0; i < CATALOGUE_MAX_NEEDS && model->needs[i] != NULL; i++)
        assert_non_null(catalogue_find(model->needs[i], machine));
}

static void every_model_is_pinned_and_its_needs_are_known(void **state)
{
    const struct model *models[MAX_MODELS];

    (void)state;
    for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
        size_t count = catalogue_list(machines[m], models, MAX_MODELS);
        assert_int_equal(count, 5);
        for (size_t i = 0; i < count; i++) {
            check_model(models[i], machines[m]);
            assert_ptr_equal(catalogue_find(models[i]->name, machines[m]), models[i]);
        }
    }
}

static void the_runtime_is_the_one_for_the_machine(void **state)
{
    (void)state;
    assert_string_equal(catalogue_find("onnxruntime", "x86_64")->package, "sherpa-onnx-linux-x64");
    assert_string_equal(catalogue_find("onnxruntime", "aarch64")->package,
                        "sherpa-onnx-linux-arm64");
    assert_null(catalogue_find("onnxruntime", "riscv64"));
    assert_true(catalogue_elsewhere("onnxruntime", "riscv64"));
    assert_false(catalogue_elsewhere("onnxruntim", "riscv64"));
}

static void an_unknown_name_is_not_found(void **state)
{
    (void)state;
    assert_null(catalogue_find("moonshine", "x86_64"));
    assert_null(catalogue_find("", "x86_64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_is_pinned_and_its_needs_are_known),
        cmocka_unit_test(the_runtime_is_the_one_for_the_machine),
        cmocka_unit_test(an_unknown_name_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
