/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin's options, and what every part of it works with on one worker. All parts belong to
 * that worker's thread; what the workers of an instance share is in shared.h.
 */
#ifndef STORE_COSMOS_AROUND_H
#define STORE_COSMOS_AROUND_H

#include <parley/host.h>
#include <parley/options.h>
#include <parley/service/credentials.h>
#include <parley/service/http.h>
#include <parley/service/metrics.h>
#include <parley/service/offload.h>
#include <parley/service/timer.h>

struct config {
    const char *endpoint;
    const char *database;
    const char *container;
    const char *key;
    const char *secondary_key;
    const char *token_file;
    const char *credential;
    struct parley_list preferred_regions;
    int32_t consistency; /* enum consistency */
    int64_t timeout_ms;
    int64_t ttl;
    int64_t throughput;
    int32_t create;
    const char *ca_file;
};

struct shared;

struct around {
    const struct parley_host *host;
    const struct parley_service_http *http;
    const struct parley_service_timer *timer;
    const struct parley_service_offload *offload;
    const struct parley_service_credentials *credentials; /* NULL: only keys and files */
    const struct parley_service_metrics *metrics;         /* NULL: charges are not recorded */
    struct parley_worker *worker;
    const void *handle; /* for the log */
    const struct config *config;
    struct shared *shared;
};

static inline int64_t around_now_ms(const struct around *a)
{
    return (int64_t)(a->host->now_us() / 1000);
}

/* Some number below `limit`, which is not 0. */
static inline int64_t around_random(const struct around *a, int64_t limit)
{
    uint32_t number;

    a->host->random(&number, sizeof(number));
    return (int64_t)(number % (uint64_t)limit);
}

#endif
