/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API, on its own listener: what operators and parleyctl ask. Answers may take a turn
 * through the other workers, so a request that its client has left is remembered as gone.
 *
 *     GET  /admin/v1/sessions        live sessions of every worker
 *     GET  /admin/v1/sessions/ID     one of them, with its conversation
 *     POST /admin/v1/sessions/ID/move?model=NAME
 *                                    have it go on with that model of its agent
 *     GET  /admin/v1/kept            sessions that a store keeps: kept.c
 *     GET, DELETE /admin/v1/kept/ID  one of them
 *     DELETE /admin/v1/kept?user=NAME
 *                                    all of a user's
 *     POST /admin/v1/reload          read the configuration again
 */
#include "net/admin.h"
#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>

void admin_gone(void *ctx, struct http_request *r)
{
    struct admin_waiting *w = http_ctx(r);

    (void)ctx;
    if (w != NULL)
        w->request = NULL;
}

struct admin_waiting *admin_wait(struct http_request *r, bool wants_one)
{
    struct admin_waiting *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        answer_error(r, 503, "server_error", NULL, "No memory; try again.");
        return NULL;
    }
    w->request = r;
    w->wants_one = wants_one;
    http_set_ctx(r, w);
    return w;
}

static void on_sessions(void *arg, json_t *take_all)
{
    struct admin_waiting *w = arg;

    if (w->request != NULL && w->wants_one && json_array_size(take_all) == 0)
        answer_error(w->request, 404, "invalid_request_error", "not_found",
                     "There is no live session %s; GET /admin/v1/sessions lists them.", w->id);
    else if (w->request != NULL && w->wants_one)
        answer_json(w->request, 200, json_incref(json_array_get(take_all, 0)));
    else if (w->request != NULL)
        answer_json(w->request, 200, json_pack("{s:s, s:O}", "object", "list", "data", take_all));
    json_decref(take_all);
    free(w);
}

static void sessions(struct net *n, struct http_request *r, struct parley_view id)
{
    char name[64];
    const struct parley_view asked = id;
    if (id.len >= sizeof(name) || memchr(id.data, '\0', id.len) != NULL)
        id = VIEW("-"); /* which no session is called */
    struct admin_waiting *w = admin_wait(r, id.len > 0);
    if (w == NULL)
        return;
    view_copy(w->id, sizeof(w->id), asked);
    view_copy(name, sizeof(name), id);
    n->w.hub.describe_sessions(n->w.hub.ctx, id.len > 0 ? name : NULL, on_sessions, w);
}

/* ---- a session to another model ---- */

struct moving {
    struct net_visit visit; /* first */
    struct admin_waiting *waiting;
    char id[64];
    char model[128];
    bool is_found;
    char fault[448]; /* "": it has moved */
};

/* Thread: the session's worker. */
static void on_moved(void *ctx, const char *fault)
{
    struct moving *m = ctx;

    view_copy(m->fault, sizeof(m->fault), view_of(fault == NULL ? "" : fault));
    m->visit.finish(&m->visit);
}

static enum net_visit_result move_at(struct net_visit *v, struct worker_sessions *sessions)
{
    struct moving *m = (struct moving *)v;

    if (sessions == NULL)
        return NET_VISIT_NEXT;
    m->is_found = true;
    if (worker_sessions_move(sessions, m->id, m->model, on_moved, m) == PARLEY_OK)
        return NET_VISIT_HELD;
    m->is_found = false;
    return NET_VISIT_NEXT;
}

static void move_done(struct net_visit *v)
{
    struct moving *m = (struct moving *)v;
    struct http_request *r = m->waiting->request;

    if (r != NULL && !m->is_found)
        answer_error(r, 404, "invalid_request_error", "not_found",
                     "There is no live session %s; GET /admin/v1/sessions lists them.", m->id);
    else if (r != NULL && m->fault[0] != '\0')
        answer_error(r, 409, "invalid_request_error", "not_moved", "%s", m->fault);
    else if (r != NULL)
        answer_json(r, 200, json_pack("{s:s, s:s}", "id", m->id, "model", m->model));
    free(m->waiting);
    free(m);
}

static void move_session(struct net *n, struct http_request *r, struct parley_view id)
{
    struct parley_view model = {0};

    if (!http_query_get(r, "model", &model) || model.len == 0) {
        answer_error(r, 400, "invalid_request_error", "missing_required_parameter",
                     "Say which model: POST /admin/v1/sessions/ID/move?model=NAME.");
        return;
    }
    struct moving *m = calloc(1, sizeof(*m));
    struct admin_waiting *w = m == NULL ? NULL : admin_wait(r, true);
    if (w == NULL) {
        free(m);
        return;
    }
    m->visit.at = move_at;
    m->visit.done = move_done;
    m->waiting = w;
    view_copy(m->id, sizeof(m->id), id);
    view_copy(m->model, sizeof(m->model), model);
    n->w.hub.visit(n->w.hub.ctx, &m->visit);
}

