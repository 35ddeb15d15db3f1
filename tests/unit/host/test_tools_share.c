/* SPDX-License-Identifier: Apache-2.0 */
/* The home's loop belongs to the test's thread, the guest's to one of its own. */
#include "host_fixture.h"

#include "base/str.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* ---- the plugin: everything of it happens on the test's thread ---- */

static struct {
    const struct parley_tools_host *host;
    pthread_t thread;
    parley_op op;
    int calls;
    int cancels;
    int64_t timeout_ms;
    size_t count;
    char arguments[64];
    char authorization[32];
    char closed_session[32];
} plugin;

static const struct parley_tool functions[] = {
    {.name = "look",
     .description = "Looks.",
     .flags = PARLEY_TOOL_READ_ONLY,
     .parameters = "{\"properties\":{\"at\":{\"type\":\"string\"}}}"},
    {.name = "added", .description = "Came later.", .output_schema = "{\"type\":\"array\"}"},
};

static void attach(void *wi, const struct parley_tools_host *host)
{
    (void)wi;
    plugin.host = host;
}

static int list(void *wi, struct parley_tool_list *ret, struct parley_error *err)
{
    (void)wi;
    (void)err;
    ret->item_size = sizeof(struct parley_tool);
    ret->items = functions;
    ret->count = plugin.count;
    return PARLEY_OK;
}

static int call(void *wi, const struct parley_tool_call *c, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)err;
    plugin.calls++;
    plugin.op = op;
    plugin.thread = pthread_self();
    plugin.timeout_ms = c->timeout_ms;
    view_copy(plugin.arguments, sizeof(plugin.arguments), c->arguments);
    (void)snprintf(plugin.authorization, sizeof(plugin.authorization), "%s", c->authorization);
    return PARLEY_OK;
}

static void cancel(void *wi, parley_op op)
{
    const struct parley_tool_result result = {.size = sizeof(result), .status = PARLEY_E_CANCELLED};

    (void)wi;
    plugin.cancels++;
    plugin.host->end(op, &result);
}

static void session_closed(void *wi, const char *session_id)
{
    (void)wi;
    (void)snprintf(plugin.closed_session, sizeof(plugin.closed_session), "%s", session_id);
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table),
    .attach = attach,
    .list = list,
    .call = call,
    .cancel = cancel,
    .session_closed = session_closed,
    .flags = PARLEY_TOOLS_SHARED,
};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("tools_test", PARLEY_ROLE_TOOLS, &table);

/* ---- the guest ---- */

static struct host_fixture f;

static struct {
    struct loop *loop;
    struct parley_worker worker;
    struct worker_instance *wi;
    pthread_t thread;
    struct tools_run *run;
    atomic_bool is_done; /* what on_guest() asked for */
    atomic_int ends;
    atomic_int progresses;
    atomic_bool is_stopped;
    atomic_bool leaves;
    bool has_output_schema;
    size_t count;
    int status;
    char output[64];
    char structured[64];
} guest;

static void on_progress(void *ctx, double done, double total, struct parley_view message)
{
    (void)ctx;
    (void)done;
    (void)total;
    (void)message;
    atomic_fetch_add(&guest.progresses, 1);
}

static void on_end(void *ctx, const struct tools_result *result)
{
    (void)ctx;
    guest.run = NULL;
    guest.status = result->status;
    view_copy(guest.output, sizeof(guest.output), result->output);
    view_copy(guest.structured, sizeof(guest.structured), result->structured);
    atomic_fetch_add(&guest.ends, 1);
}

static const struct tools_events events = {.on_progress = on_progress, .on_end = on_end};

/* One turn of the home's loop; the guest's runs beside. */
static void turn_home(void)
{
    loop_run_due(f.loop);
    (void)sched_yield();
}

struct step {
    void (*fn)(void);
};

static void take_step(void *arg)
{
    ((struct step *)arg)->fn();
    atomic_store(&guest.is_done, true);
}

static void on_guest(void (*fn)(void))
{
    struct step step = {fn};

    atomic_store(&guest.is_done, false);
    assert_true(loop_post(guest.loop, take_step, NULL, &step));
    while (!atomic_load(&guest.is_done))
        turn_home();
}

