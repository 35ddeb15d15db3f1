/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes when its section is read: later than a first try in a child process sees. */
#include "bad.h"

#include <signal.h>

static int create(void *plugin, const struct parley_instance_info *info, void **ret_instance,
                  struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)ret_instance;
    (void)err;
    (void)raise(SIGSEGV);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_crash_create", &role),
                                                .instance_create = create};
ENTRY(descriptor)
