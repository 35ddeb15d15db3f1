/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/pending.h"

static void entries_are_found_by_their_id_only(void **state)
{
    struct pending_list p;

    (void)state;
    pending_init(&p);
    const struct pending *a = pending_add(&p, PENDING_TRUNCATE, VIEW("client_1"), NULL);
    assert_ptr_equal(pending_find(&p, view_of(a->id)), a);
    assert_string_equal(a->client_event_id, "client_1");
    assert_null(pending_find(&p, VIEW("client_1")));
    assert_null(pending_find(&p, VIEW("")));
    pending_remove(pending_find(&p, view_of(a->id)));
    assert_null(pending_oldest(&p, PENDING_TRUNCATE));
    pending_done(&p);
}

static void the_oldest_of_a_kind_answers_first(void **state)
{
    struct pending_list p;

    (void)state;
    pending_init(&p);
    const struct pending *first = pending_add(&p, PENDING_CLIENT_UPDATE, VIEW(""), NULL);
    (void)pending_add(&p, PENDING_TRUNCATE, VIEW(""), NULL);
    (void)pending_add(&p, PENDING_CLIENT_UPDATE, VIEW(""), NULL);
    assert_ptr_equal(pending_oldest(&p, PENDING_CLIENT_UPDATE), first);
    pending_done(&p);
}

static void a_flood_forgets_the_oldest(void **state)
{
    struct pending_list p;
    char first[PENDING_ID_CHARS + 1];

    (void)state;
    pending_init(&p);
    (void)strcpy(first, pending_add(&p, PENDING_DELETE, VIEW("x"), json_object())->id);
    for (int i = 0; i < PENDING_MAX; i++)
        (void)pending_add(&p, PENDING_DELETE, VIEW("x"), json_object());
    assert_null(pending_find(&p, view_of(first)));
    pending_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_their_id_only),
        cmocka_unit_test(the_oldest_of_a_kind_answers_first),
        cmocka_unit_test(a_flood_forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
