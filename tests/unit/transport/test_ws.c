/* SPDX-License-Identifier: Apache-2.0 */
/* Accepted connections, driven byte by byte from the other end of a socket. */
#include "peer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

/* Send the bytes and expect this frame next. */
static void exchange(struct bed *b, int fd, struct buf *out, int first, const char *text)
{
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};

    peer_write(b, fd, out->data, out->len);
    buf_clear(out);
    assert_int_equal(next_frame(b, fd, &in, &payload), first);
    assert_string_equal(payload.data, text);
}

/* parley closes with this code: answer it, and expect the end. */
static void expect_close(struct bed *b, int fd, int code, const char *reason)
{
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};
    _cleanup_(buf_done) struct buf out = {0};

    assert_int_equal(next_frame(b, fd, &in, &payload), CLOSE);
    assert_true(payload.len >= 2);
    assert_int_equal((unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1], code);
    assert_non_null(strstr(payload.data + 2, reason));
    frame_add(&out, CLOSE, payload.data, 2, true);
    peer_write(b, fd, out.data, out.len);
    assert_true(peer_at_end(b, fd));
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.code, code);
}

/* The same, of a peer that is past answering. */
static void expect_give_up(struct bed *b, int fd, int code, const char *reason)
{
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};

    assert_int_equal(next_frame(b, fd, &in, &payload), CLOSE);
    assert_true(payload.len >= 2);
    assert_int_equal((unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1], code);
    assert_non_null(strstr(payload.data + 2, reason));
    for (int i = 0; i < 8 && b->at_server.closed == 0; i++) {
        clock_fake_advance_us(1000 * 1000);
        pump(b);
    }
    assert_true(peer_at_end(b, fd));
    assert_int_equal(b->at_server.closed, 1);
    assert_int_equal(b->at_server.closed_as.code, code);
}

static void ws_echoes_a_message(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    b->at_server.echo = true;
    frame_add(&out, TEXT, "hello", 5, true);
    exchange(b, fd, &out, TEXT, "hello");
    assert_int_equal(b->at_server.last_flags, WS_ROOM);
    close(fd);
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.code, 1006);
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_UNAVAILABLE);
}

/* A message, one in three pieces with pings between, an empty one, a longer one. */
static void add_mixture(struct buf *out)
{
    char text[300];

    memset(text, 'x', sizeof(text));
    frame_add(out, TEXT, "one", 3, true);
    frame_add(out, 0x01, "t", 1, true);
    frame_add(out, PING, "p", 1, true);
    frame_add(out, 0x00, "w", 1, true);
    frame_add(out, PONG, "", 0, true);
    frame_add(out, 0x80, "o", 1, true);
    frame_add(out, TEXT, "", 0, true);
    frame_add(out, TEXT, text, sizeof(text), true);
    frame_add(out, 0x82, "\xff", 1, true);
}

static void expect_mixture(struct bed *b, const char *where)
{
    char expected[400];

    memset(expected, 'x', sizeof(expected));
    memcpy(expected, "one|two||", 9);
    memcpy(expected + 9 + 300, "|\xff|", 3);
    assert_true(pump_until(b, &b->at_server.messages, 5));
    if (!view_equal(buf_view(&b->at_server.all), (struct parley_view){expected, 9 + 300 + 3}))
        fail_msg("%s: %s", where, b->at_server.all.data);
    buf_clear(&b->at_server.all);
    b->at_server.messages = 0;
}

static void ws_frames_split_at_every_byte_arrive_whole(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    add_mixture(&out);
    for (size_t at = 0; at <= out.len; at++) {
        char where[32];
        snprintf(where, sizeof(where), "split at %zu", at);
        peer_write(b, fd, out.data, at);
        for (int i = 0; i < 3; i++)
            loop_run_once(b->loop);
        peer_write(b, fd, out.data + at, out.len - at);
        expect_mixture(b, where);
    }
    close(fd);
}

static void ws_frames_come_byte_by_byte(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    add_mixture(&out);
    for (size_t at = 0; at < out.len; at++)
        peer_write(b, fd, out.data + at, 1);
    expect_mixture(b, "one by one");
    close(fd);
}

static void ws_control_frames_between_fragments_are_answered(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    frame_add(&out, 0x01, "half", 4, true);
    frame_add(&out, PING, "are you there", 13, true);
    exchange(b, fd, &out, PONG, "are you there");
    b->at_server.echo = true;
    frame_add(&out, 0x80, " done", 5, true);
    exchange(b, fd, &out, TEXT, "half done");
    close(fd);
}

