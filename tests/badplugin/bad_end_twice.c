/* SPDX-License-Identifier: Apache-2.0 */
/* Ends every call twice. */
#include "bad.h"

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    (void)worker_instance;
    (void)c;
    (void)err;
    end_with(op, "one", 3);
    end_with(op, "two", 3);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_end_twice", &role)};
ENTRY(descriptor)
