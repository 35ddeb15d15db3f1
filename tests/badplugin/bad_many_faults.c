/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong in several ways at once: name, summary, callback, role. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("Bad Name", &role), .summary = "",
                                                .instance_destroy = NULL};
ENTRY(descriptor)
