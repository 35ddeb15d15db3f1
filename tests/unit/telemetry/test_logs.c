/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_fixture.h"

#include "base/log.h"
#include "telemetry/log_lines.h"
#include "telemetry/log_ring.h"
#include "telemetry/logs.h"

#include <pthread.h>

/* What the last batches held, in short. */
static struct {
    unsigned count;
    uint32_t severity;
    char body[LOG_RING_TEXT_SIZE];
    char session[64];
    char error[64];
    char event[64];
    uint8_t trace;
    uint64_t unix_ns;
} seen;

static void copy_attr(const struct parley_attrs *attrs, const char *key, char *out, size_t size)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < attrs->count; i++) {
        if (strcmp(attrs->items[i].key, key) == 0)
            view_copy(out, size, attrs->items[i].string);
    }
}

static void look(const struct parley_batch *b)
{
    for (uint32_t i = 0; i < b->log_count; i++) {
        const struct parley_log_record *r = &b->logs[i];
        seen.count++;
        seen.severity = r->severity;
        seen.trace = r->trace_id[0];
        seen.unix_ns = r->unix_ns;
        view_copy(seen.body, sizeof(seen.body), r->body);
        view_copy(seen.event, sizeof(seen.event), view_of(r->event_name));
        copy_attr(&r->attrs, NAME_SESSION_ID, seen.session, sizeof(seen.session));
        copy_attr(&r->attrs, NAME_ERROR_TYPE, seen.error, sizeof(seen.error));
    }
}

static bool find(void *ctx, struct parley_view session, struct trace_context *ret)
{
    (void)ctx;
    if (!view_is(session, "sess_1"))
        return false;
    *ret = (struct trace_context){.trace_id = {7}, .span_id = {8}};
    return true;
}

static struct fixture *open_logs(enum log_level level)
{
    const struct logs_finder finder = {.find = find};
    struct fixture *f = fixture_create(
        (struct telemetry_config){.records_logs = true, .log_level = level, .metrics_ms = 3600000});

    memset(&seen, 0, sizeof(seen));
    f->look = look;
    logs_attach(f->recorder, &finder);
    return f;
}

static void close_logs(struct fixture *f)
{
    logs_detach();
    fixture_destroy(f);
}

static void tick(struct fixture *f)
{
    clock_fake_advance_us(1000 * 1000);
    loop_run_due(f->loop);
}

static void line_becomes_a_record_with_its_fields(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    log_warn("the model closed session=%s code=%s message=\"%s\"", "sess_1", "busy", "come later");
    tick(f);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.severity, 13);
    assert_string_equal(seen.body,
                        "the model closed session=sess_1 code=busy message=\"come later\"");
    assert_string_equal(seen.session, "sess_1");
    assert_string_equal(seen.error, "busy");
    assert_string_equal(seen.event, "");
    assert_int_equal(seen.trace, 7);
    assert_true(seen.unix_ns == START_UNIX_US * 1000);
    close_logs(f);
}

static void event_keeps_its_name(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    log_event(LOG_LEVEL_INFO, NAME_EVENT_SESSION_END, "session ended session=%s", "sess_2");
    tick(f);
    assert_string_equal(seen.event, "session.end");
    assert_int_equal(seen.trace, 0); /* nobody knows that session */
    close_logs(f);
}

static void later_field_cannot_forge_an_earlier_one(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    log_warn("refused session=sess_1 message=\"%s\" code=c", "session=sess_9\" session=sess_9 ");
    tick(f);
    assert_string_equal(seen.session, "sess_1");
    assert_string_equal(seen.error, "c");
    close_logs(f);
}

static void bytes_that_are_no_text_are_mended(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    log_warn("odd \xff\xfe session=a\xc3");
    tick(f);
    assert_string_equal(seen.body, "odd ?? session=a?");
    assert_string_equal(seen.session, "a?");
    close_logs(f);
}

static void less_urgent_lines_are_left_out(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_WARN);

    log_info("quiet");
    log_error("loud");
    tick(f);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.body, "loud");
    close_logs(f);
}

static void lines_are_not_recorded_without_the_wish(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});

    memset(&seen, 0, sizeof(seen));
    f->look = look;
    logs_attach(f->recorder, NULL);
    log_error("only on standard error");
    tick(f);
    assert_int_equal(seen.count, 0);
    fixture_destroy(f);
}

static double value_of(struct fixture *f, enum metric_id id, size_t labels)
{
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    double value = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].id == id && s->items[i].label_count == labels)
            value += s->items[i].value;
    }
    metrics_snapshot_free(s);
    return value;
}

