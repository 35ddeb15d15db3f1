/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server, from the other end of a socket. */
#include "peer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct bed *b = malloc(sizeof(*b));

    bed_setup(b, &(struct http_server_config){.max_body_bytes = 1000});
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bed_teardown(*state);
    free(*state);
    clock_fake_stop();
    return 0;
}

static void say(struct bed *b, int fd, const char *text)
{
    peer_write(b, fd, text, strlen(text));
}

/* Write the request, and expect an answer with this status line and with the text. */
static void ask(struct bed *b, int fd, const char *request, const char *status, const char *text)
{
    _cleanup_(buf_done) struct buf in = {0};

    say(b, fd, request);
    if (!peer_expect(b, fd, &in, text))
        fail_msg("\"%s\" is not in: %s", text, in.data == NULL ? "nothing" : in.data);
    if (!view_starts_with(buf_view(&in), view_of(status)))
        fail_msg("not %s: %s", status, in.data);
}

static void http_request_is_handed_over_whole(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    ask(b, fd,
        "GET /v1/models%20x/../y?model=a%26b+c&empty=&flag HTTP/1.1\r\nHost: h\r\n"
        "AUTHORIZATION: Bearer sk-1\r\nx-own-HEADER: some value\r\n\r\n",
        "HTTP/1.1 200 OK\r\n", " body=");
    assert_string_equal(b->seen.data, "GET /v1/y?model=a%26b%20c&empty=&flag model=a&b c"
                                      " authorization=Bearer sk-1 own=some value body=");
    close(fd);
}

