/* SPDX-License-Identifier: Apache-2.0 */
/* The table that every plugin gets at load, and the services it can ask for. */
#ifndef HOST_SERVICES_H
#define HOST_SERVICES_H

#include <parley/host.h>
#include <parley/service/credentials.h>
#include <parley/service/fdwatch.h>
#include <parley/service/http.h>
#include <parley/service/metrics.h>
#include <parley/service/offload.h>
#include <parley/service/timer.h>
#include <parley/service/ws.h>

struct worker_instance;

/* Constant, for the whole process. */
const struct parley_host *services_host(void);

/* Each service's table, in service_NAME.c. */
extern const struct parley_service_timer service_timer;
extern const struct parley_service_offload service_offload;
extern const struct parley_service_http service_http;
extern const struct parley_service_ws service_ws;
extern const struct parley_service_fdwatch service_fdwatch;
extern const struct parley_service_metrics service_metrics;
extern const struct parley_service_credentials service_credentials;

/*
 * The instance has stopped on its worker: its plugin hears nothing more of what it left open.
 * Requests and connections are given up, timers and watches are freed; offloaded jobs were waited
 * for.
 */
void services_forget(struct worker_instance *wi);

/*
 * Wait until the instance's offloaded jobs are over and tell their ends now. Blocks: only for an
 * instance whose start is undone, which cannot wait for the loop.
 */
void service_offload_finish(struct worker_instance *wi);

/* Each service's part of it. */
void service_timer_forget(struct worker_instance *wi);
void service_http_forget(struct worker_instance *wi);
void service_ws_forget(struct worker_instance *wi);
/* Before the loop goes: give requests that outlive their instance a moment to be sent. */
void service_http_linger(struct parley_worker *worker);
void service_fdwatch_forget(struct worker_instance *wi);
void service_credentials_forget(struct worker_instance *wi);

#endif
