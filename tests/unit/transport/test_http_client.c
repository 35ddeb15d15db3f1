/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client, against parley's own server on the same loop. */
#include "peer.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "transport/http_client.h"
#include "transport/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stage {
    struct bed bed;
    struct parley_error err;
    struct listener *listener;
    struct http_client *client;
    struct http_client_request request;
    char url[128];
    uint64_t id;
    int ended;
    int status;
    int code;
    struct buf body;
    struct buf headers;
    struct buf message;
    struct buf pieces;
    bool cancel_in_data;
    bool start_in_data;
};

static const struct http_client_events streamed;

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct stage *s = ctx;

    assert_int_equal(code, 200);
    buf_append_view(&s->pieces, data);
    if (s->cancel_in_data)
        http_client_cancel(s->client, s->id);
    if (s->start_in_data) {
        s->start_in_data = false;
        assert_int_equal(http_client_start(s->client, &s->request, &streamed, s, &s->id, &s->err),
                         PARLEY_OK);
    }
}

static void on_end(void *ctx, const struct http_client_response *response)
{
    struct stage *s = ctx;

    s->ended++;
    s->status = response->status;
    s->code = response->code;
    buf_append_view(&s->body, response->body);
    buf_append_view(&s->headers, response->headers);
    buf_append_str(&s->message, response->message);
}

static const struct http_client_events events = {NULL, on_end};
static const struct http_client_events streamed = {on_data, on_end};

static void adopt(void *ctx, int fd)
{
    struct stage *s = ctx;

    (void)http_server_adopt(s->bed.server, fd, &s->err);
}

static int setup(void **state)
{
    struct stage *s = calloc(1, sizeof(*s));
    struct listener_config config = {.address = "127.0.0.1:0", .on_accept = adopt, .ctx = s};

    bed_setup(&s->bed, NULL);
    s->err = (struct parley_error)PARLEY_ERROR_INIT;
    assert_int_equal(listener_open(s->bed.loop, &config, &s->listener, &s->err), PARLEY_OK);
    s->client = http_client_create(s->bed.loop);
    assert_non_null(s->client);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/path?model=x",
             listener_port(s->listener));
    s->request.url = s->url;
    s->request.method = "GET";
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct stage *s = *state;

    s->client = http_client_destroy(s->client);
    (void)listener_close(s->listener);
    bed_teardown(&s->bed);
    buf_done(&s->body);
    buf_done(&s->headers);
    buf_done(&s->message);
    buf_done(&s->pieces);
    free(s);
    return 0;
}

static void start(struct stage *s, const struct http_client_events *e)
{
    if (http_client_start(s->client, &s->request, e, s, &s->id, &s->err) < 0)
        fail_msg("%s", s->err.message);
    assert_int_equal(s->ended, 0); /* never before it returns */
    assert_true(s->id > 0);
}

static void client_gets_an_answer_with_its_headers(void **state)
{
    struct stage *s = *state;
    static const char *const headers[] = {"Authorization: Bearer sk-1", "X-Own-Header: mine"};

    s->request.headers = headers;
    s->request.header_count = 2;
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_OK);
    assert_int_equal(s->code, 200);
    assert_string_equal(s->body.data,
                        "GET /path?model=x model=x authorization=Bearer sk-1 own=mine body=");
    assert_non_null(strstr(s->headers.data, "content-type: text/plain\r\n"));
    assert_non_null(strstr(s->headers.data, "x-from: parley\r\n"));
    assert_int_equal(s->message.len, 0);
}

static void client_posts_a_body_with_zero_bytes_in_it(void **state)
{
    struct stage *s = *state;

    s->request.method = "POST";
    s->request.body = (struct parley_view){"a\0b", 3};
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->body.len, strlen("POST /path?model=x model=x body=") + 3);
    assert_memory_equal(s->body.data + s->body.len - 3, "a\0b", 3);
}

static void client_other_methods_work(void **state)
{
    struct stage *s = *state;
    static const char *const methods[] = {"PUT", "PATCH", "DELETE", "POST"};

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        s->ended = 0;
        buf_clear(&s->body);
        s->request.method = methods[i];
        s->request.body = i < 2 ? (struct parley_view){"x", 1} : (struct parley_view){NULL, 0};
        start(s, &events);
        assert_true(pump_until(&s->bed, &s->ended, 1));
        assert_true(view_starts_with(buf_view(&s->body), view_of(methods[i])));
    }
}

static void client_streams_the_body(void **state)
{
    struct stage *s = *state;

    start(s, &streamed);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_string_equal(s->pieces.data, "GET /path?model=x model=x body=");
    assert_int_equal(s->body.len, 0);
}

static void client_answer_above_the_limit_is_an_error(void **state)
{
    struct stage *s = *state;

    s->request.max_response_bytes = 10;
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_E_TOO_LARGE);
    assert_non_null(strstr(s->message.data, "127.0.0.1: the answer is above the limit"));
    assert_int_equal(s->body.len, 0);
}

static void client_cancel_ends_it_from_the_loop(void **state)
{
    struct stage *s = *state;

    s->bed.answer_later = true;
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->bed.requests, 1));
    http_client_cancel(s->client, s->id);
    http_client_cancel(s->client, s->id + 100);
    assert_int_equal(s->ended, 0);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_E_CANCELLED);
    pump(&s->bed);
    assert_int_equal(s->ended, 1);
    http_respond_text(s->bed.pending, 200, NULL, "nobody listens");
}

