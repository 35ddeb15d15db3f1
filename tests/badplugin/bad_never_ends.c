/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts a call and forgets it, also when it is cancelled. */
#include "bad.h"

static void cancel(void *worker_instance, parley_op op)
{
    (void)worker_instance;
    (void)op;
}

static const struct parley_tools_vtable table = {.size = sizeof(table),
                                                 .attach = good_attach,
                                                 .list = good_list,
                                                 .call = good_call,
                                                 .cancel = cancel};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_never_ends", &role)};
ENTRY(descriptor)
