/* SPDX-License-Identifier: Apache-2.0 */
/* Says that its descriptor is four bytes long. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_head_size", &role), .size = 4};
ENTRY(descriptor)