static void on_reloaded(void *arg, const char *fault)
{
    struct admin_waiting *w = arg;

    if (w->request != NULL && fault[0] == '\0')
        answer_json(w->request, 200, json_pack("{s:b}", "reloaded", 1));
    else if (w->request != NULL)
        answer_error(w->request, 422, "invalid_request_error", "bad_configuration", "%s", fault);
    free(w);
}

static void reload(struct net *n, struct http_request *r)
{
    struct admin_waiting *w = admin_wait(r, false);

    if (w != NULL)
        n->w.hub.reload(n->w.hub.ctx, on_reloaded, w);
}

/*
 * The token when there is one; and never a request that a page of elsewhere made: neither one that
 * says so, nor one by a foreign name that was made to resolve to this machine.
 */
static bool is_allowed(struct net *n, struct http_request *r)
{
    struct parley_view value = {0};
    const char *token = n->w.config->admin_token;

    if (http_header(r, "origin", &value)) {
        answer_error(r, 403, "invalid_request_error", "origin_not_allowed",
                     "The admin API is not for web pages.");
        return false;
    }
    if (token[0] == '\0' && !origin_host_is_local(r)) {
        answer_error(r, 403, "invalid_request_error", "origin_not_allowed",
                     "Without [admin] token the admin API answers to 127.0.0.1, [::1] and "
                     "localhost only.");
        return false;
    }
    if (token[0] == '\0')
        return true;
    (void)http_header(r, "authorization", &value);
    struct auth_credential c =
        auth_credential_find(value, (struct parley_view){0}, (struct parley_view){0});
    if (view_equal_secret(c.key, view_of(token)))
        return true;
    answer_error(r, 401, "invalid_request_error", "invalid_token",
                 "The admin API wants `Authorization: Bearer TOKEN` with [admin] token.");
    return false;
}

const char *admin_route(const struct http_request *r)
{
    struct parley_view path = http_path(r);

    if (view_is(path, "/admin/v1/sessions"))
        return "/admin/v1/sessions";
    if (view_starts_with(path, VIEW("/admin/v1/sessions/")))
        return view_ends_with(path, VIEW("/move")) ? "/admin/v1/sessions/*/move"
                                                   : "/admin/v1/sessions/*";
    if (view_is(path, "/admin/v1/kept"))
        return "/admin/v1/kept";
    if (view_starts_with(path, VIEW("/admin/v1/kept/")))
        return "/admin/v1/kept/*";
    return view_is(path, "/admin/v1/reload") ? "/admin/v1/reload" : "";
}

/* False: no route of these. */
static bool kept_request(struct net *n, struct http_request *r)
{
    const struct parley_view root = VIEW("/admin/v1/kept"), prefix = VIEW("/admin/v1/kept/");
    struct parley_view path = http_path(r);
    struct parley_view id = {path.data + prefix.len, path.len - prefix.len};
    bool is_get = view_is(http_method(r), "GET"), is_delete = view_is(http_method(r), "DELETE");
    bool has_id = view_starts_with(path, prefix) && path.len > prefix.len;

    if ((!has_id && !view_equal(path, root)) || (!is_get && !is_delete))
        return false;
    if (has_id && is_get)
        kept_export(n, r, id);
    else if (has_id)
        kept_delete(n, r, id);
    else if (is_get)
        kept_list(n, r);
    else
        kept_delete_user(n, r);
    return true;
}

void admin_request(void *ctx, struct http_request *r)
{
    const struct parley_view prefix = VIEW("/admin/v1/sessions/");
    const struct parley_view suffix = VIEW("/move");
    struct net *n = ctx;
    struct parley_view path = http_path(r);
    bool is_get = view_is(http_method(r), "GET");

    http_set_ctx(r, NULL);
    if (!is_allowed(n, r))
        return;
    if (kept_request(n, r))
        return;
    if (is_get && view_is(path, "/admin/v1/sessions"))
        sessions(n, r, VIEW(""));
    else if (is_get && view_starts_with(path, prefix) && path.len > prefix.len)
        sessions(n, r, (struct parley_view){path.data + prefix.len, path.len - prefix.len});
    else if (view_is(http_method(r), "POST") && view_starts_with(path, prefix) &&
             view_ends_with(path, suffix) && path.len > prefix.len + suffix.len)
        move_session(
            n, r, (struct parley_view){path.data + prefix.len, path.len - prefix.len - suffix.len});
    else if (view_is(http_method(r), "POST") && view_is(path, "/admin/v1/reload"))
        reload(n, r);
    else
        answer_error(r, 404, "invalid_request_error", "not_found",
                     "The admin API has GET /admin/v1/sessions, GET /admin/v1/sessions/ID, "
                     "POST /admin/v1/sessions/ID/move?model=NAME, GET /admin/v1/kept, GET and "
                     "DELETE /admin/v1/kept/ID, DELETE /admin/v1/kept?user=NAME and "
                     "POST /admin/v1/reload.");
}
