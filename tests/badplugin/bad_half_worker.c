/* SPDX-License-Identifier: Apache-2.0 */
/* Starts on each worker and never stops. */
#include "bad.h"

static int start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                 struct parley_error *err)
{
    (void)instance;
    (void)worker;
    (void)err;
    *ret_worker_instance = NULL;
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_half_worker", &role),
                                                .worker_start = start};
ENTRY(descriptor)
