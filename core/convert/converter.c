/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/converter.h"

#include "base/str.h"
#include "convert/state.h"

#include <stdlib.h>

#define ALL_FORMATS (PARLEY_AUDIO_PCM_24K | PARLEY_AUDIO_PCMU | PARLEY_AUDIO_PCMA)

static bool lacks(uint32_t formats)
{
    return formats != 0 && (formats & ALL_FORMATS) != ALL_FORMATS;
}

bool converter_helps(const struct parley_model_caps *caps)
{
    return ((caps->flags & PARLEY_CAP_AUDIO_INPUT) != 0 && lacks(caps->input_formats)) ||
           ((caps->flags & PARLEY_CAP_AUDIO_OUTPUT) != 0 && lacks(caps->output_formats));
}

static struct parley_model_caps caps_of(const struct model *m)
{
    struct parley_model_caps caps = {.size = sizeof(caps)};

    m->vtable->caps(m->instance, &caps);
    return caps;
}

/* ---- what the model tells ---- */

static void on_open(void *ctx, struct parley_view session_created)
{
    incoming_open(ctx, session_created);
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    incoming(ctx, event, flags);
}

/* The event that the model had no room for goes first. */
static bool send_waiting(struct conversion *c)
{
    if (c->waiting.len == 0)
        return true;
    if (model_send(c->inner, buf_view(&c->waiting), 0, NULL) == PARLEY_E_BUSY)
        return false;
    buf_clear(&c->waiting);
    return true;
}

static void on_writable(void *ctx)
{
    struct conversion *c = ctx;

    if (!send_waiting(c) || !c->owes_writable)
        return;
    c->owes_writable = false;
    c->host->on_writable(c->ctx);
}

static void conversion_free(struct conversion *c)
{
    pipe_done(&c->in_pipe);
    pipe_done(&c->out_pipe);
    buf_done(&c->event);
    buf_done(&c->audio);
    buf_done(&c->waiting);
    free(c);
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    struct conversion *c = ctx;
    const struct parley_model_host *host = c->host;
    void *host_ctx = c->ctx;

    conversion_free(c);
    host->on_closed(host_ctx, closed);
}

static const struct model_events events = {
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* ---- the table of the role ---- */

static void role_caps(void *instance, struct parley_model_caps *caps)
{
    const struct converter *c = instance;

    *caps = caps_of(&c->inner);
    if (caps->input_formats != 0)
        caps->input_formats = ALL_FORMATS;
    if (caps->output_formats != 0)
        caps->output_formats = ALL_FORMATS;
}

static int role_open(void *worker_instance, const struct parley_model_open *open,
                     void **ret_session, struct parley_error *err)
{
    struct converter *by = worker_instance;
    struct parley_model_caps caps = caps_of(&by->inner);
    struct conversion *c = calloc(1, sizeof(*c));
    const struct model_open inner = {
        .session_id = open->session_id,
        .safety_identifier = open->safety_identifier,
        .traceparent = open->traceparent,
        .tracestate = open->tracestate,
        .agent = open->agent,
        .session = open->session,
    };

    if (c == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for a session", by->inner.title);
    c->by = by;
    c->host = open->host;
    c->ctx = open->ctx;
    c->in = way_of(caps.input_formats);
    c->out = way_of(caps.output_formats);
    int r = model_open(&by->inner, &inner, &events, c, &c->inner, err);
    if (r < 0) {
        conversion_free(c);
        return r;
    }
    *ret_session = c;
    return PARLEY_OK;
}

/* A converted piece cannot be taken back, as the stream has gone on: what the model has no room for
 * is kept here, and the session waits behind it. */
static int keep(struct conversion *c, struct parley_view event)
{
    buf_clear(&c->waiting);
    buf_append_view(&c->waiting, event);
    return c->waiting.failed ? PARLEY_E_NO_MEMORY : PARLEY_OK;
}

static int role_send(void *session, struct parley_view event, uint32_t flags,
                     struct parley_error *err)
{
    struct conversion *c = session;
    const char *before = event.data;

    if (!send_waiting(c)) {
        c->owes_writable = true;
        return PARLEY_E_BUSY;
    }
    if (!outgoing(c, &event, &flags))
        return PARLEY_OK;
    int r = model_send(c->inner, event, flags, err);
    if (r == PARLEY_E_BUSY && event.data != before)
        return keep(c, event);
    if (r == PARLEY_E_BUSY)
        c->owes_writable = true;
    return r;
}

static void role_pause(void *session, int paused)
{
    model_pause(((struct conversion *)session)->inner, paused != 0);
}

static void role_close(void *session)
{
    model_close(((struct conversion *)session)->inner);
}

static const struct parley_model_vtable vtable = {
    .size = sizeof(vtable),
    .caps = role_caps,
    .open = role_open,
    .send = role_send,
    .pause = role_pause,
    .close = role_close,
};

/* ---- around a model ---- */

struct converter *converter_create(const struct model *inner)
{
    struct converter *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->inner = *inner;
    c->model = (struct model){
        .title = inner->title,
        .worker = inner->worker,
        .vtable = &vtable,
        .instance = c,
        .ctx = c,
    };
    return c;
}

struct converter *converter_destroy(struct converter *c)
{
    free(c);
    return NULL;
}

const struct model *converter_model(const struct converter *c)
{
    return &c->model;
}
