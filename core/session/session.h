/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/ owns one conversation: it stands between one client and one model, speaks the Realtime
 * protocol with both, and keeps the rules that neither side can be trusted with: who may start a
 * response, what a client may change, which tools run, what the user has heard, what is kept. It
 * has no sockets and no wire format of its own (realtime/). Everything runs on the session's
 * worker.
 *
 *   session.c      opening, closing, the ways in    response.c       the one response sequencer
 *   client.c       events of the client             shown.c          what clients see of it
 *   upstream.c     events of the model              interruption.c   truncation after playback
 *   request.c      a client's response.create       settings.c       the session object, both views
 *   tools.c        calls of server tools            approval.c       a person is asked before one
 *   result.c       what the model hears of them     filler.c         what is said meanwhile
 *   tool_wait.c    lists of tools on their way      quiet.c          may the agent speak unasked?
 *   connect.c      the first model                  failover.c       which model
 *   move.c         from one model to the next       replay.c         what the next is told
 *   cut.c          a response whose model is gone   names.c          ids, whoever gives them
 *   hearing.c      what is still to be heard      journal.c        what goes to the store
 *   spans.c        spans of turns, answers, tools   trace.c          turns and their events
 *   said.c         what was said, for telemetry     measure.c        metrics
 *   farewell.c     a tool ends the conversation     resume.c         a client that comes back
 *   rebuild.c      a session out of the store       promise.c        told when it is kept
 *   tape.c         the recording                    timeline.c       where in it audio lies
 *   tape_spool.c   ... on its way to the disk       tape_file.c      ... and there
 *   timing.c       when, as the store keeps it    summary.c        what does not fit, in brief
 *   items.c, playback.c, pending.c  small state
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "agent/worker_generation.h"

#include "realtime/wire_error.h"
#include "telemetry/trace_context.h"

#include <parley/error.h>
#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

#define SESSION_SEND_DROPPABLE 1u /* audio: may be dropped when the client reads too slowly */
#define SESSION_SEND_ROOM      2u /* as PARLEY_EVENT_ROOM */

/* What a session may do to its client. Called on the worker; must not call back into the session.
 */
struct session_client {
    /* Send one event; borrowed until return. */
    void (*send)(void *ctx, struct parley_view event, unsigned flags);
    /* Stop reading from the client until called with false. */
    void (*pause)(void *ctx, bool paused);
    /* Close the connection; session_client_gone() is not called for it. The last call. */
    void (*close)(void *ctx, int code, const char *reason);
};

struct session_open {
    struct worker_sessions *sessions;     /* of the worker */
    struct worker_generation *generation; /* a reference is taken */
    const struct agent *agent;
    const char *user;        /* opaque name of the end user or key, for the store and limits */
    const char *traceparent; /* W3C trace context of the client, or "" */
    const char *tracestate;  /* with it, or "" or NULL */
    bool wants_trace;        /* the client asked for parley.* events */
    bool wants_resume;       /* the client may come back after it lost its connection */
    const json_t *preset;    /* session object of an ephemeral secret, or NULL */
    const struct session_client *client;
    void *client_ctx;
};

/*
 * Open a session and begin to connect its model. PARLEY_OK: events follow, beginning with
 * session.created once the model is ready. Otherwise nothing was opened and err says why.
 */
int session_open(const struct session_open *open, struct session **ret, struct parley_error *err);

/* One text message of the client. flags: PARLEY_EVENT_ROOM. The session may end in it. */
void session_client_event(struct session *s, struct parley_view event, uint32_t flags);

/* A binary frame, which the protocol does not have. */
void session_client_binary(struct session *s);

/* Audio was dropped because the client reads too slowly: it is told, with a notice that is not
 * dropped. */
void session_client_dropped(struct session *s, size_t events, size_t bytes);

/* The client's connection ended: tools, model and store are wound up, no more calls to the client.
 */
void session_client_gone(struct session *s);

/* Who counts a session whose client is away; released once, when it is back or the session ends. */
struct session_keeper {
    void (*released)(void *ctx);
    void *ctx;
};

