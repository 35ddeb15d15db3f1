/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_http.h"

#include "otlp.pb-c.h"

#include <zlib.h>

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_exporter_vtable *vtable;

static void open_otlp(const char *first, const char *second)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *options[] = {"endpoint=http://collector:4318/", first, second, NULL};

    fake_host_reset();
    http_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
    plugin = fake_plugin_open(plugin_path, "otlp", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    vtable = exporter_open(plugin);
}

static void close_otlp(void)
{
    fake_plugin_close(plugin);
    http_reset();
}

static void deliver(const struct parley_batch *batch)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_int_equal(vtable->deliver(fake_plugin_worker(plugin), batch, fake_host_op(), &err),
                     PARLEY_OK);
    fake_host_advance_ms(0);
}

static void deliver_turn(void)
{
    struct parley_batch batch = batch_of(turn_spans, COUNT(turn_spans));

    deliver(&batch);
}

static const Parley__Otlp__AnyValue *value_of(size_t count, Parley__Otlp__KeyValue **attrs,
                                              const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(attrs[i]->key, key) == 0)
            return attrs[i]->value;
    }
    return NULL;
}

static Parley__Otlp__ExportTraceRequest *sent_traces(void)
{
    Parley__Otlp__ExportTraceRequest *r = parley__otlp__export_trace_request__unpack(
        NULL, http.open[0].len, (const uint8_t *)http.open[0].body);

    assert_non_null(r);
    return r;
}

