/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* ---- the plugin ---- */

static struct {
    const struct parley_chat_host *host;
    parley_op op;
    int generations, cancels, closes;
    bool answers_at_once;
    bool refuses;
    char items[64];
} plugin;

static int session_open(void *wi, const struct parley_chat_open *open, void **ret_session,
                        struct parley_error *err)
{
    (void)wi;
    (void)err;
    plugin.host = open->host;
    *ret_session = &plugin;
    return PARLEY_OK;
}

static int generate(void *session, const struct parley_chat_request *request, parley_op op,
                    struct parley_error *err)
{
    (void)session;
    plugin.generations++;
    view_copy(plugin.items, sizeof(plugin.items), request->items);
    if (plugin.refuses)
        return parley_fail(err, PARLEY_E_BUSY, "throttled");
    plugin.op = op;
    if (plugin.answers_at_once) {
        plugin.host->text(op, VIEW("Hel"));
        plugin.host->text(op, VIEW("lo"));
        plugin.host->call(op, VIEW("clock"), VIEW("{}"));
        plugin.host->end(op, PARLEY_OK, PARLEY_CHAT_COMPLETED, NULL, NULL);
    }
    return PARLEY_OK;
}

static void cancel(void *session, parley_op op)
{
    (void)session;
    (void)op;
    plugin.cancels++;
}

static void session_close(void *session)
{
    (void)session;
    plugin.closes++;
}

static const struct parley_chat_vtable table = {
    .size = sizeof(table),
    .session_open = session_open,
    .generate = generate,
    .cancel = cancel,
    .session_close = session_close,
};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("model_test", PARLEY_ROLE_CHAT, &table);

/* ---- the caller ---- */

static struct host_fixture f;
static struct chat_session *session;
static char story[512];
static bool closes_on_text;

static void note(const char *what, struct parley_view data)
{
    size_t len = strlen(story);

    (void)snprintf(story + len, sizeof(story) - len, "%s%.*s ", what, (int)data.len,
                   data.data == NULL ? "" : data.data);
}

static void on_text(void *ctx, struct parley_view delta)
{
    (void)ctx;
    delta.len = delta.len > 16 ? 16 : delta.len;
    note("text:", delta);
    if (closes_on_text)
        session = chat_close(session);
}

static void on_call(void *ctx, struct parley_view name, struct parley_view arguments)
{
    (void)ctx;
    note("call:", name);
    note("with:", arguments);
}

static void on_end(void *ctx, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    char text[32];

    (void)ctx;
    (void)finish;
    (void)usage;
    assert_true((status < 0) == (err != NULL));
    (void)snprintf(text, sizeof(text), "end:%d", status);
    note(text, (struct parley_view){0});
}

static const struct chat_events events = {on_text, on_call, on_end};

static int ask(const char *items)
{
    const struct parley_chat_request request = {.items = view_of(items)};

    return chat_generate(session, &request, NULL);
}

static void end_ok(void)
{
    plugin.host->end(plugin.op, PARLEY_OK, PARLEY_CHAT_COMPLETED, NULL, NULL);
}

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    story[0] = '\0';
    closes_on_text = false;
    fixture_open(&f);
    fixture_start(&f, &descriptor, "model");
    assert_int_equal(chat_open(f.wi, &(struct chat_open){.session_id = "sess_1", .agent = "a"},
                               &events, NULL, &session, NULL),
                     PARLEY_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    session = chat_close(session);
    fixture_close(&f);
    return 0;
}

static void answer_comes_in_order_and_not_on_the_callers_stack(void **state)
{
    (void)state;
    plugin.answers_at_once = true;
    assert_int_equal(ask("[1]"), PARLEY_OK);
    assert_string_equal(story, "");
    fixture_turn(&f);
    assert_string_equal(story, "text:Hello call:clock with:{} end:0 ");
}

static void one_answer_at_a_time(void **state)
{
    (void)state;
    ask("[1]");
    assert_int_equal(ask("[2]"), PARLEY_E_CONFLICT);
    end_ok();
    fixture_turn(&f);
    assert_int_equal(ask("[2]"), PARLEY_OK);
    end_ok();
}

static void refusal_is_the_return_value(void **state)
{
    (void)state;
    plugin.refuses = true;
    assert_int_equal(ask("[1]"), PARLEY_E_BUSY);
    fixture_turn(&f);
    assert_string_equal(story, "");
    plugin.refuses = false;
    assert_int_equal(ask("[1]"), PARLEY_OK);
    end_ok();
}

static void cancel_is_told_without_waiting_for_the_plugin(void **state)
{
    (void)state;
    ask("[1]");
    plugin.host->text(plugin.op, VIEW("unheard"));
    chat_cancel(session);
    plugin.host->text(plugin.op, VIEW("late"));
    fixture_turn(&f);
    assert_string_equal(story, "end:-10 ");
    assert_int_equal(plugin.cancels, 1);
    end_ok();
    fixture_turn(&f);
    assert_string_equal(story, "end:-10 ");
}

