/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a call when its worker has stopped, and so has everything. */
#include "bad.h"

static parley_op kept;

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    (void)worker_instance;
    (void)c;
    (void)err;
    kept = op;
    return PARLEY_OK;
}

static void destroy(void *instance)
{
    (void)instance;
    if (kept != 0)
        end_with(kept, "too late", 8);
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_after_stop", &role),
                                                .instance_destroy = destroy};
ENTRY(descriptor)
