/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a pipe to lines: LF or CR LF, however the reads cut them, with a limit on one line. */
#ifndef TOOLS_MCP_LINES_H
#define TOOLS_MCP_LINES_H

#include "parts/text.h"

/* Zeroed and given a limit is valid: at the start of a line. */
struct lines {
    size_t limit;
    struct text held;
    bool is_skipping; /* the rest of a line that was too long */
};

struct lines_events {
    void (*on_line)(void *ctx, struct parley_view line); /* without its end */
    void (*on_too_long)(void *ctx);                      /* a line was dropped; may be NULL */
};

/* Callbacks must not free `l`. */
void lines_feed(struct lines *l, struct parley_view data, const struct lines_events *events,
                void *ctx);

/* The pipe has ended: what is held is a last line. */
void lines_end(struct lines *l, const struct lines_events *events, void *ctx);

/* At the start of a line again, with nothing held. */
void lines_done(struct lines *l);

#endif
