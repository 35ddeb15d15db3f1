/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/utf8.h"
#include "cascade/sentences.h"

/* Cut a text that comes whole; pieces are joined with '|'. */
static void cut(const char *text, struct buf *out)
{
    struct sentences s = {0};
    struct buf piece = {0};

    buf_clear(out);
    sentences_add(&s, view_of(text));
    while (sentences_take(&s, true, &piece)) {
        if (piece.len == 0)
            break;
        if (out->len > 0)
            buf_append_char(out, '|');
        buf_append_view(out, buf_view(&piece));
        buf_clear(&piece);
    }
    buf_done(&piece);
    sentences_done(&s);
}

static void expect_cut(const char *text, const char *pieces)
{
    struct buf out = {0};

    cut(text, &out);
    assert_string_equal(out.data == NULL ? "" : out.data, pieces);
    buf_done(&out);
}

static void sentences_end_at_their_marks(void **state)
{
    (void)state;
    expect_cut("It is five. Do you want more? Yes!", "It is five. |Do you want more? |Yes!");
    expect_cut("He said \"no.\" Then he left.", "He said \"no.\" |Then he left.");
    expect_cut("First line\nsecond line", "First line\n|second line");
    expect_cut("Wait... what?! Really", "Wait... |what?! |Really");
}

static void full_stops_inside_words_end_nothing(void **state)
{
    (void)state;
    expect_cut("Pi is 3.14 or so. Ask Dr. Smith.", "Pi is 3.14 or so. |Ask Dr. Smith.");
    expect_cut("See www.example.com, e.g. today.", "See www.example.com, e.g. today.");
    expect_cut("J. S. Bach wrote it.", "J. S. Bach wrote it.");
    expect_cut("1. Bread", "1. Bread");
    expect_cut("So am I. You too.", "So am I. |You too.");
}

static void marks_that_need_no_space_end_a_sentence(void **state)
{
    (void)state;
    expect_cut("\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82\xe5\x86\x8d\xe8\xa7\x81",
               "\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82|\xe5\x86\x8d\xe8\xa7\x81");
}

static void only_the_first_piece_may_be_a_clause(void **state)
{
    (void)state;
    expect_cut(
        "The weather in the northern half of the country, which is cold, is bad. After all "
        "that has been said about it so far, it stays.",
        "The weather in the northern half of the country, |which is cold, is bad. |After all "
        "that has been said about it so far, it stays.");
    expect_cut("Well, no.", "Well, no.");
}

static void a_mark_waits_for_what_follows_it(void **state)
{
    struct sentences s = {0};
    struct buf piece = {0};

    (void)state;
    sentences_add(&s, VIEW("It is 3."));
    assert_false(sentences_take(&s, false, &piece));
    sentences_add(&s, VIEW("5 degrees."));
    assert_false(sentences_take(&s, false, &piece));
    sentences_add(&s, VIEW(" Cold"));
    assert_true(sentences_take(&s, false, &piece));
    assert_string_equal(piece.data, "It is 3.5 degrees. ");
    buf_done(&piece);
    sentences_done(&s);
}

static void a_text_without_an_end_is_cut_between_words(void **state)
{
    struct sentences s = {0};
    struct buf piece = {0};
    size_t total = 0;

    (void)state;
    for (int i = 0; i < 500; i++)
        sentences_add(&s, VIEW("word "));
    while (sentences_take(&s, false, &piece)) {
        assert_true(piece.len <= SENTENCES_MAX_BYTES);
        assert_int_equal(piece.data[piece.len - 1], ' ');
        total += piece.len;
        buf_clear(&piece);
    }
    assert_true(total + SENTENCES_MAX_BYTES >= 2500);
    buf_done(&piece);
    sentences_done(&s);
}

static void a_word_without_an_end_is_cut_between_characters(void **state)
{
    struct sentences s = {0};
    struct buf piece = {0};

    (void)state;
    for (int i = 0; i < 300; i++)
        sentences_add(&s, VIEW("\xc3\xa4"));
    assert_true(sentences_take(&s, false, &piece));
    assert_true(utf8_valid(piece.data, piece.len));
    buf_done(&piece);
    sentences_done(&s);
}

static void byte_by_byte_gives_the_same_text(void **state)
{
    const char *text =
        "Hello there, Mr. Fox! It costs 3.50, \xe2\x82\xac not 4\xe2\x80\xa6 right?  "
        "\n\nGood. * yes *";
    struct sentences s = {0};
    struct buf all = {0};

    (void)state;
    for (const char *c = text; *c != '\0'; c++) {
        sentences_add(&s, (struct parley_view){c, 1});
        while (sentences_take(&s, false, &all))
            ;
    }
    while (s.text.len > 0 && sentences_take(&s, true, &all))
        ;
    assert_string_equal(all.data, text);
    buf_done(&all);
    sentences_done(&s);
}

static void nothing_is_no_piece(void **state)
{
    struct sentences s = {0};
    struct buf piece = {0};

    (void)state;
    assert_false(sentences_take(&s, true, &piece));
    assert_int_equal(piece.len, 0);
    sentences_done(&s);
}

static void marks_of_markdown_are_not_spoken(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_true(sentences_speakable(&out, VIEW("## It is **very**  `cold`,\n snake_case! ")));
    assert_string_equal(out.data, "It is very cold, snake_case!");
    buf_clear(&out);
    assert_false(sentences_speakable(&out, VIEW(" --- \n")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_at_their_marks),
        cmocka_unit_test(full_stops_inside_words_end_nothing),
        cmocka_unit_test(marks_that_need_no_space_end_a_sentence),
        cmocka_unit_test(only_the_first_piece_may_be_a_clause),
        cmocka_unit_test(a_mark_waits_for_what_follows_it),
        cmocka_unit_test(a_text_without_an_end_is_cut_between_words),
        cmocka_unit_test(a_word_without_an_end_is_cut_between_characters),
        cmocka_unit_test(byte_by_byte_gives_the_same_text),
        cmocka_unit_test(nothing_is_no_piece),
        cmocka_unit_test(marks_of_markdown_are_not_spoken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