static void ws_masked_payload_of_every_length_is_right(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    char text[301];
    int fd = open_ws(b);

    b->at_server.echo = true;
    for (size_t len = 0; len <= 300; len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('a' + (i + len) % 26);
        text[len] = '\0';
        frame_add(&out, TEXT, text, len, true);
        exchange(b, fd, &out, TEXT, text);
    }
    close(fd);
}

static void ws_message_of_15_mib_comes_and_goes(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};
    size_t len = 15 * 1024 * 1024;
    char *text = malloc(len);
    int fd = open_ws(b);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 23);
    b->at_server.echo = true;
    frame_add(&out, TEXT, text, len, true);
    peer_write(b, fd, out.data, out.len);
    peer_read(b, fd, &in, len + 10);
    int first;
    assert_true(frame_take(&in, &first, &payload, NULL));
    assert_int_equal(payload.len, len);
    assert_memory_equal(payload.data, text, len);
    free(text);
    close(fd);
}

static void ws_message_above_the_limit_closes_with_1009(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    char text[101] = {0};

    b->limits.max_message_bytes = 100;
    int fd = open_ws(b);
    memset(text, 'x', sizeof(text));
    frame_add(&out, TEXT, text, 100, true);
    frame_add(&out, 0x01, text, 60, true);
    frame_add(&out, 0x80, text, 41, true);
    peer_write(b, fd, out.data, out.len);
    expect_close(b, fd, 1009, "limit of 100 bytes");
    assert_int_equal(b->at_server.messages, 1);
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_TOO_LARGE);
    close(fd);
}

static void ws_frame_that_promises_too_much_is_refused_at_once(void **state)
{
    struct bed *b = *state;
    int fd = open_ws(b);
    static const char head[] = "\x81\xff\x00\x00\x00\xff\xff\xff\xff\xff"
                               "mask"
                               "x";

    clock_fake_start(clock_now_us(), 0);
    peer_write(b, fd, head, sizeof(head) - 1);
    expect_give_up(b, fd, 1009, "limit");
    close(fd);
}

static void ws_text_that_is_not_utf8_closes_with_1007(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    frame_add(&out, TEXT, "abc\xc3(", 5, true);
    peer_write(b, fd, out.data, out.len);
    expect_close(b, fd, 1007, "not UTF-8");
    assert_int_equal(b->at_server.messages, 0);
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_PROTOCOL);
    close(fd);
}

static void ws_character_split_between_frames_is_valid(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    b->at_server.echo = true;
    frame_add(&out, 0x01, "gr\xc3", 3, true);
    frame_add(&out, 0x80,
              "\xbc\xc3\x9f"
              "e \xf0\x9f\x91\x8b",
              9, true);
    exchange(b, fd, &out, TEXT,
             "gr\xc3\xbc\xc3\x9f"
             "e \xf0\x9f\x91\x8b");
    close(fd);
}

static void ws_unmasked_frame_of_a_client_is_refused(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    NEEDS_PATCHES();
    clock_fake_start(clock_now_us(), 0);
    frame_add(&out, TEXT, "hello", 5, false);
    peer_write(b, fd, out.data, out.len);
    expect_give_up(b, fd, 1002, "not masked");
    assert_int_equal(b->at_server.messages, 0);
    close(fd);
}

static void ws_frames_that_no_standard_knows_close_with_1002(void **state)
{
    struct bed *b = *state;
    static const int firsts[] = {0x83, 0x8b, 0xc1, 0xf1, 0x09, 0x80};

    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        _cleanup_(buf_done) struct buf out = {0};
        b->at_server.closed = 0;
        int fd = open_ws(b);
        clock_fake_start(clock_now_us(), 0);
        frame_add(&out, firsts[i], "hello", 5, true);
        peer_write(b, fd, out.data, out.len);
        expect_give_up(b, fd, 1002, "");
        close(fd);
    }
}

/* ---- closing ---- */

