/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "cascade/heard.h"

#include <string.h>

/* "One two three four. " in the first second, "Five six." in the next half. */
static const char text[] = "One two three four. Five six.";
static const struct heard_mark marks[] = {{20, 1000}, {29, 1500}};

static void expect_heard(int64_t ms, const char *words)
{
    size_t len = heard_bytes(view_of(text), marks, 2, ms);

    assert_int_equal(len, strlen(words));
    assert_memory_equal(text, words, len);
}

static void nothing_was_heard_at_once(void **state)
{
    (void)state;
    expect_heard(0, "");
    expect_heard(-5, "");
}

static void a_cut_sentence_keeps_whole_words(void **state)
{
    (void)state;
    expect_heard(300, "One");
    expect_heard(500, "One two");
    expect_heard(700, "One two three");
}

static void whole_sentences_are_heard_whole(void **state)
{
    (void)state;
    expect_heard(1000, "One two three four.");
    expect_heard(1300, "One two three four. Five");
    expect_heard(1500, "One two three four. Five six.");
    expect_heard(9999, "One two three four. Five six.");
}

static void sentences_without_sound_do_no_harm(void **state)
{
    const struct heard_mark silent[] = {{20, 0}, {29, 500}};

    (void)state;
    assert_int_equal(heard_bytes(view_of(text), silent, 2, 0), 19);
    assert_int_equal(heard_bytes(view_of(text), silent, 0, 100), 0);
}

static void marks_beyond_the_text_are_not_believed(void **state)
{
    const struct heard_mark wrong[] = {{20, 1000}, {99, 1500}};

    (void)state;
    assert_int_equal(heard_bytes(view_of(text), wrong, 2, 1400), 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_heard_at_once),
        cmocka_unit_test(a_cut_sentence_keeps_whole_words),
        cmocka_unit_test(whole_sentences_are_heard_whole),
        cmocka_unit_test(sentences_without_sound_do_no_harm),
        cmocka_unit_test(marks_beyond_the_text_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