static void full_ring_drops_and_counts(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    for (int i = 0; i < 200; i++)
        log_info("%01000d", i);
    telemetry_flush(f->telemetry);
    double lost = value_of(f, METRIC_LOGS_PROCESSED, 1);
    assert_true(lost > 100);
    assert_float_equal(value_of(f, METRIC_LOGS_PROCESSED, 0) + lost, 200, 0);
    assert_int_equal(seen.count, 200 - (unsigned)lost);
    close_logs(f);
}

static void half_full_ring_wakes_before_the_timer(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    for (int i = 0; i < 40; i++)
        log_info("%01000d", i);
    loop_run_due(f->loop);
    assert_int_equal(seen.count, 40);
    close_logs(f);
}

static void lines_go_around_the_end_of_the_ring(void **state)
{
    (void)state;
    struct log_ring r;
    char text[LOG_RING_TEXT_SIZE];
    struct log_entry entry;

    assert_true(log_ring_init(&r));
    for (int i = 0; i < 500; i++) {
        char line[400];
        (void)snprintf(line, sizeof(line), "%d %0*d", i, i % 300, i);
        const struct log_entry in = {.now_us = (uint64_t)i, .len = (uint32_t)strlen(line)};
        assert_true(log_ring_push(&r, &in, line));
        assert_true(log_ring_pop(&r, &entry, text));
        assert_int_equal(entry.now_us, i);
        assert_string_equal(text, line);
    }
    assert_false(log_ring_pop(&r, &entry, text));
    log_ring_done(&r);
}

/* --- Threads: meant for the thread sanitizer. --- */

#define THREAD_LINES 500

static void lines_have_a_pace_and_batches_of_their_own(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){.records_logs = true,
                                                                 .log_level = LOG_LEVEL_INFO,
                                                                 .batch_ms = 5000,
                                                                 .logs_ms = 1000,
                                                                 .batch_lines = 2,
                                                                 .metrics_ms = 3600000});

    memset(&seen, 0, sizeof(seen));
    f->look = look;
    logs_attach(f->recorder, NULL);
    span_end(span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL));
    for (int i = 0; i < 5; i++)
        log_info("line %d", i);
    tick(f);
    assert_int_equal(seen.count, 2);
    tick(f); /* later than the pause for exporters between two batches */
    tick(f);
    assert_int_equal(seen.count, 5);
    assert_int_equal(f->batches, 3);
    assert_int_equal(f->spans, 0);
    for (int i = 0; i < 2; i++)
        tick(f);
    assert_int_equal(f->spans, 1);
    close_logs(f);
}

static void *speak(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < THREAD_LINES; i++)
        log_info("from elsewhere session=sess_1 number=%d", i);
    return NULL;
}

static void *speak_as_exporter(void *ctx)
{
    (void)ctx;
    logs_mute();
    log_error("the collector is down");
    return NULL;
}

static void run_thread(void *(*fn)(void *))
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, fn, NULL), 0);
    pthread_join(thread, NULL);
}

static void threads_without_a_recorder_share_a_ring(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);
    pthread_t threads[2];
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_int_equal(telemetry_spawn(f->telemetry, &err), PARLEY_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, speak, NULL), 0);
    for (int i = 0; i < THREAD_LINES; i++)
        log_info("from here session=sess_1 number=%d", i);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    telemetry_join(f->telemetry);
    telemetry_flush(f->telemetry);
    assert_float_equal(value_of(f, METRIC_LOGS_PROCESSED, 0) +
                           value_of(f, METRIC_LOGS_PROCESSED, 1),
                       3.0 * THREAD_LINES, 0);
    close_logs(f);
}

static void muted_thread_is_not_recorded(void **state)
{
    (void)state;
    struct fixture *f = open_logs(LOG_LEVEL_INFO);

    run_thread(speak_as_exporter);
    tick(f);
    assert_int_equal(seen.count, 0);
    close_logs(f);
}

static void swallow(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_becomes_a_record_with_its_fields),
        cmocka_unit_test(event_keeps_its_name),
        cmocka_unit_test(later_field_cannot_forge_an_earlier_one),
        cmocka_unit_test(bytes_that_are_no_text_are_mended),
        cmocka_unit_test(less_urgent_lines_are_left_out),
        cmocka_unit_test(lines_are_not_recorded_without_the_wish),
        cmocka_unit_test(full_ring_drops_and_counts),
        cmocka_unit_test(lines_have_a_pace_and_batches_of_their_own),
        cmocka_unit_test(half_full_ring_wakes_before_the_timer),
        cmocka_unit_test(lines_go_around_the_end_of_the_ring),
        cmocka_unit_test(threads_without_a_recorder_share_a_ring),
        cmocka_unit_test(muted_thread_is_not_recorded),
    };
    log_set_sink(swallow, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