static void ws_close_sends_what_is_queued_and_waits_for_the_peer(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    assert_int_equal(ws_send(b->at_server.ws, VIEW("last words"), 0), PARLEY_OK);
    ws_close(b->at_server.ws, 4001, "enough");
    ws_close(b->at_server.ws, 1000, "again");
    assert_int_equal(ws_send(b->at_server.ws, VIEW("too late"), 0), PARLEY_E_GONE);
    assert_int_equal(next_frame(b, fd, &in, &payload), TEXT);
    assert_string_equal(payload.data, "last words");
    assert_int_equal(next_frame(b, fd, &in, &payload), CLOSE);
    assert_int_equal(payload.len, 2 + 6);
    assert_memory_equal(payload.data,
                        "\x0f\xa1"
                        "enough",
                        8);

    frame_add(&out, TEXT, "not heard", 9, true); /* said before it saw the close frame */
    peer_write(b, fd, out.data, out.len);
    pump(b);
    assert_int_equal(b->at_server.messages, 0);
    assert_int_equal(b->at_server.closed, 0);
    buf_clear(&out);
    frame_add(&out, CLOSE, "\x0f\xa1", 2, true);
    peer_write(b, fd, out.data, out.len);
    assert_true(peer_at_end(b, fd));
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.status, PARLEY_OK);
    assert_int_equal(b->at_server.closed_as.code, 4001);
    assert_false(b->at_server.closed_as.by_peer);
    close(fd);
}

static void ws_close_inside_on_message_is_safe(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    b->at_server.close_on_message = true;
    frame_add(&out, TEXT, "one", 3, true);
    frame_add(&out, TEXT, "two", 3, true);
    peer_write(b, fd, out.data, out.len);
    expect_close(b, fd, 4001, "that was enough");
    assert_int_equal(b->at_server.messages, 1);
    close(fd);
}

static void ws_close_that_is_never_answered_ends_in_time(void **state)
{
    struct bed *b = *state;
    int fd = open_ws(b);

    clock_fake_start(clock_now_us(), 0);
    ws_close(b->at_server.ws, 1000, "");
    pump(b);
    assert_int_equal(b->at_server.closed, 0);
    clock_fake_advance_us(4000 * 1000);
    pump(b);
    assert_int_equal(b->at_server.closed, 0);
    clock_fake_advance_us(2000 * 1000);
    pump(b);
    assert_int_equal(b->at_server.closed, 1);
    assert_true(peer_at_end(b, fd));
    close(fd);
}

static void ws_close_code_of_the_peer_is_reported(void **state)
{
    struct bed *b = *state;
    static const struct {
        int code;
        int status;
    } codes[] = {{1000, PARLEY_OK},
                 {1001, PARLEY_OK},
                 {1011, PARLEY_E_UNAVAILABLE},
                 {1012, PARLEY_E_UNAVAILABLE},
                 {1013, PARLEY_E_UNAVAILABLE},
                 {1014, PARLEY_E_UNAVAILABLE},
                 {3000, PARLEY_E_DENIED},
                 {4004, PARLEY_E_DENIED}};

    NEEDS_PATCHES();
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        _cleanup_(buf_done) struct buf out = {0};
        _cleanup_(buf_done) struct buf in = {0};
        _cleanup_(buf_done) struct buf payload = {0};
        char close_payload[] = {(char)(codes[i].code >> 8), (char)codes[i].code, 'w', 'h', 'y'};
        b->at_server.closed = 0;
        int fd = open_ws(b);
        frame_add(&out, CLOSE, close_payload, sizeof(close_payload), true);
        peer_write(b, fd, out.data, out.len);
        assert_int_equal(next_frame(b, fd, &in, &payload), CLOSE); /* echoed */
        assert_memory_equal(payload.data, close_payload, 2);
        assert_true(pump_until(b, &b->at_server.closed, 1));
        assert_int_equal(b->at_server.closed_as.code, codes[i].code);
        assert_int_equal(b->at_server.closed_as.status, codes[i].status);
        assert_true(b->at_server.closed_as.by_peer);
        assert_string_equal(b->at_server.reason.data, "why");
        close(fd);
    }
}

static void ws_abort_drops_without_a_word(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    int fd = open_ws(b);

    ws_abort(b->at_server.ws);
    assert_int_equal(b->at_server.closed, 0); /* never inside the call */
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_CANCELLED);
    peer_read(b, fd, &in, 1);
    assert_int_equal(in.len, 0);
    close(fd);
}

static void ws_may_be_dropped_as_soon_as_it_is_accepted(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};

    b->on_accepted = ws_abort;
    int fd = peer_open_ws(b, "", &answer);
    assert_true(peer_at_end(b, fd));
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_CANCELLED);
    close(fd);
}

static void greet_and_close(struct ws *ws)
{
    assert_int_equal(ws_send(ws, VIEW("hello"), 0), PARLEY_OK);
    ws_close(ws, 3000, "invalid_request_error.invalid_api_key");
    assert_int_equal(ws_send(ws, VIEW("more"), 0), PARLEY_E_GONE);
}

