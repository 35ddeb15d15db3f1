/* SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *plugin_path;

struct fixture {
    char path[64];
    char option[80];
    struct fake_plugin *plugin;
    const struct parley_exporter_vtable *vtable;
};

static struct fixture open_console(const char *first, const char *second)
{
    struct fixture f = {.path = "/tmp/parley-console-XXXXXX"};
    struct parley_error err = PARLEY_ERROR_INIT;
    int fd = mkstemp(f.path);

    assert_true(fd >= 0);
    close(fd);
    fake_host_reset();
    setenv("TZ", "UTC", 1);
    (void)snprintf(f.option, sizeof(f.option), "file=%s", f.path);
    const char *options[] = {f.option, first, second, NULL};
    f.plugin = fake_plugin_open(plugin_path, "console", options, &err);
    if (f.plugin == NULL)
        fail_msg("%s", err.message);
    f.vtable = exporter_open(f.plugin);
    return f;
}

static void deliver(struct fixture *f, const struct parley_span *spans, uint32_t count)
{
    struct parley_batch batch = batch_of(spans, count);
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_int_equal(
        f->vtable->deliver(fake_plugin_worker(f->plugin), &batch, fake_host_op(), &err), PARLEY_OK);
}

/* What was written, in static memory. */
static const char *close_console(struct fixture *f)
{
    static char text[8192];

    fake_plugin_close(f->plugin);
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    unlink(f->path);
    return text;
}

static void turn_is_one_line(void **state)
{
    (void)state;
    struct fixture f = open_console(NULL, NULL);

    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 0);
    assert_string_equal(close_console(&f),
                        "09:00:02  receptionist turn 3 by speech  first audio 620 ms  total 2.40 s"
                        "  tools clock.now 12 ms, mail.send 1.20 s (timeout)"
                        "  tokens 1600 in 180 out  interrupted  sess_1\n");
}

static void spans_of_several_batches_are_gathered(void **state)
{
    (void)state;
    struct fixture f = open_console(NULL, NULL);

    for (uint32_t i = 0; i < COUNT(turn_spans); i++)
        deliver(&f, &turn_spans[i], 1);
    assert_int_equal(ended.count, COUNT(turn_spans));
    assert_non_null(strstr(close_console(&f), "mail.send 1.20 s (timeout)  tokens 1600 in"));
}

static void json_line_is_an_object(void **state)
{
    (void)state;
    struct fixture f = open_console("format=json", NULL);

    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_string_equal(
        close_console(&f),
        "{\"time\":\"2026-01-05T09:00:02.400Z\",\"agent\":\"receptionist\",\"session\":\"sess_1\","
        "\"turn\":3,\"trigger\":\"speech\","
        "\"model\":\"gpt-realtime\",\"first_output_ms\":620,\"total_ms\":2400,\"tools\":["
        "{\"name\":\"clock.now\",\"ms\":12},{\"name\":\"mail.send\",\"ms\":1200,\"error\":"
        "\"timeout\"}],\"input_tokens\":1600,\"output_tokens\":180,\"end_reason\":"
        "\"interrupted\"}\n");
}

static void deliver_records(struct fixture *f, const struct parley_log_record *records,
                            uint32_t count)
{
    struct parley_batch batch = batch_of(NULL, 0);
    struct parley_error err = PARLEY_ERROR_INIT;

    batch.logs = records;
    batch.log_count = count;
    assert_int_equal(
        f->vtable->deliver(fake_plugin_worker(f->plugin), &batch, fake_host_op(), &err), PARLEY_OK);
}

static const struct parley_attr record_attrs[] = {STR("session.id", "sess_1")};
static const struct parley_log_record record = {.unix_ns = T0,
                                                .severity = 9,
                                                .body = PARLEY_VIEW("session ended session=sess_1"),
                                                .trace_id = {1},
                                                .span_id = {2},
                                                .attrs = ATTRS(record_attrs),
                                                .event_name = "session.end"};

