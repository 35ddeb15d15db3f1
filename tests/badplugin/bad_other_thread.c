/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a call from a thread of its own, which only a BLOCKING tool may. */
#include "bad.h"

#include <pthread.h>

static void *end_there(void *arg)
{
    end_with(*(const parley_op *)arg, "elsewhere", 9);
    return NULL;
}

static int call(void *worker_instance, const struct parley_tool_call *c, parley_op op,
                struct parley_error *err)
{
    pthread_t thread;

    (void)worker_instance;
    (void)c;
    if (pthread_create(&thread, NULL, end_there, &op) != 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no thread");
    (void)pthread_join(thread, NULL);
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_other_thread", &role)};
ENTRY(descriptor)
