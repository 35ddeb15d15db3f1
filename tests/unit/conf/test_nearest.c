/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/nearest.h"

#include <string.h>

static const char *nearest(const char *word)
{
    static const char *const known[] = {"server", "model", "agent", "store", "tools", "tls"};
    struct nearest n = nearest_to(word);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        nearest_offer(&n, known[i]);
    return n.best == NULL ? "" : n.best;
}

static void finds_the_word_behind_a_slip(void **state)
{
    (void)state;
    assert_string_equal(nearest("sevrer"), "server");
    assert_string_equal(nearest("MODEL"), "model");
    assert_string_equal(nearest("agents"), "agent");
    assert_string_equal(nearest("tool"), "tools");
    assert_string_equal(nearest("stroe"), "store");
}

static void says_nothing_when_nothing_is_near(void **state)
{
    (void)state;
    char long_word[200];

    memset(long_word, 'a', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    assert_string_equal(nearest("weather"), "");
    assert_string_equal(nearest("xyz"), "");
    assert_string_equal(nearest(""), "");
    assert_string_equal(nearest(long_word), "");
}

static void hint_reads_as_a_question(void **state)
{
    (void)state;
    char hint[64];
    struct nearest n = nearest_to("modl");

    assert_string_equal(nearest_hint(&n, hint, sizeof(hint)), "");
    nearest_offer(&n, "model");
    assert_string_equal(nearest_hint(&n, hint, sizeof(hint)), "; did you mean \"model\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_word_behind_a_slip),
        cmocka_unit_test(says_nothing_when_nothing_is_near),
        cmocka_unit_test(hint_reads_as_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
