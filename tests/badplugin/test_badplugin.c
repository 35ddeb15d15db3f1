/* SPDX-License-Identifier: Apache-2.0 */
/* Every lying plugin is loaded by the real loader; the host names the fault, or lives with it. */
#include "host_fixture.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct host_fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    assert_true(registry_set_dir(f.registry, BADPLUGIN_DIR));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* ---- faults that the loader finds ---- */

static void is_refused(const char *name, const char *part)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *plugin = NULL;

    assert_true(registry_get(f.registry, name, NULL, &plugin, &err) < 0);
    assert_null(plugin);
    if (strstr(err.message, name) == NULL || strstr(err.message, part) == NULL)
        fail_msg("\"%s\" does not name %s and \"%s\"", err.message, name, part);
}

static void loader_names_what_is_wrong(void **state)
{
    (void)state;
    is_refused("bad_no_symbol", "exports no function parley_plugin_v1");
    is_refused("bad_null", "returned NULL");
    is_refused("bad_head_size", "size 4");
    is_refused("bad_major", "interface 9.x and this host has 1.");
    is_refused("bad_newer_minor", "it needs interface 1.7 and this host");
    is_refused("bad_name", "it calls itself \"tools_other\"");
    is_refused("bad_callback", "'instance_destroy' is missing");
    is_refused("bad_function", "the function 'call' is missing");
    is_refused("bad_option_offset", "option url: its field of 8 bytes at offset 4096");
    is_refused("bad_option_default", "option count: its own default \"many\" is wrong");
}

static void file_that_is_no_shared_object_is_refused(void **state)
{
    char path[] = "/tmp/parley_not_a_plugin_XXXXXX";
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *plugin = NULL;

    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/bin/sh\necho I am no plugin\n", 30), 30);
    close(fd);
    assert_true(registry_get(f.registry, path, NULL, &plugin, &err) < 0);
    unlink(path);
    assert_memory_equal(err.message, path, strlen(path));
    assert_non_null(strstr(err.message, "a plugin is a shared object for this machine"));
}

/* As a copy that was interrupted leaves it. */
static void shared_object_that_is_cut_off_is_refused(void **state)
{
    char path[] = "/tmp/parley_cut_off_XXXXXX";
    char bytes[3000];
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *plugin = NULL;

    (void)state;
    FILE *whole = fopen(BADPLUGIN_DIR "/bad_null.so", "rb");
    assert_non_null(whole);
    assert_int_equal(fread(bytes, 1, sizeof(bytes), whole), sizeof(bytes));
    assert_int_equal(fclose(whole), 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
    close(fd);
    assert_int_equal(registry_get(f.registry, path, NULL, &plugin, &err), PARLEY_E_INVALID);
    unlink(path);
    assert_non_null(strstr(err.message, "is cut off: it has 3000 bytes"));
}

static void file_that_is_not_there_is_named(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *plugin = NULL;

    (void)state;
    assert_int_equal(registry_get(f.registry, "/nowhere/x.so", NULL, &plugin, &err),
                     PARLEY_E_NOT_FOUND);
    assert_string_equal(err.message, "plugin: there is no file /nowhere/x.so");
    assert_int_equal(registry_get(f.registry, "bad_naem", NULL, &plugin, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean \"bad_name\"?"));
}

/* ---- faults that show when the plugin is used ---- */

static int start(const char *kind, const char *plugin)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "[%s x]\nplugin = %s\n", kind, plugin);
    assert_true(conf_add_layer(f.conf, view_of(text), "test.ini", &f.report));
    int r = instances_create(f.registry, f.conf, &f.set, &f.report);
    if (r < 0)
        return r;
    return worker_instance_start(instances_next(f.set, NULL), &f.worker, &f.wi, NULL);
}

static void instance_that_is_refused_in_silence_has_a_reason(void **state)
{
    (void)state;
    assert_true(start("tools", "bad_silent_create") < 0);
    assert_non_null(
        strstr(f.report.items[0].text, "the plugin bad_silent_create refused it with status -13"));
}

static struct {
    int ends;
    int status;
    char output[128];
    bool is_cut;
} told;

static void on_tool_end(void *ctx, const struct tools_result *result)
{
    (void)ctx;
    told.ends++;
    told.status = result->status;
    told.is_cut = result->is_cut;
    view_copy(told.output, sizeof(told.output), result->output);
}

static const struct tools_events tool_events = {.on_end = on_tool_end};

static void call_tool(void)
{
    const struct tools_call call = {.name = "lie", .call_id = "call_1", .max_output_bytes = 1000};

    assert_non_null(tools_call(f.wi, &call, &tool_events, NULL));
    fixture_turn(&f);
}

