/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /voice-live/realtime: clients of Azure Voice Live, who connect as they do to the service. Its
 * refusals come with the handshake, by HTTP status, unlike those of /v1/realtime.
 */
#include "base/str.h"
#include "net/connection.h"

static void to_session(void *ctx, struct parley_view event, uint32_t flags)
{
    connection_hear(ctx, event, flags);
}

static void to_client(void *ctx, struct parley_view event, uint32_t flags)
{
    connection_put(ctx, event, flags);
}

static void on_turn(void *ctx)
{
    voice_live_go_on(((struct connection *)ctx)->voice_live);
}

static void schedule(void *ctx)
{
    struct connection *c = ctx;

    if (c->net != NULL)
        loop_timer_start(c->net->w.loop, &c->dialect_turn, 0, on_turn, c);
}

bool azure_speak(struct connection *c)
{
    const struct voice_live_sink sink = {
        .to_session = to_session, .to_client = to_client, .schedule = schedule, .ctx = c};

    c->voice_live = voice_live_create(&sink);
    return c->voice_live != NULL;
}

/* Names the agent: as a model, or in the mode of agents by its name. */
static bool has_agent(struct net *n, struct http_request *r)
{
    struct worker_generation *wg = n->w.hub.generation(n->w.hub.ctx);
    struct parley_view name = {0};

    if (!http_query_get(r, "model", &name))
        (void)http_query_get(r, "agent-name", &name);
    if (name.len == 0)
        name = view_of(n->w.config->default_agent);
    const struct generation *g = worker_generation_config(wg);
    if (generation_agent(g, name) != NULL ||
        generation_agent(g, view_of(n->w.config->default_agent)) != NULL)
        return true;
    net_rejected(n, "request");
    answer_error(r, 404, "invalid_request_error", "model_not_found",
                 "There is no agent \"%.*s\"; GET /v1/models lists them.",
                 (int)(name.len < 64 ? name.len : 64), name.data);
    return false;
}

bool azure_may_upgrade(struct net *n, struct http_request *r, const struct caller *caller)
{
    if (caller->is_known || caller->is_waiting)
        return has_agent(n, r);
    net_rejected(n, "auth");
    answer_error(r, 401, "invalid_request_error", "invalid_api_key", "%s",
                 caller->gave_none
                     ? "No key was given: send the header api-key, or Authorization: Bearer TOKEN."
                     : "The key or token is not accepted.");
    return false;
}
