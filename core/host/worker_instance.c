/* SPDX-License-Identifier: Apache-2.0 */
#include "host/worker_instance.h"

#include "base/log.h"
#include "host/exporter.h"
#include "host/services.h"
#include "host/store.h"
#include "host/tools.h"
#include "host/tools_share.h"

#include <stdlib.h>
#include <string.h>

#define GRACE_MS 1000 /* for the plugin to end what it was asked to end */

/* ---- start ---- */

static int start_in_plugin(struct worker_instance *wi, struct parley_error *err)
{
    const struct parley_plugin *about = &wi->instance->plugin->about;

    wi->ctx = wi->instance->ctx;
    if (about->worker_start == NULL)
        return PARLEY_OK;
    struct watch watch = watch_instance(wi, "worker_start");
    int r = about->worker_start(wi->instance->ctx, wi->worker, &wi->ctx, err);
    watch_end(&watch);
    if (r == PARLEY_OK)
        wi->is_started = true;
    return r;
}

static void stop_in_plugin(struct worker_instance *wi)
{
    wi->is_leaving = true;
    if (!wi->is_started)
        return;
    struct watch watch = watch_instance(wi, "worker_stop");
    wi->instance->plugin->about.worker_stop(wi->ctx);
    watch_end(&watch);
}

static int attach_role(struct worker_instance *wi, struct parley_error *err)
{
    switch (wi->instance->role) {
    case ROLE_TOOLS:
        return tools_attach(wi, err);
    case ROLE_STORE:
        store_attach(wi);
        return PARLEY_OK;
    case ROLE_EXPORTER:
        exporter_attach(wi);
        return PARLEY_OK;
    default:
        return PARLEY_OK; /* the other roles are told their host with each session */
    }
}

/* Jobs on the pool are over, or waited for when a start is undone: they use the plugin's memory. */
static void wi_free(struct worker_instance *wi)
{
    service_offload_finish(wi);
    tools_detach(wi);
    stop_in_plugin(wi);
    tools_share_leave(wi);
    services_forget(wi);
    loop_timer_stop(&wi->check);
    loop_timer_stop(&wi->grace);
    list_remove(&wi->entry);
    free(wi);
}

int worker_instance_start(struct instance *instance, struct parley_worker *worker,
                          struct worker_instance **ret_wi, struct parley_error *err)
{
    struct worker_instance *wi = calloc(1, sizeof(*wi));

    if (wi == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory on %s", instance->title,
                           worker->name);
    wi->worker = worker;
    wi->instance = instance;
    list_init(&wi->idle_speech);
    list_append(&worker->instances, &wi->entry);
    int r = tools_share_enter(wi, err);
    if (r == PARLEY_OK && !tools_share_is_guest(wi))
        r = start_in_plugin(wi, err);
    if (r == PARLEY_OK)
        r = attach_role(wi, err);
    if (r < 0) {
        wi_free(wi);
        return r;
    }
    *ret_wi = wi;
    return PARLEY_OK;
}

/* ---- stop ---- */

static void on_check(void *ctx)
{
    struct worker_instance *wi = ctx;

    if (wi->open_count > 0 || wi->offloaded > 0)
        return;
    void (*on_stopped)(void *ctx) = wi->on_stopped;
    void *stopped_ctx = wi->stopped_ctx;
    wi_free(wi);
    on_stopped(stopped_ctx);
}

void worker_instance_released(struct worker_instance *wi)
{
    if (wi->is_stopping)
        loop_timer_start(wi->worker->loop, &wi->check, 0, on_check, wi);
}

static void on_grace_over(void *ctx)
{
    struct worker_instance *wi = ctx;

    host_worker_fault(wi->worker,
                      "%u operations or sessions did not end when asked instance=\"%s\"",
                      wi->open_count, wi->instance->title);
    op_sweep_all(wi);
    worker_instance_released(wi);
}

void worker_instance_stop(struct worker_instance *wi, void (*on_stopped)(void *ctx), void *ctx)
{
    wi->on_stopped = on_stopped;
    wi->stopped_ctx = ctx;
    if (tools_share_may_stop(wi))
        worker_instance_stop_now(wi);
}

