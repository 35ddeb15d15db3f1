/* SPDX-License-Identifier: Apache-2.0 */
/* model_agents through the test kit, with a Responses server that says a word. */
#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_net.h>

#define EVENT(json) "data: " json "\n\n"

static void server(void *ctx, const struct fake_http_request *request,
                   struct fake_http_answer *answer)
{
    static const char stream[] =
        EVENT("{\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}")
            EVENT("{\"type\":\"response.output_text.delta\",\"delta\":\"One moment. \"}") EVENT(
                "{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"output\":[]}}");

    (void)ctx;
    (void)request;
    answer->headers = "content-type: text/event-stream\r\n";
    answer->body = (struct parley_view){stream, sizeof(stream) - 1};
}

static void open_(void *ctx)
{
    (void)ctx;
    fake_http_serve(server, NULL);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"protocol=responses",
                                          "base_url=https://agents.example.com",
                                          "api_key=sk-kit-0123456789", NULL};
    static const struct testkit_fixture fixture = {.open = open_};
    const struct testkit_subject subject = {
        .path = argc > 1 ? argv[1] : "", .options = options, .fixture = &fixture};

    return testkit_run(&subject);
}
