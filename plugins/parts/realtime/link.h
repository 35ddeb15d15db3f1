/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with a service that speaks the Realtime protocol over a WebSocket, or a dialect of it:
 * open once session.created has come. Events pass as bytes in both directions, or through the
 * dialect; only errors are looked at, to tell why a session ended and to keep keys out of messages.
 */
#ifndef PARTS_REALTIME_LINK_H
#define PARTS_REALTIME_LINK_H

#include <parley/model.h>
#include <parley/service/credentials.h>
#include <parley/service/timer.h>
#include <parley/service/ws.h>

#include <stdbool.h>

#define LINK_MAX_HEADERS 8 /* of the service's own */

/* Where a dialect's events go; the bytes are borrowed until it returns. */
struct link_sink {
    void (*to_peer)(void *ctx, struct parley_view event, uint32_t flags);
    void (*to_host)(void *ctx, struct parley_view event, uint32_t flags);
    void *ctx;
};

/* Translates between the host, which knows GA alone, and the service. Thread: the worker's. */
struct link_dialect {
    /* NULL without memory. `config` is the service's. */
    void *(*create)(const void *config, const struct link_sink *sink);
    void (*destroy)(void *dialect);
    /* The host says this: to_peer, any number of times; at most the first may be refused as BUSY,
     * which tells the host to say it again. */
    void (*from_host)(void *dialect, struct parley_view event, uint32_t flags);
    /* The service says this: to_host. The first is session.created. */
    void (*from_peer)(void *dialect, struct parley_view event, uint32_t flags);
};

/* What all sessions of an instance share. */
struct link_service {
    const struct parley_host *host;
    const struct parley_service_ws *ws;
    const struct parley_service_timer *timer;
    const struct parley_service_credentials *credentials; /* NULL when `credential` is "" */
    const void *handle;                                   /* for the log and the credentials */
    const char *address;                                  /* wss://host/...  */
    const char *subprotocol;                              /* to offer, or "" */
    const char *api_key;                                  /* "" when there is none */
    const char *key_header;    /* "Authorization" for a bearer, else the name for the key */
    const char *credential;    /* a [credential NAME] in place of the key, or "" */
    const char *scope;         /* of its token */
    bool sends_trace;          /* traceparent and tracestate */
    const char *safety_header; /* for the end user's opaque name, or "" */
    const char *headers[LINK_MAX_HEADERS][2]; /* name and value; empty values are left out */
    size_t header_count;
    const char *ca_file;
    const struct link_dialect *dialect; /* NULL: GA */
    const void *dialect_config;
    /* What a refused handshake most likely means, for the log; "" for nothing. NULL: none. */
    void (*hint)(const void *config, int http_status, const char *code, const char *message,
                 char *out, size_t size);
    const void *hint_config;
    int64_t connect_timeout_ms;
    int64_t ping_interval_ms;
    int64_t max_event_bytes;
    int64_t session_limit_ms;
};

/* A value that may stand in a header: no space, no line end. The message names the option. */
int link_check_header(const char *option, const char *value, struct parley_error *err);

/* What one worker has of it, for struct parley_plugin. The service must outlive it. Its stop frees
 * the sessions that have not closed, without a word. */
int link_worker_start(const struct link_service *service, void **ret_worker_instance,
                      struct parley_error *err);
void link_worker_stop(void *worker_instance);

/* The functions of struct parley_model_vtable that belong to a session. */
int link_open(void *worker_instance, const struct parley_model_open *open, void **ret_session,
              struct parley_error *err);
int link_send(void *session, struct parley_view event, uint32_t flags, struct parley_error *err);
void link_pause(void *session, int paused);
void link_close(void *session);

#endif