static void ws_may_speak_and_close_as_soon_as_it_is_accepted(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};
    _cleanup_(buf_done) struct buf out = {0};

    b->on_accepted = greet_and_close;
    int fd = peer_open_ws(b, "", &answer);
    assert_true(peer_expect(b, fd, &answer, "\x81\x05hello\x88\x27\x0b\xb8invalid_request_error"));
    frame_add(&out, CLOSE, "\x0b\xb8", 2, true);
    peer_write(b, fd, out.data, out.len);
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.code, 3000);
    close(fd);
}

static void ws_open_when_the_transport_ends_is_told(void **state)
{
    struct bed *b = *state;
    int fd = open_ws(b);

    b->t = transport_destroy(b->t);
    assert_int_equal(b->at_server.closed, 1);
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_CANCELLED);
    close(fd);
}

/* ---- the queue ---- */

/* Send until the socket is full and at least `queued` bytes wait. */
static int fill(struct bed *b, size_t queued, uint32_t flags)
{
    static char text[8192];
    int sent = 0;

    memset(text, 'q', sizeof(text));
    while (ws_queued_bytes(b->at_server.ws) < queued && sent < 10000) {
        if (ws_send(b->at_server.ws, (struct parley_view){text, sizeof(text)}, flags) < 0)
            break;
        sent++;
    }
    return sent;
}

static void ws_slow_reader_gets_busy_above_the_hard_limit(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};

    b->limits.soft_queue_bytes = 64 * 1024;
    b->limits.hard_queue_bytes = 256 * 1024;
    int fd = open_ws(b);
    int sent = fill(b, 10 * 1024 * 1024, 0);
    assert_true(ws_queued_bytes(b->at_server.ws) <= 256 * 1024);
    assert_int_equal(ws_send(b->at_server.ws, (struct parley_view){"x", 1}, 0),
                     ws_queued_bytes(b->at_server.ws) < 256 * 1024 ? PARLEY_OK : PARLEY_E_BUSY);
    pump(b);
    assert_int_equal(b->at_server.writable, 0);
    peer_read(b, fd, &in, (size_t)sent * 8196); /* now it reads */
    assert_int_equal(b->at_server.writable, 1);
    assert_true(in.len >= (size_t)sent * 8196);
    assert_int_equal(b->at_server.dropped, 0);
    close(fd);
}

static void ws_slow_reader_loses_the_oldest_droppable_messages(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};
    char text[8192];

    b->limits.soft_queue_bytes = 64 * 1024;
    int fd = open_ws(b);
    (void)fill(b, 1, 0); /* the socket is full */
    memset(text, 'd', sizeof(text));
    for (int i = 0; i < 20; i++) {
        text[0] = (char)('A' + i);
        assert_int_equal(
            ws_send(b->at_server.ws, (struct parley_view){text, sizeof(text)}, WS_DROPPABLE),
            PARLEY_OK);
        assert_true(ws_queued_bytes(b->at_server.ws) <= 64 * 1024);
    }
    assert_int_equal(ws_send(b->at_server.ws, VIEW("kept"), 0), PARLEY_OK);
    assert_int_equal(b->at_server.dropped, 0); /* not inside the calls */
    pump(b);
    assert_true(b->at_server.dropped >= 13 && b->at_server.dropped < 20);
    assert_true(b->at_server.dropped_bytes >= b->at_server.dropped * 8192);

    peer_read(b, fd, &in, 100 * 1024 * 1024);
    char first_kept = 0;
    int first;
    while (frame_take(&in, &first, &payload, NULL)) {
        if (payload.len == sizeof(text) && payload.data[1] == 'd' && first_kept == 0)
            first_kept = payload.data[0];
    }
    assert_int_equal(first_kept, 'A' + (int)b->at_server.dropped); /* the oldest went */
    assert_string_equal(payload.data, "kept");
    close(fd);
}

static void send_three(struct heard *h)
{
    assert_int_equal(ws_send(h->ws, VIEW("one"), 0), PARLEY_OK);
    assert_int_equal(ws_send(h->ws, VIEW("two"), 0), PARLEY_OK);
    assert_int_equal(ws_send(h->ws, VIEW("three"), WS_DROPPABLE), PARLEY_OK);
}