static inline void session_keeper_release(const struct session_keeper *k)
{
    if (k->released != NULL)
        k->released(k->ctx);
}

/*
 * The client's connection broke. True: the session waits for it to come back, and keeper->released
 * follows. False: it has ended as by session_client_gone(), and the keeper is not called.
 */
bool session_client_lost(struct session *s, const struct session_keeper *keeper);

enum session_resumed {
    SESSION_RESUMED,
    SESSION_RESUME_UNKNOWN, /* no such session here */
    SESSION_RESUME_EXPIRED, /* nobody came back in time */
    SESSION_RESUME_ENDED,   /* it has, and its end may not be in the store yet */
    SESSION_RESUME_WRONG_TOKEN,
    SESSION_RESUME_WRONG_USER,
    SESSION_RESUME_WRONG_AGENT,
    SESSION_RESUME_CONNECTED, /* its client is there */
    SESSION_RESUME_ELSEWHERE, /* another host has it */
    SESSION_RESUME_FAILED,    /* the store or the model, see the log */
};

struct session_resume {
    const char *id;
    const char *token;
    const char *user;
    const char *agent;         /* "": whichever it has */
    const char *last_event_id; /* the last event that the client saw; "": all until it was lost */
    bool wants_trace;
    const struct session_client *client;
    void *client_ctx;
};

/* The client is back: session.created follows, then what it missed. *ret only for SESSION_RESUMED.
 */
enum session_resumed session_resume(struct worker_sessions *w, const struct session_resume *by,
                                    struct session **ret);

struct rebuild;

/*
 * The same for a session that no worker of this host has: it is rebuilt from the store, when no
 * other host owns it any more. done(ctx, how, s) runs once, never on this stack; s is there for
 * SESSION_RESUMED unless it has ended already, and session.created follows when its model is ready.
 * The strings are copied. NULL without memory, and nothing is called.
 */
struct rebuild *
session_rebuild(struct worker_sessions *w, struct worker_generation *generation,
                const struct session_resume *by,
                void (*done)(void *ctx, enum session_resumed how, struct session *s), void *ctx);

/* The client has gone: nothing is called, of it neither. NULL is fine. */
void session_rebuild_abandon(struct rebuild *r);

/* End from parley's side: an error event, then a close frame. */
void session_end(struct session *s, int close_code, const char *error_code, const char *message);

/*
 * The session that a client of the agent would get, with a preset (an ephemeral secret's, or NULL)
 * held against what the agent lets clients set. The caller owns it. A failure is the preset's, told
 * in fault; or the agent's own, when there is no preset.
 */
int session_effective(const struct agent *a, const json_t *preset, json_t **ret,
                      struct rt_error *fault);

const char *session_id(const struct session *s);

/* ---- the sessions of one worker ---- */

struct worker_env; /* worker.h */

/* Create the table; env is borrowed and outlives it. */
struct worker_sessions *worker_sessions_create(const struct worker_env *env);

struct loop *worker_sessions_loop(const struct worker_sessions *w);

/* All sessions must have been closed. */
struct worker_sessions *worker_sessions_destroy(struct worker_sessions *w);

size_t worker_sessions_count(const struct worker_sessions *w);

/* Ask every session to end (orderly stop): each is told, its turn may finish until the deadline. */
void worker_sessions_drain(struct worker_sessions *w, int64_t grace_ms);

/*
 * Have a session go on with that model of its agent's list (an operator asks). PARLEY_E_NOT_FOUND:
 * there is no such session here, and nothing is called. Else done(ctx, fault) runs once, at once or
 * later: NULL when the session has gone over, or why not.
 */
int worker_sessions_move(struct worker_sessions *w, const char *id, const char *model,
                         void (*done)(void *ctx, const char *fault), void *ctx);

/* What the session of that id is doing now, for a line of the log. False: it is not here, or in no
 * trace. */
bool worker_sessions_trace(const struct worker_sessions *w, struct parley_view id,
                           struct trace_context *ret);

/* Describe live sessions as a JSON array into `out` (admin API); id NULL: all, in short. */
json_t *worker_sessions_describe(const struct worker_sessions *w, const char *id);

#endif
