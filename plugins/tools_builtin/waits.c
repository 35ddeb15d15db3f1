/* SPDX-License-Identifier: Apache-2.0 */
#include "waits.h"

#include <stdlib.h>

struct wait {
    struct wait *next;
    struct waits *owner;
    struct parley_timer *timer;
    parley_op op;
    int64_t ms;
};

struct waits {
    const struct parley_service_timer *timer;
    struct parley_worker *worker;
    void (*on_over)(void *ctx, parley_op op, int64_t ms);
    void *ctx;
    struct wait *first;
    unsigned count;
};

struct waits *waits_create(const struct parley_service_timer *timer, struct parley_worker *worker,
                           void (*on_over)(void *ctx, parley_op op, int64_t ms), void *ctx)
{
    struct waits *waits = calloc(1, sizeof(*waits));

    if (waits == NULL)
        return NULL;
    waits->timer = timer;
    waits->worker = worker;
    waits->on_over = on_over;
    waits->ctx = ctx;
    return waits;
}

static void take_out(struct wait *wait)
{
    struct waits *waits = wait->owner;

    for (struct wait **at = &waits->first; *at != NULL; at = &(*at)->next) {
        if (*at != wait)
            continue;
        *at = wait->next;
        waits->count--;
        break;
    }
    waits->timer->destroy(wait->timer);
    free(wait);
}

static void on_timer(void *ctx)
{
    struct wait *wait = ctx;
    struct waits *waits = wait->owner;
    parley_op op = wait->op;
    int64_t ms = wait->ms;

    take_out(wait);
    waits->on_over(waits->ctx, op, ms);
}

bool waits_begin(struct waits *waits, parley_op op, int64_t ms)
{
    struct wait *wait = waits->count < WAITS_MAX ? calloc(1, sizeof(*wait)) : NULL;

    if (wait == NULL)
        return false;
    wait->timer = waits->timer->create(waits->worker, on_timer, wait);
    if (wait->timer == NULL) {
        free(wait);
        return false;
    }
    wait->owner = waits;
    wait->op = op;
    wait->ms = ms;
    wait->next = waits->first;
    waits->first = wait;
    waits->count++;
    waits->timer->start(wait->timer, ms);
    return true;
}

bool waits_cancel(struct waits *waits, parley_op op)
{
    for (struct wait *wait = waits->first; wait != NULL; wait = wait->next) {
        if (wait->op != op)
            continue;
        take_out(wait);
        return true;
    }
    return false;
}

void waits_destroy(struct waits *waits)
{
    if (waits == NULL)
        return;
    while (waits->first != NULL)
        take_out(waits->first);
    free(waits);
}
