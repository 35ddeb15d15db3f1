/* SPDX-License-Identifier: Apache-2.0 */
/* Accepted connections, driven byte by byte from the other end of a socket. */
#include "peer.h"

#include "base/clock.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT  0x81
#define PING  0x89
#define PONG  0x8a
#define CLOSE 0x88

static int setup(void **state)
{
    struct bed *b = malloc(sizeof(*b));

    bed_setup(b, NULL);
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

static int open_ws(struct bed *b)
{
    struct buf answer = {0};
    int fd = peer_open_ws(b, "", &answer);

    assert_true(view_starts_with(buf_view(&answer), VIEW("HTTP/1.1 101 ")));
    assert_non_null(b->at_server.ws);
    buf_done(&answer);
    return fd;
}

/* The next frame from parley. */
static int next_frame(struct bed *b, int fd, struct buf *in, struct buf *payload)
{
    int first = -1;
    bool masked = true;

    for (int i = 0; i < 2000 && !frame_take(in, &first, payload, &masked); i++) {
        size_t before = in->len;
        peer_read(b, fd, in, in->len + 1);
        if (in->len == before)
            return -1;
    }
    assert_false(masked); /* a server never masks */
    return first;
}

static void ws_echoes_a_message(void **state)
{
    struct bed *b = *state;
    struct buf out = {0}, in = {0}, payload = {0};
    int fd = open_ws(b);

    b->at_server.echo = true;
    frame_add(&out, TEXT, "hello", 5, true);
    peer_write(b, fd, out.data, out.len);
    assert_int_equal(next_frame(b, fd, &in, &payload), TEXT);
    assert_string_equal(payload.data, "hello");
    assert_int_equal(b->at_server.last_flags, WS_ROOM);
    close(fd);
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.code, 1006);
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_UNAVAILABLE);
    buf_done(&out);
    buf_done(&in);
    buf_done(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ws_echoes_a_message, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
