/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX (4u << 20)

static char *file; /* of FILE_MAX bytes */
static size_t file_len;

static void add(const char *text)
{
    size_t len = strlen(text);

    memcpy(file + file_len, text, len);
    file_len += len;
}

/* A file of `count` pieces; the first ones are as in the real one, the rest are "p5" and so on. */
static void make_file(int count)
{
    char line[32];

    file_len = 0;
    add("<unk>\n<s>\n</s>\n<0xC3>\n<0xA9>\n\xe2\x96\x81hi\n\xe2\x96\x81\xe2\x96\x81x\n");
    for (int i = 7; i < count; i++) {
        snprintf(line, sizeof(line), "p%d\n", i);
        add(line);
    }
}

static int set_up(void **state)
{
    (void)state;
    file = malloc(FILE_MAX);
    make_file(TOKENS_COUNT);
    return file == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(file);
    return 0;
}

static void text_of(const int64_t *list, size_t count, char out[64])
{
    struct tokens *tokens = NULL;
    size_t len = 0;

    assert_int_equal(tokens_parse(file, file_len, &tokens, NULL), PARLEY_OK);
    for (size_t i = 0; i < count; i++)
        assert_true(tokens_append(tokens, list[i], out, 63, &len));
    out[tokens_tidy(out, len)] = '\0';
    tokens_destroy(tokens);
}

static void pieces_make_words(void **state)
{
    static const int64_t list[] = {1, 5, 6, 3, 4, 31999, 2};
    char text[64];

    (void)state;
    text_of(list, 7, text);
    assert_string_equal(text, "hi  x\xc3\xa9p31999");
}

static void numbers_beyond_the_alphabet_add_nothing(void **state)
{
    static const int64_t list[] = {-1, 0, 32000, 32767, INT64_MAX, INT64_MIN, 5};
    char text[64];

    (void)state;
    text_of(list, 7, text);
    assert_string_equal(text, "hi");
}

static void half_a_character_becomes_a_question_mark(void **state)
{
    static const int64_t list[] = {5, 3, 5, 4};
    char text[64];

    (void)state;
    text_of(list, 4, text);
    assert_string_equal(text, "hi? hi?");
}

static void what_does_not_fit_is_told(void **state)
{
    struct tokens *tokens = NULL;
    char out[2];
    size_t len = 0;

    (void)state;
    assert_int_equal(tokens_parse(file, file_len, &tokens, NULL), PARLEY_OK);
    assert_false(tokens_append(tokens, 5, out, sizeof(out), &len));
    assert_int_equal(len, 2);
    tokens_destroy(tokens);
}

static void the_last_line_needs_no_end(void **state)
{
    struct tokens *tokens = NULL;

    (void)state;
    assert_int_equal(tokens_parse(file, file_len - 1, &tokens, NULL), PARLEY_OK);
    tokens_destroy(tokens);
}

static void assert_refused(size_t len, const char *words)
{
    struct tokens *tokens = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_true(tokens_parse(file, len, &tokens, &err) < 0);
    assert_null(tokens);
    if (strstr(err.message, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.message);
}

static void another_number_of_lines_is_refused(void **state)
{
    (void)state;
    assert_refused(0, "0 lines");
    make_file(TOKENS_COUNT - 1);
    assert_refused(file_len, "31999 lines");
    make_file(TOKENS_COUNT + 1);
    assert_refused(file_len, "more than 32000");
}

static void lines_that_are_no_pieces_are_refused(void **state)
{
    (void)state;
    file[6] = '\n';
    assert_refused(file_len, "line 2 has 0 bytes");
    file[6] = '\0';
    assert_refused(file_len, "NUL");
    memset(file, 'x', 200);
    assert_refused(file_len, "line 1");
    memset(file, 'x', FILE_MAX);
    assert_refused(FILE_MAX, "more than");
}

static void a_missing_file_is_named(void **state)
{
    struct tokens *tokens = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(tokens_load("/nowhere/tokens.txt", &tokens, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/tokens.txt"));
}

static void every_kind_of_broken_utf8_becomes_ascii(void **state)
{
    static const char *const broken[] = {
        "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        char text[8];
        size_t len = strlen(broken[i]);
        memcpy(text, broken[i], len);
        assert_int_equal(tokens_tidy(text, len), len);
        for (size_t j = 0; j < len; j++)
            assert_int_equal(text[j], '?');
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pieces_make_words),
        TEST(numbers_beyond_the_alphabet_add_nothing),
        TEST(half_a_character_becomes_a_question_mark),
        TEST(what_does_not_fit_is_told),
        TEST(the_last_line_needs_no_end),
        TEST(another_number_of_lines_is_refused),
        TEST(lines_that_are_no_pieces_are_refused),
        TEST(a_missing_file_is_named),
        TEST(every_kind_of_broken_utf8_becomes_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
