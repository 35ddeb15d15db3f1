/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <string.h>

static void tell(struct parley_view line, const struct lines_events *events, void *ctx)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    events->on_line(ctx, line);
}

/* Part of a line, up to its end or to the end of what was read. */
static void hold(struct lines *l, struct parley_view part, const struct lines_events *events,
                 void *ctx)
{
    if (l->is_skipping || text_append(&l->held, part, l->limit))
        return;
    text_done(&l->held);
    l->is_skipping = true;
    if (events->on_too_long != NULL)
        events->on_too_long(ctx);
}

static void finish(struct lines *l, const struct lines_events *events, void *ctx)
{
    if (!l->is_skipping)
        tell(text_view(&l->held), events, ctx);
    l->is_skipping = false;
    text_clear(&l->held);
}

void lines_feed(struct lines *l, struct parley_view data, const struct lines_events *events,
                void *ctx)
{
    while (data.len > 0) {
        const char *end = memchr(data.data, '\n', data.len);
        struct parley_view part = {data.data, end == NULL ? data.len : (size_t)(end - data.data)};
        hold(l, part, events, ctx);
        if (end == NULL)
            return;
        finish(l, events, ctx);
        data.data += part.len + 1;
        data.len -= part.len + 1;
    }
}

void lines_end(struct lines *l, const struct lines_events *events, void *ctx)
{
    if (l->held.len > 0)
        finish(l, events, ctx);
    l->is_skipping = false;
}

void lines_done(struct lines *l)
{
    text_done(&l->held);
    l->is_skipping = false;
}
