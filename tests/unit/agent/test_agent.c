/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/json.h"

static const char *const voice_only[] = {"voice", "audio.input", "tools"};
static const char *const everything[] = {"*"};

static void what_clients_may_set_is_named_by_path_or_by_its_last_word(void **state)
{
    struct agent_config c = {.client_may_set = {voice_only, 3}};
    const struct agent a = {.name = "x", .config = &c};

    (void)state;
    assert_true(agent_client_may_set(&a, "audio.output.voice"));
    assert_true(agent_client_may_set(&a, "audio.input.turn_detection"));
    assert_true(agent_client_may_set(&a, "tools"));
    assert_false(agent_client_may_set(&a, "instructions"));
    assert_false(agent_client_may_set(&a, "audio.output.format"));
    assert_false(agent_client_may_set(&a, "tool_choice"));
    c.client_may_set = (struct parley_list){everything, 1};
    assert_true(agent_client_may_set(&a, "instructions"));
    c.client_may_set = (struct parley_list){0};
    assert_false(agent_client_may_set(&a, "audio.output.voice"));
}

static struct agent_config plain(void)
{
    return (struct agent_config){.instructions = "Hi",
                                 .voice = "",
                                 .speed = 1,
                                 .input_format = "audio/pcm",
                                 .output_format = "audio/pcmu",
                                 .transcription_model = "none",
                                 .transcription_language = "",
                                 .noise_reduction = "",
                                 .eagerness = "auto",
                                 .tool_choice = "auto",
                                 .vad_threshold = 0.5,
                                 .create_response = 1,
                                 .interrupt_response = 1};
}

static void the_session_object_says_what_the_section_says(void **state)
{
    struct agent_config c = plain();
    const struct agent a = {.name = "x", .config = &c};
    json_t *s = agent_session_object(&a, NULL);

    (void)state;
    assert_string_equal(json_get_str(s, "type", ""), "realtime");
    assert_string_equal(json_get_str(s, "max_output_tokens", ""), "inf");
    const json_t *input = json_object_get(json_object_get(s, "audio"), "input");
    const json_t *output = json_object_get(json_object_get(s, "audio"), "output");
    assert_true(json_is_null(json_object_get(input, "transcription")));
    assert_int_equal(json_get_int(json_object_get(input, "format"), "rate", 0), 24000);
    assert_string_equal(json_get_str(json_object_get(output, "format"), "type", ""), "audio/pcmu");
    assert_null(json_object_get(output, "voice"));
    assert_true(
        json_get_bool(json_object_get(input, "turn_detection"), "interrupt_response", false));
    json_decref(s);
}

static void wrong_words_are_named(void **state)
{
    struct agent_config c = plain();
    const struct agent a = {.name = "x", .config = &c};
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *key = NULL;

    (void)state;
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_OK);
    c.output_format = "audio/mp3";
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_E_INVALID);
    assert_string_equal(key, "output_format");
    assert_non_null(strstr(err.message, "audio/mp3"));
    c = plain();
    c.speed = 9;
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_E_INVALID);
    assert_string_equal(key, "speed");
    c = plain();
    c.idle_timeout_ms = 100;
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_E_INVALID);
    assert_string_equal(key, "idle_timeout_ms");
}

static void recording_needs_a_folder(void **state)
{
    struct agent_config c = plain();
    const struct agent a = {.name = "x", .config = &c};
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *key = NULL;

    (void)state;
    c.record = 1;
    c.record_dir = "";
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_E_INVALID);
    assert_string_equal(key, "record_dir");
    assert_non_null(strstr(err.message, "name one, such as /var/lib/parley/recordings"));
    c.record_dir = "/srv/tapes";
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_OK);
}

static void a_field_that_clients_may_set_and_that_no_session_has_is_named(void **state)
{
    static const char *const wrong[] = {"voice", "vioce"};
    struct agent_config c = plain();
    const struct agent a = {.name = "x", .config = &c};
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *key = NULL;

    (void)state;
    c.client_may_set = (struct parley_list){voice_only, 3};
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_OK);
    c.client_may_set = (struct parley_list){everything, 1};
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_OK);
    c.client_may_set = (struct parley_list){wrong, 2};
    assert_int_equal(agent_check(&a, &key, &err), PARLEY_E_INVALID);
    assert_string_equal(key, "client_may_set");
    assert_non_null(strstr(err.message, "no field \"vioce\"; did you mean \"voice\"?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_clients_may_set_is_named_by_path_or_by_its_last_word),
        cmocka_unit_test(the_session_object_says_what_the_section_says),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(recording_needs_a_folder),
        cmocka_unit_test(a_field_that_clients_may_set_and_that_no_session_has_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
