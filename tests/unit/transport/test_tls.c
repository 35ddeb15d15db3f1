/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS in both directions, with certificates that meson had openssl make (certificates.sh): a CA,
 * "localhost" signed by it, and a stranger's "localhost".
 */
#include "peer.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "transport/listener.h"
#include "transport/transport.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
    struct bed bed; /* its server speaks TLS */
    struct heard client;
    struct parley_error err;
    struct listener *listener;
    struct ws_connect connect;
    char url[128];
    char ca[512];
};

static const char *certificates; /* the folder */

static void path(char *out, size_t size, const char *file)
{
    snprintf(out, size, "%s/%s", certificates, file);
}

static void adopt(void *ctx, int fd)
{
    struct stage *s = ctx;

    (void)http_server_adopt(s->bed.server, fd, &s->err);
}

static int setup_with(void **state, const char *name)
{
    struct stage *s = calloc(1, sizeof(*s));
    char cert[512], key[512], file[64];
    struct listener_config config = {.address = "127.0.0.1:0", .on_accept = adopt, .ctx = s};

    snprintf(file, sizeof(file), "%s.pem", name);
    path(cert, sizeof(cert), file);
    snprintf(file, sizeof(file), "%s.key", name);
    path(key, sizeof(key), file);
    path(s->ca, sizeof(s->ca), "ca.pem");
    s->err = (struct parley_error)PARLEY_ERROR_INIT;
    bed_setup(&s->bed, &(struct http_server_config){.cert_file = cert, .key_file = key});
    if (listener_open(s->bed.loop, &config, &s->listener, &s->err) < 0)
        fail_msg("%s", s->err.message);
    snprintf(s->url, sizeof(s->url), "wss://localhost:%d/v1/realtime?model=m",
             listener_port(s->listener));
    s->connect.url = s->url;
    s->connect.ca_file = s->ca;
    *state = s;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, "localhost");
}

static int setup_stranger(void **state)
{
    return setup_with(state, "stranger");
}

static int setup_other_name(void **state)
{
    return setup_with(state, "other");
}

static int teardown(void **state)
{
    struct stage *s = *state;

    (void)listener_close(s->listener);
    bed_teardown(&s->bed);
    heard_done(&s->client);
    free(s);
    return 0;
}

static void start(struct stage *s)
{
    if (ws_connect(s->bed.t, &s->connect, &heard_events, &s->client, &s->client.ws, &s->err) < 0)
        fail_msg("%s", s->err.message);
}

static void open_client(struct stage *s)
{
    start(s);
    if (!pump_until(&s->bed, &s->client.opened, 1))
        fail_msg("not open: %s", s->client.message.data == NULL ? "" : s->client.message.data);
    assert_true(pump_until(&s->bed, &s->bed.at_server.opened, 1));
}

static void tls_client_and_server_talk(void **state)
{
    struct stage *s = *state;

    s->bed.at_server.echo = true;
    open_client(s);
    assert_string_equal(s->bed.seen.data, "GET /v1/realtime?model=m model=m body=");
    for (int i = 1; i <= 50; i++) {
        assert_int_equal(ws_send(s->client.ws, VIEW("in secret"), 0), PARLEY_OK);
        assert_true(pump_until(&s->bed, &s->client.messages, i));
    }
    assert_string_equal(s->client.last.data, "in secret");
    ws_close(s->client.ws, 1000, "done");
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_true(pump_until(&s->bed, &s->bed.at_server.closed, 1));
    assert_int_equal(s->bed.at_server.closed_as.code, 1000);
    assert_int_equal(s->client.closed_as.status, PARLEY_OK);
}

/* More than one read takes is then inside TLS, of which the kernel says nothing. */
static void tls_data_pending_inside_is_delivered(void **state)
{
    struct stage *s = *state;
    char text[3000];

    memset(text, 'p', sizeof(text));
    open_client(s);
    for (int i = 0; i < 200; i++)
        assert_int_equal(ws_send(s->client.ws, (struct parley_view){text, sizeof(text)}, 0),
                         PARLEY_OK);
    assert_true(pump_until(&s->bed, &s->bed.at_server.messages, 200));
    for (int i = 0; i < 200; i++)
        assert_int_equal(ws_send(s->bed.at_server.ws, (struct parley_view){text, sizeof(text)}, 0),
                         PARLEY_OK);
    assert_true(pump_until(&s->bed, &s->client.messages, 200));
}

static void tls_message_of_15_mib_comes_and_goes(void **state)
{
    struct stage *s = *state;
    size_t len = 15 * 1024 * 1024;
    char *text = malloc(len);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 23);
    s->bed.at_server.echo = true;
    open_client(s);
    assert_int_equal(ws_send(s->client.ws, (struct parley_view){text, len}, 0), PARLEY_OK);
    assert_true(pump_until(&s->bed, &s->client.messages, 1));
    assert_int_equal(s->client.last.len, len);
    assert_memory_equal(s->client.last.data, text, len);
    free(text);
}

