/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/response.h"

static void what_is_written_reads_back(void **state)
{
    struct buf out = {0};
    struct rt_response back;
    struct rt_response r = {
        .id = VIEW("resp_1"),
        .status = RT_RESPONSE_FAILED,
        .error_type = VIEW("server_error"),
        .error_code = VIEW("tool_failed"),
        .error_message = VIEW("m"),
        .text_only = true,
        .output_format = RT_AUDIO_PCMU,
        .max_output_tokens = 7,
        .has_usage = true,
        .usage = {.input_text = 1, .cached_audio = 2, .output_audio = 3},
    };

    (void)state;
    rt_response_write(&out, &r);
    json_t *tree = json_parse(buf_view(&out), NULL);
    rt_response_read(tree, &back);
    assert_true(view_is(back.id, "resp_1"));
    assert_int_equal(back.status, RT_RESPONSE_FAILED);
    assert_true(view_is(back.error_code, "tool_failed"));
    assert_true(back.text_only);
    assert_int_equal(back.output_format, RT_AUDIO_PCMU);
    assert_int_equal(back.max_output_tokens, 7);
    assert_true(back.has_usage);
    assert_memory_equal(&back.usage, &r.usage, sizeof(r.usage));
    json_decref(tree);
    buf_done(&out);
}

static void usage_is_read_from_totals_when_details_are_missing(void **state)
{
    struct rt_usage u;
    json_t *tree = wire_tree("{'total_tokens':12,'input_tokens':7,'output_tokens':5}");

    (void)state;
    assert_true(rt_usage_read(tree, &u));
    assert_int_equal(u.input_text, 7);
    assert_int_equal(u.output_text, 5);
    json_decref(tree);
    assert_false(rt_usage_read(NULL, &u));
    tree = wire_tree("null");
    assert_false(rt_usage_read(tree, &u));
    json_decref(tree);
}

static void what_a_total_holds_beyond_its_details_is_text(void **state)
{
    struct rt_usage u;
    json_t *tree = wire_tree(
        "{'total_tokens':120,'input_tokens':70,'output_tokens':50,'input_token_details':{'cached_"
        "tokens':30,'audio_tokens':40,'cached_tokens_details':{'audio_tokens':20}},"
        "'output_token_details':{'text_tokens':5,'audio_tokens':15,'reasoning_tokens':30}}");

    (void)state;
    assert_true(rt_usage_read(tree, &u));
    assert_int_equal(u.input_text, 30);
    assert_int_equal(u.input_audio, 40);
    assert_int_equal(u.cached_text, 10);
    assert_int_equal(u.cached_audio, 20);
    assert_int_equal(u.output_text, 35);
    assert_int_equal(u.output_audio, 15);
    json_decref(tree);
}

static void absurd_counts_do_not_overflow(void **state)
{
    struct rt_usage total = {0};
    struct rt_usage u;
    struct buf out = {0};
    json_t *tree = wire_tree("{'input_tokens':9223372036854775807,'output_tokens':-5}");

    (void)state;
    assert_true(rt_usage_read(tree, &u));
    assert_int_equal(u.output_text, 0);
    for (int i = 0; i < 1000; i++)
        rt_usage_add(&total, &u);
    assert_true(total.input_text > 0);
    rt_usage_write(&out, &total);
    buf_done(&out);
    json_decref(tree);
}

static void an_unknown_status_counts_as_completed(void **state)
{
    struct rt_response r;
    json_t *tree = wire_tree("{'id':'r','status':'dreaming'}");

    (void)state;
    rt_response_read(tree, &r);
    assert_int_equal(r.status, RT_RESPONSE_COMPLETED);
    assert_false(r.has_usage);
    json_decref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(usage_is_read_from_totals_when_details_are_missing),
        cmocka_unit_test(what_a_total_holds_beyond_its_details_is_text),
        cmocka_unit_test(absurd_counts_do_not_overflow),
        cmocka_unit_test(an_unknown_status_counts_as_completed),
    };
    return cmocka_run_group_tests_name("realtime/response", tests, NULL, NULL);
}
