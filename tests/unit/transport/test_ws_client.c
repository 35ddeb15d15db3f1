/* SPDX-License-Identifier: Apache-2.0 */
/* Made connections, against a server that is a plain socket, and against parley's own. */
#include "peer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "transport/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT  0x81
#define CLOSE 0x88
#define PING  0x89
#define PONG  0x8a

/* A bed, and a socket that plays a server by hand. */
struct stage {
    struct bed bed;
    struct heard client;
    struct parley_error err;
    int listen_fd;
    int port;
    int fd; /* accepted */
    struct buf in;
    struct buf request;
    struct ws_connect connect;
    char url[128];
};

static int setup(void **state)
{
    struct stage *s = calloc(1, sizeof(*s));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    bed_setup(&s->bed, NULL);
    s->err = (struct parley_error)PARLEY_ERROR_INIT;
    s->fd = -1;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listen_fd, 8), 0);
    assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
    snprintf(s->url, sizeof(s->url), "ws://127.0.0.1:%d/v1/realtime?model=m", s->port);
    s->connect.url = s->url;
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct stage *s = *state;

    bed_teardown(&s->bed);
    heard_done(&s->client);
    buf_done(&s->in);
    buf_done(&s->request);
    if (s->fd >= 0)
        close(s->fd);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    free(s);
    clock_fake_stop();
    return 0;
}

static void start(struct stage *s)
{
    if (ws_connect(s->bed.t, &s->connect, &heard_events, &s->client, &s->client.ws, &s->err) < 0)
        fail_msg("%s", s->err.message);
    assert_int_equal(s->client.opened + s->client.closed, 0); /* never before it returns */
}

/* Accept the connection and read the request's head. */
static void accept_request(struct stage *s)
{
    for (int i = 0; i < 100000 && s->fd < 0; i++) {
        pump(&s->bed);
        s->fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    assert_true(s->fd >= 0);
    buf_clear(&s->request);
    assert_true(peer_expect(&s->bed, s->fd, &s->request, "\r\n\r\n"));
}

static void say(struct stage *s, const void *bytes, size_t len)
{
    peer_write(&s->bed, s->fd, bytes, len);
}

/* The 101 that belongs to the request. */
static void print_101(struct stage *s, struct buf *out, const char *extra)
{
    unsigned char hash[20], accept[32];
    char text[128];
    const char *key = strcasestr(s->request.data, "\r\nSec-WebSocket-Key: ");

    assert_non_null(key);
    snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 21);
    SHA1((unsigned char *)text, strlen(text), hash);
    EVP_EncodeBlock(accept, hash, 20);
    buf_printf(out,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
               accept, extra);
}

static void open_client(struct stage *s)
{
    _cleanup_(buf_done) struct buf out = {0};

    start(s);
    accept_request(s);
    print_101(s, &out, "");
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.opened, 1));
}

static int next_frame(struct stage *s, struct buf *payload)
{
    int first = -1;
    bool masked = false;

    while (!frame_take(&s->in, &first, payload, &masked)) {
        size_t before = s->in.len;
        peer_read(&s->bed, s->fd, &s->in, s->in.len + 1);
        if (s->in.len == before)
            return -1;
    }
    assert_true(masked); /* a client always masks */
    return first;
}

/* ---- the handshake ---- */

static void client_handshake_says_what_was_asked_for(void **state)
{
    struct stage *s = *state;
    static const struct ws_header headers[] = {{"Authorization", "Bearer sk-secret"},
                                               {"OpenAI-Organization", "org-1"}};

    s->connect.headers = headers;
    s->connect.header_count = 2;
    s->connect.subprotocol = "realtime";
    start(s);
    accept_request(s);
    const char *head = s->request.data;
    assert_true(
        view_starts_with(buf_view(&s->request), VIEW("GET /v1/realtime?model=m HTTP/1.1\r\n")));
    char host[64];
    snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", s->port);
    assert_non_null(strcasestr(head, host));
    assert_non_null(strcasestr(head, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Version: 13\r\n"));
    assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Protocol: realtime\r\n"));
    assert_non_null(strcasestr(head, "\r\nAuthorization: Bearer sk-secret\r\n"));
    assert_non_null(strcasestr(head, "\r\nOpenAI-Organization: org-1\r\n"));
    assert_null(strcasestr(head, "permessage-deflate"));

    _cleanup_(buf_done) struct buf out = {0};
    print_101(s, &out, "Sec-WebSocket-Protocol: realtime\r\n");
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.opened, 1));
    assert_string_equal(ws_subprotocol(s->client.ws), "realtime");
}

