/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/realtime?session_id=ID with the token that came with its session.created: the session is
 * looked for on every worker, since the kernel deals out connections as it likes. One that lives on
 * another worker stays there, and is reached over a bridge.
 */
#include "base/log.h"
#include "base/str.h"
#include "net/connection.h"

#include <stdlib.h>
#include <strings.h>

struct resuming {
    struct net_visit visit; /* first */
    /* Thread of these: the connection's. */
    struct connection *c; /* NULL: it has gone */
    struct worker_sessions *own;
    struct loop *loop;
    /* Read by every worker that is visited. */
    char id[64];
    char token[80];
    char user[AUTH_NAME_SIZE];
    char agent[128];
    char last_event_id[128];
    bool wants_trace;
    enum session_resumed result;
    struct bridge *bridge;   /* NULL: it is on this worker */
    struct rebuild *rebuild; /* it is looked for in the store */
};

struct connection *resume_connection(struct resuming *r)
{
    return r->c;
}

static struct session_resume request_of(const struct resuming *r)
{
    return (struct session_resume){.id = r->id,
                                   .token = r->token,
                                   .user = r->user,
                                   .agent = r->agent,
                                   .last_event_id = r->last_event_id,
                                   .wants_trace = r->wants_trace};
}

/* On the worker of the connection itself. */
static void resume_here(struct resuming *r)
{
    struct session_resume by = request_of(r);

    if (r->c == NULL)
        return;
    by.client = &connection_client;
    by.client_ctx = r->c;
    r->result = session_resume(r->own, &by, &r->c->session);
}

/* Thread: the session's worker. */
static void resume_there(struct resuming *r, struct worker_sessions *sessions)
{
    struct session_resume by = request_of(r);
    struct bridge *b = bridge_create(r->loop, worker_sessions_loop(sessions), r);
    struct session *s = NULL;

    if (b == NULL)
        return;
    by.client = &bridge_client;
    by.client_ctx = b;
    r->result = session_resume(sessions, &by, &s);
    if (r->result == SESSION_RESUMED) {
        bridge_begin(b, s);
        r->bridge = b;
    } else {
        bridge_drop(b);
    }
}

static enum net_visit_result at(struct net_visit *v, struct worker_sessions *sessions)
{
    struct resuming *r = (struct resuming *)v;

    if (sessions == NULL)
        return NET_VISIT_NEXT;
    if (sessions == r->own)
        resume_here(r);
    else
        resume_there(r, sessions);
    return r->result == SESSION_RESUME_UNKNOWN ? NET_VISIT_NEXT : NET_VISIT_DONE;
}

/* ---- refusals ---- */

static const struct refusal {
    const char *code;
    const char *message;
    int close_code;
} refusals[] = {
    [SESSION_RESUME_UNKNOWN] = {"session_not_found",
                                "There is no such session here: it has ended, or its id is wrong. "
                                "Connect without session_id to begin a new one.",
                                4004},
    [SESSION_RESUME_EXPIRED] = {"session_resume_expired",
                                "The session waited for its client and has ended. Connect without "
                                "session_id to begin a new one.",
                                4004},
    [SESSION_RESUME_ENDED] = {"session_not_found",
                              "The session has ended. Connect without session_id to begin a new "
                              "one.",
                              4004},
    [SESSION_RESUME_WRONG_TOKEN] = {"invalid_resume_token",
                                    "The resume token is not that of this session; it is "
                                    "parley.resume_token in its session.created.",
                                    4000},
    [SESSION_RESUME_WRONG_USER] = {"session_of_another_user",
                                   "The session belongs to another key than this request's.", 4000},
    [SESSION_RESUME_WRONG_AGENT] = {"session_of_another_agent",
                                    "The session is one of another agent; leave out `model`.",
                                    4000},
    [SESSION_RESUME_CONNECTED] = {"session_already_connected",
                                  "The session's client is connected. If that connection is dead, "
                                  "try again when the server has noticed it.",
                                  1013},
    [SESSION_RESUME_ELSEWHERE] = {"session_on_another_host",
                                  "Another server has the session; connect there, or try again "
                                  "when its lease has ended.",
                                  1013},
    [SESSION_RESUME_FAILED] = {"session_not_resumed",
                               "The session could not be resumed now; try again.", 1013},
};

static void refuse(struct connection *c, enum session_resumed result)
{
    const struct refusal *f = &refusals[result];
    struct rt_error error;

    net_rejected(c->net, "request");
    rt_error_copy(&error, "invalid_request_error", f->code, f->message);
    connection_refuse(c, &error, f->close_code);
}

/* ---- the way there and back ---- */

static void end(struct resuming *r)
{
    struct connection *c = r->c;

    if (c != NULL) {
        c->resuming = NULL;
        ws_pause(c->ws, false);
    }
    if (c != NULL && r->result == SESSION_RESUMED)
        connection_count(c);
    else if (c != NULL)
        refuse(c, r->result);
    explicit_bzero(r->token, sizeof(r->token));
    free(r);
}

static void on_rebuilt(void *ctx, enum session_resumed how, struct session *s)
{
    struct resuming *r = ctx;

    r->rebuild = NULL;
    r->result = how;
    if (s != NULL)
        r->c->session = s; /* who has gone has abandoned it */
    end(r);
}

/* No worker here has it: it may be another host's that is no more. */
static bool look_in_store(struct resuming *r)
{
    struct session_resume by = request_of(r);
    struct worker_generation *wg =
        r->c == NULL ? NULL : r->c->net->w.hub.generation(r->c->net->w.hub.ctx);

    if (r->result != SESSION_RESUME_UNKNOWN || wg == NULL)
        return false;
    by.client = &connection_client;
    by.client_ctx = r->c;
    r->rebuild = session_rebuild(r->own, wg, &by, on_rebuilt, r);
    return r->rebuild != NULL;
}

static void done(struct net_visit *v)
{
    struct resuming *r = (struct resuming *)v;

    if (r->bridge != NULL) {
        log_debug("the session lives on another worker session=%s", r->id);
        bridge_settle(r->bridge, r->c);
    }
    if (!look_in_store(r))
        end(r);
}

void resume_session(struct connection *c, const struct wanted *w, const char *user)
{
    struct resuming *r = calloc(1, sizeof(*r));
    struct rt_error error;

    if (r == NULL) {
        rt_error_copy(&error, NULL, "session_not_opened", "No memory; try again soon.");
        connection_refuse(c, &error, 1013);
        return;
    }
    r->visit.at = at;
    r->visit.done = done;
    r->c = c;
    r->own = c->net->w.sessions;
    r->loop = c->net->w.loop;
    r->result = SESSION_RESUME_UNKNOWN;
    r->wants_trace = w->wants_trace;
    view_copy(r->id, sizeof(r->id), view_of(w->session_id));
    view_copy(r->token, sizeof(r->token), view_of(w->token));
    view_copy(r->user, sizeof(r->user), view_of(user));
    view_copy(r->agent, sizeof(r->agent), view_of(w->model));
    view_copy(r->last_event_id, sizeof(r->last_event_id), view_of(w->last_event_id));
    c->resuming = r;
    ws_pause(c->ws, true); /* what it says is for the session */
    c->net->w.hub.visit(c->net->w.hub.ctx, &r->visit);
}

void resume_forget(struct connection *c)
{
    struct resuming *r = c->resuming;

    c->resuming = NULL;
    if (r == NULL)
        return;
    r->c = NULL;
    if (r->rebuild == NULL)
        return; /* the walk over the workers ends it */
    session_rebuild_abandon(r->rebuild);
    end(r);
}
