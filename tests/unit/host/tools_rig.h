/* SPDX-License-Identifier: Apache-2.0 */
/* A tools plugin that is the test itself, and the caller of its functions. */
#ifndef TOOLS_RIG_H
#define TOOLS_RIG_H

#include "host_fixture.h"

#include "base/str.h"

extern struct tools_rig_plugin {
    const struct parley_tools_host *host;
    parley_op op;
    int calls;
    int cancels;
    bool ends_at_once;
    bool refuses;
    const struct parley_tool *items;
    size_t count;
    int lists;
    int64_t wait_ms;
    int64_t fresh_ms;
    const char *trouble;
    char closed_session[32];
    char authorization[32];
    char arguments[64];
    const char *content; /* of a blocking call's result */
    const char *structured;
} plugin;

/* What the caller has heard. */
extern struct tools_rig_caller {
    int ends;
    bool has_ended;
    int status;
    char output[4096];
    bool is_cut;
    char content[4096];
    char structured[4096];
    int progresses;
    double progress;
} caller;

extern struct host_fixture f;
extern const struct tools_events events;

/* plain, slow (blocking), brief (50 ms, read-only), steady (50 ms, with progress up to 120 ms). */
extern const struct parley_tool usual[4];

int setup(void **state);
int teardown(void **state);

/* Call a function; at most 64 bytes of output. */
struct tools_run *run(const char *name, const char *arguments);

/* The plugin lists these from now on. */
void list_again(const struct parley_tool *items, size_t count);

void end_text(parley_op op, int status, const char *text);

/* A whole result: with content blocks and a structured value. */
void end_whole(parley_op op, const char *content, const char *structured);

#endif
