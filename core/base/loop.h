/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's event loop: a libevent base without locks, one-shot timers, and the only door
 * between threads, loop_post(). Timers follow base/clock.h; with a fake clock they run when the
 * test calls loop_run_due().
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct loop;

/* NULL without memory or descriptors. */
struct loop *loop_create(void);

/* After loop_run() returned. What was posted and did not run is dropped. Returns NULL. */
struct loop *loop_destroy(struct loop *l);

/* The libevent base, for sockets. Thread: the loop's. */
struct event_base *loop_base(struct loop *l);

/* Run until loop_stop(). The calling thread becomes the loop's. */
void loop_run(struct loop *l);

/* Handle what is ready now, and return. For tests and for steps of a program without a thread. */
void loop_run_once(struct loop *l);

/* Ask loop_run() to return. Thread: any. */
void loop_stop(struct loop *l);

/*
 * Run fn(arg) on the loop's thread, in the order of posting. Exactly one of fn and drop runs: drop
 * when the loop is destroyed first (on the destroying thread). drop may be NULL. False, and neither
 * runs, without memory. Thread: any.
 */
bool loop_post(struct loop *l, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);

/* Is this the thread that runs the loop (or has not been one yet)? For asserts. */
bool loop_is_mine(const struct loop *l);

/* A one-shot timer, embedded in its owner. Zeroed is valid: not running. */
struct loop_timer {
    struct loop *loop;
    uint64_t due_us;
    void (*on_timer)(void *ctx);
    void *ctx;
    size_t place; /* in the loop's heap, from 1; 0: not running */
};

/* Run on_timer(ctx) once, delay_ms from now; a running timer is set anew. Cheap: no system call. */
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_ms,
                      void (*on_timer)(void *ctx), void *ctx);

/* Do not run. Harmless when not running. */
void loop_timer_stop(struct loop_timer *t);

static inline bool loop_timer_is_running(const struct loop_timer *t)
{
    return t->place != 0;
}

/* Tests with a fake clock: run what was posted and every timer that is due. Returns how many ran.
 */
int loop_run_due(struct loop *l);

#endif
