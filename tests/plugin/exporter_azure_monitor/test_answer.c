/* SPDX-License-Identifier: Apache-2.0 */
/* What the service's answers ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "answer.h"

#define ITEMS 4

static enum verdict verdicts[ITEMS];
static char message[ANSWER_MESSAGE];

static bool judge(const char *body)
{
    return answer_judge((struct parley_view){body, strlen(body)}, ITEMS, verdicts, message);
}

static void codes_are_ruled_as_the_service_means_them(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum ruling ruling;
    } rows[] = {
        {200, RULING_DONE},      {206, RULING_PART},      {307, RULING_REDIRECT},
        {308, RULING_REDIRECT},  {400, RULING_DROP},      {401, RULING_DENIED},
        {402, RULING_DROP},      {403, RULING_DENIED},    {404, RULING_DROP},
        {408, RULING_LATER},     {413, RULING_TOO_LARGE}, {429, RULING_THROTTLED},
        {439, RULING_THROTTLED}, {500, RULING_LATER},     {501, RULING_DROP},
        {502, RULING_LATER},     {503, RULING_LATER},     {504, RULING_LATER},
        {302, RULING_DROP},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(answer_ruling(rows[i].code), rows[i].ruling);
}

static void each_item_is_judged_by_its_index(void **state)
{
    (void)state;
    assert_true(judge("{\"itemsReceived\": 4, \"itemsAccepted\": 1, \"appId\": null, \"errors\": ["
                      "{\"index\": 0, \"statusCode\": 400, \"message\": \"102: \\\"ver\\\"\\n\"},"
                      "{\"index\": 2, \"statusCode\": 500, \"message\": \"later\"},"
                      "{\"statusCode\": 429, \"message\": {\"x\": [1, 2.5e3]}, \"index\": 3},"
                      "{\"index\": 99, \"statusCode\": 500}, {\"index\": -1}, {}]}"));
    assert_int_equal(verdicts[0], VERDICT_REFUSED);
    assert_int_equal(verdicts[1], VERDICT_ACCEPTED);
    assert_int_equal(verdicts[2], VERDICT_AGAIN);
    assert_int_equal(verdicts[3], VERDICT_AGAIN);
    assert_string_equal(message, "102:   ver   n");
}

static void what_was_sampled_out_is_not_sent_again(void **state)
{
    (void)state;
    assert_true(judge("{\"errors\":[{\"index\":1,\"statusCode\":500,"
                      "\"message\":\"Telemetry sampled out.\"}]}"));
    assert_int_equal(verdicts[1], VERDICT_REFUSED);
}

static void answers_that_are_none_are_told_apart(void **state)
{
    (void)state;
    static const char *const broken[] = {"",
                                         "null",
                                         "[]",
                                         "{",
                                         "{\"errors\":[{\"index\":0,\"statusCode\":500}",
                                         "{\"errors\":[1]}",
                                         "{\"errors\":[{\"index\":}]}",
                                         "{} x",
                                         "<html>",
                                         "{\"a\":\"\\",
                                         "{\"errors\" []}"};
    char deep[4000];

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        if (judge(broken[i]))
            fail_msg("read: %s", broken[i]);
    }
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    memcpy(deep, "{\"a\":", 5);
    assert_false(judge(deep));
    assert_true(judge("{}"));
    assert_true(judge("{\"errors\":null}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_ruled_as_the_service_means_them),
        cmocka_unit_test(each_item_is_judged_by_its_index),
        cmocka_unit_test(what_was_sampled_out_is_not_sent_again),
        cmocka_unit_test(answers_that_are_none_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