static void ws_messages_of_one_turn_go_out_with_one_call(void **state)
{
    struct bed *b = *state;
    struct transport_stats before, after;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf in = {0};
    int fd = open_ws(b);

    b->at_server.then = send_three;
    transport_stats(b->t, &before);
    frame_add(&out, TEXT, "go", 2, true);
    frame_add(&out, TEXT, "go", 2, true);
    peer_write(b, fd, out.data, out.len);
    peer_read(b, fd, &in, 2 * (5 + 5 + 7));
    transport_stats(b->t, &after);
    assert_int_equal(in.len, 2 * (5 + 5 + 7));
    assert_int_equal(after.writes - before.writes, 1);
    assert_int_equal(after.messages_out - before.messages_out, 6);
    assert_int_equal(after.messages_in - before.messages_in, 2);
    close(fd);
}

static void ws_frame_is_built_in_the_room_that_the_sender_left(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    char memory[WS_ROOM_BYTES + 5] = {0};
    int fd = open_ws(b);

    memcpy(memory + WS_ROOM_BYTES, "hello", 5);
    assert_int_equal(
        ws_send(b->at_server.ws, (struct parley_view){memory + WS_ROOM_BYTES, 5}, WS_ROOM),
        PARLEY_OK);
    assert_int_equal((unsigned char)memory[WS_ROOM_BYTES - 2], 0x81);
    peer_read(b, fd, &in, 7);
    assert_memory_equal(in.data, "\x81\x05hello", 7);
    close(fd);
}

/* ---- flow control ---- */

static void ws_paused_delivers_nothing_until_it_is_resumed(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    b->at_server.pause_on_message = true;
    for (int i = 0; i < 5; i++)
        frame_add(&out, TEXT, &"abcde"[i], 1, true);
    peer_write(b, fd, out.data, out.len); /* all at once: the rest waits inside */
    pump(b);
    assert_int_equal(b->at_server.messages, 1);
    ws_pause(b->at_server.ws, false);
    pump(b);
    assert_int_equal(b->at_server.messages, 2);
    b->at_server.pause_on_message = false;
    ws_pause(b->at_server.ws, false);
    assert_true(pump_until(b, &b->at_server.messages, 5));
    assert_string_equal(b->at_server.all.data, "a|b|c|d|e|");
    peer_write(b, fd, out.data, out.len);
    assert_true(pump_until(b, &b->at_server.messages, 10));
    close(fd);
}

static void ws_paused_in_the_middle_of_a_message_goes_on(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    int fd = open_ws(b);

    frame_add(&out, TEXT, "a message in two pieces", 23, true);
    peer_write(b, fd, out.data, 12);
    pump(b);
    ws_pause(b->at_server.ws, true);
    peer_write(b, fd, out.data + 12, out.len - 12);
    pump(b);
    assert_int_equal(b->at_server.messages, 0);
    ws_pause(b->at_server.ws, false);
    assert_true(pump_until(b, &b->at_server.messages, 1));
    assert_string_equal(b->at_server.last.data, "a message in two pieces");
    close(fd);
}

/* ---- silence ---- */

static void ws_silent_peer_is_pinged_and_then_given_up(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf in = {0};
    _cleanup_(buf_done) struct buf payload = {0};
    _cleanup_(buf_done) struct buf out = {0};

    b->limits.ping_interval_ms = 10000;
    int fd = open_ws(b);
    clock_fake_start(clock_now_us(), 0);
    clock_fake_advance_us(11 * 1000 * 1000);
    assert_int_equal(next_frame(b, fd, &in, &payload), PING);
    frame_add(&out, PONG, payload.data, payload.len, true);
    peer_write(b, fd, out.data, out.len);
    pump(b);
    clock_fake_advance_us(11 * 1000 * 1000);
    assert_int_equal(next_frame(b, fd, &in, &payload), PING);
    assert_int_equal(b->at_server.closed, 0);
    clock_fake_advance_us(11 * 1000 * 1000);
    assert_true(pump_until(b, &b->at_server.closed, 1));
    assert_int_equal(b->at_server.closed_as.status, PARLEY_E_TIMEOUT);
    close(fd);
}

/* ---- the handshake ---- */

