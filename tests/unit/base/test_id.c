/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/id.h"

#include <string.h>

static void ids_have_their_prefix_and_fit_the_protocol(void **state)
{
    char a[ID_SIZE];
    char b[ID_SIZE];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        id_make(a, "item_");
        id_make(b, "item_");
        assert_int_equal(strncmp(a, "item_", 5), 0);
        assert_true(strlen(a) <= 32);
        assert_string_not_equal(a, b);
    }
}

static void a_long_prefix_is_cut(void **state)
{
    char id[ID_SIZE];

    (void)state;
    id_make(id, "a_prefix_that_is_much_too_long_");
    assert_int_equal(strlen(id), 32);
}

static void random_bytes_differ_beyond_the_pool(void **state)
{
    unsigned char a[4096];
    unsigned char b[4096];

    (void)state;
    id_random_bytes(a, sizeof(a));
    id_random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_have_their_prefix_and_fit_the_protocol),
        cmocka_unit_test(a_long_prefix_is_cut),
        cmocka_unit_test(random_bytes_differ_beyond_the_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
