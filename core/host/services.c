/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "host/instance.h"

#include <parley/plugin.h>

#include <stdio.h>
#include <string.h>

/* The plugin's own words, then whose they are. */
__attribute__((format(printf, 3, 4))) static void host_log(const void *instance, int level,
                                                           const char *format, ...)
{
    const struct instance *i = instance;
    char line[1024];
    va_list args;

    if (level < PARLEY_LOG_ERROR || level > PARLEY_LOG_DEBUG)
        level = PARLEY_LOG_WARN;
    if (!log_enabled((enum log_level)level))
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args); /* cut when too long */
    va_end(args);
    if (i == NULL)
        log_write((enum log_level)level, "%s", line);
    else
        log_write((enum log_level)level, "%s instance=\"%s\"", line, i->title);
}

static const void *host_service(const char *id)
{
    static const struct {
        const char *id;
        const void *table;
    } services[] = {
        {PARLEY_SERVICE_TIMER, &service_timer},
        {PARLEY_SERVICE_OFFLOAD, &service_offload},
        {PARLEY_SERVICE_HTTP, &service_http},
        {PARLEY_SERVICE_WS, &service_ws},
        {PARLEY_SERVICE_FDWATCH, &service_fdwatch},
        {PARLEY_SERVICE_CREDENTIALS, &service_credentials},
        {PARLEY_SERVICE_METRICS, &service_metrics},
    };

    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (strcmp(services[i].id, id) == 0)
            return services[i].table;
    }
    return NULL;
}

static const struct parley_host host = {
    .size = sizeof(host),
    .minor = PARLEY_ABI_MINOR,
    .version = PARLEY_VERSION,
    .log = host_log,
    .now_us = clock_now_us,
    .unix_us = clock_unix_us,
    .random = id_random_bytes,
    .service = host_service,
};

const struct parley_host *services_host(void)
{
    return &host;
}

void services_forget(struct worker_instance *wi)
{
    service_timer_forget(wi);
    service_http_forget(wi);
    service_ws_forget(wi);
    service_fdwatch_forget(wi);
    service_credentials_forget(wi);
}
