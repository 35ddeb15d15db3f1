/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/items.h"

static struct item *add(struct items *c, const char *id, bool hidden, size_t bytes)
{
    struct item *i = items_add(c, view_of(id), VIEW(""), NULL);
    char text[64] = {0};

    memset(text, 'x', bytes);
    json_t *json = json_pack("[s]", text);
    i->hidden = hidden;
    i->final = true;
    items_set_json(c, i, json);
    json_decref(json);
    return i;
}

static void items_are_found_by_both_names_and_kept_in_order(void **state)
{
    struct items c;

    (void)state;
    items_init(&c);
    struct item *a = items_add(&c, VIEW("client_a"), VIEW("model_a"), NULL);
    struct item *b = items_add(&c, VIEW("b"), VIEW(""), NULL);
    struct item *between = items_add(&c, VIEW("m"), VIEW(""), a);
    struct item *first = items_add_first(&c, VIEW("f"), VIEW(""));
    assert_ptr_equal(items_find(&c, VIEW("client_a")), a);
    assert_ptr_equal(items_find_model(&c, VIEW("model_a")), a);
    assert_ptr_equal(items_find_model(&c, VIEW("b")), b);
    assert_ptr_equal(c.all.next, &first->entry);
    assert_ptr_equal(a->entry.next, &between->entry);
    assert_ptr_equal(items_add(&c, VIEW("b"), VIEW(""), NULL), b);
    assert_int_equal(c.count, 4);
    items_done(&c);
}

static void hidden_items_are_passed_over(void **state)
{
    struct items c;

    (void)state;
    items_init(&c);
    struct item *hidden_first = add(&c, "h0", true, 1);
    struct item *seen = add(&c, "a", false, 1);
    (void)add(&c, "h1", true, 1);
    struct item *last = add(&c, "h2", true, 1);
    assert_ptr_equal(items_visible(&c, last), seen);
    assert_ptr_equal(items_visible(&c, NULL), seen);
    assert_null(items_visible(&c, hidden_first));
    items_done(&c);
}

static void the_oldest_final_items_go_first(void **state)
{
    struct items c;

    (void)state;
    items_init(&c);
    (void)add(&c, "a", false, 10);
    items_find(&c, VIEW("a"))->final = false;
    (void)add(&c, "b", false, 10);
    (void)add(&c, "c", false, 10);
    assert_int_equal(c.bytes, 42);
    assert_int_equal(items_trim(&c, 2, 1000), 1);
    assert_null(items_find(&c, VIEW("b")));
    assert_non_null(items_find(&c, VIEW("a")));
    assert_int_equal(items_trim(&c, 100, 14), 1);
    assert_int_equal(c.bytes, 14);
    items_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found_by_both_names_and_kept_in_order),
        cmocka_unit_test(hidden_items_are_passed_over),
        cmocka_unit_test(the_oldest_final_items_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
