/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does with all instances of a generation. */
#include "host_fixture.h"

#include "agent/worker_generation.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <parley/store.h>

#include <stdio.h>
#include <string.h>

static struct host_fixture f;
static struct worker_generation *wg;

static struct {
    const struct parley_store_host *host;
    int calls;
    int64_t now_ms;
    int status;
    char logged[256];
} store;

static void attach(void *wi, struct parley_worker *worker, const struct parley_store_host *host)
{
    (void)wi;
    (void)worker;
    store.host = host;
}

static void never(void)
{
    fail_msg("nobody asked for this function of the store");
}

static int expire(void *wi, int64_t now_ms, parley_op op, struct parley_error *err)
{
    struct parley_error away = PARLEY_ERROR_INIT;

    (void)wi;
    (void)err;
    store.calls++;
    store.now_ms = now_ms;
    (void)parley_fail(&away, PARLEY_E_UNAVAILABLE, "the disk is away");
    store.host->end(op, store.status, &away);
    return PARLEY_OK;
}

#define NEVER(member) .member = (__typeof__(((struct parley_store_vtable *)0)->member))never

static const struct parley_store_vtable table = {
    .size = sizeof(table),
    .attach = attach,
    NEVER(create),
    NEVER(update),
    NEVER(append),
    NEVER(read),
    NEVER(list),
    NEVER(take),
    NEVER(remove),
    .expire = expire,
};
static const struct parley_plugin plugin = FIXTURE_PLUGIN("store_test", PARLEY_ROLE_STORE, &table);

static void note_log(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    if (level <= LOG_LEVEL_WARN)
        (void)snprintf(store.logged, sizeof(store.logged), "%s", line);
}

static int setup(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *loaded = NULL;
    struct generation *g = NULL;

    (void)state;
    memset(&store, 0, sizeof(store));
    fixture_open(&f);
    log_set_sink(note_log, NULL);
    assert_int_equal(loader_adopt(&plugin, "/test/store_test.so", &fixture_host, &loaded, &err), 0);
    assert_int_equal(registry_add(f.registry, loaded, &err), PARLEY_OK);
    assert_true(conf_add_layer(f.conf,
                               VIEW("[store a]\nplugin = store_test\n"
                                    "[store b]\nplugin = store_test\n"),
                               "x.ini", &f.report));
    assert_int_equal(generation_create(f.conf, f.registry, 1, &g, &f.report), PARLEY_OK);
    f.conf = NULL; /* the generation's now */
    assert_int_equal(worker_generation_start(g, &f.worker, NULL, &wg, &err), PARLEY_OK);
    (void)generation_unref(g);
    return 0;
}

static void on_stopped(void *ctx, struct generation *g)
{
    (void)ctx;
    (void)generation_unref(g);
    wg = NULL;
}

static int teardown(void **state)
{
    (void)state;
    worker_generation_retire(wg, on_stopped, NULL);
    fixture_turn(&f);
    fixture_advance_ms(&f, 2000);
    assert_null(wg);
    fixture_close(&f);
    return 0;
}

static void every_store_is_asked_to_remove_what_has_expired(void **state)
{
    (void)state;
    worker_generation_expire(wg);
    fixture_turn(&f);
    assert_int_equal(store.calls, 2);
    assert_int_equal(store.now_ms, clock_unix_ms());
    assert_string_equal(store.logged, "");
}

static void a_store_that_cannot_is_named_in_the_log(void **state)
{
    (void)state;
    store.status = PARLEY_E_UNAVAILABLE;
    worker_generation_expire(wg);
    fixture_turn(&f);
    assert_non_null(strstr(store.logged, "the disk is away"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_store_is_asked_to_remove_what_has_expired, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_store_that_cannot_is_named_in_the_log, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