static void wait_for_ends(int ends)
{
    while (atomic_load(&guest.ends) < ends)
        turn_home();
}

static void *run_guest(void *arg)
{
    (void)arg;
    loop_run_once(guest.loop); /* the loop is this thread's */
    while (!atomic_load(&guest.leaves)) {
        loop_run_due(guest.loop);
        (void)sched_yield();
    }
    return NULL;
}

static void start_guest(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct instance *instance = instances_next(f.set, NULL);

    if (worker_instance_start(instance, &guest.worker, &guest.wi, &err) < 0)
        fail_msg("%s", err.message);
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    guest.wi = NULL;
    atomic_store(&guest.is_stopped, true);
}

static void stop_guest(void)
{
    worker_instance_stop(guest.wi, on_stopped, NULL);
}

static void list_on_guest(void)
{
    const struct tools_function *found = tools_functions(guest.wi, &guest.count);

    guest.has_output_schema = guest.count > 1 && found[1].output_schema != NULL;
}

static void call_on_guest(void)
{
    const struct tools_call c = {.session_id = "sess_1",
                                 .call_id = "call_1",
                                 .name = "look",
                                 .authorization = "for the peer",
                                 .wants_content = true,
                                 .policy_timeout_ms = 60000,
                                 .arguments = VIEW("{\"at\": \"it\"}")};

    guest.run = tools_call(guest.wi, &c, &events, NULL);
}

static void call_anyhow_on_guest(void)
{
    const struct tools_call c = {
        .name = "look", .takes_any_arguments = true, .arguments = VIEW("{\"at\": 5}")};

    guest.run = tools_call(guest.wi, &c, &events, NULL);
}

static void cancel_on_guest(void)
{
    tools_cancel(guest.run);
}

static void close_session_on_guest(void)
{
    tools_session_closed(guest.wi, "sess_1");
}

static void open_guest(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    memset(&guest, 0, sizeof(guest));
    guest.loop = loop_create();
    assert_non_null(guest.loop);
    const struct host_worker_config config = {
        .name = "worker 2", .loop = guest.loop, .crew_place = 1, .crew_size = 2};
    assert_int_equal(host_worker_init(&guest.worker, &config, &err), PARLEY_OK);
    assert_int_equal(pthread_create(&guest.thread, NULL, run_guest, NULL), 0);
}

static void close_guest(void)
{
    if (guest.wi != NULL) {
        on_guest(stop_guest);
        while (!atomic_load(&guest.is_stopped))
            turn_home();
    }
    atomic_store(&guest.leaves, true);
    pthread_join(guest.thread, NULL);
    host_worker_done(&guest.worker);
    loop_destroy(guest.loop);
}

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    plugin.count = 1;
    fixture_open(&f);
    f.worker.crew_size = 2;
    fixture_start(&f, &descriptor, "tools");
    open_guest();
    on_guest(start_guest);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_guest();
    fixture_close(&f);
    return 0;
}

/* ---- the tests ---- */

static void a_guest_shows_the_functions_of_the_home(void **state)
{
    (void)state;
    on_guest(list_on_guest);
    assert_int_equal(guest.count, 1);
}

static void a_changed_list_reaches_the_guest(void **state)
{
    (void)state;
    plugin.count = 2;
    plugin.host->changed(&f.worker, f.wi->ctx);
    while (guest.count < 2)
        on_guest(list_on_guest);
    assert_true(guest.has_output_schema);
}

static void a_call_of_a_guest_runs_at_home_and_its_result_comes_back(void **state)
{
    const struct parley_tool_result result = {
        .size = sizeof(result), .output = VIEW("seen"), .structured = VIEW("[1]")};

    (void)state;
    on_guest(call_on_guest);
    while (plugin.calls == 0)
        turn_home();
    assert_true(pthread_equal(plugin.thread, pthread_self()));
    assert_string_equal(plugin.arguments, "{\"at\": \"it\"}");
    assert_string_equal(plugin.authorization, "for the peer");
    assert_int_equal(plugin.timeout_ms, 60000); /* the operator's, at home as well */
    plugin.host->end(plugin.op, &result);
    wait_for_ends(1);
    assert_int_equal(guest.status, PARLEY_OK);
    assert_string_equal(guest.output, "seen");
    assert_string_equal(guest.structured, "[1]");
}

