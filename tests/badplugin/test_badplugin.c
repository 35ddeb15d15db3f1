/* SPDX-License-Identifier: Apache-2.0 */
/* Every lying plugin is loaded by the real loader; the host names the fault, or lives with it. */
#include "host_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include "host/guard.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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
    is_refused("bad_words", "summary is missing");
    is_refused("bad_half_worker", "'worker_stop' is missing");
    is_refused("bad_no_role", "it lists 0 roles");
    is_refused("bad_role_size", "its vtable says size 0");
    is_refused("bad_role_twice", "role parley.tools/1 is there twice");
    is_refused("bad_undefined", "\"function_of_another_version\", which none of its libraries has");
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

/* ---- what would take the process with it ---- */

static void plugin_that_crashes_while_it_is_loaded_is_refused(void **state)
{
    (void)state;
    is_refused("bad_crash_constructor", "crashes (Segmentation fault) in its constructors");
    is_refused("bad_crash_entry", "in parley_plugin_v1");
    is_refused("bad_crash_load", "in load");
}

static void plugin_that_ends_the_process_is_refused(void **state)
{
    (void)state;
    is_refused("bad_exit", "ends the process with exit code 0 in its constructors");
}

/* A child that crashes in instance_create(), and what it says before it does. */
static void crash_later_on_names_plugin_and_callback(void **state)
{
    char said[1024] = "";
    int out[2], status = 0;

    (void)state;
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(out[1], STDERR_FILENO);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's would go on with the next test */
        guard_name_crashes("parleyd");
        assert_true(conf_add_layer(f.conf, VIEW("[tools x]\nplugin = bad_crash_create\n"),
                                   "test.ini", &f.report));
        (void)instances_create(f.registry, f.conf, &f.set, &f.report);
        _exit(0);
    }
    close(out[1]);
    assert_true(read(out[0], said, sizeof(said) - 1) > 0);
    close(out[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(strstr(said, "parleyd: a plugin crashed"));
    assert_non_null(strstr(said, "plugin=\"tools x\" callback=instance_create"));
}

/* ---- all that is wrong ---- */

static char faults[2048];

static void on_fault(void *ctx, const char *rule, const char *text)
{
    size_t len = strlen(faults);

    (void)ctx;
    (void)snprintf(faults + len, sizeof(faults) - len, "%s: %s\n", rule, text);
}

static void examine(const char *path)
{
    faults[0] = '\0';
    loader_examine(path, &fixture_host, on_fault, NULL);
}

static void every_broken_rule_is_named(void **state)
{
    (void)state;
    examine(BADPLUGIN_DIR "/bad_many_faults.so");
    assert_non_null(strstr(faults, "name: name \"Bad Name\""));
    assert_non_null(strstr(faults, "words: summary is missing"));
    assert_non_null(strstr(faults, "callbacks: the callback 'instance_destroy'"));
    assert_non_null(strstr(faults, "roles: role parley.tools/1: the function 'call'"));
}

static void second_symbol_is_named_and_no_reason_to_refuse(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *plugin = NULL;

    (void)state;
    examine(BADPLUGIN_DIR "/bad_two_symbols.so");
    assert_non_null(strstr(faults, "one-symbol: it exports \"tools_helper\""));
    assert_int_equal(registry_get(f.registry, "bad_two_symbols", NULL, &plugin, &err), PARLEY_OK);
}

/* A copy of a plugin, changed by fn, under its own name in a folder of its own. */
static void with_copy(const char *name, void (*change)(char *bytes, size_t len),
                      void (*look)(const char *path))
{
    char dir[] = "/tmp/parley_copy_XXXXXX";
    char path[256], bytes[100000];

    (void)snprintf(path, sizeof(path), "%s/%s.so", BADPLUGIN_DIR, name);
    FILE *whole = fopen(path, "rb");
    assert_non_null(whole);
    size_t len = fread(bytes, 1, sizeof(bytes), whole);
    assert_int_equal(fclose(whole), 0);
    assert_true(len < sizeof(bytes));
    change(bytes, len);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/%s.so", dir, name);
    FILE *copy = fopen(path, "wb");
    assert_non_null(copy);
    assert_int_equal(fwrite(bytes, 1, len, copy), len);
    assert_int_equal(fclose(copy), 0);
    look(path);
    unlink(path);
    rmdir(dir);
}

static void make_foreign(char *bytes, size_t len)
{
    const uint16_t machine = EM_S390;

    assert_true(len > sizeof(Elf64_Ehdr));
    memcpy(bytes + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
}

static void look_at_foreign(const char *path)
{
    examine(path);
    assert_non_null(strstr(faults, "shared-object: "));
    assert_non_null(strstr(faults, "built for another kind of machine"));
}

/* The library that it was linked to is there: another one of the same length is not. */
static void need_another_library(char *bytes, size_t len)
{
    char *name = memmem(bytes, len, "parley_absent", 13);

    assert_non_null(name);
    memcpy(name, "parley_nobody", 13);
}

static void look_at_library(const char *path)
{
    examine(path);
    assert_non_null(strstr(faults, "libraries: "));
    assert_non_null(strstr(faults, "it needs the library libparley_nobody.so"));
}

static void plugin_for_another_machine_is_named(void **state)
{
    (void)state;
    with_copy("bad_null", make_foreign, look_at_foreign);
}

static void missing_library_is_named(void **state)
{
    (void)state;
    with_copy("bad_library", need_another_library, look_at_library);
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

static void call_that_never_ends_times_out(void **state)
{
    (void)state;
    start_tool("bad_never_ends");
    call_tool();
    assert_int_equal(told.ends, 0);
    fixture_advance_ms(&f, TOOLS_DEFAULT_TIMEOUT_MS);
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_E_TIMEOUT);
}

/* Carried over to its worker: the result is good, whatever thread it comes from. */
static void end_from_another_thread_reaches_its_worker(void **state)
{
    (void)state;
    start_tool("bad_other_thread");
    call_tool();
    assert_int_equal(told.ends, 1);
    assert_string_equal(told.output, "elsewhere");
}

/* Its instance is destroyed in teardown: what it does then must do no harm. */
static void end_after_the_worker_has_stopped_is_ignored(void **state)
{
    (void)state;
    start_tool("bad_after_stop");
    call_tool();
    fixture_advance_ms(&f, TOOLS_DEFAULT_TIMEOUT_MS);
    assert_int_equal(told.ends, 1);
}

static void failure_without_words_gets_some(void **state)
{
    (void)state;
    start_tool("bad_no_words");
    call_tool();
    assert_int_equal(told.ends, 1);
    assert_true(told.status < 0);
    assert_true(told.output[0] != '\0');
}

/* The list is asked for again and again, but each time on another turn of the loop. */
static void list_that_changes_itself_leaves_the_others_their_turn(void **state)
{
    (void)state;
    start_tool("bad_list_changes");
    call_tool();
    fixture_advance_ms(&f, TOOLS_DEFAULT_TIMEOUT_MS);
    assert_int_equal(told.ends, 1);
}

/* ---- a plugin that does not come back ---- */

struct stuck {
    int fds[2];
    pthread_t thread;
};

static void *call_and_wait(void *arg)
{
    struct stuck *s = arg;
    char arguments[40];

    (void)snprintf(arguments, sizeof(arguments), "{\"fd\":%d}", s->fds[0]);
    const struct parley_tool_call call = {
        .size = sizeof(call), .name = "lie", .arguments = view_of(arguments)};
    struct watch watch = watch_instance(f.wi, "call");
    (void)f.wi->instance->plugin->tools.call(f.wi->ctx, &call, 0, NULL);
    watch_end(&watch);
    return NULL;
}

static char logged[2048];

static void keep_line(void *ctx, enum log_level level, const char *line)
{
    size_t len = strlen(logged);

    (void)ctx;
    (void)level;
    (void)snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static void plugin_that_never_comes_back_is_named_from_outside(void **state)
{
    struct stuck s;

    (void)state;
    start_tool("bad_blocks");
    assert_int_equal(pipe(s.fds), 0);
    assert_int_equal(pthread_create(&s.thread, NULL, call_and_wait, &s), 0);
    while (atomic_load(&f.worker.watchdog.sight.start_us) == 0)
        (void)sched_yield();
    assert_int_equal(watchdog_look(NULL), 0);
    clock_fake_advance_us(WATCHDOG_STUCK_US);
    log_set_sink(keep_line, NULL);
    assert_int_equal(watchdog_look(NULL), 1);
    assert_int_equal(watchdog_look(NULL), 0); /* told once */
    log_set_sink(NULL, NULL);
    assert_int_equal(write(s.fds[1], "x", 1), 1);
    assert_int_equal(pthread_join(s.thread, NULL), 0);
    close(s.fds[0]);
    close(s.fds[1]);
    assert_non_null(strstr(logged, "instance=\"tools x\" plugin=\"bad_blocks\" callback=call"));
    assert_int_equal(watchdog_look(NULL), 0);
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
        T(plugin_that_crashes_while_it_is_loaded_is_refused),
        T(plugin_that_ends_the_process_is_refused),
        T(crash_later_on_names_plugin_and_callback),
        T(every_broken_rule_is_named),
        T(second_symbol_is_named_and_no_reason_to_refuse),
        T(plugin_for_another_machine_is_named),
        T(missing_library_is_named),
        T(instance_that_is_refused_in_silence_has_a_reason),
        T(first_of_two_ends_counts),
        T(end_before_a_refusal_counts),
        T(late_end_does_not_reach_the_caller),
        T(made_up_operations_do_no_harm),
        T(huge_output_is_cut_and_mended),
        T(list_that_lies_is_empty),
        T(call_that_never_ends_times_out),
        T(end_from_another_thread_reaches_its_worker),
        T(end_after_the_worker_has_stopped_is_ignored),
        T(failure_without_words_gets_some),
        T(list_that_changes_itself_leaves_the_others_their_turn),
        T(plugin_that_never_comes_back_is_named_from_outside),
        T(model_that_tells_at_the_wrong_time_is_put_in_order),
        T(model_that_never_closes_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
