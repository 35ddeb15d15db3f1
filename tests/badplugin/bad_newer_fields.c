/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a member that an older host has not filled, without asking PARLEY_HAS(). */
#include "bad.h"

#include <string.h>

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    (void)worker_instance;
    (void)err;
    end_with(op, "read", strlen(c->authorization) == 0 ? 4 : 2);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_newer_fields", &role)};
ENTRY(descriptor)
