/* SPDX-License-Identifier: Apache-2.0 */
/* Says that its list has changed whenever it is listed. */
#include "bad.h"

static struct parley_worker *on;

static int start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                 struct parley_error *err)
{
    (void)instance;
    (void)err;
    on = worker;
    *ret_worker_instance = &on;
    return PARLEY_OK;
}

static void stop(void *worker_instance)
{
    (void)worker_instance;
}

static int list(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    tools_host->changed(on, worker_instance);
    return good_list(worker_instance, ret_list, err);
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_list_changes", &role),
                                                .worker_start = start, .worker_stop = stop};
ENTRY(descriptor)
