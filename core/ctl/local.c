/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/local.h"

#include "host/services.h"
#include "transport/transport.h"

#include <string.h>

#define THREADS     2
#define QUEUE_LIMIT 256
#define STOP_MS     5000

static int make_worker(struct local *l, struct parley_error *err)
{
    const struct transport_config config = {0};

    l->loop = loop_create();
    if (l->loop == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an event loop");
    l->transport = transport_create(l->loop, &config, err);
    if (l->transport == NULL)
        return err->status;
    l->offload = offload_create("parleyctl", THREADS, QUEUE_LIMIT);
    if (l->offload == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory or threads");
    loop_run_once(l->loop); /* this thread is the loop's */
    const struct host_worker_config worker = {
        .name = "parleyctl",
        .loop = l->loop,
        .transport = l->transport,
        .offload = l->offload,
    };
    int r = host_worker_init(&l->worker, &worker, err);
    l->has_worker = r == PARLEY_OK;
    return r;
}

static int read_settings(struct local *l, const struct settings_source *source,
                         struct parley_error *err)
{
    struct conf_report report = {0};
    int r = settings_read(source, &l->registry, 1, &l->settings, &report);

    if (r < 0) {
        (void)conf_report_to_error(&report, err);
        err->status = PARLEY_E_INVALID;
    }
    conf_report_done(&report);
    return r;
}

int local_open(struct local *l, const struct settings_source *source, unsigned kinds,
               struct parley_error *err)
{
    memset(l, 0, sizeof(*l));
    int r = read_settings(l, source, err);
    if (r == PARLEY_OK)
        r = make_worker(l, err);
    if (r == PARLEY_OK)
        r = worker_instances_start(generation_instances(l->settings.generation), kinds, &l->worker,
                                   &l->instances, err);
    return r;
}

static void on_limit(void *ctx)
{
    struct local *l = ctx;

    loop_stop(l->loop);
}

bool local_wait(struct local *l, int64_t limit_ms)
{
    if (!l->is_done) {
        loop_timer_start(l->loop, &l->limit, limit_ms, on_limit, l);
        loop_run(l->loop);
        loop_timer_stop(&l->limit);
    }
    bool is_done = l->is_done;
    l->is_done = false;
    return is_done;
}

void local_done(struct local *l)
{
    l->is_done = true;
    loop_stop(l->loop);
}

static void on_stopped(void *ctx, struct instances *set)
{
    (void)instances_unref(set); /* the generation holds another */
    local_done(ctx);
}

void local_close(struct local *l)
{
    if (l->instances != NULL) {
        l->is_done = false;
        worker_instances_stop(l->instances, on_stopped, l);
        (void)local_wait(l, STOP_MS);
    }
    (void)offload_destroy(l->offload);
    if (l->has_worker)
        host_worker_done(&l->worker);
    (void)transport_destroy(l->transport);
    (void)loop_destroy(l->loop);
    settings_free(&l->settings);
    (void)registry_destroy(l->registry);
}
