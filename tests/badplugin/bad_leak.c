/* SPDX-License-Identifier: Apache-2.0 */
/* Frees nothing of what a call takes. */
#include "bad.h"

#include <stdlib.h>

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    char *volatile text = calloc(1, 64);

    (void)worker_instance;
    (void)c;
    if (text == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    end_with(op, text, 1);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_leak", &role)};
ENTRY(descriptor)