static void turn_is_sent_as_a_tree_of_spans(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    assert_int_equal(http.count, 1);
    assert_string_equal(http.open[0].url, "http://collector:4318/v1/traces");
    assert_non_null(strstr(http.open[0].headers, "Content-Type: application/x-protobuf\n"));
    assert_non_null(strstr(http.open[0].headers, "User-Agent: parley/"));

    Parley__Otlp__ExportTraceRequest *r = sent_traces();
    Parley__Otlp__ResourceSpans *rs = r->resource_spans[0];
    assert_string_equal(
        value_of(rs->resource->n_attributes, rs->resource->attributes, "service.name")
            ->string_value,
        "parley");
    assert_int_equal(
        value_of(rs->resource->n_attributes, rs->resource->attributes, "process.pid")->int_value,
        42);
    Parley__Otlp__ScopeSpans *ss = rs->scope_spans[0];
    assert_string_equal(ss->scope->name, "parley.realtime");
    assert_int_equal(ss->n_spans, 5);
    Parley__Otlp__Span *answer = ss->spans[0];
    Parley__Otlp__Span *tool = ss->spans[2];
    Parley__Otlp__Span *root = ss->spans[4];
    assert_int_equal(root->trace_id.len, 16);
    assert_int_equal(root->span_id.len, 8);
    assert_false(root->has_parent_span_id);
    assert_memory_equal(tool->parent_span_id.data, root->span_id.data, 8);
    assert_true(root->end_time_unix_nano == T0 + 2400 * MS);
    assert_string_equal(root->events[0]->name, "parley.client.first_output");
    assert_null(root->status);
    assert_int_equal(tool->status->code, PARLEY_SPAN_ERROR);
    assert_string_equal(tool->status->message, "no answer");
    assert_int_equal(answer->kind, PARLEY_SPAN_CLIENT);
    const Parley__Otlp__AnyValue *reasons =
        value_of(answer->n_attributes, answer->attributes, "gen_ai.response.finish_reasons");
    assert_int_equal(reasons->array_value->n_values, 2);
    assert_string_equal(reasons->array_value->values[1]->string_value, "turn_detected");
    assert_null(value_of(root->n_attributes, root->attributes, "gen_ai.input.messages"));
    parley__otlp__export_trace_request__free_unpacked(r, NULL);

    http_answer(200, "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 0);
    close_otlp();
}

static void metrics_are_sent_with_their_points_together(void **state)
{
    (void)state;
    static const double bounds[] = {1, 2};
    static const uint64_t counts[] = {1, 0, 2};
    static const struct parley_attr labels[] = {STR("gen_ai.agent.name", "a")};
    const struct parley_metric metrics[] = {
        {.name = "parley.turn.count",
         .unit = "{turn}",
         .description = "d",
         .kind = PARLEY_METRIC_SUM,
         .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
         .start_unix_ns = T0,
         .time_unix_ns = T0 + MS,
         .attrs = ATTRS(labels),
         .value = 7},
        {.name = "parley.turn.count",
         .unit = "{turn}",
         .description = "d",
         .kind = PARLEY_METRIC_SUM,
         .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
         .attrs = {.item_size = sizeof(struct parley_attr)},
         .value = 1},
        {.name = "parley.session.active",
         .unit = "{session}",
         .description = "d",
         .kind = PARLEY_METRIC_GAUGE,
         .attrs = {.item_size = sizeof(struct parley_attr)},
         .value = 2},
        {.name = "parley.turn.response_latency",
         .unit = "s",
         .description = "d",
         .kind = PARLEY_METRIC_HISTOGRAM,
         .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
         .attrs = {.item_size = sizeof(struct parley_attr)},
         .count = 3,
         .sum = 7.5,
         .min = 0.5,
         .max = 4,
         .bounds = bounds,
         .counts = counts,
         .bound_count = 2},
    };
    struct parley_batch batch = batch_of(NULL, 0);

    batch.metrics = metrics;
    batch.metric_count = COUNT(metrics);
    open_otlp(NULL, NULL);
    deliver(&batch);
    assert_int_equal(http.count, 1);
    assert_string_equal(http.open[0].url, "http://collector:4318/v1/metrics");
    Parley__Otlp__ExportMetricsRequest *r = parley__otlp__export_metrics_request__unpack(
        NULL, http.open[0].len, (const uint8_t *)http.open[0].body);
    assert_non_null(r);
    Parley__Otlp__ScopeMetrics *sm = r->resource_metrics[0]->scope_metrics[0];
    assert_int_equal(sm->n_metrics, 3);
    assert_int_equal(sm->metrics[0]->data_case, PARLEY__OTLP__METRIC__DATA_SUM);
    assert_int_equal(sm->metrics[0]->sum->n_data_points, 2);
    assert_true(sm->metrics[0]->sum->is_monotonic);
    assert_float_equal(sm->metrics[0]->sum->data_points[0]->as_double, 7, 0);
    assert_int_equal(sm->metrics[1]->data_case, PARLEY__OTLP__METRIC__DATA_GAUGE);
    Parley__Otlp__HistogramPoint *h = sm->metrics[2]->histogram->data_points[0];
    assert_int_equal(h->count, 3);
    assert_float_equal(h->sum, 7.5, 0);
    assert_int_equal(h->n_bucket_counts, 3);
    assert_int_equal(h->bucket_counts[2], 2);
    assert_int_equal(h->n_explicit_bounds, 2);
    assert_float_equal(h->min, 0.5, 0);
    parley__otlp__export_metrics_request__free_unpacked(r, NULL);
    http_answer(200, "");
    assert_int_equal(ended.count, 1);
    close_otlp();
}

static Parley__Otlp__Metric *sent_metric(Parley__Otlp__ExportMetricsRequest **ret)
{
    *ret = parley__otlp__export_metrics_request__unpack(NULL, http.open[0].len,
                                                        (const uint8_t *)http.open[0].body);
    assert_non_null(*ret);
    return (*ret)->resource_metrics[0]->scope_metrics[0]->metrics[0];
}

static void deliver_histogram(void)
{
    static const double bounds[] = {1};
    static const uint64_t counts[] = {1, 2};
    static const uint64_t buckets[] = {1, 0, 1};
    static const struct parley_exponential exponential = {.size = sizeof(exponential),
                                                          .scale = -1,
                                                          .offset = -2,
                                                          .bucket_count = COUNT(buckets),
                                                          .counts = buckets,
                                                          .zero_count = 1};
    const struct parley_metric metric = {.name = "h",
                                         .unit = "s",
                                         .description = "d",
                                         .kind = PARLEY_METRIC_HISTOGRAM,
                                         .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
                                         .attrs = {.item_size = sizeof(struct parley_attr)},
                                         .count = 3,
                                         .sum = 3,
                                         .max = 2.5,
                                         .bounds = bounds,
                                         .counts = counts,
                                         .bound_count = COUNT(bounds),
                                         .exponential = &exponential};
    struct parley_batch batch = batch_of(NULL, 0);

    batch.metrics = &metric;
    batch.metric_count = 1;
    deliver(&batch);
}

static void histograms_are_exponential_when_asked_for(void **state)
{
    (void)state;
    Parley__Otlp__ExportMetricsRequest *r;

    open_otlp("histograms=exponential", NULL);
    deliver_histogram();
    Parley__Otlp__Metric *m = sent_metric(&r);
    assert_int_equal(m->data_case, PARLEY__OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM);
    assert_int_equal(m->exponential_histogram->aggregation_temporality, 2);
    Parley__Otlp__ExponentialPoint *p = m->exponential_histogram->data_points[0];
    assert_int_equal(p->count, 3);
    assert_float_equal(p->sum, 3, 0);
    assert_int_equal(p->scale, -1);
    assert_int_equal(p->zero_count, 1);
    assert_int_equal(p->positive->offset, -2);
    assert_int_equal(p->positive->n_bucket_counts, 3);
    assert_int_equal(p->positive->bucket_counts[2], 1);
    assert_float_equal(p->max, 2.5, 0);
    parley__otlp__export_metrics_request__free_unpacked(r, NULL);
    http_answer(200, "");
    close_otlp();
}

static void histograms_have_bounds_otherwise(void **state)
{
    (void)state;
    Parley__Otlp__ExportMetricsRequest *r;

    open_otlp(NULL, NULL);
    deliver_histogram();
    assert_int_equal(sent_metric(&r)->data_case, PARLEY__OTLP__METRIC__DATA_HISTOGRAM);
    parley__otlp__export_metrics_request__free_unpacked(r, NULL);
    http_answer(200, "");
    close_otlp();
}

static void changes_are_sent_when_asked_for(void **state)
{
    (void)state;
    Parley__Otlp__ExportMetricsRequest *r;

    open_otlp("temporality=delta", NULL);
    deliver_histogram();
    Parley__Otlp__Histogram *h = sent_metric(&r)->histogram;
    assert_int_equal(h->aggregation_temporality, 1);
    assert_int_equal(h->data_points[0]->count, 3);
    assert_false(h->data_points[0]->has_min);
    parley__otlp__export_metrics_request__free_unpacked(r, NULL);
    http_answer(200, "");
    deliver_histogram();
    assert_int_equal(http.started, 1); /* nothing has changed */
    assert_int_equal(ended.count, 2);
    close_otlp();
}

static void deliver_logs(void)
{
    static const struct parley_attr attrs[] = {STR("session.id", "sess_1")};
    const struct parley_log_record records[] = {
        {.unix_ns = T0,
         .severity = 13,
         .body = PARLEY_VIEW("the model closed session=sess_1"),
         .trace_id = {1, 2, 3},
         .span_id = {4},
         .attrs = ATTRS(attrs)},
        {.unix_ns = T0 + MS,
         .severity = 9,
         .body = {"", 0},
         .attrs = {.item_size = sizeof(struct parley_attr)},
         .event_name = "session.end"},
    };
    struct parley_batch batch = batch_of(NULL, 0);

    batch.logs = records;
    batch.log_count = COUNT(records);
    deliver(&batch);
}

static void changes_go_on_after_a_reload_where_they_were(void **state)
{
    (void)state;
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *options[] = {"endpoint=http://collector:4318/", "temporality=delta", NULL};

    open_otlp("temporality=delta", NULL);
    deliver_histogram();
    http_answer(200, "");
    struct fake_plugin *old = plugin;
    plugin = fake_plugin_open_beside(old, "otlp", options, &err);
    assert_non_null(plugin);
    vtable = exporter_open(plugin);
    fake_plugin_close(old);
    deliver_histogram();
    assert_int_equal(http.started, 1); /* nothing has changed */
    close_otlp();
    open_otlp("temporality=delta", NULL); /* a new process knows of nothing */
    deliver_histogram();
    assert_int_equal(http.started, 1);
    close_otlp();
}

static void log_records_are_sent_with_their_context(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_logs();
    assert_string_equal(http.open[0].url, "http://collector:4318/v1/logs");
    Parley__Otlp__ExportLogsRequest *r = parley__otlp__export_logs_request__unpack(
        NULL, http.open[0].len, (const uint8_t *)http.open[0].body);
    assert_non_null(r);
    Parley__Otlp__ScopeLogs *sl = r->resource_logs[0]->scope_logs[0];
    assert_int_equal(sl->n_log_records, 2);
    Parley__Otlp__LogRecord *line = sl->log_records[0];
    Parley__Otlp__LogRecord *event = sl->log_records[1];
    assert_true(line->time_unix_nano == T0);
    assert_int_equal(line->severity_number, 13);
    assert_string_equal(line->severity_text, "WARN");
    assert_string_equal(line->body->string_value, "the model closed session=sess_1");
    assert_int_equal(line->trace_id.len, 16);
    assert_int_equal(line->span_id.data[0], 4);
    assert_null(line->event_name);
    assert_non_null(value_of(line->n_attributes, line->attributes, "session.id"));
    assert_false(event->has_trace_id);
    assert_null(event->body);
    assert_string_equal(event->severity_text, "INFO");
    assert_string_equal(event->event_name, "session.end");
    parley__otlp__export_logs_request__free_unpacked(r, NULL);
    http_answer(200, "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    close_otlp();
}

static void signals_have_addresses_of_their_own(void **state)
{
    (void)state;
    open_otlp("logs_endpoint=https://logs.example.org/tenant/", "traces=no");
    deliver_logs();
    assert_string_equal(http.open[0].url, "https://logs.example.org/tenant/");
    http_answer(200, "");
    deliver_turn();
    assert_int_equal(http.started, 1);
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.lost, 0); /* not wanted is not lost */
    close_otlp();
}

static void signals_have_headers_and_compression_of_their_own(void **state)
{
    (void)state;
    open_otlp("headers=x-team=voice", "logs_headers=x-key=k");
    deliver_logs();
    assert_null(strstr(http.open[0].headers, "x-team"));
    assert_non_null(strstr(http.open[0].headers, "x-key: k\n"));
    assert_non_null(strstr(http.open[0].headers, "Content-Type: application/x-protobuf\n"));
    http_answer(200, "");
    deliver_turn();
    assert_non_null(strstr(http.open[0].headers, "x-team: voice\n"));
    http_answer(200, "");
    close_otlp();
    open_otlp("compression=gzip", "logs_compression=none");
    deliver_logs();
    assert_null(strstr(http.open[0].headers, "Content-Encoding"));
    http_answer(200, "");
    deliver_turn();
    assert_non_null(strstr(http.open[0].headers, "Content-Encoding: gzip"));
    http_answer(200, "");
    close_otlp();
}

static void certificate_is_shown(void **state)
{
    (void)state;
    open_otlp("client_cert_file=/etc/me.pem", "client_key_file=/etc/me.key");
    deliver_turn();
    assert_string_equal(http.open[0].client_cert_file, "/etc/me.pem");
    assert_string_equal(http.open[0].client_key_file, "/etc/me.key");
    http_answer(200, "");
    close_otlp();
    open_otlp("client_cert_file=/etc/me.pem", "traces_client_cert_file=/etc/other.pem");
    deliver_turn();
    assert_string_equal(http.open[0].client_cert_file, "/etc/other.pem");
    assert_string_equal(http.open[0].client_key_file, "");
    http_answer(200, "");
    close_otlp();
}

static void batch_of_both_signals_ends_once(void **state)
{
    (void)state;
    const struct parley_metric metric = {.name = "m",
                                         .unit = "s",
                                         .description = "",
                                         .kind = PARLEY_METRIC_GAUGE,
                                         .attrs = {.item_size = sizeof(struct parley_attr)}};
    struct parley_batch batch = batch_of(turn_spans, COUNT(turn_spans));

    batch.metrics = &metric;
    batch.metric_count = 1;
    open_otlp(NULL, NULL);
    deliver(&batch);
    assert_int_equal(http.count, 2);
    uint64_t lost = strstr(http.open[0].url, "traces") != NULL ? 5 : 1;
    http_answer(400, "");
    assert_int_equal(ended.count, 0);
    http_answer(200, "");
    assert_int_equal(ended.count, 1);
    assert_true(ended.status < 0);
    assert_int_equal(ended.lost, lost);
    close_otlp();
}

static void empty_batch_sends_nothing(void **state)
{
    (void)state;
    struct parley_batch batch = batch_of(NULL, 0);

    open_otlp(NULL, NULL);
    deliver(&batch);
    assert_int_equal(http.started, 0);
    assert_int_equal(ended.count, 1);
    close_otlp();
}

static void overload_is_tried_again_with_growing_waits(void **state)
{
    (void)state;
    open_otlp("timeout_ms=40s", NULL);
    deliver_turn();
    for (unsigned tried = 1; tried < 5; tried++) {
        http_answer(503, "");
        assert_int_equal(http.count, 0);
        fake_host_advance_ms(700); /* the shortest first wait is 800 */
        assert_int_equal(http.started, tried);
        fake_host_advance_ms(5500);
        assert_int_equal(http.started, tried + 1);
    }
    http_answer(503, "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_E_UNAVAILABLE);
    assert_int_equal(ended.lost, 5);
    assert_non_null(strstr(ended.message, "http://collector:4318/v1/traces: answered 503"));
    assert_true(fake_host_logged("answered 503"));
    close_otlp();
}

static void no_answer_is_tried_again_and_same_body_is_sent(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    size_t len = http.open[0].len;
    http_end(PARLEY_E_UNAVAILABLE, 0, "", (struct parley_view){"", 0});
    fake_host_advance_ms(1300);
    assert_int_equal(http.count, 1);
    assert_int_equal(http.open[0].len, len);
    http_answer(200, "");
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 0);
    close_otlp();
}

static void retry_after_is_waited_for(void **state)
{
    (void)state;
    open_otlp("timeout_ms=40s", NULL);
    deliver_turn();
    http_answer(429, "content-type: x\r\nretry-after: 7\r\n");
    fake_host_advance_ms(6900);
    assert_int_equal(http.started, 1);
    fake_host_advance_ms(200);
    assert_int_equal(http.started, 2);
    /* 2026-01-05 09:00:07 UTC by now */
    http_answer(503, "retry-after: Mon, 05 Jan 2026 09:00:20 GMT\r\n");
    fake_host_advance_ms(12000);
    assert_int_equal(http.started, 2);
    fake_host_advance_ms(1500);
    assert_int_equal(http.started, 3);
    http_answer(429, "retry-after: 3600\r\n"); /* beyond the time that is left */
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 5);
    close_otlp();
}

