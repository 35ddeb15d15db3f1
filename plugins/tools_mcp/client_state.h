/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client holds, for its own files only; client.h is what others use.
 *
 *     client.c    states, sending, what the server says    listing.c  its list of tools
 *     handshake.c which revision it speaks                 calling.c  calls of them
 *     subscription.c  being told that the list has changed
 *
 * Thread: the worker's. A function that may fail the connection says so: after it `c->state` may be
 * DOWN.
 */
#ifndef TOOLS_MCP_CLIENT_STATE_H
#define TOOLS_MCP_CLIENT_STATE_H

#include "calls.h"
#include "client.h"
#include "message.h"
#include "quota.h"

/* The stream by which a server of 2026-07-28 tells of changes. */
struct subscription {
    bool is_offered;
    uint64_t request; /* 0: none is open */
    bool is_acknowledged;
    bool has_been_lost; /* changes may have been missed */
    unsigned losses;    /* in a row */
    int64_t opened_ms;
    struct parley_timer *timer; /* the next attempt */
};

enum state { DOWN, PROBING, CONNECTING, GREETING, LISTING, READY };

struct client {
    struct client_config config;
    struct link link;
    struct link other; /* tried where the server has no endpoint for `link`; vtable NULL: none */
    bool is_swapped;   /* `link` is what was `other` at first */
    const struct parley_tools_host *tools;
    void *worker_instance;
    enum state state;
    bool is_stateless;           /* the server speaks 2026-07-28 */
    bool is_older;               /* it does not, as far as is known */
    char version[12];            /* that was agreed on, "" before */
    struct parley_timer *step;   /* the next attempt, or the limit of this one */
    struct parley_timer *relist; /* the next listing of a connection that stands */
    struct parley_timer *turn;   /* calls that wait may be sent */
    uint64_t last_request;
    uint64_t awaited; /* the handshake's or listing's request; 0: none */
    struct calls calls;
    struct catalog *current;
    struct catalog *shown; /* what the host was given last; the same, or older */
    struct catalog *fresh; /* while listing */
    unsigned pages;
    unsigned refusals; /* tools of this listing that are not offered */
    bool is_stale;     /* the list changed while it was listed */
    bool is_promised;  /* the host waits to be told of a list */
    bool is_list_due;  /* the host was told, and asks for it next */
    int64_t ttl_ms;    /* how long the list is fresh */
    struct subscription subscription;
    struct quota words; /* of the server, for the log */
    struct quota arrays;
    unsigned failures;
    char trouble[300]; /* why there is no connection, "" while there is */
    int64_t pause_ms;  /* the server wants to be left alone so long; 0: it does not say */
    int64_t begun_ms;  /* the first attempt, or a session that is renewed */
    int64_t ready_ms;
    int64_t listing_ms;
    int64_t listed_ms;
};

#define LOG(c, level, ...)                                                                         \
    (c)->config.around.host->log((c)->config.around.handle, PARLEY_LOG_##level, __VA_ARGS__)

static inline int64_t client_now_ms(const struct client *c)
{
    return (int64_t)(c->config.around.host->now_us() / 1000);
}

/* Calls repeat arguments in headers; see mirror.h. */
static inline bool client_mirrors(const struct client *c)
{
    return c->is_stateless && c->link.vtable->is_http;
}

/* The tools as this client knows them. */
static inline struct catalog *client_catalog(const struct client *c)
{
    return c->config.elder != NULL ? c->config.elder->current : c->current;
}

/* ---- client.c ---- */

/* The connection is lost, or was not made: it begins anew after a pause. */
void client_fail(struct client *c, const char *why);

/* So long and up to a quarter more, so that not everybody comes back at once. */
int64_t client_with_jitter(struct client *c, int64_t pause_ms);

/* Connect now. May fail. */
void client_begin(struct client *c);

/* The connection stands and the tools are listed. */
void client_become_ready(struct client *c);

struct outgoing {
    char *text; /* freed when it is sent */
    enum link_purpose purpose;
    uint64_t request;   /* 0: none */
    const char *method; /* of a request */
    const char *name;   /* of the tool, or NULL */
    char *const *lines; /* further headers */
    size_t line_count;
};

int client_send(struct client *c, const struct outgoing *out, struct parley_error *err);

/* A notification or an answer: when it is lost, so is the link, which says so itself. */
void client_send_aside(struct client *c, char *text);

/* Send the one request whose answer the next step needs; takes params. May fail. */
void client_ask(struct client *c, const char *method, json_t *params, enum link_purpose purpose);

/* ---- handshake.c ---- */

/* There is no such endpoint: is it the other transport that the server has? True: that is tried.
 * May fail. */
bool handshake_swap(struct client *c, const char *why);

/* After the link has opened. May fail. */
void handshake_begin(struct client *c);

/* An answer to its request. May fail. */
void handshake_answered(struct client *c, const struct message *m);

/* The question for the revision was refused: by the same connection the older way. May fail. */
void handshake_begin_older(struct client *c, const char *why);

/* The child went, or stays silent: its state is not known, so a fresh one is asked to initialize.
 */
void handshake_begin_anew(struct client *c);

/* Is this a child that may end or stay silent because it does not know the question? */
bool handshake_is_probed_child(const struct client *c);

/* ---- listing.c ---- */

/* May fail. */
void listing_begin(struct client *c);
void listing_abandon(struct client *c);

/* If the host waits for a list that is on its way: the old one is what there is. */
void listing_settle(struct client *c);

/* A further listing got no answer: the old list stays. */
void listing_failed(struct client *c);

/* An answer to its request. May fail. */
void listing_answered(struct client *c, const struct message *m);

/* The server says that its list has changed. */
void listing_changed(struct client *c);

/* The timer `relist`. */
void listing_on_timer(void *ctx);

/* Offer these, NULL for none; takes them. */
void listing_replace(struct client *c, struct catalog *fresh);
void listing_done(struct client *c);

/* ---- subscription.c ---- */

/* A connection begins; what the server has said of itself. */
void subscription_begin(struct client *c, const json_t *discovery);

/* The connection stands. */
void subscription_open(struct client *c);
void subscription_end(struct client *c);

/* What the server says to it. */
void subscription_acknowledged(struct client *c, const json_t *params);
void subscription_answered(struct client *c, const struct message *m);
void subscription_lost(struct client *c, const char *why);

/* The timer of it. */
void subscription_on_timer(void *ctx);

/* ---- calling.c ---- */

/* End the calls that were sent, which may have had their effect; or all of them. */
void calling_fail(struct client *c, bool also_waiting);
void calling_end_all(struct client *c, int status);
void calling_send_waiting(struct client *c);

/* The tools were listed again: calls that waited for that go on. */
void calling_listed(struct client *c);

/* The timer `turn`. */
void calling_on_turn(void *ctx);
void calling_answered(struct client *c, const struct message *m);
void calling_progressed(struct client *c, const json_t *params);

/* No answer will come to this one; see link_events. May fail. */
void calling_fault(struct client *c, struct call *call, int status, const char *why);

/* The server wants this one after so long. */
void calling_delayed(struct client *c, struct call *call, int64_t wait_ms, const char *why);

#endif
