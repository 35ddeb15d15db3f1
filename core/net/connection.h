/* SPDX-License-Identifier: Apache-2.0 */
/* One client socket of the Realtime endpoint, for realtime.c, resume.c and bridge.c. */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include "dialect/voice_live.h"
#include "net/net_state.h"
#include "transport/ws.h"

struct bridge;
struct identifying;
struct resuming;

struct connection {
    struct list entry;
    struct net *net;
    struct ws *ws;
    struct session *session;       /* NULL: it has ended, never began, or lives on another worker */
    struct bridge *bridge;         /* ... there */
    struct voice_live *voice_live; /* what the client speaks; NULL: GA */
    struct resuming *resuming;     /* a session is looked for */
    struct identifying *identifying; /* the issuer's keys are on their way */
    char user[AUTH_NAME_SIZE];
    bool is_counted; /* by admission */
    struct loop_timer overflow;
    struct loop_timer dialect_turn;
};

/* What a request asked for; copied, since the request is gone once it was upgraded. */
struct wanted {
    char model[128];
    bool has_model;
    bool has_other; /* call_id or intent, which parley does not serve */
    bool is_preview;
    bool wants_trace;
    bool wants_resume;
    char session_id[64]; /* "": a new session */
    char token[80];
    char last_event_id[128];
    char traceparent[64];
    char tracestate[TRACESTATE_SIZE];
};

/* ---- realtime.c ---- */

/* What a session may do to a client on its own worker. */
extern const struct session_client connection_client;

/* Give it what it asked for, or refuse it. */
void connection_serve(struct connection *c, const struct wanted *w, const struct caller *caller);
/* To the client, in its dialect. */
void connection_send(struct connection *c, struct parley_view event, unsigned flags);
/* From the client, as GA has it, to the session wherever that lives. */
void connection_hear(struct connection *c, struct parley_view event, uint32_t flags);
/* As it is. */
void connection_put(struct connection *c, struct parley_view event, unsigned flags);
/* One error event, then a close frame with "TYPE.CODE". */
void connection_refuse(struct connection *c, const struct rt_error *error, int code);
/* Its session is over. */
void connection_close(struct connection *c, int code, const char *reason);
/* Count it for its key; false: that one has too many. */
bool connection_enter(struct connection *c);
/* Count it for its key; it is served all the same when the key has too many. */
void connection_count(struct connection *c);

/* Who counts a session whose client is away; takes the connection's count. */
struct session_keeper connection_keeper(struct connection *c);

/* ---- identify.c ---- */

/* Serve it as soon as it is known whose token this is. NULL without memory. */
struct identifying *identify_begin(struct net *n, const struct caller *caller);
/* The connection is there; takes the identifying. */
void identify_later(struct identifying *i, struct connection *c, const struct wanted *w);
void identify_drop(struct identifying *i);
/* The connection has gone meanwhile. */
void identify_forget(struct connection *c);

/* ---- azure.c ---- */

/* Its client speaks Voice Live. False without memory. */
bool azure_speak(struct connection *c);
/* What Voice Live clients expect to be told by the handshake; false when answered. */
bool azure_may_upgrade(struct net *n, struct http_request *r, const struct caller *caller);

/* ---- resume.c ---- */

/* Look for the session on every worker; the connection gets it, or is refused. */
void resume_session(struct connection *c, const struct wanted *w, const char *user);
/* The connection that it is for; NULL when that has gone. Thread: the connection's. */
struct connection *resume_connection(struct resuming *r);
/* The connection has gone meanwhile. */
void resume_forget(struct connection *c);

/* ---- bridge.c: a session that lives on another worker ---- */

/*
 * A way between a connection and a session of two workers, each of which is only touched by its own
 * thread: everything is posted, in order. Freed when both have let go.
 */
struct bridge *bridge_create(struct loop *connection_loop, struct loop *session_loop,
                             struct resuming *resuming);

/* Thread: the session's. */
extern const struct session_client bridge_client;
/* It has its session; it is not to be had (the bridge is gone then). */
void bridge_begin(struct bridge *b, struct session *s);
void bridge_drop(struct bridge *b);

/* Thread: the connection's, for these. */
/* The resuming is over; c: its connection, NULL when that has gone. */
void bridge_settle(struct bridge *b, struct connection *c);
void bridge_event(struct bridge *b, struct parley_view event);
void bridge_binary(struct bridge *b);
void bridge_dropped(struct bridge *b, size_t events, size_t bytes);
void bridge_overflow(struct bridge *b);
/* The connection has gone: by a goodbye, or so that it may come back. The bridge is not used after.
 */
void bridge_gone(struct bridge *b);
void bridge_lost(struct bridge *b, const struct session_keeper *keeper);

#endif
