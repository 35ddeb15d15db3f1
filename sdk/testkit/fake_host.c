/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include "fake_services.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/service/offload.h>
#include <parley/service/timer.h>

#define START_UNIX_MS INT64_C(1767603600000) /* 2026-01-05 09:00:00 UTC */
#define MAX_SERVICES  8
#define MAX_WORKERS   4
#define LOG_BYTES     65536

struct parley_worker {
    int number;
};

static struct parley_worker workers[MAX_WORKERS];

struct parley_timer {
    struct parley_timer *next;
    void (*on_timer)(void *ctx);
    void *ctx;
    uint64_t due_us;
    bool is_running;
};

struct job {
    struct job *next;
    void (*work)(void *arg);
    void (*done)(void *arg, int status);
    void *arg;
};

struct service {
    const char *id;
    const void *table;
};

static struct {
    uint64_t now_us;
    uint64_t unix_us;
    uint64_t random_state;
    parley_op last_op;
    struct parley_timer *timers;
    struct job *jobs;
    size_t job_count;
    size_t job_limit;
    int job_status;
    bool refuses_services;
    struct service services[MAX_SERVICES];
    size_t service_count;
    char log[LOG_BYTES];
    size_t log_len;
} host = {.unix_us = START_UNIX_MS * 1000, .job_limit = SIZE_MAX};

/* --- The log ------------------------------------------------------------------------------------
 */

__attribute__((format(printf, 3, 4))) static void host_log(const void *instance, int level,
                                                           const char *format, ...)
{
    char line[1024];
    va_list args;

    (void)instance;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0)
        return;

    size_t kept = strlen(line);
    if (getenv("FAKE_HOST_LOG") != NULL)
        fprintf(stderr, "[%d] %s\n", level, line);
    if (host.log_len + kept + 2 > sizeof(host.log))
        host.log_len = 0; /* a chatty plugin: keep the newest */
    memcpy(host.log + host.log_len, line, kept);
    host.log_len += kept;
    host.log[host.log_len++] = '\n';
    host.log[host.log_len] = '\0';
}

const char *fake_host_log(void)
{
    return host.log;
}

bool fake_host_logged(const char *text)
{
    return strstr(host.log, text) != NULL;
}

/* --- Clocks and randomness ----------------------------------------------------------------------
 */

static uint64_t host_now_us(void)
{
    return host.now_us;
}

static uint64_t host_unix_us(void)
{
    return host.unix_us;
}

/* The same bytes in every run (splitmix64), so that a test can be repeated. */
static void host_random(void *bytes, size_t len)
{
    unsigned char *out = bytes;

    for (size_t i = 0; i < len; i++) {
        uint64_t z = host.random_state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        out[i] = (unsigned char)(z >> 56);
    }
}

int64_t fake_host_unix_ms(void)
{
    return (int64_t)(host.unix_us / 1000);
}

void fake_host_set_unix_ms(int64_t ms)
{
    host.unix_us = (uint64_t)ms * 1000;
}

/* --- Timers -------------------------------------------------------------------------------------
 */

static struct parley_timer *timer_create_(struct parley_worker *worker, void (*on_timer)(void *ctx),
                                          void *ctx)
{
    struct parley_timer *timer = calloc(1, sizeof(*timer));

    (void)worker;
    if (timer == NULL)
        return NULL;
    timer->on_timer = on_timer;
    timer->ctx = ctx;
    timer->next = host.timers;
    host.timers = timer;
    return timer;
}

static void timer_start(struct parley_timer *timer, int64_t delay_ms)
{
    timer->due_us = host.now_us + (uint64_t)(delay_ms > 0 ? delay_ms : 0) * 1000;
    timer->is_running = true;
}

static void timer_stop(struct parley_timer *timer)
{
    timer->is_running = false;
}

static void timer_destroy(struct parley_timer *timer)
{
    for (struct parley_timer **at = &host.timers; *at != NULL; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            free(timer);
            return;
        }
    }
}

static struct parley_timer *earliest_due(uint64_t limit_us)
{
    struct parley_timer *best = NULL;

    for (struct parley_timer *timer = host.timers; timer != NULL; timer = timer->next) {
        if (timer->is_running && timer->due_us <= limit_us &&
            (best == NULL || timer->due_us < best->due_us))
            best = timer;
    }
    return best;
}

static void move_clock_to(uint64_t now_us)
{
    host.unix_us += now_us - host.now_us;
    host.now_us = now_us;
}

void fake_host_advance_ms(int64_t ms)
{
    uint64_t target_us = host.now_us + (uint64_t)ms * 1000;

    for (struct parley_timer *timer; (timer = earliest_due(target_us)) != NULL;) {
        if (timer->due_us > host.now_us)
            move_clock_to(timer->due_us);
        timer->is_running = false;
        KIT_DO("on_timer", KIT_WORKER, timer->on_timer(timer->ctx));
    }
    move_clock_to(target_us);
}

