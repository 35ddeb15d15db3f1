/* SPDX-License-Identifier: Apache-2.0 */
/* Never ends a call, until another one comes: then it ends the first. */
#include "bad.h"

static parley_op first;

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    (void)worker_instance;
    (void)c;
    (void)err;
    if (first != 0) {
        end_with(first, "late", 4);
        end_with(op, "now", 3);
    } else {
        first = op;
    }
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_end_late", &role)};
ENTRY(descriptor)
