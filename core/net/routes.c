/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "net/console_files.h"
#include "net/net_state.h"

#include "base/cleanup.h"

struct route {
    const char *method;
    const char *path; /* a trailing '*' stands for anything */
    void (*handle)(struct net *n, struct http_request *r);
    const char *about; /* for the answer to a path that nobody has */
};

static const struct route routes[] = {
    {"GET", "/v1/models", api_models, "the agents"},
    {"GET", "/v1/models/*", api_models, "one agent"},
    {"POST", "/v1/realtime/client_secrets", api_client_secrets, "an ephemeral key"},
    {"GET", "/healthz", api_health, "is the process alive"},
    {"GET", "/readyz", api_ready, "can it take sessions"},
    {"GET", "/metrics", api_metrics, "Prometheus metrics"},
};

struct parley_view net_path(const struct http_request *r)
{
    struct parley_view path = http_path(r);

    if (view_starts_with(path, VIEW("/openai/v1/")))
        return (struct parley_view){path.data + 7, path.len - 7};
    return path;
}

static bool matches(const struct route *route, struct parley_view path)
{
    struct parley_view pattern = view_of(route->path);

    if (!view_ends_with(pattern, VIEW("*")))
        return view_equal(path, pattern);
    return view_starts_with(path, (struct parley_view){pattern.data, pattern.len - 1});
}

const char *net_route(const struct net *n, const struct http_request *r)
{
    struct parley_view path = net_path(r);

    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (matches(&routes[i], path))
            return routes[i].path;
    }
    if (view_is(path, "/v1/realtime"))
        return "/v1/realtime";
    if (view_is(path, NET_VOICE_LIVE_PATH))
        return NET_VOICE_LIVE_PATH;
    return n->w.config->serves_console && console_file_find(path) != NULL ? "/*" : "";
}

static void not_found(struct http_request *r, struct parley_view path)
{
    bool is_admin = view_starts_with(path, VIEW("/admin/"));

    answer_error(r, 404, "invalid_request_error", "not_found", "There is nothing at %.*s. %s",
                 (int)(path.len > 200 ? 200 : path.len), path.data,
                 is_admin ? "The admin API has an address of its own, listen of [admin]."
                          : "Realtime clients connect to /v1/realtime?model=AGENT; GET /v1/models "
                            "lists the agents.");
}

void net_request(void *ctx, struct http_request *r)
{
    struct net *n = ctx;
    struct parley_view path = net_path(r);
    bool is_head = view_is(http_method(r), "HEAD");

    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!matches(&routes[i], path))
            continue;
        if (!view_is(is_head ? VIEW("GET") : http_method(r), routes[i].method))
            answer_error(r, 405, "invalid_request_error", "method_not_allowed", "%s takes %s only.",
                         routes[i].path, routes[i].method);
        else
            routes[i].handle(n, r);
        return;
    }
    if (view_is(path, "/v1/realtime") || view_is(path, NET_VOICE_LIVE_PATH))
        answer_error(r, 426, "invalid_request_error", "upgrade_required",
                     "%.*s is a WebSocket: connect with a Realtime client.", (int)path.len,
                     path.data);
    else if (n->w.config->serves_console && console_file_find(path) != NULL)
        api_console(n, r);
    else
        not_found(r, path);
}

void net_upgrade(void *ctx, struct http_request *r)
{
    if (view_is(net_path(r), "/v1/realtime") || view_is(http_path(r), NET_VOICE_LIVE_PATH))
        realtime_upgrade(ctx, r);
    else
        not_found(r, http_path(r));
}
