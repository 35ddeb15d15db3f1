/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/needs.h"

#define EVERYTHING 0xffffffffu

static const char *const clock_tools[] = {"clock"};

static const char *missing(const struct agent_config *agent, uint32_t flags)
{
    const struct parley_model_caps caps = {.size = sizeof(caps), .flags = flags};
    struct agent_need need = agent_needs(agent, &caps);

    return need.key == NULL ? "" : need.key;
}

static void agent_with_tools_needs_a_model_that_calls_them(void **state)
{
    const struct agent_config agent = {.tools = {clock_tools, 1}};

    (void)state;
    assert_string_equal(missing(&agent, EVERYTHING), "");
    assert_string_equal(missing(&agent, EVERYTHING & ~PARLEY_CAP_TOOLS), "tools");
}

static void turns_are_needed_where_something_is_heard(void **state)
{
    const struct agent_config semantic = {.turn_detection = AGENT_TURNS_SEMANTIC_VAD};
    const struct agent_config server = {.turn_detection = AGENT_TURNS_SERVER_VAD};

    (void)state;
    assert_string_equal(missing(&semantic, EVERYTHING & ~PARLEY_CAP_SEMANTIC_VAD),
                        "turn_detection");
    assert_string_equal(missing(&server, EVERYTHING & ~PARLEY_CAP_SERVER_VAD), "turn_detection");
    assert_string_equal(missing(&server, PARLEY_CAP_TEXT_OUTPUT), "");
}

static void text_and_recordings_have_needs_of_their_own(void **state)
{
    const struct agent_config text = {.output = AGENT_OUTPUT_TEXT,
                                      .turn_detection = AGENT_TURNS_NONE};
    const struct agent_config record = {.record = 1, .turn_detection = AGENT_TURNS_NONE};

    (void)state;
    assert_string_equal(missing(&text, PARLEY_CAP_AUDIO_OUTPUT), "output");
    assert_string_equal(missing(&text, PARLEY_CAP_TEXT_OUTPUT), "");
    assert_string_equal(missing(&record, PARLEY_CAP_TEXT_OUTPUT), "record");
    assert_string_equal(missing(&record, PARLEY_CAP_AUDIO_OUTPUT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_with_tools_needs_a_model_that_calls_them),
        cmocka_unit_test(turns_are_needed_where_something_is_heard),
        cmocka_unit_test(text_and_recordings_have_needs_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
