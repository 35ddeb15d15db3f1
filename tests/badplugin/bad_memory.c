/* SPDX-License-Identifier: Apache-2.0 */
/* Never asks whether there was memory. */
#include "bad.h"

#include <stdlib.h>
#include <string.h>

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    char *volatile text = malloc(64);

    (void)worker_instance;
    (void)c;
    (void)err;
    memcpy(text, "memory", 7);
    end_with(op, text, 6);
    free(text);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_memory", &role)};
ENTRY(descriptor)
