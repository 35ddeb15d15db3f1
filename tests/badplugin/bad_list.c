/* SPDX-License-Identifier: Apache-2.0 */
/* Lists a million functions in a table of nothing. */
#include "bad.h"

static int list(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    (void)worker_instance;
    (void)err;
    ret_list->count = 1000000;
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_list", &role)};
ENTRY(descriptor)
