/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What plugins know as their worker: one thread's loop with the sockets, operations, timers and
 * counters that belong to it. The daemon's workers and the telemetry thread each embed one.
 */
#ifndef HOST_WORKER_H
#define HOST_WORKER_H

#include "base/list.h"
#include "base/loop.h"
#include "host/offload.h"
#include "host/op.h"
#include "host/watchdog.h"
#include "identity/fetch.h"

#include <parley/error.h>
#include <parley/host.h>

struct http_client;
struct telemetry_recorder;
struct transport;

#define HOST_MAX_WORKERS 255

/* What went on and what went wrong between the host and plugins on this worker. */
struct host_counters {
    uint64_t ops_begun;
    uint64_t ops_ended;
    uint64_t ops_ended_twice;
    uint64_t ops_ended_late; /* after the host had given up */
    uint64_t ops_unknown;    /* numbers that never were an operation here */
    uint64_t ops_refused;    /* OP_MAX_OPEN reached */
    uint64_t events_ignored; /* of sessions that had closed */
    uint64_t slow_callbacks;
};

struct parley_worker {
    struct loop *loop;
    struct transport *transport;         /* sockets of this loop; NULL: the ws service refuses */
    struct http_client *http;            /* requests of this loop; made when one is asked for */
    struct offload *offload;             /* short blocking work: stores, the offload service */
    struct offload *tools;               /* tools that block, perhaps for long */
    struct offload *heavy;               /* long computations: speech; may be the same pool */
    struct offload *disk;                /* recordings; may be the same pool */
    struct telemetry_recorder *recorder; /* of this thread; NULL: nothing is recorded */
    unsigned id;                         /* 1 to HOST_MAX_WORKERS */
    unsigned crew_place;                 /* among the workers with the same instances, from 0 */
    unsigned crew_size;                  /* how many those are; 0 or 1: it is alone */
    char name[16];                       /* for logs: "worker 1" */
    struct op_table ops;
    struct list instances;           /* struct worker_instance */
    struct worker_instance *current; /* whose callback runs; NULL: no plugin's */
    struct list timers;              /* struct parley_timer */
    struct list errands;             /* of service_offload.c */
    struct list exchanges;           /* of service_http.c */
    struct list sockets;             /* struct parley_ws */
    struct list fdwatches;           /* struct parley_fdwatch */
    struct list token_errands;       /* of service_credentials.c */
    uint64_t last_token_errand;
    struct fetch_place fetch_place; /* where tokens are fetched */
    struct watchdog watchdog;
    struct host_counters counters;
    uint64_t fault_logged_us; /* faults of plugins are logged once a second */
    uint64_t faults_unlogged;
};

struct host_worker_config {
    const char *name;
    struct loop *loop;
    struct transport *transport;
    struct offload *offload;
    struct offload *tools; /* NULL: the same as offload */
    struct offload *heavy; /* NULL: the same as offload */
    struct offload *disk;  /* NULL: the same as offload */
    struct telemetry_recorder *recorder;
    unsigned crew_place;
    unsigned crew_size;
};

/* Where tokens and the keys of issuers are asked for on this worker. Its http is NULL without
 * memory. Thread: the worker's. */
struct fetch_place *host_worker_fetch_place(struct parley_worker *w);

/* Enter the worker into the process's directory, where operations find it. Thread: any. */
int host_worker_init(struct parley_worker *w, const struct host_worker_config *config,
                     struct parley_error *err);

/* After every worker instance has stopped and before the loop is destroyed. */
void host_worker_done(struct parley_worker *w);

/* Log that a plugin broke the contract: at most once a second per worker, the others counted. */
void host_worker_fault(struct parley_worker *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
