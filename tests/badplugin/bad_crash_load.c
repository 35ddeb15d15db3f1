/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in load(). */
#include "bad.h"

#include <stdlib.h>

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)host;
    (void)ret_plugin;
    (void)err;
    abort();
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_crash_load", &role), .load = load};
ENTRY(descriptor)
