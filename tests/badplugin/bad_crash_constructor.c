/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes before anybody has asked it anything. */
#include "bad.h"

#include <signal.h>

__attribute__((constructor)) static void on_open(void)
{
    (void)raise(SIGSEGV);
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_crash_constructor", &role)};
ENTRY(descriptor)
