/* SPDX-License-Identifier: Apache-2.0 */
/* Has no instance_destroy. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_callback", &role),
                                                .instance_destroy = NULL};
ENTRY(descriptor)
