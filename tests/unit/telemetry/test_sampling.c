/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_fixture.h"

#include "telemetry/sampling.h"

static const struct sampling nothing = {.ratio = 0, .follows_parent = true, .keeps_errors = true};

/* What the last batches held. */
static struct {
    unsigned count;
    char names[8][32];
    char state[SAMPLING_STATE_SIZE];
    double share;
    uint32_t flags;
} seen;

static void look(const struct parley_batch *b)
{
    for (uint32_t i = 0; i < b->span_count; i++) {
        const struct parley_span *s = &b->spans[i];
        if (seen.count < 8)
            view_copy(seen.names[seen.count], sizeof(seen.names[0]), view_of(s->name));
        view_copy(seen.state, sizeof(seen.state), view_of(s->trace_state));
        seen.share = s->sample_ratio;
        seen.flags = s->flags;
        seen.count++;
    }
}

static struct fixture *open_sampling(const struct sampling *sampling)
{
    struct fixture *f =
        fixture_create((struct telemetry_config){.sampling = sampling, .metrics_ms = 3600000});

    memset(&seen, 0, sizeof(seen));
    f->look = look;
    return f;
}

static double left_out(struct fixture *f)
{
    struct metrics_snapshot *s = telemetry_snapshot(f->telemetry);
    double value = -1;

    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].id == METRIC_SPANS_LEFT_OUT)
            value = s->items[i].value;
    }
    metrics_snapshot_free(s);
    return value;
}

static void tick(struct fixture *f)
{
    clock_fake_advance_us(1000 * 1000);
    loop_run_due(f->loop);
}

static void ratio_goes_by_the_last_seven_bytes_of_the_id(void **state)
{
    (void)state;
    const struct sampling quarter = {.ratio = 0.25};
    const struct trace_context none = {0};
    uint8_t id[16];
    unsigned kept = 0;

    memset(id, 0xff, sizeof(id));
    for (int byte = 0; byte < 256; byte++) {
        id[9] = (uint8_t)byte;
        kept += sampling_of(&quarter, &none, id) == SAMPLING_BY_RATIO;
    }
    assert_int_equal(kept, 64);
    id[9] = 0xbf;
    assert_int_equal(sampling_of(&quarter, &none, id), SAMPLING_LEFT_OUT);
    memset(id, 0, 9);
    id[9] = 0xc0; /* the threshold itself is kept */
    memset(id + 10, 0, 6);
    assert_int_equal(sampling_of(&quarter, &none, id), SAMPLING_BY_RATIO);
}

static void all_and_nothing_are_exact(void **state)
{
    (void)state;
    const struct sampling all = {.ratio = 1};
    const struct trace_context none = {0};
    uint8_t low[16] = {1};
    uint8_t high[16];

    memset(high, 0xff, sizeof(high));
    assert_int_equal(sampling_of(&all, &none, low), SAMPLING_ALWAYS);
    assert_int_equal(sampling_of(&nothing, &none, high), SAMPLING_LEFT_OUT);
}

static void state_says_the_threshold(void **state)
{
    (void)state;
    static const struct {
        double ratio;
        enum sampling_verdict verdict;
        const char *state;
    } cases[] = {
        {0.25, SAMPLING_BY_RATIO, "ot=th:c"}, {0.5, SAMPLING_BY_RATIO, "ot=th:8"},
        {0.75, SAMPLING_BY_RATIO, "ot=th:4"}, {0.25, SAMPLING_ALWAYS, "ot=th:0"},
        {0.25, SAMPLING_BY_PARENT, ""},       {1, SAMPLING_ALWAYS, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sampling s = {.ratio = cases[i].ratio};
        char text[SAMPLING_STATE_SIZE];
        sampling_state(&s, cases[i].verdict, text);
        assert_string_equal(text, cases[i].state);
    }
}

static struct trace_context client(const char *flags)
{
    struct trace_context c;
    char text[64];

    (void)snprintf(text, sizeof(text), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-%s",
                   flags);
    assert_true(traceparent_parse(view_of(text), &c));
    return c;
}

static void client_s_decision_counts(void **state)
{
    (void)state;
    const struct sampling all = {.ratio = 1, .follows_parent = true};
    struct fixture *f = open_sampling(&nothing);
    struct trace_context yes = client("01");
    struct trace_context no = client("00");

    struct span *root = span_start(f->recorder, "root", PARLEY_SPAN_INTERNAL, &yes);
    struct trace_context own = span_context(root);
    assert_int_equal(own.flags, 1);
    span_end(span_start(f->recorder, "child", PARLEY_SPAN_INTERNAL, &own));
    span_end(root);
    tick(f);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.state, "");
    assert_float_equal(seen.share, 0, 0);
    assert_int_equal(seen.flags,
                     PARLEY_SPAN_SAMPLED | PARLEY_SPAN_PARENT_KNOWN | PARLEY_SPAN_PARENT_REMOTE);
    fixture_destroy(f);

    f = open_sampling(&all);
    root = span_start(f->recorder, "root", PARLEY_SPAN_INTERNAL, &no);
    assert_int_equal(span_context(root).flags, 0); /* what outgoing requests say */
    span_end(root);
    tick(f);
    assert_int_equal(seen.count, 0);
    assert_float_equal(left_out(f), 1, 0);
    fixture_destroy(f);
}