static void tls_paused_goes_on_with_what_tls_holds(void **state)
{
    struct stage *s = *state;

    open_client(s);
    s->bed.at_server.pause_on_message = true;
    for (int i = 0; i < 20; i++)
        assert_int_equal(ws_send(s->client.ws, VIEW("message"), 0), PARLEY_OK);
    assert_true(pump_until(&s->bed, &s->bed.at_server.messages, 1));
    pump(&s->bed);
    assert_int_equal(s->bed.at_server.messages, 1);
    for (int i = 2; i <= 20; i++) {
        ws_pause(s->bed.at_server.ws, false);
        assert_true(pump_until(&s->bed, &s->bed.at_server.messages, i));
        assert_int_equal(s->bed.at_server.messages, i);
    }
}

static void tls_refused_handshake_tells_its_body(void **state)
{
    struct stage *s = *state;

    NEEDS_PATCHES();
    s->bed.upgrade_status = 401;
    s->connect.want_headers = "Retry-After";
    start(s);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.closed_as.http_status, 401);
    assert_string_equal(s->client.reason.data, "{\"error\":{\"code\":\"no\"}}");
    assert_string_equal(s->client.headers.data, "Retry-After: 7\r\n");
}

static void tls_unknown_issuer_is_refused(void **state)
{
    struct stage *s = *state;

    s->connect.ca_file = "";
    start(s);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.opened, 0);
    assert_int_equal(s->client.closed_as.status, PARLEY_E_UNAVAILABLE);
    if (strstr(s->client.message.data, "certificate is not trusted") == NULL)
        fail_msg("%s", s->client.message.data);
}

/* main() has let it be read while the system's bundle was the CA; by now there is none. */
static void tls_trust_of_the_system_is_read_once(void **state)
{
    struct stage *s = *state;

    s->connect.ca_file = "";
    open_client(s);
}

static void tls_strangers_certificate_is_refused(void **state)
{
    struct stage *s = *state;

    start(s);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.opened, 0);
    assert_non_null(strstr(s->client.message.data, "certificate is not trusted"));
}

static void tls_certificate_of_another_name_is_refused(void **state)
{
    struct stage *s = *state;

    start(s);
    assert_true(pump_until(&s->bed, &s->client.closed, 1));
    assert_int_equal(s->client.opened, 0);
    if (strstr(s->client.message.data, "ostname mismatch") == NULL)
        fail_msg("%s", s->client.message.data);
}

static void tls_file_that_cannot_be_used_is_named(void **state)
{
    struct stage *s = *state;
    struct http_server *server = NULL;
    struct ws *ws = NULL;
    char cert[512], key[512];
    struct http_server_config config = {.cert_file = "/nonexistent.pem", .key_file = key};

    path(cert, sizeof(cert), "localhost.pem");
    path(key, sizeof(key), "stranger.key");
    assert_int_equal(http_server_create(s->bed.t, &config, &server, &s->err), PARLEY_E_INVALID);
    assert_non_null(strstr(s->err.message, "/nonexistent.pem"));
    config.cert_file = cert;
    assert_int_equal(http_server_create(s->bed.t, &config, &server, &s->err), PARLEY_E_INVALID);
    assert_non_null(strstr(s->err.message, "stranger.key"));
    s->connect.ca_file = "/nonexistent.pem";
    assert_int_equal(ws_connect(s->bed.t, &s->connect, &heard_events, &s->client, &ws, &s->err),
                     PARLEY_E_INVALID);
    assert_non_null(strstr(s->err.message, "ca_file /nonexistent.pem"));
}

static void tls_plain_request_at_a_tls_port_is_dropped(void **state)
{
    struct stage *s = *state;
    int fd = peer_connect(&s->bed);

    peer_write(&s->bed, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27);
    assert_true(peer_at_end(&s->bed, fd));
    assert_int_equal(s->bed.requests, 0);
    close(fd);
}

static void tls_certificate_can_be_loaded_anew(void **state)
{
    struct stage *s = *state;

    assert_int_equal(http_server_reload(s->bed.server, &s->err), PARLEY_OK);
    open_client(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tls_client_and_server_talk, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_data_pending_inside_is_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_message_of_15_mib_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_paused_goes_on_with_what_tls_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_refused_handshake_tells_its_body, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_unknown_issuer_is_refused, setup_stranger, teardown),
        cmocka_unit_test_setup_teardown(tls_trust_of_the_system_is_read_once, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_strangers_certificate_is_refused, setup_stranger,
                                        teardown),
        cmocka_unit_test_setup_teardown(tls_certificate_of_another_name_is_refused,
                                        setup_other_name, teardown),
        cmocka_unit_test_setup_teardown(tls_file_that_cannot_be_used_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(tls_plain_request_at_a_tls_port_is_dropped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tls_certificate_can_be_loaded_anew, setup, teardown),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: test_transport_tls FOLDER-OF-CERTIFICATES\n");
        return 2;
    }
    certificates = argv[1];
    char ca[512];
    path(ca, sizeof(ca), "ca.pem");
    setenv("SSL_CERT_FILE", ca, 1);
    transport_load_trust();
    setenv("SSL_CERT_FILE", "/nonexistent.pem", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