static void client_takes_a_message_that_comes_with_the_101(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};

    start(s);
    accept_request(s);
    print_101(s, &out, "");
    frame_add(&out, TEXT, "first", 5, false);
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.messages, 1));
    assert_int_equal(s->client.opened, 1);
    assert_string_equal(s->client.last.data, "first");
}

static void client_wrong_accept_is_refused(void **state)
{
    struct stage *s = *state;
    static const char wrong[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    start(s);
    accept_request(s);
    say(s, wrong, sizeof(wrong) - 1);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.opened, 0);
    assert_int_equal(s->client.closed_as.status, PARLEY_E_UNAVAILABLE);
}

static void client_refused_handshake_tells_status_body_and_headers(void **state)
{
    struct stage *s = *state;
    static const char head[] =
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
        "Retry-After: 12\r\nX-Request-Id: req_7\r\nContent-Length: 28\r\n\r\n";
    static const char body[] = "{\"error\":{\"code\":\"too_fast\"}}";

    NEEDS_PATCHES();
    s->connect.want_headers = "retry-after, x-request-id, x-missing";
    start(s);
    accept_request(s);
    say(s, head, sizeof(head) - 1);
    pump(&s->bed);
    say(s, body, 10);
    pump(&s->bed);
    assert_int_equal(s->client.closed, 0); /* the rest of the body is to come */
    say(s, body + 10, 18);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.http_status, 429);
    assert_int_equal(s->client.closed_as.status, PARLEY_E_BUSY);
    assert_memory_equal(s->client.reason.data, body, 28);
    assert_string_equal(s->client.headers.data, "retry-after: 12\r\nx-request-id: req_7\r\n");
    assert_non_null(strstr(s->client.message.data, "HTTP status 429"));
    assert_int_equal(s->client.opened, 0);
}

static void client_refused_handshake_tells_a_body_that_ends_with_the_connection(void **state)
{
    struct stage *s = *state;
    static const char answer[] = "HTTP/1.1 401 Unauthorized\r\n\r\nwho are you";

    NEEDS_PATCHES();
    start(s);
    accept_request(s);
    say(s, answer, sizeof(answer) - 1);
    close(s->fd);
    s->fd = -1;
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.http_status, 401);
    assert_int_equal(s->client.closed_as.status, PARLEY_E_DENIED);
    assert_string_equal(s->client.reason.data, "who are you");
}

static void client_refused_handshake_tells_a_chunked_body(void **state)
{
    struct stage *s = *state;
    static const char answer[] = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "5\r\nno su\r\n8\r\nch model\r\n0\r\n\r\n";

    NEEDS_PATCHES();
    start(s);
    accept_request(s);
    say(s, answer, sizeof(answer) - 1);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.http_status, 404);
    assert_string_equal(s->client.reason.data, "no such model");
}

static void client_refused_handshake_tells_no_more_than_4_kib(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};

    NEEDS_PATCHES();
    start(s);
    accept_request(s);
    buf_append_str(&out, "HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n");
    for (int i = 0; i < 100000; i++)
        buf_append_char(&out, 'x');
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.http_status, 500);
    assert_int_equal(s->client.reason.len, 4096);
}

static void client_redirect_is_not_followed(void **state)
{
    struct stage *s = *state;
    static const char answer[] = "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n"
                                 "Content-Length: 0\r\n\r\n";

    start(s);
    accept_request(s);
    say(s, answer, sizeof(answer) - 1);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.http_status, 302);
}

static void client_connection_refused_names_the_peer(void **state)
{
    struct stage *s = *state;

    close(s->listen_fd);
    s->listen_fd = -1;
    start(s);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_UNAVAILABLE);
    assert_int_equal(s->client.closed_as.http_status, 0);
    assert_true(view_starts_with(buf_view(&s->client.message), VIEW("127.0.0.1:")));
}

static void client_handshake_that_is_never_answered_ends_in_time(void **state)
{
    struct stage *s = *state;

    s->connect.connect_timeout_ms = 3000;
    start(s);
    accept_request(s);
    clock_fake_start(clock_now_us(), 0);
    clock_fake_advance_us(4000 * 1000);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_TIMEOUT);
    assert_non_null(strstr(s->client.message.data, "within 3000 ms"));
}

