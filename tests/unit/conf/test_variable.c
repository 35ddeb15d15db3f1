/* SPDX-License-Identifier: Apache-2.0 */
/* Environment variables that stand in for keys which the file does not set. */
#include "conf/show.h"
#include "conf/variable.h"
#include "conf_fixture.h"

struct config {
    const char *name;
    const char *key;
    int64_t delay_ms;
    double share;
    int32_t mode;
    int32_t is_off;
    struct parley_list keep;
};

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, name, .default_value = "parley", .variable = "FIRST_NAME|NAME",
                  .help = "A name."),
    PARLEY_SECRET(C, key, .variable = "KEY", .variable_unless = "name", .help = "The key."),
    PARLEY_DURATION_MS(C, delay_ms, .default_value = "1s", .min = 10, .max = 60000,
                       .variable = "DELAY", .help = "How long."),
    PARLEY_NUMBER(C, share, .default_value = "1", .min = 0, .max = 1, .variable = "SAMPLER",
                  .variable_words = "all=1|none=0|ratio=$SAMPLER_ARG", .help = "How many."),
    PARLEY_ENUM(C, mode, .values = "explicit|exponential", .default_value = "explicit",
                .variable = "HISTOGRAM",
                .variable_words = "plain_bucket=explicit|base2_bucket=exponential",
                .help = "Which."),
    PARLEY_BOOL(C, is_off, .default_value = "no", .variable = "DISABLED", .help = "Whether."),
    PARLEY_LIST(C, keep, .default_value = "errors, slow", .variable = "SAMPLER",
                .variable_words = "all=errors, slow|none=|ratio=errors", .variable_unless = "share",
                .help = "Words."),
};
static const struct options_table table = OPTIONS_TABLE(options, C);

/* Name, value ... of the process. */
static const char *const *variables;

static const char *get(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; variables[i] != NULL; i += 2) {
        if (strcmp(variables[i], name) == 0)
            return variables[i + 1];
    }
    return NULL;
}

static struct options_values *fill(struct fixture *f, const char *const *environment,
                                   const char *text)
{
    struct options_values *values = NULL;

    variables = environment;
    f->conf->env = (struct conf_env){.get = get};
    assert_true(fixture_parse(f, text));
    int r = options_fill(&table, f->conf, f->conf->sections, &values, &f->report);
    assert_int_equal(r == PARLEY_OK, f->report.errors == 0);
    assert_non_null(values);
    return values;
}

static void variable_stands_in_for_a_key(void **state)
{
    static const char *const environment[] = {
        "NAME",  "bob",         "DELAY", "250",       "DISABLED",     "true", "SAMPLER",
        "Ratio", "SAMPLER_ARG", "0.25",  "HISTOGRAM", "base2_bucket", NULL};
    struct options_values *v = fill(*state, environment, "[s]\n");
    const struct config *c = options_config(v);

    assert_string_equal(c->name, "bob");
    assert_int_equal(c->delay_ms, 250);
    assert_float_equal(c->share, 0.25, 0);
    assert_int_equal(c->mode, 1);
    assert_int_equal(c->is_off, 1);
    assert_int_equal(c->keep.count, 1);
    options_destroy(v);
}

static void key_of_the_file_wins(void **state)
{
    static const char *const environment[] = {"NAME", "bob", "DELAY", "250", NULL};
    struct options_values *v = fill(*state, environment, "[s]\nname = alice\ndelay_ms = 2s\n");
    const struct config *c = options_config(v);

    assert_string_equal(c->name, "alice");
    assert_int_equal(c->delay_ms, 2000);
    options_destroy(v);
}

static void first_variable_that_is_not_empty_counts(void **state)
{
    static const char *const both[] = {"FIRST_NAME", "ann", "NAME", "bob", NULL};
    static const char *const empty[] = {"FIRST_NAME", "", "NAME", "bob", NULL};
    struct options_values *v = fill(*state, both, "[s]\n");

    assert_string_equal(((const struct config *)options_config(v))->name, "ann");
    options_destroy(v);
    v = fill(*state, empty, "[s]\n");
    assert_string_equal(((const struct config *)options_config(v))->name, "bob");
    options_destroy(v);
}

static void another_key_may_put_a_variable_aside(void **state)
{
    static const char *const environment[] = {"KEY", "s3cret", NULL};
    struct options_values *v = fill(*state, environment, "[s]\n");

    assert_string_equal(((const struct config *)options_config(v))->key, "s3cret");
    options_destroy(v);
    v = fill(*state, environment, "[s]\nname = alice\n");
    assert_string_equal(((const struct config *)options_config(v))->key, "");
    options_destroy(v);
}

