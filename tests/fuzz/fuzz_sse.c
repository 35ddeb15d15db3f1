/* SPDX-License-Identifier: Apache-2.0 */
/* An event stream of an MCP server, cut as the first byte says, and the same bytes as lines. */
#include <stdint.h>
#include <stdlib.h>

#include "lines.h"
#include "message.h"
#include "parts/sse.h"

#define LIMIT 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct parley_view data)
{
    json_t *tree = json_loadb(data.data, data.len, 0, NULL);
    struct message m;

    if (data.len > LIMIT)
        abort();
    message_read(tree, &m);
    json_decref(tree);
}

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    (void)ctx;
    (void)type;
    look(data);
}

static void on_line(void *ctx, struct parley_view line)
{
    (void)ctx;
    look(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lines_events events = {.on_line = on_line};
    struct sse s = {.limit = LIMIT};
    struct lines l = {.limit = LIMIT};
    size_t step = size == 0 ? 1 : (size_t)data[0] % 32 + 1;

    for (size_t at = 1; at < size; at += step) {
        struct parley_view part = {(const char *)data + at, size - at < step ? size - at : step};
        if (sse_feed(&s, part, on_event, NULL) < 0)
            sse_restart(&s);
        lines_feed(&l, part, &events, NULL);
    }
    lines_end(&l, &events, NULL);
    sse_done(&s);
    lines_done(&l);
    return 0;
}