int64_t fake_host_next_timer_ms(void)
{
    const struct parley_timer *timer = earliest_due(UINT64_MAX);

    if (timer == NULL)
        return -1;
    return timer->due_us <= host.now_us ? 0 : (int64_t)(timer->due_us - host.now_us + 999) / 1000;
}

size_t fake_host_timers_made(void)
{
    size_t count = 0;

    for (struct parley_timer *timer = host.timers; timer != NULL; timer = timer->next)
        count++;
    return count;
}

size_t fake_host_timers(void)
{
    size_t count = 0;

    for (struct parley_timer *timer = host.timers; timer != NULL; timer = timer->next)
        count += timer->is_running;
    return count;
}

static const struct parley_service_timer timer_service = {
    .size = sizeof(timer_service),
    .create = timer_create_,
    .start = timer_start,
    .stop = timer_stop,
    .destroy = timer_destroy,
};

/* --- Offloaded work -----------------------------------------------------------------------------
 */

/* One queue keeps the order of every lane. */
static int offload_run(struct parley_worker *worker, const void *lane, void (*work)(void *arg),
                       void (*done)(void *arg, int status), void *arg)
{
    struct job **at = &host.jobs;

    (void)worker;
    (void)lane;
    if (host.job_count >= host.job_limit)
        return PARLEY_E_BUSY;
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return PARLEY_E_NO_MEMORY;
    *job = (struct job){.work = work, .done = done, .arg = arg};
    while (*at != NULL)
        at = &(*at)->next;
    *at = job;
    host.job_count++;
    return PARLEY_OK;
}

static bool take_job(struct job *ret_job)
{
    struct job *job = host.jobs;

    if (job == NULL)
        return false;
    *ret_job = *job;
    host.jobs = job->next;
    host.job_count--;
    free(job);
    return true;
}

bool fake_host_run_one(void)
{
    struct job job;

    if (!take_job(&job))
        return false;
    KIT_DO("offloaded work", KIT_OFFLOAD, job.work(job.arg));
    KIT_DO("offload done", KIT_WORKER, job.done(job.arg, host.job_status));
    return true;
}

size_t fake_host_run(void)
{
    size_t count = 0;

    while (fake_host_run_one())
        count++;
    return count;
}

void fake_host_drop_jobs(void)
{
    struct job job;

    while (take_job(&job))
        KIT_DO("offload done", KIT_WORKER, job.done(job.arg, PARLEY_E_CANCELLED));
}

void fake_host_set_job_status(int status)
{
    host.job_status = status;
}

void fake_host_set_job_limit(size_t limit)
{
    host.job_limit = limit;
}

size_t fake_host_jobs(void)
{
    return host.job_count;
}

static const struct parley_service_offload offload_service = {
    .size = sizeof(offload_service),
    .run = offload_run,
};

/* --- The table ----------------------------------------------------------------------------------
 */

void fake_host_provide(const char *id, const void *table)
{
    if (host.service_count < MAX_SERVICES)
        host.services[host.service_count++] = (struct service){id, table};
}

void fake_host_refuse_services(bool refuses)
{
    host.refuses_services = refuses;
}

static const void *host_service(const char *id)
{
    if (host.refuses_services)
        return NULL;
    for (size_t i = 0; i < host.service_count; i++) {
        if (strcmp(host.services[i].id, id) == 0)
            return host.services[i].table;
    }
    if (strcmp(id, PARLEY_SERVICE_TIMER) == 0)
        return &timer_service;
    if (strcmp(id, PARLEY_SERVICE_OFFLOAD) == 0)
        return &offload_service;
    return fake_service(id);
}

static struct parley_host table = {
    .size = sizeof(table),
    .minor = PARLEY_ABI_MINOR,
    .version = "0.0.0-test",
    .log = host_log,
    .now_us = host_now_us,
    .unix_us = host_unix_us,
    .random = host_random,
    .service = host_service,
};

void fake_host_set_minor(uint32_t minor)
{
    table.minor = minor;
}

const struct parley_service_offload *kit_pool(void)
{
    return &offload_service;
}

const struct parley_host *fake_host_table(void)
{
    return &table;
}

struct parley_worker *fake_host_worker(void)
{
    return &workers[0];
}

struct parley_worker *fake_host_worker_at(unsigned place)
{
    return &workers[place % MAX_WORKERS];
}

parley_op fake_host_op(void)
{
    return ++host.last_op;
}

void fake_host_reset(void)
{
    struct job job;

    while (host.timers != NULL)
        timer_destroy(host.timers);
    while (take_job(&job))
        continue; /* nobody waits for them any more */
    fake_services_reset();
    table.minor = PARLEY_ABI_MINOR;
    memset(&host, 0, sizeof(host));
    host.unix_us = START_UNIX_MS * 1000;
    host.job_limit = SIZE_MAX;
}
