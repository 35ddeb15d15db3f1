/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_fixture.h"

static const char *text_of(struct fixture *f, const char *kind, const char *name, const char *key)
{
    const struct conf_section *s = conf_find(f->conf, kind, name);
    const struct conf_key *k = s == NULL ? NULL : conf_key(s, key);

    return k == NULL || k->values == NULL ? NULL : k->values->text;
}

static void sections_keep_order_name_file_and_line(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "# first\n[server]\nlisten = :1\n\n[model openai]\nplugin=p\n"));
    const struct conf_section *s = f->conf->sections;
    assert_string_equal(s->kind, "server");
    assert_string_equal(s->name, "");
    assert_int_equal(s->line, 2);
    s = s->next;
    assert_string_equal(s->kind, "model");
    assert_string_equal(s->name, "openai");
    assert_string_equal(s->keys->values->file, "a.ini");
    assert_int_equal(s->keys->values->line, 6);
    assert_null(s->next);
}

static void section_without_keys_is_kept(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "[auth]\n[server]\n[admin]"));
    assert_non_null(conf_find(f->conf, "auth", ""));
    assert_non_null(conf_find(f->conf, "admin", ""));
    assert_int_equal(f->conf->section_count, 3);
}

static void bom_crlf_and_indentation_do_not_matter(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "\xef\xbb\xbf[server]\r\n  a = 1\r\n\tb = 2  \r\n"));
    assert_string_equal(text_of(f, "server", "", "a"), "1");
    assert_string_equal(text_of(f, "server", "", "b"), "2");
}

static void comment_needs_a_space_before_it(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "[s] ; why\na = x#y;z\nb = x # y\nc = x\t; y\nd = # all\n"
                                 "; e = 1\n# f = 1\n"));
    assert_string_equal(text_of(f, "s", "", "a"), "x#y;z");
    assert_string_equal(text_of(f, "s", "", "b"), "x");
    assert_string_equal(text_of(f, "s", "", "c"), "x");
    assert_string_equal(text_of(f, "s", "", "d"), "");
    assert_null(text_of(f, "s", "", "e"));
    assert_null(text_of(f, "s", "", "f"));
}

static void quoted_value_holds_anything(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "[s]\na = \" x # y \" # comment\nb = \"\\\"q\\\" \\\\ \\n\\t=\"\n"
                                 "c = \"\"\n"));
    assert_string_equal(text_of(f, "s", "", "a"), " x # y ");
    assert_string_equal(text_of(f, "s", "", "b"), "\"q\" \\ \n\t=");
    assert_string_equal(text_of(f, "s", "", "c"), "");
}

static void value_longer_than_a_line_of_inih_is_whole(void **state)
{
    struct fixture *f = *state;
    char text[5000] = "[s]\na = ";

    memset(text + 8, 'x', 4000);
    assert_true(fixture_parse(f, text));
    assert_int_equal(strlen(text_of(f, "s", "", "a")), 4000);
}

static void value_may_hold_equals_and_colons(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "[s]\nurl = http://h:1/?a=b\n"));
    assert_string_equal(text_of(f, "s", "", "url"), "http://h:1/?a=b");
}

static void later_layer_replaces_all_values_of_a_key(void **state)
{
    struct fixture *f = *state;

    assert_true(fixture_parse(f, "[s]\na = 1\na = 2\nb = 3\n"));
    assert_true(fixture_parse(f, "[s]\na = 4\na = 5\n[t]\nc = 6\n"));
    const struct conf_key *k = conf_key(conf_find(f->conf, "s", ""), "a");
    assert_int_equal(k->value_count, 2);
    assert_string_equal(k->values->text, "4");
    assert_string_equal(k->values->file, "b.ini");
    assert_string_equal(k->values->next->text, "5");
    assert_string_equal(text_of(f, "s", "", "b"), "3");
    assert_string_equal(text_of(f, "t", "", "c"), "6");
}

static void duplicate_section_names_both_lines(void **state)
{
    struct fixture *f = *state;

    assert_false(fixture_parse(f, "[s]\n[model a]\n[model  a]\nk = 1\n"));
    assert_problem(f, 1, "a.ini:3: [model  a] appears twice, first in line 2; merge the two");
}

static void every_bad_line_is_reported(void **state)
{
    struct fixture *f = *state;

    assert_false(fixture_parse(f, "k = 1\n[\n[]\n[a b c]\n[ok] x\n[s]\nnothing\n= 1\nbad key = 1\n"
                                  "q = \"open\nr = \"a\" b\nt = \"\\x\"\nu = \xff\n"));
    assert_problem(f, 12, "a.ini:1: k: stands before the first [section]");
    assert_problem(f, 12, "a.ini:2: the section's ] is missing");
    assert_problem(f, 12, "a.ini:3: no section; write [kind] or [kind name]");
    assert_problem(f, 12, "a.ini:4: no section");
    assert_problem(f, 12, "a.ini:5: text after the section's ]");
    assert_problem(f, 12, "a.ini:7: [s] neither a [section] nor \"key = value\"");
    assert_problem(f, 12, "a.ini:8: [s] a key is 1 to 48 letters");
    assert_problem(f, 12, "a.ini:9: [s] a key is");
    assert_problem(f, 12, "a.ini:10: [s] q: the closing quote is missing");
    assert_problem(f, 12, "a.ini:11: [s] r: text after the closing quote");
    assert_problem(f, 12, "a.ini:12: [s] t: a backslash");
    assert_problem(f, 12, "a.ini:13: [s] not UTF-8 text");
}

