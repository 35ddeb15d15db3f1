/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/* An agent with several models: which of them a session gets, and what the client sees of it. */

#define TWO WIRE_MODEL("a", "") WIRE_MODEL("b", "")

static void is_ready_with(struct wire *w, const char *name)
{
    assert_string_equal(wire_model_name(w), name);
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    (void)wire_client_gets(w, "session.created");
    wire_client_gets_nothing(w);
}

static void a_model_that_cannot_be_reached_makes_room_for_the_next(void **state)
{
    (void)state;
    wire_record(false, "");
    wire_models(TWO, "a, b");
    struct wire *w = wire_connect("");

    assert_string_equal(wire_model_name(w), "a");
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "", true);
    assert_int_equal(wire_model_opens(w), 2);
    is_ready_with(w, "b");
    assert_true(recording_value(wire_recording(w), "parley.backend.reconnects",
                                "parley.reconnect_reason", "error") == 1);
    wire_close(w);
}

static void each_model_that_is_tried_is_timed_by_itself(void **state)
{
    const char *time = "parley.backend.connect.duration";

    (void)state;
    wire_record(false, "");
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = wire_connect("");
    wire_advance_ms(w, 5000);
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1011, "too_late", true);
    wire_advance_ms(w, 30);
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1011, "overloaded", true);
    assert_float_equal(recording_sum(wire_recording(w), time, "error.type", "too_late"), 5, 0.001);
    assert_float_equal(recording_sum(wire_recording(w), time, "error.type", "overloaded"), 0.03,
                       0.001);
    wire_close(w);
}

static void a_model_that_refuses_at_once_is_passed_over(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "refuses = yes") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = wire_connect("");

    is_ready_with(w, "b");
    wire_close(w);
}

static void what_would_fail_everywhere_is_told_and_not_tried_again(void **state)
{
    (void)state;
    wire_models(TWO, "a, b");
    struct wire *w = wire_connect("");

    wire_model_closes(w, PARLEY_E_DENIED, 3000, "invalid_api_key", false);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "invalid_api_key");
    wire_client_is_closed(w, 3000);
    assert_int_equal(wire_model_opens(w), 1);
    wire_close(w);
}

static void when_none_is_left_the_last_failure_is_told(void **state)
{
    (void)state;
    wire_models(TWO, "a, b");
    struct wire *w = wire_connect("");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "", true);
    wire_model_closes(w, PARLEY_E_BUSY, 1013, "rate_limit_exceeded", true);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"),
                        "rate_limit_exceeded");
    wire_client_is_closed(w, 1013);
    wire_close(w);
}

static void a_model_that_lacks_what_the_agent_uses_is_passed_by(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", "lacks = tools") WIRE_MODEL("c", ""),
                "a, b, c");
    struct wire *w = wire_connect("tools = t");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "", true);
    is_ready_with(w, "c");
    wire_close(w);
}

static void what_the_first_model_lacks_is_not_asked_of_the_next(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "lacks = audio") WIRE_MODEL("b", "lacks = audio"), "a, b");
    struct wire *w = wire_connect("");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "", true);
    is_ready_with(w, "b");
    wire_close(w);
}

static void a_model_that_failed_rests_and_is_then_probed_by_one_session(void **state)
{
    (void)state;
    wire_models(TWO, "a, b");
    struct wire *w = wire_connect("model_cooldown_ms = 10s");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "", true);
    is_ready_with(w, "b");
    wire_reopen(w);
    is_ready_with(w, "b");
    wire_advance_ms(w, 10000);
    wire_reopen(w);
    assert_string_equal(wire_model_name(w), "a");
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "", true);
    is_ready_with(w, "b");
    wire_advance_ms(w, 19000); /* twice as long the second time */
    wire_reopen(w);
    is_ready_with(w, "b");
    wire_advance_ms(w, 1000);
    wire_reopen(w);
    is_ready_with(w, "a");
    wire_reopen(w);
    is_ready_with(w, "a");
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_cannot_be_reached_makes_room_for_the_next),
        cmocka_unit_test(each_model_that_is_tried_is_timed_by_itself),
        cmocka_unit_test(a_model_that_refuses_at_once_is_passed_over),
        cmocka_unit_test(what_would_fail_everywhere_is_told_and_not_tried_again),
        cmocka_unit_test(when_none_is_left_the_last_failure_is_told),
        cmocka_unit_test(a_model_that_lacks_what_the_agent_uses_is_passed_by),
        cmocka_unit_test(what_the_first_model_lacks_is_not_asked_of_the_next),
        cmocka_unit_test(a_model_that_failed_rests_and_is_then_probed_by_one_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
