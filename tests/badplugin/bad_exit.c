/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process of whoever opens it, as if all were well. */
#include "bad.h"

#include <stdlib.h>

__attribute__((constructor)) static void on_open(void)
{
    exit(0);
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_exit", &role)};
ENTRY(descriptor)
