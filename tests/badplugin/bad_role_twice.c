/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the same role twice. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &table},
                                           {PARLEY_ROLE_TOOLS, &table}};
static const struct parley_plugin descriptor = {GOOD("bad_role_twice", roles), .role_count = 2};
ENTRY(descriptor)
