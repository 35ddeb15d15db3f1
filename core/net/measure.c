/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/str.h"
#include "net/net_state.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"

/* Methods are few; a client's invention is not a value of its own. */
static struct parley_view known_method(struct parley_view method)
{
    return method.len == 0 ? VIEW("_OTHER") : method;
}

static void count(struct net *n, const struct http_request *r, const char *route, int status,
                  uint64_t took_us)
{
    char code[12];

    (void)snprintf(code, sizeof(code), "%d", status);
    const struct metric_label labels[] = {
        {NAME_HTTP_METHOD, known_method(http_method(r))},
        {NAME_HTTP_ROUTE, view_of(route)},
        {NAME_HTTP_STATUS, view_of(code)},
        {NAME_URL_SCHEME, http_is_tls(r) ? VIEW("https") : VIEW("http")}};
    metric_record(metrics_point(n->w.recorder, METRIC_HTTP_DURATION, labels, ARRAY_LEN(labels)),
                  (double)took_us / 1e6);
}

void net_answered(void *ctx, const struct http_request *r, int status, uint64_t took_us)
{
    count(ctx, r, net_route(ctx, r), status, took_us);
}

void admin_answered(void *ctx, const struct http_request *r, int status, uint64_t took_us)
{
    count(ctx, r, admin_route(r), status, took_us);
}

void net_rejected(struct net *n, const char *reason)
{
    metrics_note(n->w.recorder, METRIC_SESSION_REJECTED, 1, NAME_REJECT_REASON, reason);
}
