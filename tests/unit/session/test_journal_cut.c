/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"
#include "session/journal_cut.h"

#include <parley/store.h>

#include <stdlib.h>
#include <string.h>

static json_t *cut(uint32_t kind, json_t *take_tree)
{
    struct buf data = {0};

    json_write(&data, take_tree);
    json_decref(take_tree);
    assert_true(journal_cut(kind, &data, data.len));
    json_t *tree = json_parse(buf_view(&data), NULL);
    assert_non_null(tree);
    assert_true(data.len < 40000);
    buf_done(&data);
    return tree;
}

/* "éééé..." */
static char *long_text(size_t chars)
{
    char *text = malloc(2 * chars + 1);

    for (size_t i = 0; i < chars; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    text[2 * chars] = '\0';
    return text;
}

static void message_keeps_its_beginning_and_says_what_is_missing(void **state)
{
    char *text = long_text(3000000);
    json_t *item = cut(PARLEY_RECORD_ITEM,
                       json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}]}", "id", "i1", "type", "message",
                                 "role", "user", "content", "type", "input_text", "text", text));
    const json_t *part = json_array_get(json_object_get(item, "content"), 0);
    const char *kept = json_get_str(part, "text", "");

    (void)state;
    assert_string_equal(json_get_str(item, "role", ""), "user");
    assert_string_equal(json_get_str(part, "type", ""), "input_text");
    assert_int_equal(strncmp(kept, text, 500), 0);
    assert_non_null(strstr(kept, "[cut: the record had "));
    assert_true(utf8_valid(kept, strlen(kept)));
    json_decref(item);
    free(text);
}

static void call_keeps_arguments_that_are_json(void **state)
{
    char *text = long_text(1000);
    json_t *item =
        cut(PARLEY_RECORD_ITEM, json_pack("{s:s, s:s, s:s, s:s}", "type", "function_call",
                                          "call_id", "c1", "name", "f", "arguments", text));
    json_t *call =
        cut(PARLEY_RECORD_CALL, json_pack("{s:s, s:s, s:s, s:s}", "name", "f", "arguments",
                                          "{\"a\":1}", "output", text, "status", "ok"));

    (void)state;
    assert_string_equal(json_get_str(item, "arguments", ""), "{}");
    assert_string_equal(json_get_str(item, "call_id", ""), "c1");
    assert_string_equal(json_get_str(call, "arguments", ""), "{\"a\":1}");
    assert_non_null(strstr(json_get_str(call, "output", ""), "[cut"));
    json_decref(item);
    json_decref(call);
    free(text);
}

static void image_and_sound_are_left_out(void **state)
{
    json_t *item =
        cut(PARLEY_RECORD_ITEM, json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:s}]}", "type", "message",
                                          "content", "type", "input_image", "image_url", "data:x",
                                          "type", "input_audio", "audio", "AAAA"));
    const json_t *content = json_object_get(item, "content");

    (void)state;
    assert_string_equal(json_get_str(json_array_get(content, 0), "type", ""), "input_text");
    assert_non_null(strstr(json_get_str(json_array_get(content, 0), "text", ""), "an image left"));
    assert_null(json_object_get(json_array_get(content, 1), "audio"));
    json_decref(item);
}

static void message_of_very_many_parts_loses_the_last_ones(void **state)
{
    json_t *content = json_array();

    (void)state;
    for (int i = 0; i < 5000; i++)
        json_array_append_new(content, json_pack("{s:s, s:s}", "type", "input_text", "text", "a"));
    json_t *item =
        cut(PARLEY_RECORD_ITEM, json_pack("{s:s, s:o}", "type", "message", "content", content));
    assert_int_equal(json_array_size(json_object_get(item, "content")), 64);
    json_decref(item);
}

static void what_is_no_object_is_left_alone(void **state)
{
    struct buf data = {0};

    (void)state;
    buf_append_str(&data, "[1]");
    assert_false(journal_cut(PARLEY_RECORD_ITEM, &data, 3));
    assert_string_equal(data.data, "[1]");
    buf_done(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_keeps_its_beginning_and_says_what_is_missing),
        cmocka_unit_test(call_keeps_arguments_that_are_json),
        cmocka_unit_test(image_and_sound_are_left_out),
        cmocka_unit_test(message_of_very_many_parts_loses_the_last_ones),
        cmocka_unit_test(what_is_no_object_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
