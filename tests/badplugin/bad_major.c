/* SPDX-License-Identifier: Apache-2.0 */
/* Is built for an interface that does not exist. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_major", &role), .abi_major = 9};
ENTRY(descriptor)
