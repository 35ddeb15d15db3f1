/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_langfuse: the sound of turns, whatever Langfuse and its storage answer. */
#include "fake_http.h"

#include <parley/service/metrics.h>
#include <unistd.h>

#define ANNOUNCED "{\"mediaId\":\"m1\",\"uploadUrl\":\"http://storage/x\"}"

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_exporter_vtable *vtable;
static char path[64];
static double dropped;

static int metric_add(struct parley_worker *worker, const char *name, double value,
                      const struct parley_metric_label *labels, size_t label_count)
{
    (void)worker;
    (void)labels;
    (void)label_count;
    assert_string_equal(name, "parley.exporter.dropped");
    dropped += value;
    return PARLEY_OK;
}

static const struct parley_service_metrics metrics = {.size = sizeof(metrics), .add = metric_add};

/* A second of a recording: its head, and silence. */
static void record(void)
{
    static const unsigned char head[44] = "RIFF\x24\x77\x01\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02"
                                          "\x00\xc0\x5d\x00\x00\x00\x77\x01\x00\x04\x00\x10\x00"
                                          "data\x00\x77\x01";
    static const unsigned char silence[96000];

    (void)strcpy(path, "/tmp/langfuse_sound_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
    assert_int_equal(write(fd, silence, sizeof(silence)), sizeof(silence));
    assert_int_equal(close(fd), 0);
}

static void settle(void)
{
    do
        fake_host_advance_ms(0);
    while (fake_host_run() > 0);
}

static void pass(int64_t ms)
{
    fake_host_advance_ms(ms);
    settle();
}

static void answer(int code, const char *headers, const char *body)
{
    http_end(PARLEY_OK, code, headers, (struct parley_view){body, strlen(body)});
    settle();
}

/* A turn that was recorded; its span has arrived, and its sound is announced. */
static void deliver_turn(void)
{
    const struct parley_attr attrs[] = {
        STR("gen_ai.operation.name", "invoke_agent"),
        {.key = "parley.recording.file",
         .type = PARLEY_ATTR_STRING,
         .string = {path, strlen(path)}},
        INT("parley.recording.from_ms", 0),
        INT("parley.recording.until_ms", 500),
        {.key = "gen_ai.input.messages",
         .type = PARLEY_ATTR_STRING,
         .flags = PARLEY_ATTR_CONTENT,
         .string = PARLEY_VIEW("[]")},
    };
    struct parley_span turn = turn_spans[4];
    struct parley_error err = PARLEY_ERROR_INIT;

    turn.attrs = (struct parley_attrs)ATTRS(attrs);
    struct parley_batch batch = batch_of(&turn, 1);
    assert_int_equal(vtable->deliver(fake_plugin_worker(plugin), &batch, fake_host_op(), &err), 0);
    settle();
    answer(200, "", "");
    pass(3000);
    assert_int_equal(http.count, 1);
    assert_string_equal(http.open[0].url, "http://lf/api/public/media");
}

static void upload_that_is_refused_counts_once(void **state)
{
    (void)state;
    deliver_turn();
    answer(201, "", ANNOUNCED);
    assert_string_equal(http.open[0].url, "http://storage/x");
    answer(403, "", "");
    assert_string_equal(http.open[0].url, "http://lf/api/public/media/m1");
    answer(404, "", "");
    assert_int_equal(http.count, 0);
    assert_int_equal((int)dropped, 1);
}

static void upload_that_langfuse_is_not_told_of_counts_once(void **state)
{
    (void)state;
    deliver_turn();
    answer(201, "", ANNOUNCED);
    answer(200, "", "");
    answer(404, "", "");
    assert_int_equal((int)dropped, 1);
    assert_true(fake_host_logged("reason=\"the report of the upload was answered 404\""));
}

static void throttling_is_waited_for_as_long_as_langfuse_says(void **state)
{
    (void)state;
    deliver_turn();
    answer(429, "retry-after: 30\r\n", "");
    pass(29000);
    assert_int_equal(http.count, 0);
    pass(1500);
    assert_int_equal(http.count, 1);
    answer(503, "", "");
    pass(5500);
    answer(201, "", "{\"mediaId\":\"m1\",\"uploadUrl\":null}");
    assert_int_equal(http.count, 0);
    assert_int_equal((int)dropped, 0);
}

static void stop_gives_up_what_waits(void **state)
{
    (void)state;
    deliver_turn();
    answer(429, "retry-after: 30\r\n", "");
    vtable->flush(fake_plugin_worker(plugin));
    settle();
    assert_int_equal(http.count, 1);
    answer(429, "retry-after: 30\r\n", "");
    assert_int_equal(http.count, 0);
    assert_int_equal((int)dropped, 1);
}

static int set_up(void **state)
{
    static const char *const options[] = {"public_key=pk-lf-1", "secret_key=sk-lf-2",
                                          "base_url=http://lf", "sound=yes", NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    fake_host_reset();
    http_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
    fake_host_provide(PARLEY_SERVICE_METRICS, &metrics);
    dropped = 0;
    record();
    plugin = fake_plugin_open(plugin_path, "langfuse", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    vtable = exporter_open(plugin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_plugin_close(plugin);
    assert_int_equal(unlink(path), 0);
    http_reset();
    return 0;
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(upload_that_is_refused_counts_once),
        TEST(upload_that_langfuse_is_not_told_of_counts_once),
        TEST(throttling_is_waited_for_as_long_as_langfuse_says),
        TEST(stop_gives_up_what_waits),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
