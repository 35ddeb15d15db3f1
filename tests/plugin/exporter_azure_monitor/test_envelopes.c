/* SPDX-License-Identifier: Apache-2.0 */
/* Records as envelopes: fields, tags and limits. */
#include "batches.h"

#include "envelope.h"

#include <jansson.h>
#include <math.h>

#define KEY "00000000-0000-0000-0000-00000000abcd"

static struct envelope_config config;
static json_t *items;

static void write_batch(const struct parley_batch *batch)
{
    struct envelopes all;

    assert_true(envelopes_write(&all, &config, batch));
    json_decref(items);
    items = json_array();
    for (uint32_t p = 0; p < all.count; p++) {
        for (uint32_t i = 0; i < all.parcels[p].count; i++) {
            const struct parcel_item *item = &all.parcels[p].items[i];
            json_error_t error;
            json_t *value = json_loadb(all.parcels[p].lines.data + item->at, item->len, 0, &error);
            if (value == NULL)
                fail_msg("%s in %.*s", error.text, (int)item->len,
                         all.parcels[p].lines.data + item->at);
            json_array_append_new(items, value);
        }
    }
    envelopes_done(&all);
}

static json_t *at(size_t i)
{
    json_t *item = json_array_get(items, i);

    assert_non_null(item);
    return item;
}

static json_t *data_at(size_t i)
{
    return json_object_get(json_object_get(at(i), "data"), "baseData");
}

static const char *text_in(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "(none)" : text;
}

static const char *tag(size_t i, const char *key)
{
    return text_in(json_object_get(at(i), "tags"), key);
}

static const char *property(size_t i, const char *key)
{
    return text_in(json_object_get(data_at(i), "properties"), key);
}

static void turn_becomes_operations_of_one_trace(void **state)
{
    (void)state;
    struct parley_batch batch = batch_of(turn_spans, COUNT(turn_spans));

    write_batch(&batch);
    assert_int_equal(json_array_size(items), 7); /* resource, five spans, one instant */
    assert_string_equal(text_in(at(0), "name"), "Microsoft.ApplicationInsights.Metric");
    assert_string_equal(property(0, "process.pid"), "42");
    for (size_t i = 1; i <= 5; i++) {
        assert_string_equal(text_in(at(i), "name"),
                            "Microsoft.ApplicationInsights.RemoteDependency");
        assert_string_equal(text_in(json_object_get(at(i), "data"), "baseType"),
                            "RemoteDependencyData");
        assert_string_equal(text_in(at(i), "iKey"), KEY);
        assert_string_equal(text_in(at(i), "time"), "2026-01-05T09:00:00.000000Z");
        assert_int_equal(json_integer_value(json_object_get(at(i), "ver")), 1);
        assert_int_equal(json_number_value(json_object_get(at(i), "sampleRate")), 100);
        assert_int_equal(json_integer_value(json_object_get(data_at(i), "ver")), 2);
        assert_string_equal(tag(i, "ai.operation.id"), "01020300000000000000000000000000");
        assert_string_equal(tag(i, "ai.cloud.role"), "parley");
        assert_string_equal(tag(i, "ai.internal.sdkVersion"), "c:parley9.9.9");
    }
    assert_string_equal(text_in(data_at(1), "id"), "0200000000000000");
    assert_string_equal(text_in(data_at(1), "name"), "realtime_inference gpt-realtime");
    assert_string_equal(text_in(data_at(1), "duration"), "00:00:00.5000000");
    assert_string_equal(tag(1, "ai.operation.parentId"), "0100000000000000");
    assert_string_equal(property(1, "gen_ai.usage.input_tokens"), "800");
    assert_string_equal(property(1, "gen_ai.response.finish_reasons"),
                        "[\"completed\",\"turn_detected\"]");
    assert_string_equal(text_in(data_at(2), "type"), "InProc");
    assert_string_equal(text_in(data_at(2), "resultCode"), "0");
    assert_true(json_is_true(json_object_get(data_at(2), "success")));
    assert_true(json_is_false(json_object_get(data_at(3), "success")));
    assert_string_equal(property(3, "error.type"), "timeout");
    assert_string_equal(property(3, "otel.status_description"), "no answer");
    assert_string_equal(tag(5, "ai.operation.parentId"), "(none)");
    assert_string_equal(tag(5, "ai.operation.name"), "invoke_agent receptionist");
    assert_string_equal(tag(5, "ai.session.id"), "sess_1");
    assert_string_equal(property(5, "session.id"), "(none)");
    assert_string_equal(property(5, "parley.turn.end_reason"), "interrupted");
    assert_true(json_is_true(json_object_get(data_at(5), "success")));
    assert_string_equal(property(5, "gen_ai.input.messages"), "(none)");
    assert_string_equal(text_in(at(6), "name"), "Microsoft.ApplicationInsights.Message");
    assert_string_equal(text_in(data_at(6), "message"), "parley.client.first_output");
    assert_string_equal(text_in(at(6), "time"), "2026-01-05T09:00:00.620000Z");
    assert_string_equal(tag(6, "ai.operation.parentId"), "0100000000000000");
}

