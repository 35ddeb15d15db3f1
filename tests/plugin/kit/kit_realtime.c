/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that speak the Realtime protocol through the test kit, with a service that greets and
 * answers. usage: kit_realtime PLUGIN OPTION=VALUE... */
#include <parley/testkit/conformance.h>
#include <parley/testkit/fake_net.h>

#include <stdbool.h>
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

/* A translator builds trees, and jansson's parser does not survive every failed allocation. */
static const char *const with_trees[] = {"model.out-of-memory", NULL};

int main(int argc, char **argv)
{
    const char *options[8] = {NULL}; /* the last stays NULL */
    static const struct testkit_fixture fixture = {.open = open_};
    bool builds_trees = false;

    for (int i = 2; i < argc && i < 9; i++) {
        options[i - 2] = argv[i];
        builds_trees = builds_trees || strcmp(argv[i], "service=voice-live") == 0;
    }
    const struct testkit_subject subject = {.path = argc > 1 ? argv[1] : "",
                                            .options = options,
                                            .except = builds_trees ? with_trees : NULL,
                                            .fixture = &fixture};

    return testkit_run(&subject);
}
