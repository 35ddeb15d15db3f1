/* SPDX-License-Identifier: Apache-2.0 */
#include "host/watchdog.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "host/directory.h"
#include "host/worker_instance.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"

#include <inttypes.h>

/* ---- what the other thread sees ---- */

static void show(struct watch_sight *sight, const struct watch *watch)
{
    const struct worker_instance *wi = watch->worker->current;

    atomic_store_explicit(&sight->title, watch->title, memory_order_relaxed);
    atomic_store_explicit(&sight->callback, watch->callback, memory_order_relaxed);
    atomic_store_explicit(&sight->plugin, wi == NULL ? "" : wi->instance->plugin->about.name,
                          memory_order_relaxed);
    atomic_store_explicit(&sight->start_us, watch->start_us, memory_order_release);
}

static void hide(struct watch_sight *sight)
{
    atomic_store_explicit(&sight->start_us, 0, memory_order_relaxed);
}

/* ---- around a call ---- */

struct watch watch_begin(struct parley_worker *w, struct worker_instance *wi, const char *title,
                         const char *callback)
{
    struct watch watch = {
        .worker = w,
        .before = w->current,
        .title = title,
        .callback = callback,
        .start_us = clock_now_us(),
    };

    w->current = wi;
    guard_enter(&watch.guard, title, callback);
    if (watch.guard.whose == NULL) /* the outermost; what it calls runs in its time */
        show(&w->watchdog.sight, &watch);
    return watch;
}

struct watch watch_instance(struct worker_instance *wi, const char *callback)
{
    return watch_begin(wi->worker, wi, wi->instance->title, callback);
}

static void log_slow(const struct watch *watch, const char *plugin, uint64_t took_us,
                     uint64_t now_us)
{
    struct watchdog *dog = &watch->worker->watchdog;

    if (dog->logged_us != 0 && now_us - dog->logged_us < WATCHDOG_LOG_EACH_US) {
        dog->unlogged++;
        return;
    }
    log_warn(
        "a plugin held up its worker; work that takes long belongs on the offload service "
        "instance=\"%s\" plugin=\"%s\" callback=%s took_ms=%" PRIu64 " worker=\"%s\" more=%" PRIu64,
        watch->title, plugin, watch->callback, took_us / 1000, watch->worker->name, dog->unlogged);
    dog->logged_us = now_us;
    dog->unlogged = 0;
}

static void count(struct telemetry_recorder *recorder, enum metric_id metric, const char *title,
                  const char *plugin, const char *callback)
{
    const struct metric_label labels[] = {{NAME_PLUGIN, view_of(plugin)},
                                          {NAME_PLUGIN_INSTANCE, view_of(title)},
                                          {NAME_PLUGIN_CALLBACK, view_of(callback)}};

    metric_add(metrics_point(recorder, metric, labels, ARRAY_LEN(labels)), 1);
}

void watch_end(struct watch *watch)
{
    struct watchdog *dog = &watch->worker->watchdog;
    const struct worker_instance *wi = watch->worker->current;
    const char *plugin = wi == NULL ? "" : wi->instance->plugin->about.name;
    uint64_t now_us = clock_now_us();
    uint64_t took_us = now_us - watch->start_us;

    guard_leave(&watch->guard);
    if (watch->guard.whose == NULL)
        hide(&dog->sight);
    watch->worker->current = watch->before;
    if (took_us > dog->longest_us)
        dog->longest_us = took_us;
    if (took_us <= (dog->limit_us == 0 ? WATCHDOG_LIMIT_US : dog->limit_us))
        return;
    watch->worker->counters.slow_callbacks++;
    count(watch->worker->recorder, METRIC_PLUGIN_SLOW, watch->title, plugin, watch->callback);
    log_slow(watch, plugin, took_us, now_us);
}

/* ---- from outside ---- */

struct look {
    struct telemetry_recorder *recorder;
    uint64_t now_us;
    unsigned told;
};

static void look_at(void *ctx, struct parley_worker *w)
{
    struct look *look = ctx;
    struct watch_sight *sight = &w->watchdog.sight;
    uint64_t start_us = atomic_load_explicit(&sight->start_us, memory_order_acquire);
    const char *title = atomic_load_explicit(&sight->title, memory_order_relaxed);
    const char *callback = atomic_load_explicit(&sight->callback, memory_order_relaxed);
    const char *plugin = atomic_load_explicit(&sight->plugin, memory_order_relaxed);

    if (start_us == 0 || start_us == w->watchdog.told_us || look->now_us < start_us ||
        look->now_us - start_us < WATCHDOG_STUCK_US ||
        start_us != atomic_load_explicit(&sight->start_us, memory_order_acquire))
        return; /* none, told, not long, or another one by now */
    w->watchdog.told_us = start_us;
    look->told++;
    log_error("a plugin does not come back, and its worker serves nobody until it does "
              "instance=\"%s\" plugin=\"%s\" callback=%s for_ms=%" PRIu64
              " worker=\"%s\" fix=\"restart parleyd without it, or with another version\"",
              title, plugin, callback, (look->now_us - start_us) / 1000, w->name);
    count(look->recorder, METRIC_PLUGIN_STUCK, title, plugin, callback);
}

unsigned watchdog_look(struct telemetry_recorder *recorder)
{
    struct look look = {.recorder = recorder, .now_us = clock_now_us()};

    directory_each(look_at, &look);
    return look.told;
}
