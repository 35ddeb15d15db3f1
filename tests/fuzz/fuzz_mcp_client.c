/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole MCP client over a link of the test's. Each line is what happens next:
 *
 *     {...} or [...]   a message of the server
 *     +N               N times 100 ms pass
 *     !                the link goes down
 *     ?N  >N           request N finds no answer; is wanted later
 *     c  x             the host calls the first tool; cancels the last call
 *     l                the host asks for the list
 *     i                what had to arrive first has arrived
 *
 * The first byte chooses between a child and HTTP, and the protocol.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/plugin.h>

#include "client.h"
#include "pins.h"
#include "stateless.h"

#define MAX_TIMERS 8
#define MAX_CALLS  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct parley_timer {
    void (*on_timer)(void *ctx);
    void *ctx;
    uint64_t due_us; /* 0: not running */
};

static struct {
    uint64_t now_us;
    struct parley_timer timers[MAX_TIMERS];
    unsigned timer_count;
    struct client *client;
    parley_op last_op;
    unsigned open_calls;
    char tool[80];
    bool is_listing_due;
} world;

/* ---- the host ---- */

static void host_log(const void *instance, int level, const char *format, ...)
{
    (void)instance;
    (void)level;
    if (format[0] == '\0')
        abort();
}

static uint64_t host_now_us(void)
{
    return world.now_us;
}

static void host_random(void *bytes, size_t len)
{
    memset(bytes, 7, len);
}

static struct parley_timer *timer_create_(struct parley_worker *worker, void (*on_timer)(void *ctx),
                                          void *ctx)
{
    (void)worker;
    if (world.timer_count == MAX_TIMERS)
        abort();
    struct parley_timer *t = &world.timers[world.timer_count++];
    *t = (struct parley_timer){on_timer, ctx, 0};
    return t;
}

static void timer_start(struct parley_timer *timer, int64_t delay_ms)
{
    timer->due_us = world.now_us + (uint64_t)delay_ms * 1000 + 1;
}

static void timer_stop(struct parley_timer *timer)
{
    timer->due_us = 0;
}

static void timer_destroy(struct parley_timer *timer)
{
    timer->due_us = 0;
}

static const struct parley_service_timer timer_service = {
    sizeof(timer_service), 0, timer_create_, timer_start, timer_stop, timer_destroy};
static const struct parley_host host = {.size = sizeof(host),
                                        .minor = PARLEY_ABI_MINOR,
                                        .log = host_log,
                                        .now_us = host_now_us,
                                        .unix_us = host_now_us,
                                        .random = host_random};

static void on_end(parley_op op, const struct parley_tool_result *result)
{
    if (op == 0 || op > world.last_op || world.open_calls == 0 || result->output.data == NULL)
        abort();
    world.open_calls--;
}

static void on_progress(parley_op op, double done, double total, struct parley_view message)
{
    (void)done;
    (void)total;
    if (op == 0 || message.len > 256)
        abort();
}

static void on_changed(struct parley_worker *worker, void *worker_instance)
{
    (void)worker;
    (void)worker_instance;
    world.is_listing_due = true;
}

static const struct parley_tools_host tools_host = {sizeof(tools_host), 0, on_end, on_progress,
                                                    on_changed};

static void ask_list(void)
{
    struct parley_tool_list list = {.size = sizeof(list)};

    world.is_listing_due = false;
    client_list(world.client, &list);
    world.tool[0] = '\0';
    if (list.count > 0)
        (void)snprintf(world.tool, sizeof(world.tool), "%s", list.items[0].name);
    for (size_t i = 0; i < list.count; i++) {
        if (strlen(list.items[i].name) > 64 || strlen(list.items[i].description) > 4096)
            abort();
    }
}

/* ---- the link ---- */

static int link_open(void *link, struct parley_error *err)
{
    (void)link;
    (void)err;
    return PARLEY_OK;
}

/* What is said must be JSON. */
static int link_send(void *link, const struct link_message *message, struct parley_error *err)
{
    json_t *tree = json_loads(message->text, 0, NULL);

    (void)link;
    (void)err;
    if (!json_is_object(tree))
        abort();
    json_decref(tree);
    return PARLEY_OK;
}

