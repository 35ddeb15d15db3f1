/* SPDX-License-Identifier: Apache-2.0 */
/* Uses a function that no library has. */
#include "bad.h"

int function_of_another_version(void);

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)host;
    (void)ret_plugin;
    (void)err;
    return function_of_another_version();
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_undefined", &role), .load = load};
ENTRY(descriptor)