static void client_close_while_connecting_cancels(void **state)
{
    struct stage *s = *state;

    start(s);
    ws_close(s->client.ws, 1000, "");
    assert_int_equal(s->client.closed, 0);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_CANCELLED);
    s->client.closed = 0;
    start(s);
    accept_request(s);
    ws_abort(s->client.ws);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_CANCELLED);
}

static void client_connecting_when_the_transport_ends_is_told(void **state)
{
    struct stage *s = *state;

    start(s);
    s->bed.t = transport_destroy(s->bed.t);
    assert_int_equal(s->client.closed, 1);
    assert_int_equal(s->client.closed_as.status, PARLEY_E_CANCELLED);
}

static void client_bad_options_are_refused_at_once(void **state)
{
    struct stage *s = *state;
    static const struct {
        const char *url;
        const char *name;
        const char *value;
        const char *word;
    } cases[] = {
        {"ftp://h/", NULL, NULL, "must begin with"},
        {"ws://", NULL, NULL, "no host"},
        {"ws://h:0/", NULL, NULL, "port"},
        {"ws://h:99999/", NULL, NULL, "port"},
        {"ws://user:pass@h/", NULL, NULL, "port"},
        {"ws://h/a b", NULL, NULL, "printable"},
        {"ws://h/\r\nX: y", NULL, NULL, "printable"},
        {"wss://[::1]/", NULL, NULL, "TLS needs a name"},
        {"ws://127.0.0.1/", "A", "b\r\nInjected: c", "control character"},
        {"ws://127.0.0.1/", "A: b", "c", "not a header name"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ws_header header = {cases[i].name, cases[i].value};
        struct ws_connect connect = {
            .url = cases[i].url, .headers = &header, .header_count = cases[i].name == NULL ? 0 : 1};
        struct ws *ws = NULL;
        assert_true(ws_connect(s->bed.t, &connect, &heard_events, &s->client, &ws, &s->err) < 0);
        assert_null(ws);
        if (strstr(s->err.message, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].url, s->err.message);
    }
}

/* ---- frames ---- */

static void add_mixture(struct buf *out)
{
    char text[300];

    memset(text, 'x', sizeof(text));
    frame_add(out, TEXT, "one", 3, false);
    frame_add(out, 0x01, "t", 1, false);
    frame_add(out, PING, "p", 1, false);
    frame_add(out, 0x00, "w", 1, false);
    frame_add(out, PONG, "x", 1, false);
    frame_add(out, 0x80, "o", 1, false);
    frame_add(out, TEXT, "", 0, false);
    frame_add(out, TEXT, text, sizeof(text), false);
    frame_add(out, 0x82, "\xff", 1, false);
}

static void client_frames_split_at_every_byte_arrive_whole(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};
    char expected[400];

    memset(expected, 'x', sizeof(expected));
    memcpy(expected, "one|two||", 9);
    memcpy(expected + 9 + 300, "|\xff|", 3);
    open_client(s);
    add_mixture(&out);
    for (size_t at = 0; at <= out.len; at++) {
        say(s, out.data, at);
        for (int i = 0; i < 3; i++)
            loop_run_once(s->bed.loop);
        say(s, out.data + at, out.len - at);
        assert_true(pump_until(&s->bed, &s->client.messages, 5));
        if (!view_equal(buf_view(&s->client.all), (struct parley_view){expected, 9 + 300 + 3}))
            fail_msg("split at %zu: %s", at, s->client.all.data);
        buf_clear(&s->client.all);
        s->client.messages = 0;
    }
}

static void client_frames_come_byte_by_byte(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};

    open_client(s);
    add_mixture(&out);
    for (size_t at = 0; at < out.len; at++)
        say(s, out.data + at, 1);
    assert_true(pump_until(&s->bed, &s->client.messages, 5));
    assert_true(view_starts_with(buf_view(&s->client.all), VIEW("one|two||xxx")));
}

static void client_masked_payload_of_every_length_is_right(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf payload = {0};
    char memory[WS_ROOM_BYTES + 301];

    open_client(s);
    for (size_t len = 0; len <= 300; len++) {
        char text[301];
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('a' + (i + len) % 26);
        bool has_room = len % 2 == 0; /* both ways to send */
        memcpy(memory + WS_ROOM_BYTES, text, len);
        struct parley_view v = {has_room ? memory + WS_ROOM_BYTES : text, len};
        assert_int_equal(ws_send(s->client.ws, v, has_room ? WS_ROOM : 0), PARLEY_OK);
        assert_int_equal(next_frame(s, &payload), TEXT);
        assert_int_equal(payload.len, len);
        assert_memory_equal(payload.data, text, len);
    }
}

