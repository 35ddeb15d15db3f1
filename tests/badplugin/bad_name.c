/* SPDX-License-Identifier: Apache-2.0 */
/* Calls itself something else than its file. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("tools_other", &role)};
ENTRY(descriptor)