static void refusal_is_not_tried_again(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    http_answer(400, "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_E_PROTOCOL);
    assert_int_equal(ended.lost, 5);
    fake_host_advance_ms(60000);
    assert_int_equal(http.started, 1);
    close_otlp();
}

static void partial_success_is_counted_and_never_sent_again(void **state)
{
    (void)state;
    static const char answer[] = "\x0a\x0b\x08\x02\x12\x07"
                                 "too old";

    open_otlp(NULL, NULL);
    deliver_turn();
    http_end(PARLEY_OK, 200, "", (struct parley_view){answer, sizeof(answer) - 1});
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 2);
    assert_true(fake_host_logged("too old"));
    fake_host_advance_ms(60000);
    assert_int_equal(http.started, 1);
    close_otlp();
}

static void answer_that_cannot_be_read_is_success(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    http_end(PARLEY_OK, 200, "", (struct parley_view){"{\"ok\":true}", 11});
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 0);
    close_otlp();
}

static void one_request_at_a_time_in_order(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    deliver_turn();
    assert_int_equal(http.count, 1);
    http_answer(200, "");
    fake_host_advance_ms(0);
    assert_int_equal(http.count, 1);
    assert_int_equal(ended.count, 1);
    http_answer(200, "");
    assert_int_equal(ended.count, 2);
    close_otlp();
}

