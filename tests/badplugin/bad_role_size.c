/* SPDX-License-Identifier: Apache-2.0 */
/* Its role's table does not say its size. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_role_size", &role)};
ENTRY(descriptor)
