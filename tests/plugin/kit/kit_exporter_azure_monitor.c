/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_azure_monitor through the test kit, with a service in changing moods and a folder for
 * what it does not take. */
#include <parley/testkit/conformance.h>
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

static void open_(void *ctx)
{
    (void)ctx;
    fake_http_serve(service, NULL);
}

int main(int argc, char **argv)
{
    static const struct testkit_fixture fixture = {.open = open_};
    static const char *const options[] = {
        "connection_string=InstrumentationKey=00000000-0000-0000-0000-000000000001;"
        "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
        "storage_dir=@/kept", NULL};
    const struct testkit_subject subject = {
        .path = argc > 1 ? argv[1] : "", .options = options, .fixture = &fixture};

    return testkit_run(&subject);
}