static void full_queue_drops_the_newest(void **state)
{
    (void)state;
    open_otlp("max_queue_bytes=65536", NULL);
    for (int i = 0; i < 200; i++)
        deliver_turn();
    assert_true(ended.count > 0);
    assert_int_equal(ended.status, PARLEY_E_BUSY);
    assert_int_equal(ended.lost, 5 * ended.count);
    assert_int_equal(http.count, 1);
    close_otlp();
}

static void wrong_key_lets_the_lane_rest(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    http_answer(401, "");
    deliver_turn();
    assert_int_equal(http.started, 1);
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.status, PARLEY_E_UNAVAILABLE);
    fake_host_advance_ms(37000);
    deliver_turn();
    assert_int_equal(http.started, 2);
    http_answer(200, "");
    assert_int_equal(ended.status, PARLEY_OK);
    assert_true(fake_host_logged("delivered again"));
    close_otlp();
}

static void request_behind_a_stuck_one_is_given_up_in_time(void **state)
{
    (void)state;
    open_otlp("timeout_ms=40s", NULL);
    deliver_turn();
    deliver_turn();
    fake_host_advance_ms(40000);
    http_end(PARLEY_E_TIMEOUT, 0, "", (struct parley_view){"", 0});
    fake_host_advance_ms(0);
    assert_int_equal(ended.count, 2);
    assert_int_equal(http.started, 1);
    close_otlp();
}

