/* SPDX-License-Identifier: Apache-2.0 */
/* store_cosmos through the test kit, with the account of sim.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_net.h>

#include "sim.h"

#define MAX_LINES 32

static struct sim_answer last; /* what the kit has not told yet */

static void account(void *ctx, const struct fake_http_request *asked,
                    struct fake_http_answer *answer)
{
    const char *lines[MAX_LINES];
    char *headers = strdup(asked->headers), *rest = NULL;
    uint32_t count = 0;

    (void)ctx;
    for (char *line = strtok_r(headers, "\n", &rest); line != NULL && count < MAX_LINES;
         line = strtok_r(NULL, "\n", &rest))
        lines[count++] = line;
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = count,
        .method = asked->method,
        .url = asked->url,
        .headers = lines,
        .body = asked->body,
    };
    free(last.headers);
    free(last.body);
    last = sim_ask(&request);
    free(headers);
    answer->status = last.status;
    answer->code = last.code;
    answer->headers = last.headers;
    answer->body = (struct parley_view){last.body, last.body == NULL ? 0 : strlen(last.body)};
}

static void open_account(void *ctx)
{
    (void)ctx;
    sim_reset();
    fake_http_serve(account, NULL);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY, NULL};
    static const struct testkit_fixture fixture = {.open = open_account};
    const struct testkit_subject subject = {
        .path = argc > 1 ? argv[1] : "",
        .options = options,
        .flags = TESTKIT_DURABLE,
        .fixture = &fixture,
    };

    return testkit_run(&subject);
}
