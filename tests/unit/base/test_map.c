/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/str.h"

#include <stdio.h>

static void keeps_thousands_and_forgets_what_is_removed(void **state)
{
    static int values[5000];
    struct map m = {0};
    char key[16];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_true(map_set(&m, view_of(key), &values[i]));
    }
    assert_int_equal(m.count, 5000);
    for (int i = 0; i < 5000; i += 2) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_ptr_equal(map_remove(&m, view_of(key)), &values[i]);
    }
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_ptr_equal(map_get(&m, view_of(key)), i % 2 == 0 ? NULL : (void *)&values[i]);
    }
    map_done(&m);
}

static void visits_every_entry_once(void **state)
{
    static int value;
    struct map m = {0};
    struct parley_view key;
    void *got;
    size_t at = 0;
    int seen = 0;

    (void)state;
    assert_true(map_set(&m, VIEW("a"), &value));
    assert_true(map_set(&m, VIEW("b"), &value));
    assert_true(map_set(&m, VIEW("a"), &value));
    assert_true(map_set(&m, VIEW(""), &value));
    while (map_next(&m, &at, &key, &got))
        seen++;
    assert_int_equal(seen, 3);
    map_done(&m);
}

static void an_empty_map_answers(void **state)
{
    struct map m = {0};

    (void)state;
    assert_null(map_get(&m, VIEW("x")));
    assert_null(map_remove(&m, VIEW("x")));
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_thousands_and_forgets_what_is_removed),
        cmocka_unit_test(visits_every_entry_once),
        cmocka_unit_test(an_empty_map_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
