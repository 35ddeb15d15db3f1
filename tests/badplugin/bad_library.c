/* SPDX-License-Identifier: Apache-2.0 */
/* Needs a library that is missing where the test copies it to. */
#include "bad.h"

int absent_number(void);

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)host;
    (void)err;
    *ret_plugin = NULL;
    return absent_number();
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_library", &role), .load = load};
ENTRY(descriptor)