static void turn_is_a_request_where_that_is_asked_for(void **state)
{
    (void)state;
    struct parley_batch batch = batch_of(turn_spans, COUNT(turn_spans));

    config.turns_are_requests = config.with_content = true;
    config.with_span_events = false;
    write_batch(&batch);
    assert_int_equal(json_array_size(items), 6);
    assert_string_equal(text_in(json_object_get(at(5), "data"), "baseType"), "RequestData");
    assert_string_equal(text_in(data_at(5), "name"), "invoke_agent receptionist");
    assert_string_equal(text_in(data_at(5), "responseCode"), "0");
    assert_non_null(strstr(property(5, "gen_ai.input.messages"), "what \\u001b[31mtime"));
}

static void calls_over_the_net_have_type_target_and_code(void **state)
{
    (void)state;
    static const struct parley_attr model[] = {STR("gen_ai.provider.name", "openai"),
                                               STR("server.address", "api.openai.com"),
                                               INT("server.port", 443)};
    static const struct parley_attr call[] = {
        STR("http.request.method", "GET"), STR("url.full", "https://api.example.org/a/b?x=1"),
        STR("server.address", "api.example.org"), INT("server.port", 443),
        INT("http.response.status_code", 503)};
    static const struct parley_attr served[] = {
        STR("http.request.method", "GET"), STR("http.route", "/v1/realtime"),
        STR("client.address", "192.0.2.7"), INT("http.response.status_code", 404)};
    struct parley_span spans[] = {
        SPAN(2, 1, "realtime_inference m", PARLEY_SPAN_CLIENT, 0, "", 5, model),
        SPAN(3, 1, "GET", PARLEY_SPAN_CLIENT, PARLEY_SPAN_ERROR, "", 5, call),
        SPAN(4, 0, "GET", PARLEY_SPAN_SERVER, 0, "", 5, served),
    };
    struct parley_batch batch = batch_of(spans, COUNT(spans));

    spans[0].sample_ratio = 0.25;
    write_batch(&batch);
    assert_int_equal(json_number_value(json_object_get(at(1), "sampleRate")), 25);
    assert_string_equal(text_in(data_at(1), "type"), "GenAI | openai");
    assert_string_equal(text_in(data_at(1), "target"), "api.openai.com:443");
    assert_string_equal(property(1, "server.address"), "api.openai.com");
    assert_string_equal(text_in(data_at(2), "type"), "Http");
    assert_string_equal(text_in(data_at(2), "name"), "GET /a/b");
    assert_string_equal(text_in(data_at(2), "target"), "api.example.org");
    assert_string_equal(text_in(data_at(2), "data"), "https://api.example.org/a/b?x=1");
    assert_string_equal(text_in(data_at(2), "resultCode"), "503");
    assert_string_equal(property(2, "url.full"), "(none)");
    assert_string_equal(text_in(json_object_get(at(3), "data"), "baseType"), "RequestData");
    assert_string_equal(tag(3, "ai.operation.name"), "GET /v1/realtime");
    assert_string_equal(tag(3, "ai.location.ip"), "192.0.2.7");
    assert_string_equal(text_in(data_at(3), "responseCode"), "404");
    assert_true(json_is_false(json_object_get(data_at(3), "success")));
}

