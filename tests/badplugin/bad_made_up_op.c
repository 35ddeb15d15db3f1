/* SPDX-License-Identifier: Apache-2.0 */
/* Ends operations that it was never given. */
#include "bad.h"

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    (void)worker_instance;
    (void)c;
    (void)err;
    for (int bit = 0; bit < 64; bit++)
        end_with(op ^ (parley_op)1 << bit, "made up", 7);
    end_with(0, "made up", 7);
    end_with(op, "real", 4);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_made_up_op", &role)};
ENTRY(descriptor)
