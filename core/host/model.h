/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caller of the role parley.realtime/1. Whatever a plugin does, the core sees: on_open at most
 * once, events only between it and on_closed, on_closed exactly once. Thread: the worker's.
 *
 *     opening --on_open--> open --model_close--> closing --on_closed--> gone
 *         \------------------\---------------------\------on_closed--/
 */
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include "host/worker_instance.h"

#include <parley/model.h>

#define MODEL_OPEN_LIMIT_MS  60000 /* neither on_open nor on_closed by then: closed as timed out */
#define MODEL_CLOSE_LIMIT_MS 5000  /* no on_closed by then: closed without the plugin */

/*
 * Who opens realtime sessions on one worker: a plugin's worker instance, or the cascade, which
 * fills this structure itself and leaves `wi` NULL. Must outlive its sessions.
 */
struct model {
    const char *title; /* "model openai" */
    struct parley_worker *worker;
    const struct parley_model_vtable *vtable;
    void *instance; /* for caps() */
    void *ctx;      /* for open() */
    struct worker_instance *wi;
};

/* The model that a worker instance of role ROLE_MODEL is. */
void model_of(struct worker_instance *wi, struct model *ret_model);

/* What a model instance can do. Thread: any. */
void model_caps(const struct instance *instance, struct parley_model_caps *ret_caps);

struct model_session;

/* What the core hears. None of it runs inside model_open/send/pause/close. */
struct model_events {
    void (*on_open)(void *ctx, struct parley_view session_created);
    void (*on_event)(void *ctx, struct parley_view event, uint32_t flags);
    void (*on_writable)(void *ctx);
    /* The last one; the session is freed when it returns. */
    void (*on_closed)(void *ctx, const struct parley_model_closed *closed);
};

struct model_open {
    const char *session_id;
    const char *safety_identifier;
    const char *traceparent;
    const char *tracestate;
    const char *agent;
    struct parley_view session; /* JSON of the session.update that will follow */
};

/* Begin to connect. `events` is constant. A refusal leaves nothing behind and calls nothing. */
int model_open(const struct model *m, const struct model_open *open,
               const struct model_events *events, void *ctx, struct model_session **ret_session,
               struct parley_error *err);

/*
 * One client event. With PARLEY_EVENT_ROOM the bytes may be changed. PARLEY_E_BUSY: not taken,
 * on_writable follows. PARLEY_E_UNAVAILABLE before on_open and after model_close.
 */
int model_send(struct model_session *s, struct parley_view event, uint32_t flags,
               struct parley_error *err);

/* True: no on_event until called with false. */
void model_pause(struct model_session *s, bool paused);

/* Ask for the end; on_closed follows. Allowed inside every model_events function but on_closed. */
void model_close(struct model_session *s);

/* The same, but nothing is heard of it any more. NULL is fine. Returns NULL. */
struct model_session *model_abandon(struct model_session *s);

#endif
