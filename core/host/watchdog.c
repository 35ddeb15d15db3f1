/* SPDX-License-Identifier: Apache-2.0 */
#include "host/watchdog.h"

#include "base/clock.h"
#include "base/log.h"
#include "host/worker_instance.h"

#include <inttypes.h>

struct watch watch_begin(struct parley_worker *w, struct worker_instance *wi, const char *title,
                         const char *callback)
{
    const struct watch watch = {
        .worker = w,
        .before = w->current,
        .title = title,
        .callback = callback,
        .start_us = clock_now_us(),
    };

    w->current = wi;
    return watch;
}

struct watch watch_instance(struct worker_instance *wi, const char *callback)
{
    return watch_begin(wi->worker, wi, wi->instance->title, callback);
}

static void log_slow(const struct watch *watch, uint64_t took_us, uint64_t now_us)
{
    struct watchdog *dog = &watch->worker->watchdog;

    if (dog->logged_us != 0 && now_us - dog->logged_us < WATCHDOG_LOG_EACH_US) {
        dog->unlogged++;
        return;
    }
    log_warn("a plugin held up its worker; work that takes long belongs on the offload service "
             "instance=\"%s\" callback=%s took_ms=%" PRIu64 " worker=\"%s\" more=%" PRIu64,
             watch->title, watch->callback, took_us / 1000, watch->worker->name, dog->unlogged);
    dog->logged_us = now_us;
    dog->unlogged = 0;
}

void watch_end(struct watch *watch)
{
    struct watchdog *dog = &watch->worker->watchdog;
    uint64_t now_us = clock_now_us();
    uint64_t took_us = now_us - watch->start_us;

    watch->worker->current = watch->before;
    if (took_us > dog->longest_us)
        dog->longest_us = took_us;
    if (took_us <= (dog->limit_us == 0 ? WATCHDOG_LIMIT_US : dog->limit_us))
        return;
    watch->worker->counters.slow_callbacks++;
    log_slow(watch, took_us, now_us);
}
