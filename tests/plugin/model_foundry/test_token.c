/* SPDX-License-Identifier: Apache-2.0 */
/* A session whose connection waits for the token of its credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <parley/model.h>
#include <parley/testkit/fake_host.h>

#include "../model_openai/fake_ws.h"
#include "vault.h"

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_model_vtable *model;
static void *session;
static int closed;

static void on_open(void *ctx, struct parley_view session_created)
{
    (void)ctx;
    (void)session_created;
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)event;
    (void)flags;
}

static void on_writable(void *ctx)
{
    (void)ctx;
}

static void on_closed(void *ctx, const struct parley_model_closed *why)
{
    (void)ctx;
    (void)why;
    closed++;
}

static const struct parley_model_host model_host = {
    .size = sizeof(model_host),
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static int setup(void **state)
{
    static const char *const options[] = {"endpoint=https://r.openai.azure.com", "deployment=d",
                                          "credential=azure", NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    fake_host_reset();
    memset(&fake_ws, 0, sizeof(fake_ws));
    closed = 0;
    fake_host_provide(PARLEY_SERVICE_WS, &fake_ws_table);
    vault_setup();
    plugin = fake_plugin_open(plugin_path, "foundry", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    model = fake_plugin_role(plugin, PARLEY_ROLE_MODEL);
    const struct parley_model_open open = {
        .size = sizeof(open),
        .worker = fake_host_worker(),
        .session_id = "sess_1",
        .safety_identifier = "",
        .traceparent = "",
        .tracestate = "",
        .agent = "a",
        .session = PARLEY_VIEW("{}"),
        .host = &model_host,
    };
    if (model->open(fake_plugin_worker(plugin), &open, &session, &err) < 0)
        fail_msg("%s", err.message);
    assert_false(fake_ws.is_open); /* the token comes first */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (fake_ws.is_open)
        fake_ws_end_with(1000, "");
    fake_plugin_close(plugin);
    return 0;
}

static void a_pause_before_the_token_holds_for_the_connection(void **state)
{
    (void)state;
    model->pause(session, 1);
    vault_hand_over("first");
    assert_true(fake_ws.is_open);
    assert_true(fake_ws.paused);
    model->pause(session, 0);
    assert_false(fake_ws.paused);
}

static void a_pause_that_ended_before_the_token_is_none(void **state)
{
    (void)state;
    model->pause(session, 1);
    model->pause(session, 0);
    vault_hand_over("first");
    assert_true(fake_ws.is_open);
    assert_false(fake_ws.paused);
}

static void a_pause_holds_for_the_connection_with_another_token(void **state)
{
    (void)state;
    const struct parley_ws_closed refusal = {
        .size = sizeof(refusal), .status = PARLEY_E_DENIED, .http_status = 401, .message = "401"};

    vault_hand_over("first");
    model->pause(session, 1);
    fake_ws.paused = false; /* that connection is gone */
    fake_ws_end(&refusal);
    vault_hand_over("second");
    assert_int_equal(closed, 0);
    assert_true(fake_ws.paused);
    assert_non_null(strstr(fake_ws.headers, "second"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pause_before_the_token_holds_for_the_connection),
        TEST(a_pause_that_ended_before_the_token_is_none),
        TEST(a_pause_holds_for_the_connection_with_another_token),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
