/* SPDX-License-Identifier: Apache-2.0 */
/* One session with the service: a WebSocket that is open once session.created has come. */
#ifndef MODEL_OPENAI_SESSION_H
#define MODEL_OPENAI_SESSION_H

#include <parley/model.h>
#include <parley/service/timer.h>
#include <parley/service/ws.h>

#include <stdbool.h>

/* What all sessions of an instance share. */
struct openai {
    const struct parley_host *host;
    const struct parley_service_ws *ws;
    const struct parley_service_timer *timer;
    const void *handle;  /* for the log */
    const char *address; /* wss://host/v1/realtime?model=... */
    const char *api_key; /* "" when the server wants none */
    const char *organization;
    const char *project;
    const char *ca_file;
    bool sends_trace; /* traceparent and tracestate */
    int64_t connect_timeout_ms;
    int64_t ping_interval_ms;
    int64_t max_event_bytes;
    int64_t session_limit_ms;
};

struct session;

/* What one worker has of it. */
struct openai_worker {
    const struct openai *openai;
    struct session *first; /* sessions that have not closed */
};

/* The worker stops: free those that have not closed, without a word. */
void session_free_all(struct openai_worker *worker);

/* The functions of struct parley_model_vtable that belong to a session. */
int session_open(struct openai_worker *worker, const struct parley_model_open *open,
                 void **ret_session, struct parley_error *err);
int session_send(void *session, struct parley_view event, uint32_t flags, struct parley_error *err);
void session_pause(void *session, int paused);
void session_close(void *session);

#endif
