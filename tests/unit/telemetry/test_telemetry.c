/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_fixture.h"

#include "telemetry/ring.h"
#include "telemetry/usage.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>

static const struct parley_attr *attr_of(const struct parley_attrs *attrs, const char *key)
{
    for (uint32_t i = 0; i < attrs->count; i++) {
        if (strcmp(attrs->items[i].key, key) == 0)
            return &attrs->items[i];
    }
    return NULL;
}

static void tick(struct fixture *f, uint64_t ms)
{
    clock_fake_advance_us(ms * 1000);
    loop_run_due(f->loop);
}

static void ring_keeps_order_and_refuses_when_full(void **state)
{
    (void)state;
    struct ring r;
    int items[5];

    assert_true(ring_init(&r, 3)); /* rounded up to 4 */
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            assert_true(ring_push(&r, &items[i]));
        assert_false(ring_push(&r, &items[4]));
        assert_int_equal(ring_count(&r), 4);
        for (int i = 0; i < 4; i++)
            assert_ptr_equal(ring_pop(&r), &items[i]);
        assert_null(ring_pop(&r));
    }
    ring_done(&r);
}

static void look_at_tree(const struct parley_batch *b)
{
    const struct parley_span *child = &b->spans[0];
    const struct parley_span *root = &b->spans[1];

    assert_int_equal(b->span_count, 2);
    assert_string_equal(root->name, "invoke_agent receptionist");
    assert_memory_equal(child->parent_span_id, root->span_id, 8);
    assert_memory_equal(child->trace_id, root->trace_id, 16);
    assert_int_equal(root->parent_span_id[0], 0);
    assert_true(root->start_unix_ns == START_UNIX_US * 1000);
    assert_true(child->end_unix_ns == (START_UNIX_US + 300000) * 1000);
    assert_int_equal(child->kind, PARLEY_SPAN_CLIENT);
    assert_int_equal(child->status, PARLEY_SPAN_ERROR);
    assert_string_equal(child->status_message, "too slow");
    assert_int_equal(attr_of(&child->attrs, NAME_ERROR_TYPE)->string.len, 7);
    assert_int_equal(attr_of(&child->attrs, "n")->integer, 2);
    assert_int_equal(attr_of(&child->attrs, "b")->type, PARLEY_ATTR_BOOL);
    assert_float_equal(attr_of(&child->attrs, "d")->number, 0.5, 0);
    assert_int_equal(attr_of(&child->attrs, "l")->type, PARLEY_ATTR_LIST);
    assert_int_equal(root->event_count, 1);
    assert_true(root->events[0].unix_ns == (START_UNIX_US + 100000) * 1000);
    assert_string_equal(attr_of(&b->resource, "service.name")->string.data, "parley");
    assert_non_null(attr_of(&b->resource, "service.instance.id"));
}

static void spans_of_a_turn_arrive_as_a_tree(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});

    f->look = look_at_tree;
    struct span *root = span_start(f->recorder, NAME_INVOKE_AGENT, PARLEY_SPAN_INTERNAL, NULL);
    span_set_name(root, NAME_INVOKE_AGENT, VIEW("receptionist"));
    struct trace_context context = span_context(root);
    struct span *child = span_start(f->recorder, "c", PARLEY_SPAN_CLIENT, &context);
    span_set_int(child, "n", 1);
    span_set_int(child, "n", 2);
    span_set_bool(child, "b", true);
    span_set_double(child, "d", 0.5);
    span_set_list(child, "l", VIEW("completed"));
    span_fail(child, VIEW("timeout"), VIEW("too slow"));
    clock_fake_advance_us(100000);
    span_event(root, NAME_EVENT_FIRST_OUTPUT, clock_now_us());
    clock_fake_advance_us(200000);
    span_end(child);
    span_end(root);
    assert_int_equal(f->batches, 0);
    tick(f, 1000);
    assert_int_equal(f->batches, 1);
    tick(f, 1000);
    assert_int_equal(f->batches, 1); /* nothing to say, nothing sent */
    fixture_destroy(f);
}

