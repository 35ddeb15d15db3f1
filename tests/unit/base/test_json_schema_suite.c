/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The official JSON Schema test suite, where Debian's package json-schema-test-suite is installed:
 * drafts 4, 6 and 7. What our checker calls unknown is not wrong, but may only happen in the files
 * that are about what it does not do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_schema.h"
#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define SUITE "/usr/share/json-schema-test-suite/tests"

/* References to other documents and bases, and more than 64 bits. */
static const char *const may_be_unknown[] = {"ref.json", "refRemote.json", "definitions.json",
                                             "id.json", "unknownKeyword.json"};

static int wrong, unknown, right;

static bool is_named(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void run_one(const char *file, const struct json_schema *schema, json_t *test,
                    const char *group)
{
    const struct json_schema_words words = {.name = "value"};
    struct parley_error err = PARLEY_ERROR_INIT;
    bool is_valid = json_is_true(json_object_get(test, "valid"));
    enum json_schema_verdict v =
        json_schema_check(schema, json_object_get(test, "data"), &words, &err);

    bool is_excused =
        v == JSON_SCHEMA_UNKNOWN &&
        is_named(may_be_unknown, sizeof(may_be_unknown) / sizeof(may_be_unknown[0]), file);
    if (is_excused) {
        unknown++;
    } else if ((v == JSON_SCHEMA_FITS) == is_valid && v != JSON_SCHEMA_UNKNOWN) {
        right++;
    } else {
        wrong++;
        print_message("%s: %s: %s: verdict %d: %s\n", file, group,
                      json_string_value(json_object_get(test, "description")), v, err.message);
    }
}

static void run_group(const char *file, const char *dialect, json_t *group)
{
    json_t *schema = json_object_get(group, "schema");
    json_t *test;
    size_t i;

    if (json_is_object(schema) && json_object_get(schema, "$schema") == NULL)
        json_object_set_new(schema, "$schema", json_string(dialect));
    struct json_schema *s = json_schema_create(schema);
    assert_non_null(s);
    json_array_foreach(json_object_get(group, "tests"), i, test)
        run_one(file, s, test, json_string_value(json_object_get(group, "description")));
    (void)json_schema_unref(s);
}

static void run_file(const char *folder, const char *file, const char *dialect)
{
    char path[512];
    json_t *group;
    size_t i;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    json_t *groups = json_load_file(path, 0, NULL);
    assert_non_null(groups);
    json_array_foreach(groups, i, group) run_group(file, dialect, group);
    json_decref(groups);
}

static void run_draft(const char *draft, const char *dialect)
{
    char folder[256];

    (void)snprintf(folder, sizeof(folder), "%s/%s", SUITE, draft);
    DIR *dir = opendir(folder);
    if (dir == NULL)
        skip();
    wrong = unknown = right = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (view_ends_with(view_of(e->d_name), VIEW(".json")))
            run_file(folder, e->d_name, dialect);
    }
    closedir(dir);
    print_message("%s: %d right, %d undecided\n", draft, right, unknown);
    assert_int_equal(wrong, 0);
    assert_true(right > 200);
}

static void draft_4_is_as_the_suite_wants(void **state)
{
    (void)state;
    run_draft("draft4", "http://json-schema.org/draft-04/schema#");
}

static void draft_6_is_as_the_suite_wants(void **state)
{
    (void)state;
    run_draft("draft6", "http://json-schema.org/draft-06/schema#");
}

static void draft_7_is_as_the_suite_wants(void **state)
{
    (void)state;
    run_draft("draft7", "http://json-schema.org/draft-07/schema#");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draft_4_is_as_the_suite_wants),
        cmocka_unit_test(draft_6_is_as_the_suite_wants),
        cmocka_unit_test(draft_7_is_as_the_suite_wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