static void client_s_decision_may_be_passed_over(void **state)
{
    (void)state;
    const struct sampling all = {.ratio = 1};
    struct fixture *f = open_sampling(&all);
    struct trace_context no = client("00");

    span_end(span_start(f->recorder, "root", PARLEY_SPAN_INTERNAL, &no));
    tick(f);
    assert_int_equal(seen.count, 1);
    assert_float_equal(seen.share, 1, 0);
    fixture_destroy(f);
}

/* A turn of three spans, of which the second may fail. */
static void end_turn(struct fixture *f, bool fails, bool is_slow)
{
    struct span_hold hold = {0};
    struct span *root = span_start(f->recorder, "root", PARLEY_SPAN_INTERNAL, NULL);
    struct trace_context context = span_context(root);
    struct span *first = span_start(f->recorder, "first", PARLEY_SPAN_CLIENT, &context);
    struct span *second = span_start(f->recorder, "second", PARLEY_SPAN_CLIENT, &context);

    span_end_held(first, clock_now_us(), &hold);
    if (fails)
        span_fail(second, VIEW("timeout"), VIEW("too slow"));
    span_end_held(second, clock_now_us(), &hold);
    if (is_slow)
        span_hold_keep(&hold);
    span_end_held(root, clock_now_us(), &hold);
    span_hold_end(&hold);
    tick(f);
}

static void failed_turn_is_kept_whole(void **state)
{
    (void)state;
    struct fixture *f = open_sampling(&nothing);

    end_turn(f, true, false);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.names[0], "first");
    assert_string_equal(seen.names[2], "root");
    assert_float_equal(seen.share, 1, 0); /* it stands for itself */
    assert_string_equal(seen.state, "ot=th:0");
    assert_int_equal(seen.flags & PARLEY_SPAN_SAMPLED, PARLEY_SPAN_SAMPLED);
    assert_float_equal(left_out(f), 0, 0);
    fixture_destroy(f);
}

static void slow_turn_is_kept_whole(void **state)
{
    (void)state;
    struct fixture *f = open_sampling(&nothing);

    end_turn(f, false, true);
    assert_int_equal(seen.count, 3);
    fixture_destroy(f);
}

static void other_turns_are_left_out_and_counted(void **state)
{
    (void)state;
    const struct sampling no_errors = {.ratio = 0};
    struct fixture *f = open_sampling(&nothing);

    end_turn(f, false, false);
    assert_int_equal(seen.count, 0);
    assert_float_equal(left_out(f), 3, 0);
    fixture_destroy(f);
    f = open_sampling(&no_errors);
    end_turn(f, true, false);
    assert_int_equal(seen.count, 0);
    fixture_destroy(f);
}

static void hold_is_bounded(void **state)
{
    (void)state;
    struct fixture *f = open_sampling(&nothing);
    struct span_hold hold = {0};

    for (int i = 0; i < SPAN_MAX_HELD + 10; i++)
        span_end_held(span_start(f->recorder, "s", PARLEY_SPAN_INTERNAL, NULL), clock_now_us(),
                      &hold);
    assert_int_equal(hold.count, SPAN_MAX_HELD);
    span_hold_keep(&hold);
    span_hold_end(&hold);
    tick(f);
    assert_int_equal(seen.count, SPAN_MAX_HELD);
    assert_float_equal(left_out(f), 10, 0);
    fixture_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratio_goes_by_the_last_seven_bytes_of_the_id),
        cmocka_unit_test(all_and_nothing_are_exact),
        cmocka_unit_test(state_says_the_threshold),
        cmocka_unit_test(client_s_decision_counts),
        cmocka_unit_test(client_s_decision_may_be_passed_over),
        cmocka_unit_test(failed_turn_is_kept_whole),
        cmocka_unit_test(slow_turn_is_kept_whole),
        cmocka_unit_test(other_turns_are_left_out_and_counted),
        cmocka_unit_test(hold_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
