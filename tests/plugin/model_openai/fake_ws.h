/* SPDX-License-Identifier: Apache-2.0 */
/* Service parley.ws/1 without a network: keeps what it was asked, and says what the test tells it.
 */
#ifndef PLUGIN_FAKE_WS_H
#define PLUGIN_FAKE_WS_H

#include <parley/service/ws.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct {
    struct parley_ws_events events;
    void *ctx;
    char url[1024];
    char headers[4096]; /* "name: value\n"... */
    char want_headers[256];
    char sent[4096];
    uint32_t sent_flags;
    int sent_count;
    int send_status;
    int connect_status;
    int close_code; /* of the plugin's close(), 0 when there was none */
    bool paused;
    bool is_open;
} fake_ws;

static int fake_ws_connect(struct parley_worker *worker, const struct parley_ws_connect *c,
                           const struct parley_ws_events *events, void *ctx,
                           struct parley_ws **ret_ws, struct parley_error *err)
{
    size_t len = 0;

    (void)worker;
    if (fake_ws.connect_status < 0)
        return parley_fail(err, fake_ws.connect_status, "no route");
    fake_ws.events = *events;
    fake_ws.ctx = ctx;
    (void)snprintf(fake_ws.url, sizeof(fake_ws.url), "%s", c->url);
    (void)snprintf(fake_ws.want_headers, sizeof(fake_ws.want_headers), "%s", c->want_headers);
    fake_ws.headers[0] = '\0';
    for (size_t i = 0; i < c->header_count; i++)
        len += (size_t)snprintf(fake_ws.headers + len, sizeof(fake_ws.headers) - len, "%s: %s\n",
                                c->headers[i].name, c->headers[i].value);
    fake_ws.is_open = true;
    *ret_ws = (struct parley_ws *)(void *)&fake_ws;
    return PARLEY_OK;
}

static int fake_ws_send(struct parley_ws *ws, struct parley_view message, uint32_t flags)
{
    (void)ws;
    if (fake_ws.send_status < 0)
        return fake_ws.send_status;
    (void)snprintf(fake_ws.sent, sizeof(fake_ws.sent), "%.*s", (int)message.len, message.data);
    fake_ws.sent_flags = flags;
    fake_ws.sent_count++;
    return PARLEY_OK;
}

static void fake_ws_pause(struct parley_ws *ws, int paused)
{
    (void)ws;
    fake_ws.paused = paused != 0;
}

static void fake_ws_close(struct parley_ws *ws, int code, const char *reason)
{
    (void)ws;
    (void)reason;
    fake_ws.close_code = code;
}

static const struct parley_service_ws fake_ws_table = {
    .size = sizeof(fake_ws_table),
    .connect = fake_ws_connect,
    .send = fake_ws_send,
    .pause = fake_ws_pause,
    .close = fake_ws_close,
};

/* The peer accepts. */
static inline void fake_ws_accept(void)
{
    fake_ws.events.on_open(fake_ws.ctx, (struct parley_ws *)(void *)&fake_ws);
}

/* The peer says. */
static inline void fake_ws_say(const char *text)
{
    fake_ws.events.on_message(fake_ws.ctx, (struct parley_view){text, strlen(text)}, 0, 0);
}

/* The connection ends. */
static inline void fake_ws_end(const struct parley_ws_closed *closed)
{
    fake_ws.is_open = false;
    fake_ws.events.on_closed(fake_ws.ctx, closed);
}

/* The peer closes with a code and a reason. */
static inline void fake_ws_end_with(int code, const char *reason)
{
    const struct parley_ws_closed closed = {
        .size = sizeof(closed),
        .status = code == 1000 ? PARLEY_OK : PARLEY_E_UNAVAILABLE,
        .close_code = code,
        .reason = {reason, strlen(reason)},
        .message = "",
    };

    fake_ws_end(&closed);
}

#endif
