/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/events.h"

static void an_error_has_type_code_path_and_message(void **state)
{
    struct rt_error e;

    (void)state;
    assert_int_equal(rt_error_set(&e, RT_ERROR_INTEGER_BELOW_MIN, "session.a", "%d is too low", 3),
                     PARLEY_E_INVALID);
    assert_string_equal(e.type, "invalid_request_error");
    wire_assert_fault(&e, "integer_below_min_value", "session.a");
    assert_string_equal(e.message, "3 is too low");
    assert_int_equal(rt_error_set(NULL, RT_ERROR_SERVER, NULL, "x"), PARLEY_E_INVALID);
}

static void a_server_error_has_no_code(void **state)
{
    struct rt_error e;

    (void)state;
    (void)rt_error_set(&e, RT_ERROR_SERVER, NULL, "try again");
    assert_string_equal(e.type, "server_error");
    assert_string_equal(e.code, "");
}

static void every_fault_of_peek_has_its_words(void **state)
{
    (void)state;
    for (unsigned fault = RT_FAULT_JSON; fault < RT_FAULT_COUNT; fault++) {
        struct rt_peek peek = {.fault = (enum rt_fault)fault, .fault_at = 5};
        struct rt_error e = {0};
        assert_int_equal(rt_error_of_fault(&e, &peek), PARLEY_E_INVALID);
        bool is_json = fault == RT_FAULT_JSON || fault == RT_FAULT_TOO_DEEP;
        assert_string_equal(e.code, is_json ? "invalid_json" : "invalid_event");
        assert_string_not_equal(e.message, "");
    }
}

static void an_unknown_type_lists_all_that_a_client_may_send(void **state)
{
    struct rt_error e;

    (void)state;
    assert_int_equal(rt_error_of_unknown_type(&e, VIEW("session.dance")), PARLEY_E_INVALID);
    wire_assert_fault(&e, "invalid_value", "type");
    assert_non_null(strstr(e.message, "'session.dance'"));
    for (unsigned i = 1; i < RT_EVENT_COUNT; i++) {
        const struct rt_event_info *info = rt_event_info((enum rt_event)i);
        bool may_send = info->direction == RT_CLIENT && info->action != RT_DO_REFUSE;
        char quoted[100];
        (void)snprintf(quoted, sizeof(quoted), "'%s'", info->name);
        assert_int_equal(strstr(e.message, quoted) != NULL, may_send);
    }
}

static void an_upstreams_error_keeps_its_words(void **state)
{
    struct rt_error e;

    (void)state;
    rt_error_copy(&e, "insufficient_quota", "credit_balance_exhausted", "No credit.");
    assert_string_equal(e.type, "insufficient_quota");
    assert_int_equal(rt_error_close_code(&e), 1013);
    char reason[124];
    rt_error_close_reason(&e, reason);
    assert_string_equal(reason, "insufficient_quota.credit_balance_exhausted");
    rt_error_copy(&e, NULL, NULL, NULL);
    assert_string_equal(e.type, "server_error");
    rt_error_close_reason(&e, reason);
    assert_string_equal(reason, "server_error");
}

static void fatal_errors_close_with_the_codes_that_clients_know(void **state)
{
    static const struct {
        enum rt_error_kind kind;
        int code;
    } table[] = {
        {RT_ERROR_INVALID_API_KEY, 3000}, {RT_ERROR_MISSING_MODEL, 4000},
        {RT_ERROR_INVALID_MODEL, 4000},   {RT_ERROR_MODEL_NOT_FOUND, 4004},
        {RT_ERROR_QUOTA, 1013},           {RT_ERROR_RATE_LIMIT, 1013},
        {RT_ERROR_EVENT_TOO_LARGE, 1009}, {RT_ERROR_SERVER, 1011},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct rt_error e;
        (void)rt_error_set(&e, table[i].kind, NULL, "x");
        assert_int_equal(rt_error_close_code(&e), table[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_type_code_path_and_message),
        cmocka_unit_test(a_server_error_has_no_code),
        cmocka_unit_test(every_fault_of_peek_has_its_words),
        cmocka_unit_test(an_unknown_type_lists_all_that_a_client_may_send),
        cmocka_unit_test(an_upstreams_error_keeps_its_words),
        cmocka_unit_test(fatal_errors_close_with_the_codes_that_clients_know),
    };
    return cmocka_run_group_tests_name("realtime/wire_error", tests, NULL, NULL);
}
