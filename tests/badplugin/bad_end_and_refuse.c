/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a call and then says that it was refused. */
#include "bad.h"

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    (void)worker_instance;
    (void)c;
    end_with(op, "one", 3);
    return parley_fail(err, PARLEY_E_BUSY, "refused after all");
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_end_and_refuse", &role)};
ENTRY(descriptor)