static void link_forget(void *link, uint64_t request)
{
    (void)link;
    (void)request;
}

static void link_set_version(void *link, const char *version)
{
    (void)link;
    (void)version;
}

static void link_nothing(void *link)
{
    (void)link;
}

static const struct link_vtable child = {
    link_open, link_send, link_forget, link_set_version, link_nothing, link_nothing, 0};
static const struct link_vtable http = {
    link_open, link_send, link_forget, link_set_version, link_nothing, link_nothing, 1};

/* ---- what happens ---- */

static void run_timers(void)
{
    for (unsigned i = 0; i < world.timer_count; i++) {
        struct parley_timer *t = &world.timers[i];
        if (t->due_us == 0 || t->due_us > world.now_us + 1)
            continue;
        t->due_us = 0;
        t->on_timer(t->ctx);
    }
    if (world.is_listing_due)
        ask_list();
}

static void call_first(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_tool_call call = {.size = sizeof(call),
                                          .session_id = "s",
                                          .name = world.tool,
                                          .arguments = PARLEY_VIEW("{\"a\":\"b\"}"),
                                          .traceparent = ""};

    if (world.tool[0] == '\0' || world.open_calls == MAX_CALLS)
        return;
    world.open_calls++;
    if (client_call(world.client, &call, ++world.last_op, &err) < 0)
        world.open_calls--;
}

static void take_message(const char *line)
{
    json_t *tree = json_loads(line, 0, NULL);

    if (tree != NULL)
        client_link_events.on_message(world.client, tree);
    json_decref(tree);
}

static void happen(const char *line)
{
    unsigned long number = strtoul(line + (line[0] != '\0'), NULL, 10);
    const struct link_events *events = &client_link_events;

    if (line[0] == '+')
        world.now_us += (number % 1000) * 100000;
    else if (line[0] == '!')
        events->on_down(world.client, "down");
    else if (line[0] == '?')
        events->on_fault(world.client, number / 16, -(int)(number % 16), "fault");
    else if (line[0] == '>')
        events->on_later(world.client, number, 1000, "later");
    else if (line[0] == 'c')
        call_first();
    else if (line[0] == 'x')
        client_cancel(world.client, world.last_op);
    else if (line[0] == 'l')
        ask_list();
    else if (line[0] == 'i')
        events->on_initialized(world.client);
    else
        take_message(line);
    run_timers();
}

static void begin(uint8_t choice, struct pins *pins)
{
    static const enum client_protocol protocols[] = {CLIENT_AUTO, CLIENT_LEGACY, CLIENT_STATELESS,
                                                     CLIENT_AUTO};
    const struct client_config config = {
        .around = {&host, &timer_service, NULL, NULL},
        .prefix = "f_",
        .max_timeout_ms = 120000,
        .max_calls = 4,
        .protocol = protocols[choice >> 1 & 3],
        .pins = pins,
        .refuses_changed = (choice & 8) != 0,
        .accepts_defaults = (choice & 16) != 0,
        .start_timeout_ms = 5000,
        .ready_timeout_ms = 500,
    };
    struct link link = {(choice & 1) != 0 ? &http : &child, NULL};
    struct link other = {(choice & 1) != 0 && (choice & 6) != 4 ? &child : NULL, NULL};

    memset(&world, 0, sizeof(world));
    world.now_us = 1000000;
    world.client = client_create(&config);
    if (world.client == NULL)
        abort();
    client_start(world.client, link, other, &tools_host, NULL);
    ask_list();
    run_timers();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pins *pins = pins_create((const uint8_t *)"0123456789abcdef");
    char *text = malloc(size + 1);
    char *rest = text, *line;

    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    begin(size > 0 ? (uint8_t)text[0] : 0, pins);
    if (size > 0)
        rest++;
    while ((line = strsep(&rest, "\n")) != NULL)
        happen(line);
    client_destroy(world.client);
    pins_destroy(pins);
    free(text);
    return 0;
}