void worker_instance_stop_now(struct worker_instance *wi)
{
    wi->is_stopping = true;
    op_cancel_all(wi);
    if (wi->open_count > 0)
        loop_timer_start(wi->worker->loop, &wi->grace, GRACE_MS, on_grace_over, wi);
    worker_instance_released(wi);
}

/* ---- all of a generation ---- */

struct worker_instances {
    struct instances *set;
    struct worker_instance **items;
    size_t count;
    size_t running;
    struct loop_timer none; /* tells that there was nothing to stop */
    void (*on_stopped)(void *ctx, struct instances *set);
    void *ctx;
};

static size_t count_kinds(const struct instances *set, unsigned kinds)
{
    size_t count = 0;

    for (struct instance *i = NULL; (i = instances_next(set, i)) != NULL;)
        count += (kinds & 1u << i->kind) != 0;
    return count;
}

static int start_each(struct worker_instances *all, unsigned kinds, struct parley_worker *worker,
                      struct parley_error *err)
{
    for (struct instance *i = NULL; (i = instances_next(all->set, i)) != NULL;) {
        if ((kinds & 1u << i->kind) == 0)
            continue;
        int r = worker_instance_start(i, worker, &all->items[all->count], err);
        if (r < 0 && (kinds & WORKER_INSTANCES_SINGLY) == 0)
            return r;
        if (r < 0)
            log_error("left out, since it does not start reason=\"%s\" instance=\"%s\"",
                      err->message, i->title);
        else
            all->count++;
    }
    return PARLEY_OK;
}

/* Right after the start no operation is open, so the plugins are stopped at once. */
static void undo_start(struct worker_instances *all)
{
    while (all->count > 0)
        wi_free(all->items[--all->count]);
    instances_unref(all->set);
    free(all->items);
    free(all);
}

int worker_instances_start(struct instances *set, unsigned kinds, struct parley_worker *worker,
                           struct worker_instances **ret, struct parley_error *err)
{
    struct worker_instances *all = calloc(1, sizeof(*all));
    size_t count = count_kinds(set, kinds);

    if (all != NULL)
        all->items = calloc(count + 1, sizeof(struct worker_instance *));
    if (all == NULL || all->items == NULL) {
        free(all);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory for the instances",
                           worker->name);
    }
    all->set = instances_ref(set);
    int r = start_each(all, kinds, worker, err);
    if (r < 0) {
        undo_start(all);
        return r;
    }
    all->none.loop = worker->loop;
    *ret = all;
    return PARLEY_OK;
}

static void finish(struct worker_instances *all)
{
    void (*on_stopped)(void *ctx, struct instances *set) = all->on_stopped;
    void *ctx = all->ctx;
    struct instances *set = all->set;

    free(all->items);
    free(all);
    on_stopped(ctx, set);
}

static void on_one_stopped(void *ctx)
{
    struct worker_instances *all = ctx;

    if (--all->running == 0)
        finish(all);
}

static void on_none(void *ctx)
{
    finish(ctx);
}

void worker_instances_stop(struct worker_instances *w,
                           void (*on_stopped)(void *ctx, struct instances *set), void *ctx)
{
    w->on_stopped = on_stopped;
    w->ctx = ctx;
    w->running = w->count;
    if (w->count == 0)
        loop_timer_start(w->none.loop, &w->none, 0, on_none, w);
    for (size_t i = 0; i < w->count; i++)
        worker_instance_stop(w->items[i], on_one_stopped, w);
}

struct worker_instance *worker_instances_find(const struct worker_instances *w,
                                              enum instance_kind kind, const char *name)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct instance *instance = w->items[i]->instance;
        if (instance->kind == kind && strcmp(instance->name, name) == 0)
            return w->items[i];
    }
    return NULL;
}

struct worker_instance *worker_instances_next(const struct worker_instances *w,
                                              const struct worker_instance *after)
{
    size_t at = 0;

    while (after != NULL && at < w->count && w->items[at++] != after)
        continue;
    return at < w->count ? w->items[at] : NULL;
}