static void parent_from_outside_is_kept(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    struct trace_context outside;

    assert_true(traceparent_parse(VIEW("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                                  &outside));
    struct span *s = span_start(f->recorder, "s", PARLEY_SPAN_SERVER, &outside);
    struct trace_context own = span_context(s);
    assert_memory_equal(own.trace_id, outside.trace_id, 16);
    assert_memory_not_equal(own.span_id, outside.span_id, 8);
    span_drop(s);
    fixture_destroy(f);
}

static void full_ring_drops_and_counts(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){.ring_size = 4});

    for (int i = 0; i < 10; i++)
        span_end(span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL));
    tick(f, 1000);
    assert_int_equal(f->spans, 4);
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    double dropped = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].id == METRIC_SPANS_PROCESSED && s->items[i].label_count == 1)
            dropped += s->items[i].value;
    }
    assert_float_equal(dropped, 6, 0);
    metrics_snapshot_free(s);
    fixture_destroy(f);
}

static void half_full_ring_wakes_before_the_timer(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){.ring_size = 8});

    for (int i = 0; i < 4; i++)
        span_end(span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL));
    loop_run_due(f->loop);
    assert_int_equal(f->spans, 4);
    fixture_destroy(f);
}

static void large_backlog_is_split_into_batches(void **state)
{
    (void)state;
    struct fixture *f =
        fixture_create((struct telemetry_config){.ring_size = 64, .batch_size = 10});

    for (int i = 0; i < 25; i++)
        span_end(span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL));
    telemetry_flush(f->telemetry);
    assert_int_equal(f->spans, 25);
    assert_int_equal(f->batches, 4); /* three of spans, one of metrics */
    fixture_destroy(f);
}

struct turn {
    struct fixture *fixture;
    unsigned batches; /* that were handed on before the turn of others came */
};

static void on_turn(void *ctx)
{
    struct turn *turn = ctx;

    turn->batches = turn->fixture->batches;
}

static struct turn turn;

static void ask_for_a_turn(const struct parley_batch *b)
{
    (void)b;
    if (turn.fixture->batches == 1)
        assert_true(loop_post(turn.fixture->loop, on_turn, NULL, &turn));
}

static void exporters_get_their_turn_between_the_batches_of_a_burst(void **state)
{
    (void)state;
    struct fixture *f =
        fixture_create((struct telemetry_config){.ring_size = 64, .batch_size = 10});

    turn = (struct turn){.fixture = f};
    f->look = ask_for_a_turn;
    for (int i = 0; i < 25; i++)
        span_end(span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL));
    tick(f, 1000);
    for (int i = 0; i < 3; i++)
        tick(f, 1);
    assert_int_equal(turn.batches, 1);
    assert_int_equal(f->spans, 25);
    assert_int_equal(f->batches, 3);
    fixture_destroy(f);
}

static void look_for_content(const struct parley_batch *b)
{
    assert_null(attr_of(&b->spans[0].attrs, NAME_INPUT_MESSAGES));
}

static void content_is_left_out_unless_captured(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});

    f->look = look_for_content;
    struct span *s = span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL);
    span_set_content(s, NAME_INPUT_MESSAGES, VIEW("my secret"));
    span_end(s);
    tick(f, 1000);
    assert_int_equal(f->spans, 1);
    fixture_destroy(f);
}

static void look_at_limits(const struct parley_batch *b)
{
    const struct parley_attrs *attrs = &b->spans[0].attrs;

    assert_int_equal(attrs->count, SPAN_MAX_ATTRS);
    assert_int_equal(attr_of(attrs, "long")->string.len, SPAN_MAX_VALUE_BYTES - 1);
    assert_memory_equal(attr_of(attrs, "bad")->string.data, "a?b", 3);
    assert_int_equal(strlen(b->spans[0].name), 127);
    assert_int_equal(b->spans[0].event_count, SPAN_MAX_EVENTS);
}

static void limits_cut_between_characters(void **state)
{
    (void)state;
    static const char *const keys[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    struct fixture *f = fixture_create((struct telemetry_config){0});
    char text[SPAN_MAX_VALUE_BYTES + 3];
    static char many[SPAN_MAX_ATTRS][8];

    f->look = look_at_limits;
    memset(text, 'a', sizeof(text));
    memcpy(text + SPAN_MAX_VALUE_BYTES - 1, "\xc3\xa4", 2);
    struct span *s = span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL);
    span_set_str(s, "long", (struct parley_view){text, sizeof(text)});
    span_set_str(s, "bad",
                 (struct parley_view){"a\xff"
                                      "b",
                                      3});
    span_set_str(s, keys[0], VIEW(""));
    for (int i = 0; i < SPAN_MAX_ATTRS; i++) {
        (void)snprintf(many[i], sizeof(many[i]), "k%d", i);
        span_set_int(s, many[i], i);
    }
    for (int i = 0; i < SPAN_MAX_EVENTS + 5; i++)
        span_event(s, "e", clock_now_us());
    span_set_name(s, "op", (struct parley_view){text, 500});
    span_end(s);
    tick(f, 1000);
    assert_int_equal(f->spans, 1);
    fixture_destroy(f);
}

