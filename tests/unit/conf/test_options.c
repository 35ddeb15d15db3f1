/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/show.h"
#include "conf_fixture.h"

struct config {
    const char *url;
    const char *key;
    const char *prompt;
    const char *path;
    int64_t count;
    double speed;
    int32_t strict;
    int32_t mode;
    int64_t timeout_ms;
    int64_t room;
    struct parley_list tools;
    struct parley_list lines;
};

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, url, .flags = PARLEY_OPTION_REQUIRED, .help = "Where to connect."),
    PARLEY_SECRET(C, key, .help = "The key."),
    PARLEY_TEXT(C, prompt, .example = "@prompt.md", .help = "A long text."),
    PARLEY_PATH(C, path, .help = "A path."),
    PARLEY_INT(C, count, .default_value = "7", .min = 1, .max = 10, .help = "How many | really."),
    PARLEY_NUMBER(C, speed, .default_value = "0.5", .help = "How fast."),
    PARLEY_BOOL(C, strict, .default_value = "yes", .help = "Whether."),
    PARLEY_ENUM(C, mode, .values = "audio|text|both", .default_value = "text", .help = "Which."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "5s", .min = 1, .max = 60000,
                       .help = "How long."),
    PARLEY_SIZE(C, room, .default_value = "64k", .help = "How large."),
    PARLEY_LIST(C, tools, .help = "Some words."),
    PARLEY_LINES(C, lines, .help = "Some lines."),
};
static const struct options_table table = OPTIONS_TABLE(options, C);

/* Fill from the text's first section; NULL when that is refused. */
static struct options_values *fill(struct fixture *f, const char *text)
{
    struct options_values *values = NULL;

    assert_true(fixture_parse(f, text));
    int r = options_fill(&table, f->conf, f->conf->sections, &values, &f->report);
    assert_int_equal(r == PARLEY_OK, f->report.errors == 0);
    return values;
}

static void every_type_is_parsed(void **state)
{
    struct fixture *f = *state;
    struct options_values *v =
        fill(f, "[model m]\nurl = http://${HOST}/\nkey = s3cret\nprompt = be kind\npath = a/b\n"
                "count = 10\nspeed = 1.25\nstrict = OFF\nmode = both\ntimeout_ms = 1m\nroom = 2M\n"
                "tools = a, b,,c\ntools = d\nlines = --x=1,2\nlines = \"  y \"\n");

    assert_non_null(v);
    const struct config *c = options_config(v);
    assert_string_equal(c->url, "http://example.org/");
    assert_string_equal(c->key, "s3cret");
    assert_string_equal(c->prompt, "be kind");
    assert_string_equal(c->path, fixture_path(f, "a/b"));
    assert_int_equal(c->count, 10);
    assert_float_equal(c->speed, 1.25, 0);
    assert_int_equal(c->strict, 0);
    assert_int_equal(c->mode, 2);
    assert_int_equal(c->timeout_ms, 60000);
    assert_int_equal(c->room, 2 << 20);
    assert_int_equal(c->tools.count, 4);
    assert_string_equal(c->tools.items[2], "c");
    assert_string_equal(c->tools.items[3], "d");
    assert_int_equal(c->lines.count, 2);
    assert_string_equal(c->lines.items[0], "--x=1,2");
    options_destroy(v);
}

static void defaults_fill_what_is_not_set(void **state)
{
    struct fixture *f = *state;
    struct options_values *v = fill(f, "[s]\nurl = x\n");

    assert_non_null(v);
    const struct config *c = options_config(v);
    assert_string_equal(c->key, "");
    assert_string_equal(c->path, "");
    assert_int_equal(c->count, 7);
    assert_float_equal(c->speed, 0.5, 0);
    assert_int_equal(c->strict, 1);
    assert_int_equal(c->mode, 1);
    assert_int_equal(c->timeout_ms, 5000);
    assert_int_equal(c->room, 65536);
    assert_int_equal(c->tools.count, 0);
    options_destroy(v);
}

static void every_mistake_is_reported_at_once(void **state)
{
    struct fixture *f = *state;

    assert_null(fill(f, "[model m]\nkey = ${NOPE}\ncount = 0\nspeed = fast\nstrict = perhaps\n"
                        "mode = textt\ntimeout_ms = 2h\nroom = -1\nulr = x\npath = ${broken\n"
                        "prompt = @nope.md\ntools = ${BROKEN}\n"));
    assert_problem(f, 12, "a.ini:1: [model m] url: is required and missing. Where to connect.");
    assert_problem(f, 12, "a.ini:2: [model m] key: the environment variable NOPE is not set");
    assert_problem(f, 12, "a.ini:3: [model m] count: 0 is below the minimum 1");
    assert_problem(f, 12, "a.ini:4: [model m] speed: \"fast\" is not a number such as 0.5");
    assert_problem(f, 12, "a.ini:5: [model m] strict: \"perhaps\" is neither yes nor no");
    assert_problem(f, 12,
                   "a.ini:6: [model m] mode: \"textt\" is not one of audio|text|both; did you mean "
                   "\"text\"?");
    assert_problem(f, 12, "a.ini:7: [model m] timeout_ms: 2h is above the maximum 1m");
    assert_problem(f, 12, "a.ini:8: [model m] room: -1 is negative");
    assert_problem(f, 12, "a.ini:9: [model m] ulr: unknown key; did you mean \"url\"?");
    assert_problem(f, 12, "a.ini:10: [model m] path: a variable that cannot be read");
    assert_problem(f, 12, "a.ini:11: [model m] prompt: ");
    assert_problem(f, 12, "a.ini:12: [model m] tools: not UTF-8");
}

