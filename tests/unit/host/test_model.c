/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* ---- the plugin ---- */

static struct {
    const struct parley_model_host *host;
    void *ctx;
    int opens, sends, closes;
    int paused;
    bool refuses;
    bool opens_at_once;
    bool answers_in_send;
    bool closes_in_close;
} plugin;

static void tell_closed(int status)
{
    const struct parley_model_closed closed = {.size = sizeof(closed),
                                               .status = status,
                                               .close_code = 1011,
                                               .code = "boom",
                                               .type = "",
                                               .message = "It broke."};

    plugin.host->on_closed(plugin.ctx, &closed);
}

static void caps(void *instance, struct parley_model_caps *ret)
{
    (void)instance;
    ret->flags = PARLEY_CAP_TRUNCATE;
}

static int open_session(void *wi, const struct parley_model_open *open, void **ret_session,
                        struct parley_error *err)
{
    (void)wi;
    plugin.opens++;
    if (plugin.refuses)
        return parley_fail(err, PARLEY_E_DENIED, "wrong key");
    plugin.host = open->host;
    plugin.ctx = open->ctx;
    *ret_session = &plugin;
    if (plugin.opens_at_once)
        plugin.host->on_open(plugin.ctx, VIEW("{}"));
    return PARLEY_OK;
}

static int send_event(void *session, struct parley_view event, uint32_t flags,
                      struct parley_error *err)
{
    (void)session;
    (void)event;
    (void)flags;
    (void)err;
    plugin.sends++;
    if (plugin.answers_in_send) {
        plugin.host->on_event(plugin.ctx, VIEW("{\"n\":1}"), PARLEY_EVENT_ROOM);
        plugin.host->on_event(plugin.ctx, VIEW("{\"n\":2}"), 0);
    }
    return PARLEY_OK;
}

static void pause_session(void *session, int paused)
{
    (void)session;
    plugin.paused = paused;
}

static void close_session(void *session)
{
    (void)session;
    plugin.closes++;
    if (plugin.closes_in_close)
        tell_closed(PARLEY_OK);
}

static const struct parley_model_vtable table = {
    .size = sizeof(table),
    .caps = caps,
    .open = open_session,
    .send = send_event,
    .pause = pause_session,
    .close = close_session,
};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("model_test", PARLEY_ROLE_MODEL, &table);

/* ---- the core's side ---- */

static struct {
    char story[512]; /* what was heard, in order */
    bool in_call;
    bool closes_on_event;
    uint32_t flags;
    int status;
} core;

static struct host_fixture f;
static struct model_session *session;

static void note(const char *what, struct parley_view data)
{
    size_t len = strlen(core.story);

    assert_false(core.in_call);
    (void)snprintf(core.story + len, sizeof(core.story) - len, "%s%.*s ", what, (int)data.len,
                   data.data == NULL ? "" : data.data);
}

static void on_open(void *ctx, struct parley_view created)
{
    (void)ctx;
    note("open", created);
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    core.flags = flags;
    note("event", event);
    if (core.closes_on_event)
        model_close(session);
}

static void on_writable(void *ctx)
{
    (void)ctx;
    note("writable", (struct parley_view){0});
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    (void)ctx;
    core.status = closed->status;
    note("closed:", view_of(closed->code));
    session = NULL;
}

static const struct model_events events = {on_open, on_event, on_writable, on_closed};

static int open_model(struct parley_error *err)
{
    struct model model;
    const struct model_open open = {.session_id = "sess_1", .session = VIEW("{}")};

    model_of(f.wi, &model);
    core.in_call = true;
    int r = model_open(&model, &open, &events, NULL, &session, err);
    core.in_call = false;
    return r;
}

static int send_text(const char *text)
{
    core.in_call = true;
    int r = model_send(session, view_of(text), 0, NULL);
    core.in_call = false;
    return r;
}

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    memset(&core, 0, sizeof(core));
    session = NULL;
    fixture_open(&f);
    fixture_start(&f, &descriptor, "model");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void events_go_straight_through(void **state)
{
    (void)state;
    assert_int_equal(open_model(NULL), PARLEY_OK);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    plugin.host->on_event(plugin.ctx, VIEW("a"), PARLEY_EVENT_ROOM);
    plugin.host->on_writable(plugin.ctx);
    assert_string_equal(core.story, "open{} eventa writable ");
    assert_int_equal(core.flags, PARLEY_EVENT_ROOM);
    assert_int_equal(send_text("{}"), PARLEY_OK);
    tell_closed(PARLEY_E_UNAVAILABLE);
    assert_string_equal(core.story, "open{} eventa writable closed:boom ");
    assert_int_equal(core.status, PARLEY_E_UNAVAILABLE);
}

static void refusal_leaves_nothing(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    plugin.refuses = true;
    assert_int_equal(open_model(&err), PARLEY_E_DENIED);
    assert_string_equal(err.message, "wrong key");
    assert_int_equal(f.wi->open_count, 0);
}

static void what_is_told_inside_a_call_comes_on_the_next_turn(void **state)
{
    (void)state;
    plugin.opens_at_once = true;
    plugin.answers_in_send = true;
    assert_int_equal(open_model(NULL), PARLEY_OK);
    assert_string_equal(core.story, "");
    fixture_turn(&f);
    assert_string_equal(core.story, "open{} ");
    assert_int_equal(send_text("{}"), PARLEY_OK);
    assert_string_equal(core.story, "open{} ");
    fixture_turn(&f);
    assert_string_equal(core.story, "open{} event{\"n\":1} event{\"n\":2} ");
    assert_int_equal(core.flags, 0); /* a copy has no room before it */
    tell_closed(PARLEY_OK);
}

