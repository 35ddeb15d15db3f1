/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_fixture.h"

#include "telemetry/prometheus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static const struct metric_sample *sample_of(const struct metrics_snapshot *s, enum metric_id id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].id == id)
            return &s->items[i];
    }
    return NULL;
}

static void every_metric_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT_OF_ALL; i++) {
        const struct metric_info *info = metric_info((enum metric_id)i);
        assert_true(info->name[0] != '\0' && info->unit[0] != '\0');
        assert_int_equal(info->kind == METRIC_HISTOGRAM, info->bound_count > 0);
        for (size_t b = 1; b < info->bound_count; b++)
            assert_true(info->bounds[b - 1] < info->bounds[b]);
    }
    struct buf out = {0};
    metrics_describe_markdown(&out);
    assert_non_null(strstr(out.data, "\n| `parley.turn.count` | counter | `{turn}` | "
                                     "gen_ai.agent.name, parley.turn.end_reason | Turns that "
                                     "ended. |\n"));
    buf_done(&out);
}

static void recorders_are_summed(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    struct telemetry_recorder *second = telemetry_recorder_create(f->telemetry);

    metrics_note(f->recorder, METRIC_SESSION_ACTIVE, 3, NAME_AGENT_NAME, "a");
    metrics_note(second, METRIC_SESSION_ACTIVE, 2, NAME_AGENT_NAME, "a");
    metrics_note(second, METRIC_SESSION_ACTIVE, -1, NAME_AGENT_NAME, "a");
    metrics_note(f->recorder, METRIC_TOOL_DURATION, 0.01, NULL, NULL); /* closes its bucket */
    metrics_note(second, METRIC_TOOL_DURATION, 1000, NULL, NULL);
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    assert_float_equal(sample_of(s, METRIC_SESSION_ACTIVE)->value, 4, 0);
    const struct metric_sample *h = sample_of(s, METRIC_TOOL_DURATION);
    assert_int_equal(h->count, 2);
    assert_int_equal(h->counts[0], 1);
    assert_int_equal(h->counts[14], 1);
    assert_float_equal(h->min, 0.01, 0);
    assert_float_equal(h->max, 1000, 0);
    metrics_snapshot_free(s);
    fixture_destroy(f);
}

static void label_order_and_empty_labels_do_not_matter(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    const struct metric_label one[] = {{"b", VIEW("2")}, {"a", VIEW("1")}, {"c", {NULL, 0}}};
    const struct metric_label two[] = {{"a", VIEW("1")}, {"b", VIEW("2")}};

    assert_ptr_equal(metrics_point(f->recorder, METRIC_EVENTS, one, 3),
                     metrics_point(f->recorder, METRIC_EVENTS, two, 2));
    fixture_destroy(f);
}

static void too_many_label_sets_share_one_point(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    char name[16];

    for (int i = 0; i < METRICS_MAX_POINTS + 20; i++) {
        (void)snprintf(name, sizeof(name), "tool%d", i);
        metrics_note(f->recorder, METRIC_EVENTS, 1, "k", name);
    }
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    size_t points = 0;
    double overflow = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].id != METRIC_EVENTS)
            continue;
        points++;
        if (strcmp(s->items[i].labels[0].key, "otel.metric.overflow") == 0)
            overflow = s->items[i].value;
    }
    assert_int_equal(points, METRICS_MAX_POINTS + 1);
    assert_float_equal(overflow, 20, 0);
    metrics_snapshot_free(s);
    fixture_destroy(f);
}

/* A model's error code may be any text; half a character would spoil a whole report. */
static void long_labels_are_cut_between_characters(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    char text[200];

    memset(text, 'x', sizeof(text));
    memcpy(text + 127, "\xc3\xa9", 2);
    text[sizeof(text) - 1] = '\0';
    metrics_note(f->recorder, METRIC_BACKEND_ERRORS, 1, NAME_ERROR_TYPE, text);
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    const struct metric_sample *m = sample_of(s, METRIC_BACKEND_ERRORS);
    assert_int_equal(m->labels[0].value.len, 127);
    metrics_snapshot_free(s);
    metrics_note(f->recorder, METRIC_TOOL_DURATION, 1, NAME_ERROR_TYPE, "cut by somebody\xc3");
    s = telemetry_snapshot(f->telemetry);
    m = sample_of(s, METRIC_TOOL_DURATION);
    assert_string_equal(m->labels[0].value.data, "cut by somebody");
    metrics_snapshot_free(s);
    fixture_destroy(f);
}

