/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "cascade/trailing.h"

static void whole_sentences_do_not_trail_off(void **state)
{
    (void)state;
    assert_false(words_trail_off(VIEW("What is two plus three?")));
    assert_false(words_trail_off(VIEW("Set a timer.")));
    assert_false(words_trail_off(VIEW("what time is it")));
    assert_false(words_trail_off(VIEW("")));
    assert_false(words_trail_off(VIEW("Stop. ")));
}

static void a_word_that_wants_another_trails_off(void **state)
{
    (void)state;
    assert_true(words_trail_off(VIEW("Add two and")));
    assert_true(words_trail_off(VIEW("Add two and.")));
    assert_true(words_trail_off(VIEW("I would like to, Um...")));
    assert_true(words_trail_off(VIEW("Send it to my")));
    assert_true(words_trail_off(VIEW("the")));
}

static void an_open_mark_trails_off(void **state)
{
    (void)state;
    assert_true(words_trail_off(VIEW("Two apples, ")));
    assert_true(words_trail_off(VIEW("Well -")));
    assert_true(words_trail_off(VIEW("I think\xe2\x80\xa6")));
}

static void the_end_of_a_longer_word_is_not_a_word(void **state)
{
    (void)state;
    assert_false(words_trail_off(VIEW("Play the band")));
    assert_false(words_trail_off(VIEW("Call Thor")));
    assert_false(words_trail_off(VIEW("Anruf bei L\xc3\xbc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_sentences_do_not_trail_off),
        cmocka_unit_test(a_word_that_wants_another_trails_off),
        cmocka_unit_test(an_open_mark_trails_off),
        cmocka_unit_test(the_end_of_a_longer_word_is_not_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
