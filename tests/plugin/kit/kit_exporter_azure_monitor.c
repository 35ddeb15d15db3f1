/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_azure_monitor through the test kit, with a service in changing moods and a folder for
 * what it does not take; with a second argument by OTLP, where a token comes first. */
#include <parley/service/credentials.h>
#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_host.h>
#include <parley/testkit/fake_net.h>

#include <string.h>

static unsigned requests;

static void service(void *ctx, const struct fake_http_request *request,
                    struct fake_http_answer *answer)
{
    static const char part[] = "{\"itemsReceived\":2,\"itemsAccepted\":0,\"errors\":["
                               "{\"index\":0,\"statusCode\":503,\"message\":\"busy\"},"
                               "{\"index\":1,\"statusCode\":400,\"message\":\"no\"}]}";

    (void)ctx;
    (void)request;
    switch (++requests % 5) {
    case 0:
        answer->code = 206;
        answer->body = (struct parley_view){part, strlen(part)};
        break;
    case 2:
        answer->code = 503;
        answer->headers = "retry-after: 1\r\n";
        break;
    case 3:
        answer->code = 307;
        answer->headers = "location: https://other.in.applicationinsights.azure.com/v2.1/track\r\n";
        break;
    default:
        break;
    }
}

/* ---- tokens, of which every fourth is refused ---- */

#define MAX_ASKED 512

static struct {
    const struct parley_credential_events *events;
    void *ctx;
    uint64_t request;
} asked[MAX_ASKED];
static unsigned asked_count;
static uint64_t last_request;

static int token_check(const void *instance, const char *name, struct parley_error *err)
{
    (void)instance;
    (void)name;
    (void)err;
    return PARLEY_OK;
}

static int token_get(const void *instance, struct parley_worker *worker, const char *name,
                     const char *scope, const struct parley_credential_events *events, void *ctx,
                     uint64_t *ret_request, struct parley_error *err)
{
    (void)instance;
    (void)worker;
    (void)name;
    (void)scope;
    if (asked_count == MAX_ASKED)
        return parley_fail(err, PARLEY_E_BUSY, "too many tokens are asked for");
    *ret_request = ++last_request;
    asked[asked_count].events = events;
    asked[asked_count].ctx = ctx;
    asked[asked_count++].request = last_request;
    return PARLEY_OK;
}

static void token_cancel(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    for (unsigned i = 0; i < asked_count; i++) {
        if (asked[i].request == request)
            asked[i] = asked[--asked_count];
    }
}

static void token_refused(const void *instance, const char *name, const char *scope,
                          struct parley_view value)
{
    (void)instance;
    (void)name;
    (void)scope;
    (void)value;
}

static const struct parley_service_credentials credentials = {.size = sizeof(credentials),
                                                              .check = token_check,
                                                              .get = token_get,
                                                              .cancel = token_cancel,
                                                              .refused = token_refused};

static bool step(void *ctx)
{
    struct parley_credential_token token = {
        .size = sizeof(token), .value = PARLEY_VIEW("token"), .message = ""};

    (void)ctx;
    if (asked_count == 0)
        return false;
    const struct parley_credential_events *events = asked[asked_count - 1].events;
    void *whose = asked[--asked_count].ctx;
    if (last_request % 4 == 0) {
        token.status = PARLEY_E_UNAVAILABLE;
        token.message = "nobody gives tokens";
    }
    events->on_token(whose, &token);
    return true;
}

static void open_(void *ctx)
{
    (void)ctx;
    asked_count = 0;
    fake_host_provide(PARLEY_SERVICE_CREDENTIALS, &credentials);
    fake_http_serve(service, NULL);
}

int main(int argc, char **argv)
{
    static const struct testkit_fixture fixture = {.open = open_, .step = step};
    static const char *const options[] = {
        "connection_string=InstrumentationKey=00000000-0000-0000-0000-000000000001;"
        "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
        "storage_dir=@/kept", NULL};
    static const char *const native[] = {
        "protocol=otlp", "credential=azure",
        "traces_endpoint=https://x.westeurope-1.ingest.monitor.azure.com/otlp/v1/traces",
        "metrics_endpoint=https://x.westeurope-1.metrics.ingest.monitor.azure.com/otlp/v1/metrics",
        NULL};
    const struct testkit_subject subject = {.path = argc > 1 ? argv[1] : "",
                                            .options = argc > 2 ? native : options,
                                            .fixture = &fixture};

    return testkit_run(&subject);
}