static void client_masks_differ_from_frame_to_frame(void **state)
{
    struct stage *s = *state;

    open_client(s);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ws_send(s->client.ws, VIEW("same"), 0), PARLEY_OK);
    peer_read(&s->bed, s->fd, &s->in, 30);
    assert_memory_not_equal(s->in.data + 2, s->in.data + 12, 4);
    assert_memory_not_equal(s->in.data + 2, s->in.data + 22, 4);
}

static void client_message_of_15_mib_comes_and_goes(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf payload = {0};
    size_t len = 15 * 1024 * 1024;
    char *text = malloc(len);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 23);
    open_client(s);
    s->client.echo = true;
    frame_add(&out, TEXT, text, len, false);
    say(s, out.data, out.len);
    peer_read(&s->bed, s->fd, &s->in, len + 14);
    int first;
    assert_true(frame_take(&s->in, &first, &payload, NULL));
    assert_int_equal(payload.len, len);
    assert_memory_equal(payload.data, text, len);
    free(text);
}

static void client_message_above_the_limit_closes_with_1009(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf payload = {0};

    s->connect.limits.max_message_bytes = 10;
    open_client(s);
    frame_add(&out, TEXT, "eleven bytes", 12, false);
    say(s, out.data, out.len);
    assert_int_equal(next_frame(s, &payload), CLOSE);
    assert_memory_equal(payload.data, "\x03\xf1", 2);
    buf_clear(&out);
    frame_add(&out, CLOSE, "\x03\xf1", 2, false);
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_TOO_LARGE);
    assert_int_equal(s->client.closed_as.code, 1009);
}

static void client_close_code_of_the_peer_is_reported(void **state)
{
    struct stage *s = *state;
    static const int codes[] = {1000, 1011, 1012, 1013, 3000, 4000, 4004};

    NEEDS_PATCHES();
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        _cleanup_(buf_done) struct buf out = {0};
        _cleanup_(buf_done) struct buf payload = {0};
        char close_payload[] = "..insufficient_quota.credit_balance_exhausted";
        close_payload[0] = (char)(codes[i] >> 8);
        close_payload[1] = (char)codes[i];
        s->client.opened = s->client.closed = 0;
        open_client(s);
        frame_add(&out, TEXT, "error", 5, false);
        frame_add(&out, CLOSE, close_payload, sizeof(close_payload) - 1, false);
        say(s, out.data, out.len);
        assert_true(pump_until(&s->bed, &s->client.closed, 1));
        assert_string_equal(s->client.last.data, "error");
        assert_int_equal(s->client.closed_as.code, codes[i]);
        assert_true(s->client.closed_as.by_peer);
        assert_string_equal(s->client.reason.data, close_payload + 2);
        buf_clear(&s->in);
        assert_int_equal(next_frame(s, &payload), CLOSE); /* echoed */
        assert_memory_equal(payload.data, close_payload, 2);
        close(s->fd);
        s->fd = -1;
    }
}

static void client_close_frame_without_a_code_is_1005(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};

    open_client(s);
    frame_add(&out, CLOSE, "", 0, false);
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.code, 1005);
    assert_int_equal(s->client.closed_as.status, PARLEY_OK);
}

static void client_lost_connection_is_1006(void **state)
{
    struct stage *s = *state;

    open_client(s);
    close(s->fd);
    s->fd = -1;
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.code, 1006);
    assert_int_equal(s->client.closed_as.status, PARLEY_E_UNAVAILABLE);
}

static void client_paused_delivers_nothing_until_it_is_resumed(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};

    open_client(s);
    s->client.pause_on_message = true;
    for (int i = 0; i < 5; i++)
        frame_add(&out, TEXT, &"abcde"[i], 1, false);
    say(s, out.data, out.len);
    pump(&s->bed);
    assert_int_equal(s->client.messages, 1);
    s->client.pause_on_message = false;
    ws_pause(s->client.ws, false);
    assert_true(pump_until(&s->bed, &s->client.messages, 5));
    assert_string_equal(s->client.all.data, "a|b|c|d|e|");
    say(s, out.data, out.len);
    assert_true(pump_until(&s->bed, &s->client.messages, 10));
}

