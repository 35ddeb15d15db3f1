/* SPDX-License-Identifier: Apache-2.0 */
/* A tools plugin, as the host sees it: attached, listed, called. */
#ifndef TESTKIT_TOOLS_H
#define TESTKIT_TOOLS_H

#include "kit.h"

#include <parley/tools.h>

#define TOOLS_MAX 512

struct tools_client {
    struct fake_plugin *plugin;
    const struct parley_tools_vtable *tools;
    void *worker;
    struct {
        char name[80];
        uint32_t flags;
        int64_t timeout_ms;
    } items[TOOLS_MAX];
    size_t count;
};

/* Open, attach, let it find its functions, list them. */
void tools_open(struct tools_client *c);
void tools_open_beside(struct tools_client *c, struct tools_client *first);
void tools_close(struct tools_client *c);

/* list() anew, and check what it says. */
void tools_list(struct tools_client *c);

/* Begin a call; 0 when it was refused. A BLOCKING one is a job of the pool, as in the host. */
parley_op tools_begin(struct tools_client *c, const char *tool, const char *arguments);

void tools_cancel(struct tools_client *c, parley_op op);

/* Wait for the end as the host does: at the time limit it cancels, and the end must come. */
void tools_finish(struct tools_client *c, parley_op op, const char *tool);

/* begin and finish; returns the status. */
int tools_run(struct tools_client *c, const char *tool, const char *arguments);

/* Was list() announced to be worth another look? Forgets it. */
bool tools_take_changed(void);

#endif
