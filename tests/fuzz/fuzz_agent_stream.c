/* SPDX-License-Identifier: Apache-2.0 */
/* What the host of an agent streams, for each protocol: the first byte says which. The rest is an
 * event stream, whose first event is the agent's card, too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "parts/sse.h"
#include "talk.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct protocol *const protocols[] = {&protocol_responses, &protocol_a2a,
                                                   &protocol_ag_ui};

static void on_text(parley_op op, struct parley_view delta)
{
    (void)op;
    if (delta.len == 0)
        abort();
}

static void on_call(parley_op op, struct parley_view name, struct parley_view arguments)
{
    (void)op;
    if (name.len == 0 || arguments.len < 2)
        abort();
}

static void on_agent_call(parley_op op, const struct parley_chat_agent_call *call)
{
    (void)op;
    if (call->name.len == 0)
        abort();
}

static void on_end(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    (void)op;
    (void)finish;
    (void)usage;
    if ((status < 0) != (err != NULL))
        abort();
}

static const struct parley_chat_host host = {.size = sizeof(host),
                                             .text = on_text,
                                             .call = on_call,
                                             .end = on_end,
                                             .agent_call = on_agent_call};

struct stream {
    const struct protocol *protocol;
    struct talk talk;
};

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    struct stream *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *tree = json_loadb(data.data, data.len, 0, NULL);

    (void)type;
    if (s->talk.rpc_url == NULL)
        (void)s->protocol->prepared(&s->talk, data, &err);
    if (json_is_object(tree))
        s->protocol->event(&s->talk, tree);
    json_decref(tree);
}

/* The turn after: what it would ask must be written whatever came. */
static void ask_again(struct stream *s)
{
    static const struct parley_chat_request request = {
        .size = sizeof(request),
        .items = PARLEY_VIEW("[{\"id\":\"i\",\"role\":\"user\",\"content\":[{\"text\":\"Hi\"}]},"
                             "{\"role\":\"assistant\",\"content\":[{\"text\":\"a\"}]}]"),
    };
    struct parley_error err = PARLEY_ERROR_INIT;
    struct errand errand = {0};

    talk_remember(&s->talk, true);
    if (turn_read(&s->talk.turn, &request, &err) < 0)
        abort();
    (void)s->protocol->ask(&s->talk, &errand, &err);
    errand_done(&errand);
    if (s->protocol->call_off(&s->talk, &errand))
        errand_done(&errand);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct agent_server server = {.base_url = (char *)"https://a.example",
                                               .rpc_url = "https://a.example/rpc",
                                               .model = "",
                                               .agent = "",
                                               .agent_version = "",
                                               .conversations_url = "",
                                               .must_pass_tools = true};
    struct sse sse = {.limit = LIMIT};
    struct stream s = {.protocol = protocols[size == 0 ? 0 : data[0] % 3],
                       .talk = {.server = &server}};

    answer_init(&s.talk.answer, &host, 1, true);
    s.talk.turn.tools = json_loads("[{\"name\":\"look\"}]", 0, NULL);
    s.talk.turn.instructions = strdup("Be brief.");
    for (size_t at = 1; at < size; at += 64) {
        struct parley_view part = {(const char *)data + at, size - at < 64 ? size - at : 64};
        if (sse_feed(&sse, part, on_event, &s) < 0)
            break;
    }
    s.protocol->over(&s.talk);
    answer_end(&s.talk.answer, s.talk.turn.tools);
    ask_again(&s);
    talk_done(&s.talk);
    sse_done(&sse);
    return 0;
}