static void next_answer_waits_for_the_cancelled_one(void **state)
{
    (void)state;
    ask("[1]");
    chat_cancel(session);
    fixture_turn(&f);
    assert_int_equal(ask("[2]"), PARLEY_OK);
    assert_int_equal(plugin.generations, 1);
    end_ok();
    fixture_turn(&f);
    assert_int_equal(plugin.generations, 2);
    assert_string_equal(plugin.items, "[2]");
    plugin.host->text(plugin.op, VIEW("b"));
    end_ok();
    fixture_turn(&f);
    assert_string_equal(story, "end:-10 text:b end:0 ");
}

static void cancelled_answer_that_never_ends_fails_the_next(void **state)
{
    (void)state;
    ask("[1]");
    chat_cancel(session);
    fixture_turn(&f);
    ask("[2]");
    fixture_advance_ms(&f, 10000);
    assert_string_equal(story, "end:-10 end:-9 ");
    end_ok();
}

static void answer_asked_for_long_after_one_that_never_ends_fails_too(void **state)
{
    (void)state;
    ask("[1]");
    chat_cancel(session);
    fixture_advance_ms(&f, 11000);
    ask("[2]");
    fixture_advance_ms(&f, 10000);
    assert_string_equal(story, "end:-10 end:-9 ");
    end_ok();
}

static void close_in_mid_answer_waits_for_the_plugin(void **state)
{
    (void)state;
    ask("[1]");
    session = chat_close(session);
    fixture_turn(&f);
    assert_int_equal(plugin.cancels, 1);
    assert_int_equal(plugin.closes, 0);
    end_ok();
    fixture_turn(&f);
    assert_int_equal(plugin.closes, 1);
    assert_string_equal(story, "");
    assert_int_equal(f.wi->open_count, 0);
}

static void close_inside_a_callback_is_allowed(void **state)
{
    (void)state;
    closes_on_text = true;
    plugin.answers_at_once = true;
    ask("[1]");
    fixture_turn(&f);
    assert_string_equal(story, "text:Hello ");
    assert_int_equal(plugin.closes, 1);
}

static void answer_without_end_is_bounded(void **state)
{
    static char big[1024 * 1024];

    (void)state;
    memset(big, 'x', sizeof(big));
    ask("[1]");
    for (int i = 0; i < 6; i++)
        plugin.host->text(plugin.op, (struct parley_view){big, sizeof(big)});
    assert_int_equal(plugin.cancels, 0); /* not on the plugin's own stack */
    fixture_turn(&f);
    assert_non_null(strstr(story, "end:-5 "));
    assert_int_equal(plugin.cancels, 1);
    end_ok();
}

static bool is_stopped;

static void on_stopped(void *ctx)
{
    (void)ctx;
    is_stopped = true;
}

static void stop_ends_the_answer_and_the_session(void **state)
{
    (void)state;
    ask("[1]");
    worker_instance_stop(f.wi, on_stopped, NULL);
    f.wi = NULL;
    fixture_advance_ms(&f, 1001); /* the plugin ends nothing */
    assert_true(is_stopped);
    assert_string_equal(story, "end:-10 ");
    assert_int_equal(plugin.closes, 1);
    assert_int_equal(ask("[2]"), PARLEY_E_UNAVAILABLE);
}

static void stop_needs_no_grace_when_the_plugin_ends_its_answer(void **state)
{
    (void)state;
    is_stopped = false;
    ask("[1]");
    worker_instance_stop(f.wi, on_stopped, NULL);
    f.wi = NULL;
    fixture_turn(&f);
    assert_int_equal(plugin.cancels, 1);
    assert_int_equal(plugin.closes, 0);
    plugin.host->end(plugin.op, PARLEY_E_CANCELLED, 0, NULL, NULL);
    fixture_turn(&f);
    assert_int_equal(plugin.closes, 1);
    assert_true(is_stopped);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(answer_comes_in_order_and_not_on_the_callers_stack),
        T(one_answer_at_a_time),
        T(refusal_is_the_return_value),
        T(cancel_is_told_without_waiting_for_the_plugin),
        T(next_answer_waits_for_the_cancelled_one),
        T(cancelled_answer_that_never_ends_fails_the_next),
        T(answer_asked_for_long_after_one_that_never_ends_fails_too),
        T(close_in_mid_answer_waits_for_the_plugin),
        T(close_inside_a_callback_is_allowed),
        T(answer_without_end_is_bounded),
        T(stop_ends_the_answer_and_the_session),
        T(stop_needs_no_grace_when_the_plugin_ends_its_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
