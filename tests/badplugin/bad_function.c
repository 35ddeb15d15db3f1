/* SPDX-License-Identifier: Apache-2.0 */
/* Plays parley.tools/1 without call(). */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = NULL};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_function", &role)};
ENTRY(descriptor)