static void client_ping_of_the_peer_is_answered(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf payload = {0};

    open_client(s);
    frame_add(&out, PING, "alive?", 6, false);
    say(s, out.data, out.len);
    assert_int_equal(next_frame(s, &payload), PONG);
    assert_string_equal(payload.data, "alive?");
}

static void client_silent_peer_is_pinged_and_then_given_up(void **state)
{
    struct stage *s = *state;
    _cleanup_(buf_done) struct buf out = {0};
    _cleanup_(buf_done) struct buf payload = {0};

    s->connect.limits.ping_interval_ms = 10000;
    open_client(s);
    clock_fake_start(clock_now_us(), 0);
    clock_fake_advance_us(11 * 1000 * 1000);
    assert_int_equal(next_frame(s, &payload), PING);
    frame_add(&out, PONG, payload.data, payload.len, false);
    say(s, out.data, out.len);
    pump(&s->bed);
    clock_fake_advance_us(11 * 1000 * 1000);
    assert_int_equal(next_frame(s, &payload), PING);
    clock_fake_advance_us(11 * 1000 * 1000);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_TIMEOUT);
}

/* ---- against parley's own server, by name ---- */

static void adopt(void *ctx, int fd)
{
    struct stage *s = ctx;

    (void)http_server_adopt(s->bed.server, fd, &s->err);
}

static void client_reaches_a_server_by_name_and_both_talk(void **state)
{
    struct stage *s = *state;
    struct listener *l = NULL;
    struct listener_config config = {.address = "127.0.0.1:0", .on_accept = adopt, .ctx = s};

    assert_int_equal(listener_open(s->bed.loop, &config, &l, &s->err), PARLEY_OK);
    snprintf(s->url, sizeof(s->url), "http://localhost:%d/v1/realtime", listener_port(l));
    s->bed.subprotocol = "realtime";
    s->connect.subprotocol = "realtime";
    s->bed.at_server.echo = true;
    start(s);
    assert_true(pump_until(&s->bed, &s->client.opened, 1));
    assert_int_equal(s->bed.at_server.opened, 1);
    assert_string_equal(ws_subprotocol(s->client.ws), "realtime");
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(ws_send(s->client.ws, VIEW("back and forth"), 0), PARLEY_OK);
        assert_true(pump_until(&s->bed, &s->client.messages, i));
    }
    assert_string_equal(s->client.last.data, "back and forth");
    ws_close(s->bed.at_server.ws, 4321, "bye");
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_true(pump_until(&s->bed, &s->bed.at_server.closed, 1));
    assert_int_equal(s->client.closed_as.code, 4321);
    assert_int_equal(s->bed.at_server.closed_as.code, 4321);
    (void)listener_close(l);
}

static void client_name_that_does_not_exist_is_told(void **state)
{
    struct stage *s = *state;

    snprintf(s->url, sizeof(s->url), "ws://no-such-host.invalid/");
    start(s);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.status, PARLEY_E_UNAVAILABLE);
    assert_non_null(strstr(s->client.message.data, "cannot be resolved"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(client_handshake_says_what_was_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(client_takes_a_message_that_comes_with_the_101, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_wrong_accept_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(client_refused_handshake_tells_status_body_and_headers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            client_refused_handshake_tells_a_body_that_ends_with_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(client_refused_handshake_tells_a_chunked_body, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_refused_handshake_tells_no_more_than_4_kib, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_redirect_is_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(client_connection_refused_names_the_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(client_handshake_that_is_never_answered_ends_in_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_close_while_connecting_cancels, setup, teardown),
        cmocka_unit_test_setup_teardown(client_connecting_when_the_transport_ends_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_bad_options_are_refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(client_frames_split_at_every_byte_arrive_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_frames_come_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(client_masked_payload_of_every_length_is_right, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_masks_differ_from_frame_to_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(client_message_of_15_mib_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(client_message_above_the_limit_closes_with_1009, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_close_code_of_the_peer_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(client_close_frame_without_a_code_is_1005, setup, teardown),
        cmocka_unit_test_setup_teardown(client_lost_connection_is_1006, setup, teardown),
        cmocka_unit_test_setup_teardown(client_paused_delivers_nothing_until_it_is_resumed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_ping_of_the_peer_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(client_silent_peer_is_pinged_and_then_given_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_reaches_a_server_by_name_and_both_talk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(client_name_that_does_not_exist_is_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