static void numbers_that_overflow_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_null(fill(f, "[s]\nurl = x\ncount = 99999999999999999999\nroom = 9223372036854775807g\n"
                        "speed = 1e999\ntimeout_ms = 5 parsecs\n"));
    assert_problem(f, 4, "count: \"99999999999999999999\" is not a whole number");
    assert_problem(f, 4, "room: \"9223372036854775807g\" is not a size such as");
    assert_problem(f, 4, "speed: \"1e999\" is not a number");
    assert_problem(f, 4, "timeout_ms: \"5 parsecs\" is not a duration such as 250ms, 5s, 2m or 1h");
}

static void key_set_twice_names_both_lines(void **state)
{
    struct fixture *f = *state;

    assert_null(fill(f, "[s]\nurl = a\n\nurl = b\n"));
    assert_problem(f, 1, "a.ini:4: [s] url: is set twice, first in line 2; keep one");
}

static void required_key_may_not_be_empty(void **state)
{
    struct fixture *f = *state;

    assert_null(fill(f, "[s]\nurl = ${EMPTY}\n"));
    assert_problem(f, 1, "a.ini:2: [s] url: is required, and empty here");
}

static void variable_takes_its_default_when_unset_or_empty(void **state)
{
    struct fixture *f = *state;
    struct options_values *v = fill(f, "[s]\nurl = ${NOPE:-a}${EMPTY:-b}${HOST:-c}$$${EMPTY}$x\n");

    assert_non_null(v);
    assert_string_equal(((const struct config *)options_config(v))->url, "abexample.org$$x");
    options_destroy(v);
}

static void secret_comes_from_a_file_without_its_line_end(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "key", "top secret\r\n", 0600);
    struct options_values *v = fill(f, "[s]\nurl = x\nkey = file:key\n");
    assert_non_null(v);
    assert_string_equal(((const struct config *)options_config(v))->key, "top secret");
    assert_int_equal(f->report.warnings, 0);
    options_destroy(v);
}

static void secret_that_everyone_may_read_is_warned_about(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "key", "k", 0644);
    struct options_values *v = fill(f, "[s]\nurl = x\nkey = file:key\n");
    assert_non_null(v);
    assert_problem(f, 1, "key: everyone may read this secret; use chmod o-r");
    options_destroy(v);
}

static void prefix_from_a_variable_is_no_prefix(void **state)
{
    struct fixture *f = *state;
    struct options_values *v = fill(f, "[s]\nurl = x\nkey = ${TRICK}\nprompt = @@me\n");

    assert_non_null(v);
    assert_string_equal(((const struct config *)options_config(v))->key, "file:/etc/passwd");
    assert_string_equal(((const struct config *)options_config(v))->prompt, "@me");
    options_destroy(v);
}

static void text_comes_from_a_file_beside_the_ini(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "prompt.md", "You are ${kind}.\nSmile.\n", 0644);
    struct options_values *v = fill(f, "[s]\nurl = x\nprompt = @prompt.md\n");
    assert_non_null(v);
    assert_string_equal(((const struct config *)options_config(v))->prompt,
                        "You are ${kind}.\nSmile.");
    options_destroy(v);
}

static void file_that_is_no_text_is_refused(void **state)
{
    struct fixture *f = *state;

    fixture_write(f, "prompt.md", "\xff\xff", 0644);
    assert_null(fill(f, "[s]\nurl = x\nprompt = @prompt.md\nkey = file:\n"));
    assert_problem(f, 2, "prompt.md: not UTF-8 text");
    assert_problem(f, 2, "key: names no file");
}

static void secrets_are_not_shown(void **state)
{
    struct fixture *f = *state;
    struct buf out = {0};
    struct options_values *v =
        fill(f, "[s]\nurl = ${HOST}\nkey = hunter2\nlines = a # b\nlines = \"c # d\"\n");
    json_t *json = json_object();

    show_values_text(&out, "s", v, true);
    assert_null(strstr(out.data, "hunter2"));
    assert_non_null(strstr(out.data, "key = ********"));
    assert_non_null(strstr(out.data, "url = example.org"));
    assert_non_null(strstr(out.data, "# a.ini:2, from the environment: HOST"));
    assert_non_null(strstr(out.data, "count = 7"));
    assert_non_null(strstr(out.data, "# default"));
    assert_non_null(strstr(out.data, "lines = \"a\\nc # d\""));
    assert_true(show_values_json(json, v));
    char *text = json_dumps(json, 0);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "********"));
    free(text);
    json_decref(json);
    buf_done(&out);
    options_destroy(v);
}

