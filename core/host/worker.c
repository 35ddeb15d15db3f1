/* SPDX-License-Identifier: Apache-2.0 */
#include "host/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "host/directory.h"
#include "host/services.h"
#include "transport/http_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FAULT_LOG_EACH_US 1000000

int host_worker_init(struct parley_worker *w, const struct host_worker_config *config,
                     struct parley_error *err)
{
    *w = (struct parley_worker){
        .loop = config->loop,
        .transport = config->transport,
        .offload = config->offload,
        .tools = config->tools == NULL ? config->offload : config->tools,
        .heavy = config->heavy == NULL ? config->offload : config->heavy,
        .disk = config->disk == NULL ? config->offload : config->disk,
        .recorder = config->recorder,
        .crew_place = config->crew_place,
        .crew_size = config->crew_size,
    };
    (void)snprintf(w->name, sizeof(w->name), "%s", config->name);
    list_init(&w->instances);
    list_init(&w->timers);
    list_init(&w->errands);
    list_init(&w->exchanges);
    list_init(&w->sockets);
    list_init(&w->fdwatches);
    list_init(&w->token_errands);
    fetch_place_init(&w->fetch_place, w->loop);
    w->id = directory_enter(w);
    if (w->id == 0)
        return parley_fail(err, PARLEY_E_TOO_LARGE,
                           "worker %s: there are %d workers already, which is the most", w->name,
                           HOST_MAX_WORKERS);
    return PARLEY_OK;
}

void host_worker_done(struct parley_worker *w)
{
    if (w->id == 0)
        return;
    service_http_linger(w);
    fetch_place_done(&w->fetch_place);
    w->http = http_client_destroy(w->http);
    directory_leave(w);
    op_table_done(&w->ops);
    w->id = 0;
}

void host_worker_fault(struct parley_worker *w, const char *format, ...)
{
    char what[512];
    va_list args;
    uint64_t now_us = clock_now_us();

    if (w->fault_logged_us != 0 && now_us - w->fault_logged_us < FAULT_LOG_EACH_US) {
        w->faults_unlogged++;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    log_warn("a plugin broke the contract: %s worker=\"%s\" more=%" PRIu64, what, w->name,
             w->faults_unlogged);
    w->fault_logged_us = now_us;
    w->faults_unlogged = 0;
}
