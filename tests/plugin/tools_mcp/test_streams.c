/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of servers to messages: lines of a pipe, and event streams, however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "parts/sse.h"

static char seen[4096];
static unsigned too_long;

static void note(const char *type, struct parley_view text)
{
    size_t len = strlen(seen);

    (void)snprintf(seen + len, sizeof(seen) - len, "%s<%.*s>", type, (int)text.len, text.data);
}

static int setup(void **state)
{
    (void)state;
    seen[0] = '\0';
    too_long = 0;
    return 0;
}

/* ---- lines ---- */

static void on_line(void *ctx, struct parley_view line)
{
    (void)ctx;
    note("", line);
}

static void on_too_long(void *ctx)
{
    (void)ctx;
    too_long++;
}

static const struct lines_events line_events = {on_line, on_too_long};

static void feed_lines(struct lines *l, const char *text, size_t step)
{
    for (size_t at = 0, len = strlen(text); at < len; at += step)
        lines_feed(l, (struct parley_view){text + at, len - at < step ? len - at : step},
                   &line_events, NULL);
}

static void case_15_16_lines_come_whole_however_the_reads_are_cut(void **state)
{
    static const char text[] = "{\"a\":\"gr\xC3\xBC\xC3\x9F\"}\r\nsecond\n\nlast\n";

    (void)state;
    for (size_t step = 1; step <= sizeof(text); step++) {
        struct lines l = {.limit = 64};
        seen[0] = '\0';
        feed_lines(&l, text, step);
        assert_string_equal(seen, "<{\"a\":\"gr\xC3\xBC\xC3\x9F\"}><second><><last>");
        lines_done(&l);
    }
}

static void case_18_line_above_the_limit_is_dropped_and_the_next_is_read(void **state)
{
    struct lines l = {.limit = 8};

    (void)state;
    feed_lines(&l, "123456789 and more\ngood\n", 3);
    assert_string_equal(seen, "<good>");
    assert_int_equal(too_long, 1);
    lines_done(&l);
}

static void line_without_an_end_is_told_at_the_end(void **state)
{
    struct lines l = {.limit = 8};

    (void)state;
    feed_lines(&l, "tail", 4);
    assert_string_equal(seen, "");
    lines_end(&l, &line_events, NULL);
    assert_string_equal(seen, "<tail>");
    lines_done(&l);
}

/* ---- event streams ---- */

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    (void)ctx;
    note(type, data);
}

static int feed_sse(struct sse *s, const char *text, size_t step)
{
    int r = PARLEY_OK;

    for (size_t at = 0, len = strlen(text); at < len && r == PARLEY_OK; at += step)
        r = sse_feed(s, (struct parley_view){text + at, len - at < step ? len - at : step},
                     on_event, NULL);
    return r;
}

static void case_28_stream_is_read_however_it_is_cut(void **state)
{
    static const char text[] = "\xEF\xBB\xBFid: 7\nretry: 500\ndata:\n\n"
                               ": a comment\r\n\r\n"
                               "event: other\rdata: no\r\r"
                               "data: {\"a\":\r\ndata:  1}\r\nid: 8\r\n\r\n"
                               "unknown: field\ndata:x\n\n"
                               "data: unfinished";

    (void)state;
    for (size_t step = 1; step <= sizeof(text); step++) {
        struct sse s = {.limit = 64};
        seen[0] = '\0';
        assert_int_equal(feed_sse(&s, text, step), PARLEY_OK);
        assert_string_equal(seen, "other<no>message<{\"a\":\n 1}>message<x>");
        assert_string_equal(text_str(&s.id), "8");
        assert_true(s.has_id);
        assert_int_equal(s.retry_ms, 500);
        sse_done(&s);
    }
}

static void case_28_first_event_with_an_id_and_empty_data_is_no_message(void **state)
{
    struct sse s = {.limit = 64};

    (void)state;
    assert_int_equal(feed_sse(&s, "id: e1\ndata: \n\n", 64), PARLEY_OK);
    assert_string_equal(seen, "");
    assert_string_equal(text_str(&s.id), "e1");
    sse_done(&s);
}

static void event_above_the_limit_is_too_large(void **state)
{
    struct sse s = {.limit = 16};

    (void)state;
    assert_int_equal(feed_sse(&s, "data: 0123456789\ndata: 0123456789\n\n", 5), PARLEY_E_TOO_LARGE);
    sse_done(&s);
    s = (struct sse){.limit = 16};
    assert_int_equal(feed_sse(&s, "data: a line that never ends, and goes on and on", 7),
                     PARLEY_E_TOO_LARGE);
    sse_done(&s);
}

static void retry_and_id_that_are_wrong_are_ignored(void **state)
{
    struct sse s = {.limit = 64};
    static const struct parley_view nul = PARLEY_VIEW("id: a\0b\n\n");

    (void)state;
    assert_int_equal(feed_sse(&s, "retry: 5s\nretry: 99999999999\nretry:\n\n", 64), PARLEY_OK);
    assert_int_equal(s.retry_ms, 0);
    assert_int_equal(sse_feed(&s, nul, on_event, NULL), PARLEY_OK);
    assert_false(s.has_id);
    sse_done(&s);
}

static void restart_drops_what_is_unfinished_and_keeps_the_place(void **state)
{
    struct sse s = {.limit = 64};

    (void)state;
    assert_int_equal(feed_sse(&s, "id: 3\ndata: x\n\ndata: hal", 64), PARLEY_OK);
    sse_restart(&s);
    assert_int_equal(feed_sse(&s, "data: y\n\n", 64), PARLEY_OK);
    assert_string_equal(seen, "message<x>message<y>");
    assert_string_equal(text_str(&s.id), "3");
    sse_done(&s);
}

static void tidy_text_is_cut_at_a_character(void **state)
{
    char *tidy = text_tidy("a\x1B[31m\xC3\xBC", 7);

    (void)state;
    assert_string_equal(tidy, "a [31m");
    free(tidy);
    tidy = text_tidy("a\x1B[31m\xC3\xBC", 8);
    assert_string_equal(tidy, "a [31m\xC3\xBC");
    free(tidy);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        T(case_15_16_lines_come_whole_however_the_reads_are_cut),
        T(case_18_line_above_the_limit_is_dropped_and_the_next_is_read),
        T(line_without_an_end_is_told_at_the_end),
        T(case_28_stream_is_read_however_it_is_cut),
        T(case_28_first_event_with_an_id_and_empty_data_is_no_message),
        T(event_above_the_limit_is_too_large),
        T(retry_and_id_that_are_wrong_are_ignored),
        T(restart_drops_what_is_unfinished_and_keeps_the_place),
        T(tidy_text_is_cut_at_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
