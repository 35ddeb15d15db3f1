/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a timer on its worker and leaves it there. */
#include "bad.h"

#include <parley/service/timer.h>

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host->service(PARLEY_SERVICE_TIMER);
    return PARLEY_OK;
}

static int create(void *plugin, const struct parley_instance_info *info, void **ret_instance,
                  struct parley_error *err)
{
    (void)info;
    (void)err;
    *ret_instance = plugin;
    return PARLEY_OK;
}

static void on_timer(void *ctx)
{
    *(volatile int *)ctx = 1; /* of a worker that has stopped */
}

static int start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                 struct parley_error *err)
{
    const struct parley_service_timer *timer = instance;

    (void)err;
    if (timer != NULL)
        timer->start(timer->create(worker, on_timer, NULL), 10);
    *ret_worker_instance = NULL;
    return PARLEY_OK;
}

static void stop(void *worker_instance)
{
    (void)worker_instance;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_leaves_timer", &role), .load = load,
                                                .instance_create = create, .worker_start = start,
                                                .worker_stop = stop};
ENTRY(descriptor)