static void ws_subprotocol_is_answered_as_the_owner_says(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};
    char offer[512] = "Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.sk-";

    NEEDS_PATCHES();
    memset(offer + strlen(offer), 'k', 200); /* longer than libwebsockets would take */
    strcat(offer, ", openai-agents-sdk.0.20.0\r\n");
    b->subprotocol = "realtime";
    close(peer_open_ws(b, offer, &answer));
    assert_non_null(strcasestr(answer.data, "\r\nSec-WebSocket-Protocol: realtime\r\n"));
    assert_non_null(strstr(b->seen.data, " offers=realtime offers=openai-insecure-api-key.sk-kkk"));
    assert_non_null(strstr(b->seen.data, " offers=openai-agents-sdk.0.20.0"));
}

static void ws_subprotocol_is_not_answered_when_none_was_offered(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};

    close(peer_open_ws(b, "", &answer));
    assert_true(view_starts_with(buf_view(&answer), VIEW("HTTP/1.1 101 ")));
    assert_null(strcasestr(answer.data, "Sec-WebSocket-Protocol"));
    assert_non_null(strcasestr(answer.data, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_string_equal(b->seen.data, "GET /v1/realtime?model=a%26b model=a&b body=");
}

static void ws_subprotocol_that_nobody_knows_may_be_left_unanswered(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};

    NEEDS_PATCHES();
    close(peer_open_ws(b, "Sec-WebSocket-Protocol: chat\r\n", &answer));
    assert_true(view_starts_with(buf_view(&answer), VIEW("HTTP/1.1 101 ")));
    assert_null(strcasestr(answer.data, "Sec-WebSocket-Protocol"));
}

static void ws_handshake_refused_by_the_owner_has_status_and_body(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};

    b->upgrade_status = 429;
    int fd = peer_open_ws(b, "", &answer);
    assert_true(peer_expect(b, fd, &answer, "{\"error\":{\"code\":\"no\"}}"));
    assert_true(view_starts_with(buf_view(&answer), VIEW("HTTP/1.1 429 Too Many Requests\r\n")));
    assert_non_null(strstr(answer.data, "\r\nRetry-After: 7\r\n"));
    assert_true(peer_at_end(b, fd));
    close(fd);
}

static void ws_handshake_of_another_version_is_told_which_is_right(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf answer = {0};
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    int fd = peer_connect(b);

    peer_write(b, fd, request, sizeof(request) - 1);
    assert_true(peer_expect(b, fd, &answer, "\r\n\r\n"));
    assert_true(view_starts_with(buf_view(&answer), VIEW("HTTP/1.1 426 ")));
    assert_non_null(strstr(answer.data, "Sec-WebSocket-Version: 13"));
    assert_int_equal(b->requests, 0);
    close(fd);
}

static void ws_client_may_speak_before_it_has_the_answer(void **state)
{
    struct bed *b = *state;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf answer = {0};
    int fd = peer_connect(b);

    buf_append_str(&out, "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n"
                         "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    frame_add(&out, TEXT, "early", 5, true);
    b->at_server.echo = true;
    peer_write(b, fd, out.data, out.len);
    assert_true(peer_expect(b, fd, &answer,
                            "\x81\x05"
                            "early"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ws_echoes_a_message, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_frames_split_at_every_byte_arrive_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_frames_come_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_control_frames_between_fragments_are_answered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_masked_payload_of_every_length_is_right, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_message_of_15_mib_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_message_above_the_limit_closes_with_1009, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_frame_that_promises_too_much_is_refused_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_text_that_is_not_utf8_closes_with_1007, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_character_split_between_frames_is_valid, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_unmasked_frame_of_a_client_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_frames_that_no_standard_knows_close_with_1002, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_close_sends_what_is_queued_and_waits_for_the_peer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_close_inside_on_message_is_safe, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_close_that_is_never_answered_ends_in_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_close_code_of_the_peer_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_abort_drops_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_may_be_dropped_as_soon_as_it_is_accepted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_may_speak_and_close_as_soon_as_it_is_accepted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_open_when_the_transport_ends_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(ws_slow_reader_gets_busy_above_the_hard_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_slow_reader_loses_the_oldest_droppable_messages, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_messages_of_one_turn_go_out_with_one_call, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_frame_is_built_in_the_room_that_the_sender_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_paused_delivers_nothing_until_it_is_resumed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_paused_in_the_middle_of_a_message_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_silent_peer_is_pinged_and_then_given_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_subprotocol_is_answered_as_the_owner_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_subprotocol_is_not_answered_when_none_was_offered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ws_subprotocol_that_nobody_knows_may_be_left_unanswered,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ws_handshake_refused_by_the_owner_has_status_and_body,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ws_handshake_of_another_version_is_told_which_is_right,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ws_client_may_speak_before_it_has_the_answer, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