static void look_at_small_limits(const struct parley_batch *b)
{
    const struct parley_span *s = &b->spans[0];

    assert_int_equal(s->attrs.count, 2);
    assert_int_equal(attr_of(&s->attrs, "a")->string.len, 4);
    assert_int_equal(s->dropped_attrs, 1);
    assert_int_equal(s->event_count, 1);
    assert_int_equal(s->dropped_events, 2);
}

static void limits_are_the_operator_s_and_what_they_cost_is_counted(void **state)
{
    (void)state;
    const struct span_limits limits = {
        .attrs = 2, .events = 1, .value_bytes = 4, .content_bytes = 4};
    struct fixture *f = fixture_create((struct telemetry_config){.limits = &limits});

    f->look = look_at_small_limits;
    struct span *s = span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL);
    span_set_str(s, "a", VIEW("12345"));
    span_set_int(s, "b", 1);
    span_set_int(s, "c", 1);
    for (int i = 0; i < 3; i++)
        span_event(s, "e", clock_now_us());
    span_end(s);
    tick(f, 1000);
    assert_int_equal(f->spans, 1);
    fixture_destroy(f);
}

static void value_of_a_megabyte_is_cut_and_the_others_stay(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    size_t len = 1 << 20;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, '\xff', len); /* nor is it UTF-8 */
    struct span *s = span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL);
    span_set_str(s, "large", (struct parley_view){text, len});
    span_set_int(s, "small", 1);
    span_end(s);
    span_end(span_start(f->recorder, "other", PARLEY_SPAN_INTERNAL, NULL));
    tick(f, 1000);
    assert_int_equal(f->spans, 2);
    free(text);
    fixture_destroy(f);
}

static void nothing_records_without_a_recorder(void **state)
{
    (void)state;
    struct span *s = span_start(NULL, "s", PARLEY_SPAN_INTERNAL, NULL);
    const struct usage u = {.input_text = 1};

    assert_null(s);
    span_set_str(s, "k", VIEW("v"));
    span_set_int(s, "k", 1);
    span_event(s, "e", 1);
    span_fail(s, VIEW("x"), VIEW("y"));
    usage_set(s, &u);
    usage_count(NULL, VIEW("p"), VIEW("m"), &u);
    span_end(s);
    span_drop(s);
    metric_add(metrics_point(NULL, METRIC_SESSION_ACTIVE, NULL, 0), 1);
    assert_false(span_captures_content(s));
}

static void metrics_are_reported_at_their_own_pace(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){.metrics_ms = 5000});

    metrics_note(f->recorder, METRIC_SESSION_ACTIVE, 1, NULL, NULL);
    tick(f, 1000);
    assert_int_equal(f->metrics, 0);
    tick(f, 4000);
    assert_true(f->metrics > 0);
    fixture_destroy(f);
}

static void look_for_types(const struct parley_batch *b)
{
    for (uint32_t i = 0; i < b->metric_count; i++) {
        const struct parley_metric *m = &b->metrics[i];
        if (strcmp(m->name, "parley.turn.count") == 0)
            assert_int_equal(attr_of(&m->attrs, NAME_METRIC_OVERFLOW)->type, PARLEY_ATTR_BOOL);
        if (strcmp(m->name, "http.server.request.duration") != 0)
            continue;
        const struct parley_attr *status = attr_of(&m->attrs, NAME_HTTP_STATUS);
        assert_int_equal(status->type, PARLEY_ATTR_INT);
        assert_int_equal(status->integer, 404);
        assert_int_equal(status->string.len, 0);
    }
}

static void attributes_of_metrics_have_the_types_of_the_conventions(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){.metrics_ms = 5000});

    metrics_note(f->recorder, METRIC_HTTP_DURATION, 1, NAME_HTTP_STATUS, "404");
    metrics_note(f->recorder, METRIC_TURN_COUNT, 1, NAME_METRIC_OVERFLOW, "true");
    f->look = look_for_types;
    tick(f, 5000);
    assert_true(f->metrics > 1);
    fixture_destroy(f);
}

