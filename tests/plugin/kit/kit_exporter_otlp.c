/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_otlp through the test kit, with a collector that takes most of what it is sent. */
#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_net.h>

static unsigned requests;

/* Every third request is told to come back later. */
static void collector(void *ctx, const struct fake_http_request *request,
                      struct fake_http_answer *answer)
{
    (void)ctx;
    (void)request;
    if (++requests % 3 == 0) {
        answer->code = 503;
        answer->headers = "retry-after: 1\r\n";
    }
}

static void open_(void *ctx)
{
    (void)ctx;
    fake_http_serve(collector, NULL);
}

int main(int argc, char **argv)
{
    static const struct testkit_fixture fixture = {.open = open_};
    const struct testkit_subject subject = {.path = argc > 1 ? argv[1] : "", .fixture = &fixture};

    return testkit_run(&subject);
}