static void flush_tries_once_more_and_gives_up(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    http_answer(503, "");
    vtable->flush(fake_plugin_worker(plugin));
    fake_host_advance_ms(0);
    assert_int_equal(http.started, 2);
    http_answer(503, "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 5);
    close_otlp();
}

static void stop_cancels_what_is_in_flight(void **state)
{
    (void)state;
    open_otlp(NULL, NULL);
    deliver_turn();
    deliver_turn();
    vtable->flush(fake_plugin_worker(plugin));
    fake_plugin_close(plugin);
    assert_true(http_was_cancelled);  /* and the host tells no more of it */
    assert_int_equal(ended.count, 0); /* the host ended both before worker_stop */
    http_reset();
}

static void body_is_compressed_when_asked_for(void **state)
{
    (void)state;
    static uint8_t plain[65536];
    z_stream z = {0};

    open_otlp("compression=gzip", NULL);
    deliver_turn();
    assert_non_null(strstr(http.open[0].headers, "Content-Encoding: gzip\n"));
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_in = (uint8_t *)http.open[0].body;
    z.avail_in = (uInt)http.open[0].len;
    z.next_out = plain;
    z.avail_out = sizeof(plain);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    Parley__Otlp__ExportTraceRequest *r =
        parley__otlp__export_trace_request__unpack(NULL, z.total_out, plain);
    assert_non_null(r);
    parley__otlp__export_trace_request__free_unpacked(r, NULL);
    inflateEnd(&z);
    http_answer(200, "");
    close_otlp();
}

static void headers_of_the_operator_are_sent(void **state)
{
    (void)state;
    open_otlp("headers=Authorization=Basic%20abc== , x-team=voice", NULL);
    deliver_turn();
    assert_non_null(strstr(http.open[0].headers, "Authorization: Basic abc==\n"));
    assert_non_null(strstr(http.open[0].headers, "x-team: voice\n"));
    http_answer(200, "");
    close_otlp();
}

static void content_is_sent_only_when_asked_for(void **state)
{
    (void)state;
    open_otlp("content=yes", NULL);
    deliver_turn();
    Parley__Otlp__ExportTraceRequest *r = sent_traces();
    Parley__Otlp__Span *root = r->resource_spans[0]->scope_spans[0]->spans[4];
    assert_non_null(value_of(root->n_attributes, root->attributes, "gen_ai.input.messages"));
    parley__otlp__export_trace_request__free_unpacked(r, NULL);
    http_answer(200, "");
    close_otlp();
}

static void query_of_an_address_is_sent_and_not_shown(void **state)
{
    (void)state;
    open_otlp("traces_endpoint=http://here/t?key=s3cret", NULL);
    deliver_turn();
    assert_string_equal(http.open[0].url, "http://here/t?key=s3cret");
    http_answer(400, "");
    assert_true(fake_host_logged("url=http://here/t reason"));
    assert_false(fake_host_logged("s3cret"));
    assert_string_equal(ended.message, "http://here/t: answered 400");
    close_otlp();
}

static void mistakes_of_the_operator_are_named_and_secrets_are_not(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"endpoint=collector:4318", "endpoint: \"collector:4318\" is no http:// or https://"},
        {"endpoint=http://me:s3cret@collector:4318", "endpoint: it holds a user or a password"},
        {"endpoint=htp://me:s3cret@collector:4318", "endpoint: it holds a user or a password"},
        {"endpoint=http://collector:4318/?key=s3cret", "endpoint: it has a ? or a #"},
        {"logs_endpoint=collector", "logs_endpoint: \"collector\" is no http:// or https://"},
        {"protocol=grpc", "protocol: \"grpc\" is not spoken; write http/protobuf"},
        {"logs_protocol=http/json", "logs_protocol: \"http/json\" is not spoken"},
        {"headers=s3cret", "headers: entry 1 has no =; write name=value"},
        {"headers=a=1,a=2,a=3,a=4,a=5,a=6,a=7,a=8,a=9,a=10,a=11,a=12,a=13,a=14,a=15,a=16,a=17,"
         "a=18,a=19,a=20,a=21,a=22,a=23,a=24,a=25,a=26,a=27,a=28,a=29,a=30,a=31",
         "headers: more than 28"},
        {"headers=a=b,bad name=s3cret", "headers: entry 2 has no good name"},
        {"headers=a=s3cret%0d%0aX: y", "headers: a: a control character"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        const char *options[] = {wrong[i][0], NULL};
        fake_host_reset();
        fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
        assert_null(fake_plugin_open(plugin_path, "otlp", options, &err));
        assert_non_null(strstr(err.message, wrong[i][1]));
        assert_null(strstr(err.message, "s3cret"));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turn_is_sent_as_a_tree_of_spans),
        cmocka_unit_test(metrics_are_sent_with_their_points_together),
        cmocka_unit_test(histograms_are_exponential_when_asked_for),
        cmocka_unit_test(histograms_have_bounds_otherwise),
        cmocka_unit_test(changes_are_sent_when_asked_for),
        cmocka_unit_test(changes_go_on_after_a_reload_where_they_were),
        cmocka_unit_test(log_records_are_sent_with_their_context),
        cmocka_unit_test(signals_have_addresses_of_their_own),
        cmocka_unit_test(signals_have_headers_and_compression_of_their_own),
        cmocka_unit_test(certificate_is_shown),
        cmocka_unit_test(batch_of_both_signals_ends_once),
        cmocka_unit_test(empty_batch_sends_nothing),
        cmocka_unit_test(overload_is_tried_again_with_growing_waits),
        cmocka_unit_test(no_answer_is_tried_again_and_same_body_is_sent),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(refusal_is_not_tried_again),
        cmocka_unit_test(partial_success_is_counted_and_never_sent_again),
        cmocka_unit_test(answer_that_cannot_be_read_is_success),
        cmocka_unit_test(one_request_at_a_time_in_order),
        cmocka_unit_test(full_queue_drops_the_newest),
        cmocka_unit_test(wrong_key_lets_the_lane_rest),
        cmocka_unit_test(request_behind_a_stuck_one_is_given_up_in_time),
        cmocka_unit_test(flush_tries_once_more_and_gives_up),
        cmocka_unit_test(stop_cancels_what_is_in_flight),
        cmocka_unit_test(body_is_compressed_when_asked_for),
        cmocka_unit_test(headers_of_the_operator_are_sent),
        cmocka_unit_test(content_is_sent_only_when_asked_for),
        cmocka_unit_test(query_of_an_address_is_sent_and_not_shown),
        cmocka_unit_test(mistakes_of_the_operator_are_named_and_secrets_are_not),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