static void log_records_become_messages_events_and_exceptions(void **state)
{
    (void)state;
    static const struct parley_attr said[] = {STR("exception.type", "overloaded"),
                                              STR("exception.message", "try again"),
                                              STR("gen_ai.agent.name", "receptionist")};
    static const struct parley_attr none[] = {STR("session.id", "sess_1")};
    static const struct parley_log_record records[] = {
        {.unix_ns = T0,
         .severity = 13,
         .body = PARLEY_VIEW("slow a=1"),
         .trace_id = {7},
         .span_id = {8},
         .attrs = ATTRS(none)},
        {.unix_ns = T0,
         .severity = 9,
         .body = PARLEY_VIEW("open"),
         .attrs = ATTRS(none),
         .event_name = "session.start"},
        {.unix_ns = T0,
         .severity = 17,
         .body = PARLEY_VIEW("the model failed"),
         .attrs = ATTRS(said),
         .event_name = "gen_ai.client.operation.exception"},
        {.unix_ns = T0, .severity = 99, .body = PARLEY_VIEW(""), .attrs = ATTRS(none)},
    };
    struct parley_batch batch = batch_of(NULL, 0);

    batch.logs = records;
    batch.log_count = COUNT(records);
    write_batch(&batch);
    assert_int_equal(json_array_size(items), 4);
    assert_string_equal(text_in(data_at(0), "message"), "slow a=1");
    assert_string_equal(text_in(data_at(0), "severityLevel"), "Warning");
    assert_string_equal(tag(0, "ai.operation.id"), "07000000000000000000000000000000");
    assert_string_equal(tag(0, "ai.operation.parentId"), "0800000000000000");
    assert_string_equal(text_in(at(1), "name"), "Microsoft.ApplicationInsights.Event");
    assert_string_equal(text_in(data_at(1), "name"), "session.start");
    assert_string_equal(tag(1, "ai.session.id"), "sess_1");
    assert_string_equal(tag(1, "ai.operation.id"), "(none)");
    json_t *exception = json_array_get(json_object_get(data_at(2), "exceptions"), 0);
    assert_string_equal(text_in(exception, "typeName"), "overloaded");
    assert_string_equal(text_in(exception, "message"), "try again");
    assert_true(json_is_false(json_object_get(exception, "hasFullStack")));
    assert_string_equal(text_in(data_at(2), "severityLevel"), "Error");
    assert_string_equal(property(2, "message"), "the model failed");
    assert_string_equal(property(2, "exception.type"), "(none)");
    assert_string_equal(text_in(data_at(3), "message"), "n/a");
}

