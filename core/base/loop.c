/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void (*drop)(void *arg);
    void *arg;
};

struct loop {
    struct event_base *base;
    struct event *wake_event;
    struct event *timer_event; /* one event for the earliest of all timers */
    uint64_t timer_event_due_us;

    struct loop_timer **heap; /* from 1; a binary heap by due_us */
    size_t heap_count;
    size_t heap_cap;

    _Atomic(struct post *) posts; /* the newest first */
    int wake_fd;

    atomic_bool stopping;
    _Atomic(uintptr_t) thread; /* pthread_t of the runner, 0 before */
};

/* ---- posts ---- */

/* All of them, the oldest first. */
static struct post *take_posts(struct loop *l)
{
    struct post *newest = atomic_exchange_explicit(&l->posts, NULL, memory_order_acquire);
    struct post *oldest = NULL;

    while (newest != NULL) {
        struct post *p = newest;
        newest = p->next;
        p->next = oldest;
        oldest = p;
    }
    return oldest;
}

static int run_posts(struct loop *l)
{
    struct post *next;
    int count = 0;

    for (struct post *p = take_posts(l); p != NULL; p = next, count++) {
        next = p->next;
        p->fn(p->arg);
        free(p);
    }
    return count;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    uint64_t value;

    (void)what;
    ssize_t n = read(fd, &value, sizeof(value));
    (void)n; /* only there to reset the counter */
    (void)run_posts(l);
    if (atomic_load(&l->stopping))
        event_base_loopbreak(l->base);
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof(one));
    (void)n; /* a full counter wakes as well */
}

/* Without a lock: no thread waits for another that the scheduler has put aside, as it may the one
 * for telemetry. Whoever finds no post before its own wakes the loop, which takes all at once. */
bool loop_post(struct loop *l, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
    struct post *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return false;
    *p = (struct post){.fn = fn, .drop = drop, .arg = arg};
    struct post *before = atomic_load_explicit(&l->posts, memory_order_relaxed);
    do {
        p->next = before;
    } while (!atomic_compare_exchange_weak_explicit(&l->posts, &before, p, memory_order_release,
                                                    memory_order_relaxed));
    if (before == NULL) /* p may have run, and be gone, by now */
        wake(l);
    return true;
}

/* ---- timers ---- */

static void place(struct loop *l, size_t at, struct loop_timer *t)
{
    l->heap[at] = t;
    t->place = at;
}

static void sift_up(struct loop *l, size_t at, struct loop_timer *t)
{
    while (at > 1 && l->heap[at / 2]->due_us > t->due_us) {
        place(l, at, l->heap[at / 2]);
        at /= 2;
    }
    place(l, at, t);
}

static void sift_down(struct loop *l, size_t at, struct loop_timer *t)
{
    for (;;) {
        size_t child = at * 2;
        if (child > l->heap_count)
            break;
        if (child < l->heap_count && l->heap[child + 1]->due_us < l->heap[child]->due_us)
            child++;
        if (l->heap[child]->due_us >= t->due_us)
            break;
        place(l, at, l->heap[child]);
        at = child;
    }
    place(l, at, t);
}

/* The event is only moved forward here; one that fires too early sets itself anew. */
static void arm(struct loop *l)
{
    if (l->heap_count == 0 || clock_is_fake())
        return;
    uint64_t due = l->heap[1]->due_us;
    if (l->timer_event_due_us != 0 && l->timer_event_due_us <= due)
        return;
    uint64_t now = clock_now_us();
    uint64_t wait = due > now ? due - now : 0;
    struct timeval tv = {.tv_sec = (time_t)(wait / 1000000),
                         .tv_usec = (suseconds_t)(wait % 1000000)};
    l->timer_event_due_us = due;
    event_add(l->timer_event, &tv);
}

static int run_timers(struct loop *l)
{
    uint64_t now = clock_now_us();
    int count = 0;

    while (l->heap_count > 0 && l->heap[1]->due_us <= now) {
        struct loop_timer *t = l->heap[1];
        loop_timer_stop(t);
        t->on_timer(t->ctx);
        count++;
    }
    return count;
}

static void on_timer_event(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;

    (void)fd;
    (void)what;
    l->timer_event_due_us = 0;
    (void)run_timers(l);
    arm(l);
}

static bool heap_grow(struct loop *l)
{
    if (l->heap_count + 2 <= l->heap_cap)
        return true;
    size_t cap = l->heap_cap == 0 ? 64 : l->heap_cap * 2;
    struct loop_timer **heap = realloc(l->heap, cap * sizeof(*heap));
    if (heap == NULL)
        return false;
    l->heap = heap;
    l->heap_cap = cap;
    return true;
}

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms,
                      void (*on_timer)(void *ctx), void *ctx)
{
    loop_timer_stop(t);
    t->loop = l;
    t->on_timer = on_timer;
    t->ctx = ctx;
    t->due_us = clock_now_us() + (uint64_t)(delay_ms > 0 ? delay_ms : 0) * 1000;
    if (!heap_grow(l))
        abort(); /* a timer that silently never runs would hang what waits for it */
    l->heap_count++;
    sift_up(l, l->heap_count, t);
    arm(l);
}

void loop_timer_stop(struct loop_timer *t)
{
    if (t->place == 0)
        return;
    struct loop *l = t->loop;
    size_t at = t->place;
    struct loop_timer *last = l->heap[l->heap_count--];
    t->place = 0;
    if (last == t)
        return;
    if (at > 1 && l->heap[at / 2]->due_us > last->due_us)
        sift_up(l, at, last);
    else
        sift_down(l, at, last);
}

/* ---- the loop ---- */

static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();

    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_create(void)
{
    struct loop *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->base = base_create();
    if (l->wake_fd < 0 || l->base == NULL)
        return loop_destroy(l);
    l->wake_event = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    l->timer_event = event_new(l->base, -1, 0, on_timer_event, l);
    if (l->wake_event == NULL || l->timer_event == NULL || event_add(l->wake_event, NULL) != 0)
        return loop_destroy(l);
    return l;
}

static void drop_posts(struct loop *l)
{
    struct post *next;

    for (struct post *p = take_posts(l); p != NULL; p = next) {
        next = p->next;
        if (p->drop != NULL)
            p->drop(p->arg);
        free(p);
    }
}

struct loop *loop_destroy(struct loop *l)
{
    if (l == NULL)
        return NULL;
    drop_posts(l);
    while (l->heap_count > 0)
        loop_timer_stop(l->heap[1]);
    if (l->wake_event != NULL)
        event_free(l->wake_event);
    if (l->timer_event != NULL)
        event_free(l->timer_event);
    if (l->base != NULL)
        event_base_free(l->base);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l->heap);
    free(l);
    return NULL;
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

void loop_run(struct loop *l)
{
    atomic_store(&l->thread, (uintptr_t)pthread_self());
    while (!atomic_load(&l->stopping)) {
        if (event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
            break;
    }
    atomic_store(&l->stopping, false);
}

void loop_run_once(struct loop *l)
{
    atomic_store(&l->thread, (uintptr_t)pthread_self());
    (void)event_base_loop(l->base, EVLOOP_NONBLOCK);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopping, true);
    wake(l);
}

bool loop_is_mine(const struct loop *l)
{
    uintptr_t thread =
        atomic_load_explicit(&((struct loop *)(uintptr_t)l)->thread, memory_order_relaxed);

    return thread == 0 || thread == (uintptr_t)pthread_self();
}

int loop_run_due(struct loop *l)
{
    int total = 0;

    for (;;) {
        int count = run_posts(l) + run_timers(l);
        total += count;
        if (count == 0)
            return total;
    }
}
