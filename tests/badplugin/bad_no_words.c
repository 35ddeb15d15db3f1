/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses and fails without a word. */
#include "bad.h"

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    const struct parley_tool_result result = {.size = sizeof(result),
                                              .status = PARLEY_E_UNAVAILABLE};

    (void)worker_instance;
    (void)c;
    (void)err;
    tools_host->end(op, &result);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_no_words", &role)};
ENTRY(descriptor)