static void prometheus_text_has_the_expected_form(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    struct buf out = {0};

    metrics_note(f->recorder, METRIC_SESSION_ACTIVE, 2, NAME_AGENT_NAME, "a\"b\\c\nd");
    metrics_note(f->recorder, METRIC_TURN_COUNT, 7, NULL, NULL);
    metrics_note(f->recorder, METRIC_TURN_RESPONSE_LATENCY, 0.25, NULL, NULL);
    metrics_note(f->recorder, METRIC_TURN_RESPONSE_LATENCY, 0.75, NULL, NULL);
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    prometheus_write(&out, s);
    assert_non_null(strstr(out.data, "# HELP parley_session_active Sessions that are open.\n"
                                     "# TYPE parley_session_active gauge\n"
                                     "parley_session_active{gen_ai_agent_name=\"a\\\"b\\\\c\\nd\"} "
                                     "2\n"));
    assert_non_null(strstr(out.data, "parley_turn_count_total 7\n"));
    assert_non_null(strstr(out.data, "# TYPE parley_turn_response_latency_seconds histogram\n"));
    assert_non_null(strstr(out.data, "_bucket{le=\"0.2\"} 0\n"));
    assert_non_null(strstr(out.data, "_bucket{le=\"0.3\"} 1\n"));
    assert_non_null(strstr(out.data, "_bucket{le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(out.data, "parley_turn_response_latency_seconds_sum 1\n"));
    assert_non_null(strstr(out.data, "parley_turn_response_latency_seconds_count 2\n"));
    assert_non_null(strstr(out.data, "process_memory_usage_bytes "));
    metrics_snapshot_free(s);
    buf_done(&out);
    fixture_destroy(f);
}

/* --- Threads. --- */

#define ROUNDS 150
#define POINTS 100

struct first_values {
    struct metrics metrics;
    atomic_bool is_done;
};

static void *note_first_values(void *ctx)
{
    struct first_values *v = ctx;
    char text[12];

    for (int i = 0; i < POINTS; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        const struct metric_label label = {NAME_TOOL_NAME, view_of(text)};
        metric_record(metrics_find(&v->metrics, METRIC_TOOL_DURATION, &label, 1), 2);
    }
    atomic_store(&v->is_done, true);
    return NULL;
}

/* An infinite least value is no number for JSON: it spoils a report. */
static void a_counted_value_is_between_least_and_greatest(const struct metrics *m)
{
    struct metrics_snapshot s = {0};

    assert_true(metrics_snapshot_add(&s, m));
    for (size_t i = 0; i < s.count; i++) {
        if (s.items[i].count > 0)
            assert_true(s.items[i].min <= s.items[i].max);
        free(s.items[i].counts);
        free(s.items[i].exponential);
    }
    free(s.items);
}

static void who_reads_the_first_value_finds_its_bounds(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct first_values v = {.metrics = {{NULL}, {0}}};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, note_first_values, &v), 0);
        while (!atomic_load(&v.is_done))
            a_counted_value_is_between_least_and_greatest(&v.metrics);
        assert_int_equal(pthread_join(thread, NULL), 0);
        metrics_done(&v.metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_is_described),
        cmocka_unit_test(recorders_are_summed),
        cmocka_unit_test(label_order_and_empty_labels_do_not_matter),
        cmocka_unit_test(too_many_label_sets_share_one_point),
        cmocka_unit_test(who_reads_the_first_value_finds_its_bounds),
        cmocka_unit_test(long_labels_are_cut_between_characters),
        cmocka_unit_test(prometheus_text_has_the_expected_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
