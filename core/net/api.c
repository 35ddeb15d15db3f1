/* SPDX-License-Identifier: Apache-2.0 */
/* The plain HTTP endpoints: agents as models, ephemeral keys, health, the console's files. */
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "net/bearer.h"
#include "net/console_files.h"
#include "net/net_state.h"

#include <stdlib.h>

/* ---- who asks ---- */

/* Answers 401 itself. An ephemeral key opens sessions and nothing else. */
static bool is_authorized(struct net *n, struct http_request *r, struct caller *c)
{
    if (!origin_is_allowed(n, r))
        return false;
    *c = net_identify(n, r);
    bool is_ephemeral = c->has_secret;
    client_secret_done(&c->secret);
    if (c->is_known && !is_ephemeral)
        return true;
    if (c->is_waiting) {
        answer_error(r, 503, "server_error", "keys_loading",
                     "The keys that tokens are checked with are being loaded; try again.");
        return false;
    }
    answer_error(
        r, 401, "invalid_request_error", "invalid_api_key", "%s",
        is_ephemeral   ? "An ephemeral key (ek_...) opens Realtime sessions only; use an API "
                         "key of [auth]."
        : c->gave_none ? "No API key was given. Send `Authorization: Bearer KEY` or `api-key: KEY` "
                         "with a key of [auth]."
        : c->token.len > 0
            ? "The token is not accepted: it has expired, or is not for this service."
            : "The API key is not one of [auth].");
    return false;
}

/* ---- /v1/models ---- */

static json_t *model_object(const struct agent *a)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s}", "id", a->name, "object", "model", "created", 0,
                     "owned_by", "parley", "description", a->config->description);
}

