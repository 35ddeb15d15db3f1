/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking tool that does not expect a cancel for a call that has just ended on its thread. */
#include "bad.h"

#include <stdlib.h>

static volatile int32_t *running; /* of the call, as if there were never more than one */

static int list(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    static const struct parley_tool tool = {
        .flags = PARLEY_TOOL_BLOCKING, .name = "lie", .description = "Lies."};

    (void)worker_instance;
    (void)err;
    ret_list->item_size = sizeof(tool);
    ret_list->items = &tool;
    ret_list->count = 1;
    return PARLEY_OK;
}

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    int32_t is_cancelled = 0;

    (void)worker_instance;
    (void)c;
    (void)err;
    running = &is_cancelled;
    end_with(op, "done", 4);
    running = NULL;
    return PARLEY_OK;
}

static void cancel(void *worker_instance, parley_op op)
{
    (void)worker_instance;
    (void)op;
    if (running == NULL)
        abort();
    *running = 1;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = list, .call = call, .cancel = cancel};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_cancel_late", &role)};
ENTRY(descriptor)