static void histogram_tells_its_sum_and_the_bounds_of_its_values(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 2, 0, 1, 0};
    static const struct parley_exponential exponential = {
        .size = sizeof(exponential), .offset = -1, .bucket_count = 5, .counts = counts};
    static const struct parley_attr labels[] = {STR("http.route", "/metrics")};
    const struct parley_metric metrics[] = {
        {.name = "parley.turn.response_latency",
         .kind = PARLEY_METRIC_HISTOGRAM,
         .time_unix_ns = T0,
         .attrs = ATTRS(labels),
         .count = 3,
         .sum = 7.5,
         .min = NAN,
         .max = NAN,
         .exponential = &exponential},
        {.name = "parley.session.active",
         .kind = PARLEY_METRIC_GAUGE,
         .time_unix_ns = T0,
         .attrs = {.item_size = sizeof(struct parley_attr)},
         .value = 2},
    };
    struct parley_batch batch = batch_of(NULL, 0);

    batch.metrics = metrics;
    batch.metric_count = COUNT(metrics);
    write_batch(&batch);
    json_t *point = json_array_get(json_object_get(data_at(0), "metrics"), 0);
    assert_string_equal(text_in(point, "name"), "parley.turn.response_latency");
    assert_string_equal(text_in(point, "kind"), "Aggregation");
    assert_float_equal(json_number_value(json_object_get(point, "value")), 7.5, 0);
    assert_int_equal(json_integer_value(json_object_get(point, "count")), 3);
    assert_float_equal(json_number_value(json_object_get(point, "min")), 1, 0); /* base 2 */
    assert_float_equal(json_number_value(json_object_get(point, "max")), 8, 0);
    assert_string_equal(property(0, "http.route"), "/metrics");
    point = json_array_get(json_object_get(data_at(1), "metrics"), 0);
    assert_float_equal(json_number_value(json_object_get(point, "value")), 2, 0);
    assert_int_equal(json_integer_value(json_object_get(point, "count")), 1);
    assert_null(json_object_get(point, "min"));
}

static void large_and_bad_values_cost_no_more_than_themselves(void **state)
{
    (void)state;
    static char large[1 << 20];
    static struct parley_attr attrs[20];
    struct parley_span spans[] = {SPAN(2, 1, "x", PARLEY_SPAN_CLIENT, 0, "", 5, attrs),
                                  SPAN(3, 1, "no trace", PARLEY_SPAN_CLIENT, 0, "", 5, tool_attrs)};
    struct parley_batch batch = batch_of(spans, COUNT(spans));
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
                                       "k", "l", "m", "n", "o", "p", "q", "r", "s", "session.id"};

    memset(large, 'y', sizeof(large));
    large[8191] = '\xc3'; /* a character across the limit */
    large[8192] = '\xa9';
    for (size_t i = 0; i < COUNT(attrs); i++)
        attrs[i] = (struct parley_attr){
            .key = keys[i], .type = PARLEY_ATTR_STRING, .string = {large, sizeof(large)}};
    memset(spans[1].trace_id, 0, sizeof(spans[1].trace_id));
    config.with_span_events = true;
    write_batch(&batch);
    assert_int_equal(json_array_size(items), 2); /* the resource, and the span that has ids */
    assert_int_equal(strlen(property(1, "a")), 8191);
    assert_int_equal(strlen(tag(1, "ai.session.id")), 64);
    assert_string_equal(property(1, "parley.properties_left_out"), "13");
    char *whole = json_dumps(at(1), JSON_COMPACT);
    assert_true(strlen(whole) < 65536);
    free(whole);
}

static void long_batches_become_several_parcels(void **state)
{
    (void)state;
    static struct parley_span spans[1200];
    struct envelopes all;

    for (size_t i = 0; i < COUNT(spans); i++)
        spans[i] = turn_spans[1];
    struct parley_batch batch = batch_of(spans, COUNT(spans));
    assert_true(envelopes_write(&all, &config, &batch));
    assert_int_equal(all.count, 3);
    assert_int_equal(all.parcels[0].count, PARCEL_ITEMS);
    assert_int_equal(parcel_records(&all.parcels[0]), PARCEL_ITEMS - 1); /* and the resource */
    envelopes_done(&all);
}

static int set_up(void **state)
{
    (void)state;
    config = (struct envelope_config){.key = KEY, .version = "9.9.9", .with_span_events = true};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(items);
    items = NULL;
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turn_becomes_operations_of_one_trace),
        TEST(turn_is_a_request_where_that_is_asked_for),
        TEST(calls_over_the_net_have_type_target_and_code),
        TEST(log_records_become_messages_events_and_exceptions),
        TEST(histogram_tells_its_sum_and_the_bounds_of_its_values),
        TEST(large_and_bad_values_cost_no_more_than_themselves),
        TEST(long_batches_become_several_parcels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