static void log_record_is_an_object(void **state)
{
    (void)state;
    struct fixture f = open_console("format=json", "logs=yes");

    deliver_records(&f, &record, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    assert_string_equal(
        close_console(&f),
        "{\"time\":\"2026-01-05T09:00:00.000Z\",\"severity\":\"info\",\"event\":\"session.end\","
        "\"body\":\"session ended session=sess_1\",\"trace_id\":"
        "\"01000000000000000000000000000000\",\"span_id\":\"0200000000000000\",\"attributes\":{"
        "\"session.id\":\"sess_1\"}}\n");
}

static void log_records_are_left_out_unless_asked_for(void **state)
{
    (void)state;
    struct fixture f = open_console("format=json", NULL);

    deliver_records(&f, &record, 1);
    assert_int_equal(ended.status, PARLEY_EXPORT_NOTHING);
    assert_string_equal(close_console(&f), "");
}

static void log_records_as_text_are_refused(void **state)
{
    (void)state;
    const char *options[] = {"logs=yes", NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    fake_host_reset();
    assert_null(fake_plugin_open(plugin_path, "console", options, &err));
    assert_non_null(strstr(err.message, "write format = json"));
}

static void long_log_record_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2048];
    struct fixture f = open_console("format=json", "logs=yes");
    struct parley_log_record r = record;

    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "\x01\x02", 2); /* six bytes each, in JSON */
    memcpy(text + 499, "\xc3\xa4", 2);
    r.body = (struct parley_view){text, sizeof(text)};
    deliver_records(&f, &r, 1);
    assert_int_equal(ended.lost, 0);
    const char *line = close_console(&f);
    assert_non_null(strstr(line, "\\u0001\",\"trace_id\""));
}

static void content_is_shown_only_when_asked_for_and_cannot_play_with_the_terminal(void **state)
{
    (void)state;
    struct fixture f = open_console("content=yes", NULL);

    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_non_null(strstr(close_console(&f), "\"what  [31mtime\""));
    f = open_console("content=no", NULL);
    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_null(strstr(close_console(&f), "what"));
}

static void colours_are_left_out_of_files_unless_asked_for(void **state)
{
    (void)state;
    struct fixture f = open_console(NULL, NULL);

    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_null(strchr(close_console(&f), '\033'));
    f = open_console("colours=yes", NULL);
    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_non_null(strchr(close_console(&f), '\033'));
}

static void many_open_turns_are_bounded(void **state)
{
    (void)state;
    struct fixture f = open_console(NULL, NULL);

    for (int i = 0; i < 1000; i++) {
        struct parley_span child = turn_spans[1];
        child.trace_id[4] = (uint8_t)i;
        child.trace_id[5] = (uint8_t)(i >> 8);
        deliver(&f, &child, 1);
    }
    deliver(&f, turn_spans, COUNT(turn_spans));
    assert_non_null(strstr(close_console(&f), "tools clock.now 12 ms, mail.send"));
}

static void file_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    const char *options[] = {"file=/nonexistent/turns.log", NULL};
    struct parley_error err = PARLEY_ERROR_INIT;

    fake_host_reset();
    assert_null(fake_plugin_open(plugin_path, "console", options, &err));
    assert_string_equal(err.message,
                        "file: nothing can be written to /nonexistent/turns.log: No such "
                        "file or directory; name a file in a folder that parley's "
                        "user may write to");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turn_is_one_line),
        cmocka_unit_test(spans_of_several_batches_are_gathered),
        cmocka_unit_test(json_line_is_an_object),
        cmocka_unit_test(log_record_is_an_object),
        cmocka_unit_test(log_records_are_left_out_unless_asked_for),
        cmocka_unit_test(log_records_as_text_are_refused),
        cmocka_unit_test(long_log_record_is_cut_between_characters),
        cmocka_unit_test(content_is_shown_only_when_asked_for_and_cannot_play_with_the_terminal),
        cmocka_unit_test(colours_are_left_out_of_files_unless_asked_for),
        cmocka_unit_test(many_open_turns_are_bounded),
        cmocka_unit_test(file_that_cannot_be_opened_is_an_error),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