/* --- Threads: meant for the thread sanitizer. --- */

#define THREAD_SPANS 20000

static void *record(void *ctx)
{
    struct telemetry_recorder *r = ctx;
    struct metric_point *active = metrics_point(r, METRIC_SESSION_ACTIVE, NULL, 0);

    for (int i = 0; i < THREAD_SPANS; i++) {
        struct span *s = span_start(r, "s", PARLEY_SPAN_INTERNAL, NULL);
        span_set_str(s, "key", VIEW("value"));
        span_end(s);
        metric_add(active, 1);
    }
    return NULL;
}

static void recording_and_draining_threads_do_not_meet(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){.ring_size = 64});
    struct telemetry_recorder *second = telemetry_recorder_create(f->telemetry);
    struct parley_error err = PARLEY_ERROR_INIT;
    pthread_t threads[2];

    assert_int_equal(telemetry_spawn(f->telemetry, &err), PARLEY_OK);
    assert_int_equal(pthread_create(&threads[0], NULL, record, f->recorder), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, record, second), 0);
    for (int i = 0; i < 100; i++)
        metrics_snapshot_free(telemetry_snapshot(f->telemetry));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    telemetry_join(f->telemetry);
    telemetry_flush(f->telemetry);
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    double processed = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].id == METRIC_SPANS_PROCESSED)
            processed += s->items[i].value;
    }
    assert_float_equal(processed, 2.0 * THREAD_SPANS, 0);
    metrics_snapshot_free(s);
    fixture_destroy(f);
}

struct manners {
    sem_t seen;
    int policy;
    int nice;
};

static void on_manners(void *ctx)
{
    struct manners *m = ctx;

    m->policy = sched_getscheduler(0);
    m->nice = getpriority(PRIO_PROCESS, 0);
    sem_post(&m->seen);
}

static struct manners manners_of_thread(bool keeps_share)
{
    struct fixture *f = fixture_create((struct telemetry_config){.keeps_share = keeps_share});
    struct parley_error err = PARLEY_ERROR_INIT;
    struct manners m;

    assert_int_equal(sem_init(&m.seen, 0, 0), 0);
    assert_true(loop_post(f->loop, on_manners, NULL, &m));
    assert_int_equal(telemetry_spawn(f->telemetry, &err), PARLEY_OK);
    assert_int_equal(sem_wait(&m.seen), 0);
    telemetry_join(f->telemetry);
    sem_destroy(&m.seen);
    fixture_destroy(f);
    return m;
}

static void thread_runs_where_nothing_else_wants_to_unless_it_keeps_a_share(void **state)
{
    (void)state;
    const int nice = getpriority(PRIO_PROCESS, 0);

    assert_int_equal(manners_of_thread(false).policy, SCHED_IDLE | SCHED_RESET_ON_FORK);
    struct manners low = manners_of_thread(true);
    assert_int_equal(low.policy, SCHED_OTHER);
    assert_true(low.nice > nice || nice == 19);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_keeps_order_and_refuses_when_full),
        cmocka_unit_test(spans_of_a_turn_arrive_as_a_tree),
        cmocka_unit_test(parent_from_outside_is_kept),
        cmocka_unit_test(full_ring_drops_and_counts),
        cmocka_unit_test(half_full_ring_wakes_before_the_timer),
        cmocka_unit_test(large_backlog_is_split_into_batches),
        cmocka_unit_test(exporters_get_their_turn_between_the_batches_of_a_burst),
        cmocka_unit_test(content_is_left_out_unless_captured),
        cmocka_unit_test(limits_cut_between_characters),
        cmocka_unit_test(limits_are_the_operator_s_and_what_they_cost_is_counted),
        cmocka_unit_test(value_of_a_megabyte_is_cut_and_the_others_stay),
        cmocka_unit_test(nothing_records_without_a_recorder),
        cmocka_unit_test(metrics_are_reported_at_their_own_pace),
        cmocka_unit_test(attributes_of_metrics_have_the_types_of_the_conventions),
        cmocka_unit_test(recording_and_draining_threads_do_not_meet),
        cmocka_unit_test(thread_runs_where_nothing_else_wants_to_unless_it_keeps_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