static void words_may_empty_a_list(void **state)
{
    static const char *const environment[] = {"SAMPLER", "none", NULL};
    struct options_values *v = fill(*state, environment, "[s]\n");

    assert_int_equal(((const struct config *)options_config(v))->keep.count, 0);
    options_destroy(v);
}

static void word_without_its_other_variable_is_no_value(void **state)
{
    static const char *const environment[] = {"SAMPLER", "ratio", NULL};
    struct options_values *v = fill(*state, environment, "[s]\n");

    assert_float_equal(((const struct config *)options_config(v))->share, 1, 0);
    options_destroy(v);
}

static void value_that_cannot_be_read_is_warned_about_and_left_out(void **state)
{
    static const char *const environment[] = {"NAME", "\xff", "DELAY", "soon", NULL};
    struct fixture *f = *state;
    struct options_values *v = fill(f, environment, "[s]\n");
    const struct config *c = options_config(v);

    assert_int_equal(c->delay_ms, 1000);
    assert_string_equal(c->name, "parley");
    assert_int_equal(f->report.errors, 0);
    assert_problem(f, 2, "[s] delay_ms: the variable DELAY is left out: \"soon\"");
    assert_problem(f, 2, "[s] name: the variable NAME is left out: is not UTF-8 text");
    options_destroy(v);
}

static void word_that_is_not_known_is_told_with_those_that_are(void **state)
{
    static const char *const environment[] = {"HISTOGRAM", "exponential", NULL};
    struct fixture *f = *state;
    struct options_values *v = fill(f, environment, "[s]\n");

    assert_int_equal(((const struct config *)options_config(v))->mode, 0);
    assert_problem(f, 1, "\"exponential\" is not one of plain_bucket, base2_bucket");
    options_destroy(v);
}

static void variable_of_two_options_is_told_once(void **state)
{
    static const char *const environment[] = {"SAMPLER", "some", NULL};
    struct fixture *f = *state;
    struct options_values *v = fill(f, environment, "[s]\n");

    assert_problem(f, 1, "[s] share: the variable SAMPLER is left out: \"some\" is not one of all");
    options_destroy(v);
}

static void value_of_the_other_variable_is_told_by_its_name(void **state)
{
    static const char *const environment[] = {"SAMPLER", "ratio", "SAMPLER_ARG", "half", NULL};
    struct fixture *f = *state;
    struct options_values *v = fill(f, environment, "[s]\n");

    assert_problem(f, 1, "[s] share: the variable SAMPLER_ARG is left out: \"half\"");
    options_destroy(v);
}

static void value_is_taken_as_it_is(void **state)
{
    static const char *const environment[] = {"NAME", "${HOME}", "KEY", "file:/etc/passwd", NULL};
    struct options_values *v = fill(*state, environment, "[s]\n");
    const struct config *c = options_config(v);

    assert_string_equal(c->name, "${HOME}");
    assert_string_equal(c->key, "file:/etc/passwd");
    options_destroy(v);
}

static void source_is_shown_and_secrets_are_not(void **state)
{
    static const char *const environment[] = {"NAME", "bob", "KEY", "s3cret", NULL};
    struct options_values *v = fill(*state, environment, "[s]\n");
    struct buf text = {0};

    show_values_text(&text, "s", v, false);
    assert_non_null(strstr(text.data, "name = bob"));
    assert_non_null(strstr(text.data, "# the variable NAME\n"));
    assert_non_null(strstr(text.data, "# the variable KEY\n"));
    assert_null(strstr(text.data, "s3cret"));
    assert_null(strstr(text.data, "delay_ms"));
    buf_done(&text);
    describe_markdown(&text, &table);
    assert_non_null(strstr(text.data, "A name. Else `FIRST_NAME`, `NAME`. |"));
    buf_done(&text);
    options_destroy(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(variable_stands_in_for_a_key, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(key_of_the_file_wins, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(first_variable_that_is_not_empty_counts, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(another_key_may_put_a_variable_aside, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(words_may_empty_a_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(word_without_its_other_variable_is_no_value, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(value_that_cannot_be_read_is_warned_about_and_left_out,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(word_that_is_not_known_is_told_with_those_that_are,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(variable_of_two_options_is_told_once, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(value_of_the_other_variable_is_told_by_its_name,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(value_is_taken_as_it_is, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(source_is_shown_and_secrets_are_not, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