static void http_connection_serves_one_request_after_the_other(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    for (int i = 1; i <= 3; i++) {
        ask(b, fd, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\n", "GET /a body=");
        assert_int_equal(b->requests, i);
    }
    ask(b, fd, "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n",
        "GET /last body=");
    assert_true(peer_at_end(b, fd));
    close(fd);
}

static void http_requests_sent_together_are_answered_in_order(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    say(b, fd,
        "GET /one HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
        "GET /three HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(peer_expect(b, fd, &in, "GET /three body="));
    const char *one = strstr(in.data, "GET /one body=");
    const char *two = strstr(in.data, "POST /two body=body");
    assert_non_null(one);
    assert_non_null(two);
    assert_true(one < two);
    close(fd);
}

static void http_request_may_come_byte_by_byte(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    static const char request[] =
        "POST /x?model=m HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-Own-Header: v\r\n\r\nhello";
    int fd = peer_connect(b);

    for (size_t i = 0; i + 1 < sizeof(request); i++)
        peer_write(b, fd, request + i, 1);
    assert_true(peer_expect(b, fd, &in, "body=hello"));
    assert_string_equal(b->seen.data, "POST /x?model=m model=m own=v body=hello");
    close(fd);
}

static void http_answer_has_length_type_and_own_headers(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    say(b, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(peer_expect(b, fd, &in, "body="));
    assert_string_equal(in.data, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 11\r\nX-From: parley\r\n\r\nGET / body=");
    close(fd);
}

static void http_head_has_no_body(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    int fd = peer_connect(b);

    say(b, fd, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_read(b, fd, &in, 10000);
    assert_true(view_ends_with(buf_view(&in), VIEW("X-From: parley\r\n\r\n")));
    assert_non_null(strstr(in.data, "Content-Length: 12\r\n"));
    close(fd);
}

static void http_empty_post_is_a_request(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    ask(b, fd, "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ",
        "POST /e body=");
    ask(b, fd, "PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ",
        "PUT /e body=");
    ask(b, fd, "DELETE /e HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "DELETE /e body=");
    ask(b, fd, "OPTIONS /e HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "OPTIONS /e body=");
    assert_int_equal(b->requests, 4);
    close(fd);
}

static void http_body_above_the_limit_is_answered_413(void **state)
{
    struct bed *b = *state;
    char body[1001];
    int fd = peer_connect(b);

    memset(body, 'x', sizeof(body));
    ask(b, fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 ",
        "the body is too large");
    peer_write(b, fd, body, sizeof(body)); /* sent all the same, and thrown away */
    pump(b);
    assert_int_equal(b->requests, 0);
    close(fd);

    fd = peer_connect(b);
    say(b, fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    peer_write(b, fd, body, 1000);
    assert_true(pump_until(b, &b->requests, 1));
    close(fd);
}

static void http_refused_upload_does_not_hold_the_connection(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    clock_fake_start(clock_now_us(), 0);
    ask(b, fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n", "HTTP/1.1 413 ",
        "Connection: close\r\n");
    for (int i = 0; i < 4; i++) {
        clock_fake_advance_us(1000 * 1000);
        pump(b);
    }
    assert_true(peer_at_end(b, fd));
    close(fd);
}

static void http_request_that_cannot_be_framed_is_refused(void **state)
{
    struct bed *b = *state;
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 411 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
         "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 501 "},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = peer_connect(b);
        ask(b, fd, cases[i].request, cases[i].status, "Connection: close\r\n");
        close(fd);
    }
    assert_int_equal(b->requests, 0);
}

static void http_upgrade_to_something_else_stays_http(void **state)
{
    struct bed *b = *state;

    NEEDS_PATCHES();
    static const char *const upgrades[] = {"h2c", "TLS/1.0", "websockets", "x"};
    for (size_t i = 0; i < ARRAY_LEN(upgrades); i++) {
        char request[200];
        int fd = peer_connect(b);
        snprintf(request, sizeof(request),
                 "GET /plain HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n",
                 upgrades[i]);
        ask(b, fd, request, "HTTP/1.1 200 OK\r\n", "GET /plain body=");
        close(fd);
    }
}

static void http_request_answered_later_is_handed_over_once(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    b->answer_later = true;
    say(b, fd,
        "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
        "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(pump_until(b, &b->requests, 1));
    pump(b);
    assert_int_equal(b->requests, 1);
    assert_string_equal(b->seen.data, "POST /slow body=body");
    b->answer_later = false;
    http_respond_text(b->pending, 200, "text/plain", "first");
    assert_true(peer_expect(b, fd, &in, "first"));
    assert_true(peer_expect(b, fd, &in, "GET /next body="));
    close(fd);
}

static void http_nonsense_closes_the_connection(void **state)
{
    struct bed *b = *state;
    static const char *const cases[] = {
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = peer_connect(b);
        say(b, fd, cases[i]);
        assert_true(peer_at_end(b, fd));
        close(fd);
    }
    assert_int_equal(b->requests, 0);
}

static void http_head_above_the_limit_closes_the_connection(void **state)
{
    struct bed *b = *state;
    char line[12000];
    int fd = peer_connect(b);

    memset(line, 'v', sizeof(line));
    say(b, fd, "GET / HTTP/1.1\r\nHost: h\r\nX-Own-Header: ");
    peer_write(b, fd, line, sizeof(line));
    say(b, fd, "\r\n\r\n");
    assert_true(peer_at_end(b, fd));
    assert_int_equal(b->requests, 0);
    close(fd);
}

/* ---- later answers ---- */

static void http_answer_may_come_later(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    b->answer_later = true;
    say(b, fd, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(pump_until(b, &b->requests, 1));
    pump(b);
    assert_int_equal(b->requests, 1); /* the next one waits for its turn */
    b->answer_later = false;
    http_respond_text(b->pending, 202, "text/plain", "at last");
    assert_true(peer_expect(b, fd, &in, "at last"));
    assert_true(peer_expect(b, fd, &in, "GET /next body="));
    assert_int_equal(b->gone, 0);
    close(fd);
}

static void http_owner_is_told_when_the_server_ends_before_the_answer(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    b->answer_later = true;
    say(b, fd, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(pump_until(b, &b->requests, 1));
    b->t = transport_destroy(b->t);
    assert_int_equal(b->gone, 1);
    close(fd);
}

static void http_client_that_left_before_the_answer_does_no_harm(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    b->answer_later = true;
    say(b, fd, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(pump_until(b, &b->requests, 1));
    close(fd);
    pump(b);
    if (b->pending != NULL)
        http_respond_text(b->pending, 200, "text/plain", "too late");
    else
        assert_int_equal(b->gone, 1);
    pump(b);
    struct transport_stats stats;
    transport_stats(b->t, &stats);
    assert_int_equal(stats.connections, 0);
}

static void http_large_answer_arrives_whole(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    size_t len = 3 * 1024 * 1024;
    char *body = NULL;
    int fd = -1;

    NEEDS_PATCHES();
    body = malloc(len);
    fd = peer_connect(b);
    memset(body, 'L', len);
    b->answer_later = true;
    say(b, fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(pump_until(b, &b->requests, 1));
    http_respond(b->pending, &(struct http_response){.status = 200, .body = {body, len}});
    peer_read(b, fd, &in, len + 50);
    assert_true(in.len > len);
    assert_memory_equal(in.data + in.len - len, body, len);
    b->answer_later = false;
    ask(b, fd, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET /after body=");
    free(body);
    close(fd);
}

/* ---- time ---- */

static void seconds_pass(struct bed *b, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        clock_fake_advance_us(1000 * 1000);
        pump(b);
    }
}

static void http_slow_head_is_given_up(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    clock_fake_start(clock_now_us(), 0);
    for (int i = 0; i < 8; i++) { /* a byte a second does not help */
        peer_write(b, fd, &"GET /abc"[i], 1);
        seconds_pass(b, 1);
    }
    assert_false(peer_at_end(b, fd));
    seconds_pass(b, 4);
    assert_true(peer_at_end(b, fd));
    close(fd);
}

static void http_slow_body_is_given_up(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    clock_fake_start(clock_now_us(), 0);
    say(b, fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 8; i++) {
        say(b, fd, "x");
        seconds_pass(b, 1);
    }
    assert_false(peer_at_end(b, fd));
    seconds_pass(b, 4);
    assert_true(peer_at_end(b, fd));
    assert_int_equal(b->requests, 0);
    assert_int_equal(b->gone, 0); /* the owner never knew of it */
    close(fd);
}

static void http_idle_connection_is_closed_after_a_minute(void **state)
{
    struct bed *b = *state;
    int fd = peer_connect(b);

    NEEDS_PATCHES();
    clock_fake_start(clock_now_us(), 0);
    ask(b, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "body=");
    seconds_pass(b, 55);
    assert_false(peer_at_end(b, fd));
    seconds_pass(b, 7);
    assert_true(peer_at_end(b, fd));
    close(fd);
}

/* ---- several servers ---- */

static void answer_other(void *ctx, struct http_request *r)
{
    (*(int *)ctx)++;
    http_respond_text(r, 200, "text/plain", "from the other");
}

static void http_two_servers_of_a_loop_keep_apart(void **state)
{
    struct bed *b = *state;
    struct parley_error err = PARLEY_ERROR_INIT;
    int requests = 0;
    struct http_server_config config = {.on_request = answer_other, .ctx = &requests};
    struct http_server *mine = b->server;
    struct http_server *other = NULL;

    NEEDS_PATCHES();
    assert_int_equal(http_server_create(b->t, &config, &other, &err), PARLEY_OK);
    int first = peer_connect(b);
    b->server = other;
    int second = peer_connect(b);
    b->server = mine;
    ask(b, first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET / body=");
    ask(b, second, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "from the other");
    assert_int_equal(requests, 1);
    assert_int_equal(b->requests, 1);

    (void)http_server_destroy(other);
    assert_true(peer_at_end(b, second));
    ask(b, first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "GET / body=");
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(http_request_is_handed_over_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(http_connection_serves_one_request_after_the_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_requests_sent_together_are_answered_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_request_may_come_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(http_answer_has_length_type_and_own_headers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_head_has_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(http_empty_post_is_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(http_body_above_the_limit_is_answered_413, setup, teardown),
        cmocka_unit_test_setup_teardown(http_refused_upload_does_not_hold_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_request_that_cannot_be_framed_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_upgrade_to_something_else_stays_http, setup, teardown),
        cmocka_unit_test_setup_teardown(http_request_answered_later_is_handed_over_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_nonsense_closes_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(http_head_above_the_limit_closes_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_answer_may_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(http_owner_is_told_when_the_server_ends_before_the_answer,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(http_client_that_left_before_the_answer_does_no_harm, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_large_answer_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(http_slow_head_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(http_slow_body_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(http_idle_connection_is_closed_after_a_minute, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(http_two_servers_of_a_loop_keep_apart, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
