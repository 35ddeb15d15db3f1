/* SPDX-License-Identifier: Apache-2.0 */
#include "native.h"

#include "connection.h"
#include "place.h"

#include <string.h>

static bool is_given(const char *text)
{
    return text[0] != '\0';
}

static int check_endpoint(const char *option, const char *url, struct parley_error *err)
{
    return is_given(url) ? place_check(option, url, err) : PARLEY_OK;
}

int native_check(const struct config *c, struct parley_error *err)
{
    bool is_any =
        is_given(c->traces_endpoint) || is_given(c->metrics_endpoint) || is_given(c->logs_endpoint);

    if (!is_any)
        return parley_fail(err, PARLEY_E_INVALID,
                           "traces_endpoint: is missing, and so are metrics_endpoint and "
                           "logs_endpoint; the portal shows them as OTLP connection info");
    if (!is_given(c->credential))
        return parley_fail(err, PARLEY_E_INVALID,
                           "credential: is missing; the OTLP endpoints take tokens of Entra only");
    int r = check_endpoint("traces_endpoint", c->traces_endpoint, err);
    if (r == PARLEY_OK)
        r = check_endpoint("metrics_endpoint", c->metrics_endpoint, err);
    return r < 0 ? r : check_endpoint("logs_endpoint", c->logs_endpoint, err);
}

bool native_headers(struct headers *headers, const struct parley_host *host)
{
    return sender_add_headers(headers, host, true);
}

static const char *url_of(int32_t is_on, const char *url)
{
    return is_on && is_given(url) ? url : NULL;
}

struct sender_config native_sender(const struct config *c, const struct parley_host *host,
                                   const void *handle, const char *name,
                                   const struct headers *headers)
{
    const char *first = is_given(c->traces_endpoint)    ? c->traces_endpoint
                        : is_given(c->metrics_endpoint) ? c->metrics_endpoint
                                                        : c->logs_endpoint;

    return (struct sender_config){
        .host = host,
        .handle = handle,
        .name = name,
        .traces_url = url_of(c->traces, c->traces_endpoint),
        .metrics_url = url_of(c->metrics, c->metrics_endpoint),
        .logs_url = url_of(c->logs, c->logs_endpoint),
        .headers = headers,
        .is_gzip = true,
        .with_content = c->content != 0,
        .with_delta = true,
        .with_exponential = true,
        .credential = c->credential,
        .scope = connection_scope_of(first),
        .timeout_ms = c->timeout_ms,
        .max_queue_bytes = c->max_queue_bytes,
        .ca_file = c->ca_file,
    };
}
