/* SPDX-License-Identifier: Apache-2.0 */
/* Exports a function of its own beside its entry. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_two_symbols", &role)};

PARLEY_EXPORT int tools_helper(void);
PARLEY_EXPORT int tools_helper(void)
{
    return 42;
}

ENTRY(descriptor)