static void client_may_be_cancelled_inside_on_data(void **state)
{
    struct stage *s = *state;

    s->cancel_in_data = true;
    start(s, &streamed);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_E_CANCELLED);
    pump(&s->bed);
    assert_int_equal(s->ended, 1);
}

static void client_may_start_another_inside_on_data(void **state)
{
    struct stage *s = *state;

    s->start_in_data = true;
    start(s, &streamed);
    assert_true(pump_until(&s->bed, &s->ended, 2));
    assert_int_equal(s->status, PARLEY_OK);
    assert_string_equal(s->pieces.data,
                        "GET /path?model=x model=x body=GET /path?model=x model=x body=");
}

static void client_without_an_answer_times_out(void **state)
{
    struct stage *s = *state;

    s->bed.answer_later = true;
    s->request.timeout_ms = 50;
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_E_TIMEOUT);
    if (s->bed.pending != NULL)
        http_respond_text(s->bed.pending, 200, NULL, "too late");
}

static void client_port_without_a_server_is_unavailable(void **state)
{
    struct stage *s = *state;

    s->listener = listener_close(s->listener);
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_E_UNAVAILABLE);
    assert_true(view_starts_with(buf_view(&s->message), VIEW("127.0.0.1: ")));
}

static void client_that_ends_tells_what_was_open(void **state)
{
    struct stage *s = *state;

    s->bed.answer_later = true;
    start(s, &events);
    s->client = http_client_destroy(s->client);
    assert_int_equal(s->ended, 1);
    assert_int_equal(s->status, PARLEY_E_CANCELLED);
}

static void client_bad_options_are_refused_at_once(void **state)
{
    struct stage *s = *state;
    static const char *const urls[] = {"file:///etc/passwd", "ftp://h/", "h/path", "http://", ""};
    static const char *const headers[] = {"A: b\r\nInjected: c"};

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        s->request.url = urls[i];
        assert_int_equal(http_client_start(s->client, &s->request, &events, s, &s->id, &s->err),
                         PARLEY_E_INVALID);
    }
    s->request.url = s->url;
    s->request.method = "GET / HTTP/1.1\r\n";
    assert_int_equal(http_client_start(s->client, &s->request, &events, s, &s->id, &s->err),
                     PARLEY_E_INVALID);
    s->request.method = "GET";
    s->request.headers = headers;
    s->request.header_count = 1;
    assert_int_equal(http_client_start(s->client, &s->request, &events, s, &s->id, &s->err),
                     PARLEY_E_INVALID);
    assert_int_equal(s->ended, 0);
}

/* ---- public addresses only ---- */

static void expect_refused(struct stage *s, const char *host)
{
    s->ended = 0;
    buf_clear(&s->message);
    snprintf(s->url, sizeof(s->url), "http://%s:%d/", host, listener_port(s->listener));
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    if (s->status != PARLEY_E_DENIED)
        fail_msg("%s: status %d: %s", host, s->status, s->message.data);
    assert_non_null(strstr(s->message.data, "not an address of the public Internet"));
}

static void client_that_keeps_public_never_connects_elsewhere(void **state)
{
    struct stage *s = *state;
    /* `localhost` is a name that leads to a loopback address; the others are ways to write one. */
    static const char *const hosts[] = {"127.0.0.1", "localhost", "2130706433",     "0x7f.1",
                                        "[::1]",     "0.0.0.0",   "[::ffff:7f00:1]"};

    s->request.is_public_only = true;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        expect_refused(s, hosts[i]);
    assert_int_equal(s->bed.requests, 0);
}

static void client_that_may_loop_back_reaches_this_machine_and_no_private_one(void **state)
{
    struct stage *s = *state;

    s->request.is_public_only = true;
    s->request.may_loop_back = true;
    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->status, PARLEY_OK);
    assert_int_equal(s->code, 200);
    expect_refused(s, "10.0.0.1");
    expect_refused(s, "169.254.169.254");
    expect_refused(s, "[::ffff:a9fe:a9fe]");
}

static void client_that_keeps_public_uses_no_connection_that_others_left_open(void **state)
{
    struct stage *s = *state;

    start(s, &events);
    assert_true(pump_until(&s->bed, &s->ended, 1));
    assert_int_equal(s->code, 200);
    s->request.is_public_only = true;
    expect_refused(s, "127.0.0.1");
    assert_int_equal(s->bed.requests, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(client_gets_an_answer_with_its_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(client_posts_a_body_with_zero_bytes_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(client_other_methods_work, setup, teardown),
        cmocka_unit_test_setup_teardown(client_streams_the_body, setup, teardown),
        cmocka_unit_test_setup_teardown(client_answer_above_the_limit_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(client_cancel_ends_it_from_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(client_may_be_cancelled_inside_on_data, setup, teardown),
        cmocka_unit_test_setup_teardown(client_may_start_another_inside_on_data, setup, teardown),
        cmocka_unit_test_setup_teardown(client_without_an_answer_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(client_port_without_a_server_is_unavailable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_that_ends_tells_what_was_open, setup, teardown),
        cmocka_unit_test_setup_teardown(client_bad_options_are_refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(client_that_keeps_public_never_connects_elsewhere, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            client_that_may_loop_back_reaches_this_machine_and_no_private_one, setup, teardown),
        cmocka_unit_test_setup_teardown(
            client_that_keeps_public_uses_no_connection_that_others_left_open, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
