/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

int fixture_instance_create(void *plugin, const struct parley_instance_info *info,
                            void **ret_instance, struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)err;
    *ret_instance = NULL;
    return PARLEY_OK;
}

void fixture_instance_destroy(void *instance)
{
    (void)instance;
}

static void no_log(const void *instance, int level, const char *format, ...)
{
    (void)instance;
    (void)level;
    (void)format;
}

static const void *no_service(const char *id)
{
    (void)id;
    return NULL;
}

const struct parley_host fixture_host = {
    .size = sizeof(fixture_host),
    .minor = PARLEY_ABI_MINOR,
    .version = "0.0.0-test",
    .log = no_log,
    .now_us = clock_now_us,
    .unix_us = clock_unix_us,
    .service = no_service,
};

static void swallow(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

void fixture_open(struct host_fixture *f)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    memset(f, 0, sizeof(*f));
    clock_fake_start(1000000000, UINT64_C(1767603600000000));
    log_set_sink(swallow, NULL);
    f->loop = loop_create();
    assert_non_null(f->loop);
    loop_run_once(f->loop); /* this thread is the loop's */
    const struct host_worker_config config = {.name = "worker 1", .loop = f->loop};
    assert_int_equal(host_worker_init(&f->worker, &config, &err), PARLEY_OK);
    f->registry = registry_create(&fixture_host, "/nowhere");
    f->conf = conf_create("/", NULL);
    assert_non_null(f->registry);
    assert_non_null(f->conf);
}

static void fail_with(const struct host_fixture *f, const char *what)
{
    fail_msg("%s: %s", what, f->report.count > 0 ? f->report.items[0].text : "no reason");
}

void fixture_start(struct host_fixture *f, const struct parley_plugin *descriptor, const char *kind)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *plugin = NULL;
    char path[128], text[256];

    (void)snprintf(path, sizeof(path), "/test/%s.so", descriptor->name);
    (void)snprintf(text, sizeof(text), "[%s x]\nplugin = %s\n", kind, descriptor->name);
    if (loader_adopt(descriptor, path, &fixture_host, &plugin, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(registry_add(f->registry, plugin, &err), PARLEY_OK);
    if (!conf_add_layer(f->conf, view_of(text), "test.ini", &f->report))
        fail_with(f, "conf");
    if (instances_create(f->registry, f->conf, &f->set, &f->report) < 0)
        fail_with(f, "instances");
    struct instance *instance = instances_next(f->set, NULL);
    assert_non_null(instance);
    if (worker_instance_start(instance, &f->worker, &f->wi, &err) < 0)
        fail_msg("%s", err.message);
}

void fixture_turn(struct host_fixture *f)
{
    loop_run_due(f->loop);
}

void fixture_advance_ms(struct host_fixture *f, uint64_t ms)
{
    fixture_turn(f);
    clock_fake_advance_us(ms * 1000);
    fixture_turn(f);
}

void fixture_run_until(struct host_fixture *f, const bool *flag)
{
    while (!*flag) {
        loop_run_once(f->loop);
        loop_run_due(f->loop);
    }
}

void fixture_start_pool(struct host_fixture *f)
{
    f->offload = offload_create("test", 2, 16);
    assert_non_null(f->offload);
    f->worker.offload = f->offload;
    f->worker.tools = f->offload;
    f->worker.heavy = f->offload;
}

static void on_stopped(void *ctx)
{
    struct host_fixture *f = ctx;

    f->is_stopped = true;
}

void fixture_close(struct host_fixture *f)
{
    if (f->wi != NULL) {
        worker_instance_stop(f->wi, on_stopped, f);
        assert_false(f->is_stopped);
        for (int i = 0; i < 3 && !f->is_stopped; i++)
            fixture_advance_ms(f, 1001);
        if (f->offload != NULL)
            fixture_run_until(f, &f->is_stopped);
        assert_true(f->is_stopped);
    }
    fixture_turn(f);
    offload_destroy(f->offload);
    fixture_turn(f);
    host_worker_done(&f->worker);
    loop_destroy(f->loop);
    instances_unref(f->set);
    registry_destroy(f->registry);
    conf_destroy(f->conf);
    conf_report_done(&f->report);
    clock_fake_stop();
    log_set_sink(NULL, NULL);
}
