/* SPDX-License-Identifier: Apache-2.0 */
/* Answers with 64 MiB that are not text. */
#include "bad.h"

#include <stdlib.h>
#include <string.h>

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    const size_t len = 64u << 20;
    char *bytes = malloc(len);

    (void)worker_instance;
    (void)c;
    if (bytes == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    memset(bytes, 0xFF, len);
    end_with(op, bytes, len);
    free(bytes);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_huge_output", &role)};
ENTRY(descriptor)