void api_models(struct net *n, struct http_request *r)
{
    struct caller c;
    const struct parley_view prefix = VIEW("/v1/models/");
    struct parley_view path = net_path(r);

    if (!is_authorized(n, r, &c))
        return;
    struct worker_generation *wg = n->w.hub.generation(n->w.hub.ctx);
    const struct generation *g = worker_generation_config(wg);
    if (view_starts_with(path, prefix)) {
        struct parley_view name = {path.data + prefix.len, path.len - prefix.len};
        const struct agent *a = generation_agent(g, name);
        if (a != NULL)
            answer_json(r, 200, model_object(a));
        else
            answer_error(r, 404, "invalid_request_error", "model_not_found",
                         "There is no agent \"%.*s\"; GET /v1/models lists them.", (int)name.len,
                         name.data);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; generation_agent_at(g, i) != NULL; i++)
        json_array_append_new(list, model_object(generation_agent_at(g, i)));
    answer_json(r, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

/* ---- /v1/realtime/client_secrets ---- */

/* expires_after {anchor: "created_at", seconds}; false when answered. */
static bool read_lifetime(struct http_request *r, const json_t *body, int64_t *ret_seconds)
{
    const json_t *after = json_object_get(body, "expires_after");
    const json_t *given = json_object_get(after, "seconds");
    int64_t seconds = json_get_int(after, "seconds", CLIENT_SECRET_DEFAULT_SECONDS);

    if ((after != NULL &&
         (!json_is_object(after) ||
          strcmp(json_get_str(after, "anchor", "created_at"), "created_at") != 0)) ||
        (given != NULL && !json_is_integer(given))) {
        answer_error(r, 400, "invalid_request_error", "invalid_value",
                     "expires_after: must be {\"anchor\": \"created_at\", \"seconds\": N}.");
        return false;
    }
    if (seconds < CLIENT_SECRET_MIN_SECONDS || seconds > CLIENT_SECRET_MAX_SECONDS) {
        answer_error(r, 400, "invalid_request_error", "invalid_value",
                     "expires_after.seconds: %lld is outside %d to %d.", (long long)seconds,
                     CLIENT_SECRET_MIN_SECONDS, CLIENT_SECRET_MAX_SECONDS);
        return false;
    }
    *ret_seconds = seconds;
    return true;
}

/* The agent that the preset names, or the default one; NULL when answered. */
static const struct agent *preset_agent(struct net *n, struct http_request *r,
                                        const json_t *session)
{
    struct worker_generation *wg = n->w.hub.generation(n->w.hub.ctx);
    const json_t *model = json_object_get(session, "model");
    const char *name = json_get_str(session, "model", n->w.config->default_agent);
    const struct agent *a = generation_agent(worker_generation_config(wg), view_of(name));

    if (session != NULL && !json_is_object(session)) {
        answer_error(r, 400, "invalid_request_error", "invalid_type",
                     "session: must be a session object, such as {\"type\": \"realtime\", "
                     "\"model\": AGENT}.");
        return NULL;
    }
    if (model != NULL && !json_is_string(model)) {
        answer_error(r, 400, "invalid_request_error", "invalid_type",
                     "session.model: must be a string, the name of an agent; GET /v1/models lists "
                     "them.");
        return NULL;
    }
    if (a == NULL && name[0] == '\0')
        answer_error(r, 400, "invalid_request_error", "missing_model",
                     "session.model: is missing; it names the agent, and GET /v1/models lists "
                     "them.");
    else if (a == NULL)
        answer_error(r, 400, "invalid_request_error", "invalid_model",
                     "session.model: there is no agent \"%s\"; GET /v1/models lists them.", name);
    return a;
}

static void answer_secret(struct net *n, struct http_request *r, const struct caller *c,
                          const struct agent *a, const json_t *session, json_t *effective,
                          int64_t seconds)
{
    char value[CLIENT_SECRET_SIZE];
    struct buf text = {0};
    struct parley_error err = PARLEY_ERROR_INIT;
    int64_t now = clock_unix_ms() / 1000;

    if (session != NULL)
        json_write(&text, session);
    int result = client_secrets_add(n->w.secrets, c->name, view_of(a->name), buf_view(&text),
                                    seconds, now, value, &err);
    buf_done(&text);
    if (result < 0) {
        answer_error(r, 429, "invalid_request_error", "rate_limit_exceeded", "%s", err.message);
        return;
    }
    answer_json(r, 200,
                json_pack("{s:s, s:I, s:O}", "value", value, "expires_at",
                          (json_int_t)(now + seconds), "session", effective));
}

void api_client_secrets(struct net *n, struct http_request *r)
{
    struct caller c;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct rt_error fault;
    int64_t seconds;

    if (!is_authorized(n, r, &c))
        return;
    struct parley_view text = http_body(r);
    _cleanup_json_ json_t *body = json_parse(text.len == 0 ? VIEW("{}") : text, &err);
    if (!json_is_object(body)) {
        answer_error(r, 400, "invalid_request_error", "invalid_json",
                     "The body is no JSON object: %s.", err.message);
        return;
    }
    json_t *session = json_object_get(body, "session");
    const struct agent *a = preset_agent(n, r, session);
    if (a == NULL || !read_lifetime(r, body, &seconds))
        return;
    if (json_is_object(session) && json_object_get(session, "type") == NULL)
        json_object_set_new(session, "type", json_string("realtime")); /* the only kind there is */
    _cleanup_json_ json_t *effective = NULL;
    if (session_effective(a, session, &effective, &fault) < 0)
        answer_fault(r, 400, &fault);
    else
        answer_secret(n, r, &c, a, session, effective, seconds);
}

/* ---- health and metrics ---- */

void api_health(struct net *n, struct http_request *r)
{
    (void)n;
    http_respond_text(r, 200, "text/plain", "ok\n");
}

/* Without them nobody with a token could come in. Once they were there, they stay in use. */
static bool has_issuer_keys(struct net *n, char *ret_why, size_t size)
{
    const struct auth *auth = n->w.hub.auth(n->w.hub.ctx);
    struct bearer *bearer = auth == NULL ? NULL : auth_bearer(auth);
    char problem[140];

    if (bearer == NULL)
        return true;
    bearer_refresh(bearer, n->w.hub.fetch_place(n->w.hub.ctx));
    bool has_keys = bearer_is_ready(bearer, problem, sizeof(problem));
    (void)snprintf(ret_why, size, "not ready: the keys of [auth] are not loaded%s%s\n",
                   problem[0] == '\0' ? "" : ": ", problem);
    return has_keys;
}

void api_ready(struct net *n, struct http_request *r)
{
    char why[200];

    if (n->is_draining || !n->w.hub.is_ready(n->w.hub.ctx))
        http_respond_text(r, 503, "text/plain", "not ready: starting or stopping\n");
    else if (!has_issuer_keys(n, why, sizeof(why)))
        http_respond_text(r, 503, "text/plain", why);
    else
        http_respond_text(r, 200, "text/plain", "ready\n");
}

void api_metrics(struct net *n, struct http_request *r)
{
    struct caller c;
    struct buf text = {0};

    if (!is_authorized(n, r, &c))
        return;
    n->w.hub.metrics(n->w.hub.ctx, &text);
    http_respond(r, &(struct http_response){.status = 200,
                                            .content_type = "text/plain; version=0.0.4",
                                            .body = buf_view(&text)});
    buf_done(&text);
}

/* ---- the console ---- */

void api_console(struct net *n, struct http_request *r)
{
    const struct console_file *file = console_file_find(http_path(r));
    struct parley_view known = {0};
    struct buf headers = {0};

    (void)n;
    (void)http_header(r, "if-none-match", &known);
    bool is_fresh = view_is(known, file->etag);
    buf_printf(&headers,
               "Content-Security-Policy: %s\r\nETag: %s\r\nCache-Control: no-cache\r\n"
               "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n",
               CONSOLE_CSP, file->etag);
    http_respond(r,
                 &(struct http_response){
                     .status = is_fresh ? 304 : 200,
                     .content_type = file->mime,
                     .headers = buf_view(&headers),
                     .body = is_fresh ? VIEW("")
                                      : (struct parley_view){(const char *)file->data, file->len}});
    buf_done(&headers);
}
