/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_net_private.h"
#include "kit.h"

#include <stdlib.h>
#include <string.h>

#include <parley/model.h>

/* Something that is to be told, to the peer or to the plugin. */
struct message {
    struct message *next;
    bool is_for_peer;
    bool is_end;
    int close_code;
    char text[]; /* after PARLEY_EVENT_ROOM_BYTES of room */
};

struct parley_ws {
    struct parley_ws *next;
    const struct parley_worker *worker;
    struct parley_ws_events events;
    void *ctx;
    bool is_open;
    bool is_paused;
    bool is_ending; /* nothing but the end follows */
    struct message *oldest;
};

static struct {
    struct parley_ws *first;
    fake_ws_peer peer;
    void *ctx;
    int fault;
} net = {.fault = PARLEY_E_UNAVAILABLE};

static bool put(struct parley_ws *ws, bool is_for_peer, const char *text, size_t len)
{
    struct message *m = calloc(1, sizeof(*m) + PARLEY_EVENT_ROOM_BYTES + len + 1);
    struct message **at = &ws->oldest;

    if (m == NULL)
        return false;
    m->is_for_peer = is_for_peer;
    memcpy(m->text + PARLEY_EVENT_ROOM_BYTES, text, len);
    while (*at != NULL)
        at = &(*at)->next;
    *at = m;
    return true;
}

static int connect_(struct parley_worker *worker, const struct parley_ws_connect *connect,
                    const struct parley_ws_events *events, void *ctx, struct parley_ws **ret_ws,
                    struct parley_error *err)
{
    struct parley_ws *ws = calloc(1, sizeof(*ws));

    (void)connect;
    if (ws == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    ws->worker = worker;
    memcpy(&ws->events, events,
           events->size < sizeof(ws->events) ? events->size : sizeof(ws->events));
    ws->ctx = ctx;
    ws->next = net.first;
    net.first = ws;
    *ret_ws = ws;
    return PARLEY_OK;
}

static int send_(struct parley_ws *ws, struct parley_view message, uint32_t flags)
{
    (void)flags;
    if (!ws->is_open || ws->is_ending)
        return PARLEY_E_UNAVAILABLE;
    return put(ws, true, message.data, message.len) ? PARLEY_OK : PARLEY_E_NO_MEMORY;
}

static void pause_(struct parley_ws *ws, int paused)
{
    ws->is_paused = paused != 0;
}

static void drop_messages(struct parley_ws *ws)
{
    while (ws->oldest != NULL) {
        struct message *m = ws->oldest;
        ws->oldest = m->next;
        free(m);
    }
}

static void end(struct parley_ws *ws, int code, const char *reason)
{
    if (ws->is_ending)
        return;
    if (!put(ws, false, reason, strlen(reason)))
        abort();
    struct message *last = ws->oldest;
    while (last->next != NULL)
        last = last->next;
    last->is_end = true;
    last->close_code = code;
    ws->is_ending = true;
}

static void close_(struct parley_ws *ws, int code, const char *reason)
{
    kit_pause();
    drop_messages(ws);
    ws->is_paused = false;
    end(ws, code, reason == NULL ? "" : reason);
    kit_resume();
}

const struct parley_service_ws fake_ws_table = {
    .size = sizeof(fake_ws_table),
    .connect = connect_,
    .send = send_,
    .pause = pause_,
    .close = close_,
};

void fake_ws_serve(fake_ws_peer peer, void *ctx)
{
    net.peer = peer;
    net.ctx = ctx;
}

void fake_ws_say(struct parley_ws *ws, const char *text)
{
    if (!put(ws, false, text, strlen(text)))
        abort();
}

void fake_ws_close(struct parley_ws *ws, int close_code, const char *reason)
{
    end(ws, close_code, reason);
}

/* ---- one thing at a time ---- */

static void tell_closed(struct parley_ws *ws, int status, int code, const char *reason)
{
    const struct parley_ws_closed closed = {
        .size = sizeof(closed),
        .status = status,
        .close_code = code,
        .reason = kit_view(reason),
        .message = status < 0 ? "no answer from the peer" : "",
        .headers = kit_view(""),
    };

    for (struct parley_ws **at = &net.first; *at != NULL; at = &(*at)->next) {
        if (*at == ws) {
            *at = ws->next;
            break;
        }
    }
    KIT_DO("ws on_closed", KIT_WORKER, ws->events.on_closed(ws->ctx, &closed));
    drop_messages(ws);
    free(ws);
}

static void open_(struct parley_ws *ws)
{
    if (net.peer == NULL) {
        tell_closed(ws, net.fault, 1006, "");
        return;
    }
    ws->is_open = true;
    net.peer(net.ctx, ws, NULL);
    KIT_DO("ws on_open", KIT_WORKER, ws->events.on_open(ws->ctx, ws));
}

static void deliver(struct parley_ws *ws)
{
    struct message *m = ws->oldest;
    char *text = m->text + PARLEY_EVENT_ROOM_BYTES;

    ws->oldest = m->next;
    if (m->is_for_peer)
        net.peer(net.ctx, ws, text);
    else if (m->is_end)
        tell_closed(ws, m->close_code == 1000 ? PARLEY_OK : PARLEY_E_UNAVAILABLE, m->close_code,
                    text);
    else
        KIT_DO("ws on_message", KIT_WORKER,
               ws->events.on_message(ws->ctx, kit_view(text), 0, PARLEY_EVENT_ROOM));
    free(m);
}

static bool step_one(struct parley_ws *ws)
{
    if (!ws->is_open && !ws->is_ending) {
        open_(ws);
        return true;
    }
    if (ws->oldest == NULL || (ws->is_paused && !ws->oldest->is_for_peer))
        return false;
    deliver(ws);
    return true;
}

bool fake_ws_step(void)
{
    for (struct parley_ws *ws = net.first; ws != NULL; ws = ws->next) {
        if (step_one(ws))
            return true;
    }
    return false;
}

size_t fake_ws_open(void)
{
    size_t count = 0;

    for (const struct parley_ws *ws = net.first; ws != NULL; ws = ws->next)
        count++;
    return count;
}

void fake_ws_forget(const struct parley_worker *worker)
{
    for (struct parley_ws **at = &net.first; *at != NULL;) {
        struct parley_ws *ws = *at;
        if (ws->worker == worker) {
            *at = ws->next;
            drop_messages(ws);
            free(ws);
        } else
            at = &ws->next;
    }
}

void fake_ws_reset(void)
{
    while (net.first != NULL) {
        struct parley_ws *ws = net.first;
        net.first = ws->next;
        drop_messages(ws);
        free(ws);
    }
    memset(&net, 0, sizeof(net));
    net.fault = PARLEY_E_UNAVAILABLE;
}

/* ---- both protocols ---- */

int fake_net_fault(void)
{
    return net.fault;
}

void fake_net_set_fault(int status)
{
    net.fault = status;
}

bool fake_net_step(void)
{
    return fake_http_step() || fake_ws_step();
}

size_t fake_net_open(void)
{
    return fake_http_open() + fake_ws_open();
}

void fake_net_reset(void)
{
    fake_http_reset();
    fake_ws_reset();
}

void fake_net_forget(const struct parley_worker *worker)
{
    fake_http_forget(worker);
    fake_ws_forget(worker);
}