static void table_is_described(void **state)
{
    (void)state;
    struct buf out = {0};
    json_t *json = describe_json(&table);

    describe_text(&out, &table);
    assert_non_null(strstr(out.data, "  url  (string, required)\n      Where to connect.\n"));
    assert_non_null(strstr(out.data, "  timeout_ms  (duration, 1ms to 1m)"));
    assert_non_null(strstr(out.data, "  mode  (choice, audio, text, both)"));
    buf_clear(&out);
    describe_markdown(&out, &table);
    assert_non_null(strstr(out.data, "| `url` | string | required | Where to connect. |"));
    assert_non_null(strstr(out.data, "How many \\| really."));
    assert_int_equal(json_array_size(json), table.count);
    assert_int_equal(json_array_size(json_object_get(json_array_get(json, 7), "values")), 3);
    json_decref(json);
    buf_done(&out);
}

static void instance_keys_are_read_alone_and_known_to_the_plugins_table(void **state)
{
    struct fixture *f = *state;
    struct options_table with_instance = table;
    struct options_values *v = NULL;

    with_instance.also = &options_instance_table;
    assert_true(fixture_parse(f, "[s]\nplugin = p\nenabled = no\nurl = ${NOPE}\npluginn = 1\n"));
    assert_int_equal(options_fill_instance(f->conf, f->conf->sections, &v, &f->report), PARLEY_OK);
    const struct options_instance *i = options_config(v);
    assert_string_equal(i->plugin, "p");
    assert_int_equal(i->enabled, 0);
    v = options_destroy(v);
    assert_int_equal(options_fill(&with_instance, f->conf, f->conf->sections, &v, &f->report),
                     PARLEY_E_INVALID);
    assert_problem(f, 2, "pluginn: unknown key; did you mean \"plugin\"?");
    assert_problem(f, 2, "NOPE");
}

static void table_of_an_older_plugin_is_stepped_by_its_own_size(void **state)
{
    struct fixture *f = *state;
    struct options_values *v = NULL;
    /* An older struct parley_option, without its last member. */
    enum { OLD = offsetof(struct parley_option, reserved) };
    char old[2 * OLD + sizeof(struct parley_option)];
    const struct options_table old_table = {
        .items = (const void *)old, .count = 2, .item_size = OLD, .config_size = sizeof(C)};

    memcpy(old, &options[0], OLD);
    memcpy(old + OLD, &options[4], OLD);
    assert_true(fixture_parse(f, "[s]\nurl = u\ncount = 3\n"));
    assert_int_equal(options_fill(&old_table, f->conf, f->conf->sections, &v, &f->report),
                     PARLEY_OK);
    assert_int_equal(((const struct config *)options_config(v))->count, 3);
    options_destroy(v);
}

static void broken_table_is_refused(void **state)
{
    struct fixture *f = *state;
    struct options_values *v = NULL;
    struct parley_option bad[3] = {options[0], options[0], options[7]};

    bad[0].offset = sizeof(C) - 4;
    bad[1].type = 99;
    bad[2].values = NULL;
    struct options_table bad_table = OPTIONS_TABLE(bad, C);
    assert_true(fixture_parse(f, "[s]\nurl = u\n"));
    assert_int_equal(options_fill(&bad_table, f->conf, f->conf->sections, &v, &f->report),
                     PARLEY_E_INVALID);
    assert_problem(f, 3, "its entry in the option table is broken");
}

static void section_that_is_not_there_gives_defaults(void **state)
{
    struct fixture *f = *state;
    struct options_table optional = {.items = options + 4,
                                     .count = 1,
                                     .item_size = sizeof(options[0]),
                                     .config_size = sizeof(C)};
    struct options_values *v = NULL;

    assert_int_equal(options_fill(&optional, f->conf, NULL, &v, &f->report), PARLEY_OK);
    assert_int_equal(((const struct config *)options_config(v))->count, 7);
    options_destroy(v);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(every_type_is_parsed),
        T(defaults_fill_what_is_not_set),
        T(every_mistake_is_reported_at_once),
        T(numbers_that_overflow_are_refused),
        T(key_set_twice_names_both_lines),
        T(required_key_may_not_be_empty),
        T(variable_takes_its_default_when_unset_or_empty),
        T(secret_comes_from_a_file_without_its_line_end),
        T(secret_that_everyone_may_read_is_warned_about),
        T(prefix_from_a_variable_is_no_prefix),
        T(text_comes_from_a_file_beside_the_ini),
        T(file_that_is_no_text_is_refused),
        T(secrets_are_not_shown),
        cmocka_unit_test(table_is_described),
        T(instance_keys_are_read_alone_and_known_to_the_plugins_table),
        T(table_of_an_older_plugin_is_stepped_by_its_own_size),
        T(broken_table_is_refused),
        T(section_that_is_not_there_gives_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
