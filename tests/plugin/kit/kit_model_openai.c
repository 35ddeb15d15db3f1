/* SPDX-License-Identifier: Apache-2.0 */
/* model_openai through the test kit, with a Realtime service that greets and answers. */
#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_net.h>

#include <string.h>

static void service(void *ctx, struct parley_ws *ws, const char *message)
{
    (void)ctx;
    if (message == NULL)
        fake_ws_say(ws, "{\"type\":\"session.created\",\"session\":{\"type\":\"realtime\"}}");
    else if (strstr(message, "response.create") != NULL) {
        fake_ws_say(ws, "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}");
        fake_ws_say(ws, "{\"type\":\"response.output_audio.delta\",\"delta\":\"AAAA\"}");
        fake_ws_say(ws, "{\"type\":\"response.done\",\"response\":{\"id\":\"resp_1\"}}");
    } else if (strstr(message, "something.newer") != NULL)
        fake_ws_say(ws, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                        "\"message\":\"no such event\"}}");
}

static void open_(void *ctx)
{
    (void)ctx;
    fake_ws_serve(service, NULL);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"api_key=sk-kit-0123456789", NULL};
    static const struct testkit_fixture fixture = {.open = open_};
    const struct testkit_subject subject = {
        .path = argc > 1 ? argv[1] : "", .options = options, .fixture = &fixture};

    return testkit_run(&subject);
}
