/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "base/base64.h"
#include "realtime/counters.h"

static void each_kind_of_work_is_counted(void **state)
{
    struct rt_counters before = rt_counters_now();
    struct rt_peek peek;
    struct buf out = {0};

    (void)state;
    (void)rt_peek(VIEW("{}"), &peek);
    (void)rt_peek(VIEW("{}"), &peek);
    json_decref(json_parse(VIEW("{}"), NULL));
    assert_true(base64_decode(&out, VIEW("AAAA")));
    buf_done(&out);
    struct rt_counters cost = rt_counters_since(before);
    assert_int_equal(cost.peeks, 2);
    assert_int_equal(cost.trees, 1);
    assert_int_equal(cost.base64_decodes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_of_work_is_counted)};
    return cmocka_run_group_tests_name("realtime/counters", tests, NULL, NULL);
}