static void start_tool(const char *plugin)
{
    memset(&told, 0, sizeof(told));
    assert_int_equal(start("tools", plugin), PARLEY_OK);
}

static void first_of_two_ends_counts(void **state)
{
    (void)state;
    start_tool("bad_end_twice");
    call_tool();
    assert_int_equal(told.ends, 1);
    assert_string_equal(told.output, "one");
    assert_int_equal(f.worker.counters.ops_ended_twice, 1);
}

static void end_before_a_refusal_counts(void **state)
{
    (void)state;
    start_tool("bad_end_and_refuse");
    call_tool();
    assert_int_equal(told.ends, 1);
    assert_string_equal(told.output, "one");
}

static void late_end_does_not_reach_the_caller(void **state)
{
    (void)state;
    start_tool("bad_end_late");
    call_tool();
    fixture_advance_ms(&f, TOOLS_DEFAULT_TIMEOUT_MS);
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_E_TIMEOUT);
    call_tool();
    assert_int_equal(told.ends, 2);
    assert_string_equal(told.output, "now");
    assert_int_equal(f.wi->open_count, 0);
}

static void made_up_operations_do_no_harm(void **state)
{
    (void)state;
    start_tool("bad_made_up_op");
    call_tool();
    assert_int_equal(told.ends, 1);
    assert_string_equal(told.output, "real");
}

static void huge_output_is_cut_and_mended(void **state)
{
    (void)state;
    start_tool("bad_huge_output");
    call_tool();
    assert_int_equal(told.ends, 1);
    assert_true(told.is_cut);
    assert_memory_equal(told.output, "\xEF\xBF\xBD\xEF\xBF\xBD", 6);
}

static void list_that_lies_is_empty(void **state)
{
    size_t count = 1;

    (void)state;
    start_tool("bad_list");
    (void)tools_functions(f.wi, &count);
    assert_int_equal(count, 0);
    call_tool();
    assert_int_equal(told.status, PARLEY_E_NOT_FOUND);
}

/* ---- a model ---- */

static char story[256];

static void note(const char *what, struct parley_view data)
{
    size_t len = strlen(story);

    (void)snprintf(story + len, sizeof(story) - len, "%s%.*s ", what, (int)data.len,
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
    (void)flags;
    note("event:", event);
}

static void on_writable(void *ctx)
{
    (void)ctx;
    note("writable", (struct parley_view){0});
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    char text[32];

    (void)ctx;
    (void)snprintf(text, sizeof(text), "closed:%d", closed->status);
    note(text, (struct parley_view){0});
}

static const struct model_events model_events = {on_open, on_event, on_writable, on_closed};

static struct model_session *open_model(void)
{
    const struct model_open open = {.session = VIEW("{}")};
    struct model_session *session = NULL;
    struct model model;

    story[0] = '\0';
    assert_int_equal(start("model", "bad_closed"), PARLEY_OK);
    model_of(f.wi, &model);
    assert_int_equal(model_open(&model, &open, &model_events, NULL, &session, NULL), PARLEY_OK);
    return session;
}

static void model_that_tells_at_the_wrong_time_is_put_in_order(void **state)
{
    (void)state;
    struct model_session *session = open_model();
    fixture_turn(&f);
    assert_string_equal(story, "open{} event:good ");
    assert_int_equal(model_send(session, VIEW("{}"), 0, NULL), PARLEY_OK);
    fixture_turn(&f);
    assert_string_equal(story, "open{} event:good closed:-8 ");
    assert_true(f.worker.counters.events_ignored >= 3);
}

static void model_that_never_closes_is_closed(void **state)
{
    (void)state;
    struct model_session *session = open_model();
    fixture_turn(&f);
    model_close(session);
    fixture_advance_ms(&f, MODEL_CLOSE_LIMIT_MS);
    assert_string_equal(story, "open{} event:good closed:0 ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(loader_names_what_is_wrong),
        T(file_that_is_no_shared_object_is_refused),
        T(shared_object_that_is_cut_off_is_refused),
        T(file_that_is_not_there_is_named),
        T(instance_that_is_refused_in_silence_has_a_reason),
        T(first_of_two_ends_counts),
        T(end_before_a_refusal_counts),
        T(late_end_does_not_reach_the_caller),
        T(made_up_operations_do_no_harm),
        T(huge_output_is_cut_and_mended),
        T(list_that_lies_is_empty),
        T(model_that_tells_at_the_wrong_time_is_put_in_order),
        T(model_that_never_closes_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
