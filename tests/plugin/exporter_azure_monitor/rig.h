/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_azure_monitor with a service whose answers the test makes up, and what that was sent. */
#ifndef TESTS_AZURE_MONITOR_RIG_H
#define TESTS_AZURE_MONITOR_RIG_H

#include "fake_http.h"
#include "vault.h"

#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <parley/service/metrics.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define KEY        "00000000-0000-0000-0000-00000000abcd"
#define CONNECTION "connection_string=InstrumentationKey=" KEY
#define ENDPOINT   "https://a-1.in.applicationinsights.azure.com"

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_exporter_vtable *vtable;
static double kept, dropped;
static char dropped_for[64];
static char folder[64];

/* ---- services ---- */

static int metric_add(struct parley_worker *worker, const char *name, double value,
                      const struct parley_metric_label *labels, size_t label_count)
{
    (void)worker;
    assert_string_equal(labels[0].value, "azure");
    if (strcmp(name, "parley.exporter.kept") == 0) {
        kept += value;
        return PARLEY_OK;
    }
    assert_string_equal(name, "parley.exporter.dropped");
    assert_int_equal(label_count, 2);
    dropped += value;
    (void)snprintf(dropped_for, sizeof(dropped_for), "%s", labels[1].value);
    return PARLEY_OK;
}

static const struct parley_service_metrics metrics = {.size = sizeof(metrics), .add = metric_add};

/* ---- the plugin ---- */

static struct fake_plugin *open_azure_with(const char *first, const char *second, const char *third)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *options[] = {
        CONNECTION ";IngestionEndpoint=" ENDPOINT "/", "logs=no", first, second, third, NULL};

    plugin = fake_plugin_open(plugin_path, "azure", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    vtable = exporter_open(plugin);
    return plugin;
}

static struct fake_plugin *open_azure(const char *first, const char *second)
{
    return open_azure_with(first, second, NULL);
}

/* All that is due, with the jobs of the pool. */
static void settle(void)
{
    do
        fake_host_advance_ms(0);
    while (fake_host_run() > 0);
}

/* In steps, since jobs set timers. */
static void pass(int64_t ms)
{
    for (; ms > 0; ms -= 500) {
        fake_host_advance_ms(ms < 500 ? ms : 500);
        settle();
    }
}

static int deliver(const struct parley_span *spans, uint32_t count)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_batch batch = batch_of(spans, count);

    int r = vtable->deliver(fake_plugin_worker(plugin), &batch, fake_host_op(), &err);
    settle();
    return r;
}

/* The five spans, with their instant and the resource: seven items. */
static void deliver_turn(void)
{
    assert_int_equal(deliver(turn_spans, COUNT(turn_spans)), PARLEY_OK);
}

static void flush(void)
{
    vtable->flush(fake_plugin_worker(plugin));
    settle();
}

static void answer(int code, const char *headers, const char *body)
{
    http_end(PARLEY_OK, code, headers, (struct parley_view){body, strlen(body)});
    settle();
}

/* How often that is in the log. */
__attribute__((unused)) static unsigned times_logged(const char *text)
{
    unsigned times = 0;

    for (const char *at = fake_host_log(); (at = strstr(at, text)) != NULL; at++)
        times++;
    return times;
}

/* The code came, and then the line was lost. */
__attribute__((unused)) static void break_off(int code)
{
    http_end(PARLEY_E_UNAVAILABLE, code, "", (struct parley_view){"", 0});
    settle();
}

static void no_answer(void)
{
    http_end(PARLEY_E_UNAVAILABLE, 0, "", (struct parley_view){"", 0});
    settle();
}

/* What the oldest open request holds: an array of envelopes, to be freed. */
static json_t *sent(void)
{
    static uint8_t plain[4 << 20];
    z_stream z = {0};
    json_error_t error;

    assert_true(http.count > 0);
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_in = (uint8_t *)http.open[0].body;
    z.avail_in = (uInt)http.open[0].len;
    z.next_out = plain;
    z.avail_out = sizeof(plain);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    json_t *items = json_loadb((char *)plain, z.total_out, 0, &error);
    inflateEnd(&z);
    if (items == NULL)
        fail_msg("%s", error.text);
    assert_true(json_is_array(items));
    return items;
}

static size_t sent_count(void)
{
    json_t *items = sent();
    size_t count = json_array_size(items);

    json_decref(items);
    return count;
}

/* ---- the folder ---- */

/* Path of the n-th file, in any order; NULL beyond. */
static const char *kept_file(unsigned n)
{
    static char path[700];
    char sub[400] = "";
    struct dirent *entry;
    DIR *dir = opendir(folder);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)snprintf(sub, sizeof(sub), "%s/%s", folder, entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    dir = sub[0] == '\0' ? NULL : opendir(sub);
    path[0] = '\0';
    while (dir != NULL && path[0] == '\0' && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && n-- == 0)
            (void)snprintf(path, sizeof(path), "%s/%s", sub, entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    return path[0] == '\0' ? NULL : path;
}

static unsigned kept_files(void)
{
    unsigned n = 0;

    while (kept_file(n) != NULL)
        n++;
    return n;
}

static const char *storage(void)
{
    static char option[100];

    (void)snprintf(option, sizeof(option), "storage_dir=%s", folder);
    return option;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- each test ---- */

static int set_up(void **state)
{
    (void)state;
    fake_host_reset();
    http_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
    fake_host_provide(PARLEY_SERVICE_METRICS, &metrics);
    vault_setup();
    kept = dropped = 0;
    dropped_for[0] = '\0';
    (void)strcpy(folder, "/tmp/azure_monitor_XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_plugin_close(plugin);
    plugin = NULL;
    assert_false(fake_host_logged(KEY));
    http_reset();
    remove_folder();
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