static void nothing_is_heard_after_closed(void **state)
{
    (void)state;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    tell_closed(PARLEY_OK);
    plugin.host->on_event(plugin.ctx, VIEW("late"), 0);
    plugin.host->on_open(plugin.ctx, VIEW("late"));
    tell_closed(PARLEY_OK);
    assert_string_equal(core.story, "open{} closed:boom ");
    assert_int_equal(f.worker.counters.events_ignored, 3);
}

static void open_is_told_once_and_events_before_it_are_dropped(void **state)
{
    (void)state;
    open_model(NULL);
    plugin.host->on_event(plugin.ctx, VIEW("early"), 0);
    plugin.host->on_open(plugin.ctx, VIEW("1"));
    plugin.host->on_open(plugin.ctx, VIEW("2"));
    assert_string_equal(core.story, "open1 ");
    tell_closed(PARLEY_OK);
}

static void close_inside_an_event_is_allowed(void **state)
{
    (void)state;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    core.closes_on_event = true;
    plugin.closes_in_close = true;
    plugin.host->on_event(plugin.ctx, VIEW("a"), 0);
    assert_string_equal(core.story, "open{} eventa ");
    fixture_turn(&f);
    assert_string_equal(core.story, "open{} eventa closed: ");
    assert_int_equal(core.status, PARLEY_OK);
}

static void close_that_is_not_answered_ends_after_its_limit(void **state)
{
    (void)state;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    model_close(session);
    model_close(session);
    assert_int_equal(plugin.closes, 1);
    plugin.host->on_event(plugin.ctx, VIEW("x"), 0);
    fixture_advance_ms(&f, MODEL_CLOSE_LIMIT_MS - 1);
    assert_string_equal(core.story, "open{} ");
    fixture_advance_ms(&f, 1);
    assert_string_equal(core.story, "open{} closed: ");
    tell_closed(PARLEY_OK);
    assert_int_equal(f.worker.counters.ops_ended_late, 1);
}

static void open_that_does_not_come_is_a_timeout(void **state)
{
    (void)state;
    plugin.closes_in_close = true;
    open_model(NULL);
    fixture_advance_ms(&f, MODEL_OPEN_LIMIT_MS);
    assert_string_equal(core.story, "closed: ");
    assert_int_equal(core.status, PARLEY_E_TIMEOUT);
}

static void send_before_open_is_refused(void **state)
{
    (void)state;
    open_model(NULL);
    assert_int_equal(send_text("{}"), PARLEY_E_UNAVAILABLE);
    assert_int_equal(plugin.sends, 0);
    tell_closed(PARLEY_OK);
}

static void abandoned_session_is_not_heard_of(void **state)
{
    (void)state;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    session = model_abandon(session);
    plugin.host->on_event(plugin.ctx, VIEW("x"), 0);
    tell_closed(PARLEY_OK);
    fixture_turn(&f);
    assert_string_equal(core.story, "open{} ");
    assert_int_equal(f.wi->open_count, 0);
}

static void pause_is_passed_on_and_holds_what_waits(void **state)
{
    (void)state;
    plugin.answers_in_send = true;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    send_text("{}");
    model_pause(session, true);
    assert_int_equal(plugin.paused, 1);
    fixture_turn(&f);
    assert_string_equal(core.story, "open{} ");
    model_pause(session, false);
    fixture_turn(&f);
    assert_string_equal(core.story, "open{} event{\"n\":1} event{\"n\":2} ");
    tell_closed(PARLEY_OK);
}

static void what_waits_is_bounded(void **state)
{
    static char big[8 * 1024 * 1024];

    (void)state;
    memset(big, 'x', sizeof(big));
    plugin.answers_in_send = true;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    model_pause(session, true);
    send_text("{}"); /* from now on events wait, since one does */
    for (int i = 0; i < 9 && plugin.closes == 0; i++)
        plugin.host->on_event(plugin.ctx, (struct parley_view){big, sizeof(big)}, 0);
    assert_int_equal(plugin.closes, 1);
    tell_closed(PARLEY_OK);
    fixture_turn(&f);
    assert_int_equal(core.status, PARLEY_E_TOO_LARGE);
}

static void stop_closes_what_is_open(void **state)
{
    (void)state;
    open_model(NULL);
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    fixture_close(&f); /* the plugin does not answer close() */
    assert_string_equal(core.story, "open{} closed: ");
    assert_int_equal(core.status, PARLEY_E_CANCELLED);
    plugin.host->on_event(plugin.ctx, VIEW("late"), 0);
    fixture_open(&f);
}

static void capabilities_are_the_plugins(void **state)
{
    struct parley_model_caps c;

    (void)state;
    model_caps(f.wi->instance, &c);
    assert_int_equal(c.flags, PARLEY_CAP_TRUNCATE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(events_go_straight_through),
        T(refusal_leaves_nothing),
        T(what_is_told_inside_a_call_comes_on_the_next_turn),
        T(nothing_is_heard_after_closed),
        T(open_is_told_once_and_events_before_it_are_dropped),
        T(close_inside_an_event_is_allowed),
        T(close_that_is_not_answered_ends_after_its_limit),
        T(open_that_does_not_come_is_a_timeout),
        T(send_before_open_is_refused),
        T(abandoned_session_is_not_heard_of),
        T(pause_is_passed_on_and_holds_what_waits),
        T(what_waits_is_bounded),
        T(stop_closes_what_is_open),
        T(capabilities_are_the_plugins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