/* Whether a schema is trusted is the guest's to say: it knows the policy. */
static void the_home_takes_the_arguments_that_the_guest_has_taken(void **state)
{
    const struct parley_tool_result result = {.size = sizeof(result), .output = VIEW("seen")};

    (void)state;
    on_guest(call_anyhow_on_guest);
    while (plugin.calls == 0 && atomic_load(&guest.ends) == 0)
        turn_home();
    assert_int_equal(plugin.calls, 1);
    plugin.host->end(plugin.op, &result);
    wait_for_ends(1);
    assert_int_equal(guest.status, PARLEY_OK);
}

static void progress_comes_back_before_the_result(void **state)
{
    const struct parley_tool_result result = {.size = sizeof(result), .output = VIEW("seen")};

    (void)state;
    on_guest(call_on_guest);
    while (plugin.calls == 0)
        turn_home();
    plugin.host->progress(plugin.op, 1, 2, VIEW("half"));
    plugin.host->end(plugin.op, &result);
    wait_for_ends(1);
    assert_int_equal(atomic_load(&guest.progresses), 1);
}

static void a_cancelled_call_is_cancelled_at_home(void **state)
{
    (void)state;
    on_guest(call_on_guest);
    while (plugin.calls == 0)
        turn_home();
    on_guest(cancel_on_guest);
    wait_for_ends(1);
    assert_int_equal(guest.status, PARLEY_E_CANCELLED);
    while (plugin.cancels == 0)
        turn_home();
    assert_int_equal(plugin.cancels, 1);
}

static void the_end_of_a_session_is_told_at_home(void **state)
{
    (void)state;
    on_guest(close_session_on_guest);
    while (plugin.closed_session[0] == '\0')
        turn_home();
    assert_string_equal(plugin.closed_session, "sess_1");
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void the_home_stops_when_its_guests_have_left(void **state)
{
    bool is_stopped = false;

    (void)state;
    worker_instance_stop(TAKE(f.wi), set_flag, &is_stopped);
    for (int i = 0; i < 10; i++)
        turn_home();
    assert_false(is_stopped);
    on_guest(call_on_guest); /* a conversation of the old configuration goes on */
    while (plugin.calls == 0)
        turn_home();
    on_guest(stop_guest);
    while (!is_stopped)
        turn_home();
    while (!atomic_load(&guest.is_stopped))
        turn_home();
    assert_int_equal(plugin.cancels, 1);
}

static int setup_without_home(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    fixture_open(&f);
    f.worker.crew_size = 2;
    f.worker.crew_place = 1; /* the fixture's own is a guest, too */
    fixture_start(&f, &descriptor, "tools");
    return 0;
}

static int teardown_without_home(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void without_its_home_a_guest_has_no_functions(void **state)
{
    size_t count = 1;

    (void)state;
    (void)tools_functions(f.wi, &count);
    assert_int_equal(count, 0);
    assert_null(plugin.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_GUEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        WITH_GUEST(a_guest_shows_the_functions_of_the_home),
        WITH_GUEST(a_changed_list_reaches_the_guest),
        WITH_GUEST(a_call_of_a_guest_runs_at_home_and_its_result_comes_back),
        WITH_GUEST(the_home_takes_the_arguments_that_the_guest_has_taken),
        WITH_GUEST(progress_comes_back_before_the_result),
        WITH_GUEST(a_cancelled_call_is_cancelled_at_home),
        WITH_GUEST(the_end_of_a_session_is_told_at_home),
        WITH_GUEST(the_home_stops_when_its_guests_have_left),
        cmocka_unit_test_setup_teardown(without_its_home_a_guest_has_no_functions,
                                        setup_without_home, teardown_without_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
