/* SPDX-License-Identifier: Apache-2.0 */
/* Holds up its worker: reads a pipe that its caller fills when it likes. */
#include "bad.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* {"fd": 7}; without one it only sleeps for a moment. */
static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    const char *number = memmem(c->arguments.data, c->arguments.len, "\"fd\":", 5);
    char byte;

    (void)worker_instance;
    (void)err;
    if (number == NULL)
        (void)usleep(1000);
    else if (read((int)strtol(number + 5, NULL, 10), &byte, 1) < 0)
        end_with(op, "no pipe", 7);
    end_with(op, "done", 4);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_blocks", &role)};
ENTRY(descriptor)