static void keys_of_a_bad_section_are_not_reported_again(void **state)
{
    struct fixture *f = *state;

    assert_false(fixture_parse(f, "[a b c]\nx = 1\ny = 2\n"));
    assert_problem(f, 1, "a.ini:1: no section");
}

static void limits_hold(void **state)
{
    struct fixture *f = *state;
    size_t len = CONF_MAX_LINE_BYTES + 10;
    char *line = malloc(len + 1);

    memset(line, 'a', len);
    line[len] = '\0';
    assert_false(fixture_parse(f, line));
    assert_problem(f, 1, "the longest allowed is 65536");
    free(line);

    char *many = malloc(16 * (CONF_MAX_SECTIONS + 2));
    size_t at = 0;
    for (int i = 0; i <= CONF_MAX_SECTIONS; i++)
        at += (size_t)sprintf(many + at, "[m n%d]\n", i);
    assert_false(fixture_parse(f, many));
    assert_problem(f, 2, "more than 1024 sections");
    free(many);
}

static void unknown_section_names_the_nearest(void **state)
{
    struct fixture *f = *state;
    static const struct conf_kind kinds[] = {{"server", false}, {"model", true}, {"agent", true}};

    assert_true(
        fixture_parse(f, "[sever]\n[models x]\n[model]\n[server main]\n[agent a]\n[zzz]\n"));
    assert_false(conf_check_sections(f->conf, kinds, 3, &f->report));
    assert_problem(f, 5, "a.ini:1: [sever] unknown section; did you mean \"server\"?");
    assert_problem(f, 5, "a.ini:2: [models x] unknown section; did you mean \"model\"?");
    assert_problem(f, 5, "a.ini:3: [model] has no name; write [model NAME]");
    assert_problem(f, 5, "a.ini:4: [server main] takes no name; write [server]");
    assert_problem(f, 5, "a.ini:6: [zzz] unknown section");
}

static void load_reads_the_environment_beside_the_base(void **state)
{
    struct fixture *f = *state;
    struct conf *c = NULL;
    char base[128];

    fixture_write(f, "parley.ini", "[s]\na = 1\nb = 2\n", 0600);
    fixture_write(f, "parley.production.ini", "[s]\nb = 3\n", 0600);
    (void)snprintf(base, sizeof(base), "%s", fixture_path(f, "parley.ini"));
    assert_int_equal(conf_load(base, "production", NULL, &c, &f->report), PARLEY_OK);
    assert_string_equal(c->dir, f->dir);
    assert_string_equal(conf_key(conf_find(c, "s", ""), "a")->values->text, "1");
    assert_string_equal(conf_key(conf_find(c, "s", ""), "b")->values->text, "3");
    assert_string_equal(conf_key(conf_find(c, "s", ""), "b")->values->file,
                        fixture_path(f, "parley.production.ini"));
    conf_destroy(c);
}

static void load_refuses_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct conf *c = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;
    char base[128];

    (void)snprintf(base, sizeof(base), "%s", fixture_path(f, "parley.ini"));
    assert_int_equal(conf_load(base, NULL, NULL, &c, &f->report), PARLEY_E_INVALID);
    assert_problem(f, 1, "parley.ini: No such file or directory");
    fixture_write(f, "parley.ini", "", 0600);
    assert_int_equal(conf_load(base, "staging", NULL, &c, &f->report), PARLEY_E_INVALID);
    assert_problem(f, 2, "parley.staging.ini: No such file or directory");
    assert_int_equal(conf_load(base, "../x", NULL, &c, &f->report), PARLEY_E_INVALID);
    assert_problem(f, 3, "\"../x\" is no name of an environment");
    assert_int_equal(conf_load(f->dir, NULL, NULL, &c, &f->report), PARLEY_E_INVALID);
    assert_problem(f, 4, "not a file");
    assert_int_equal(conf_report_to_error(&f->report, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "(and 3 more)"));
}

static void report_counts_beyond_its_bound(void **state)
{
    struct fixture *f = *state;
    char text[2000] = "[s]\n";

    for (int i = 0; i < 150; i++)
        strcat(text, "x\n");
    assert_false(fixture_parse(f, text));
    assert_int_equal(f->report.count, CONF_REPORT_MAX);
    assert_int_equal(f->report.errors, 150);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(sections_keep_order_name_file_and_line),
        T(section_without_keys_is_kept),
        T(bom_crlf_and_indentation_do_not_matter),
        T(comment_needs_a_space_before_it),
        T(quoted_value_holds_anything),
        T(value_longer_than_a_line_of_inih_is_whole),
        T(value_may_hold_equals_and_colons),
        T(later_layer_replaces_all_values_of_a_key),
        T(duplicate_section_names_both_lines),
        T(every_bad_line_is_reported),
        T(keys_of_a_bad_section_are_not_reported_again),
        T(limits_hold),
        T(unknown_section_names_the_nearest),
        T(load_reads_the_environment_beside_the_base),
        T(load_refuses_what_is_not_there),
        T(report_counts_beyond_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
