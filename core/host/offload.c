/* SPDX-License-Identifier: Apache-2.0 */
#include "host/offload.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"

#include <parley/types.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LANE_BUCKETS 64

struct job {
    struct list waiting; /* of the pool, in the order of asking */
    struct list ready;   /* of the pool, or of its lane's jobs while an earlier one is there */
    struct lane *lane;
    struct loop *loop;
    void (*work)(void *arg);
    void (*done)(void *arg, int status);
    void *arg;
    int status;
    uint64_t asked_us;
};

/* A lane that has a job ready or running. */
struct lane {
    struct list entry; /* of its bucket */
    const void *key;
    struct list jobs; /* behind the one that is ready or running */
};

struct offload {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;
    struct list waiting;
    struct list ready;
    struct list lanes[LANE_BUCKETS];
    size_t waiting_count;
    size_t running_count;
    size_t queue_limit;
    uint64_t done_count;
    uint64_t refused_count;
    bool is_stopping;
    pthread_t *threads;
    unsigned thread_count;
};

/* ---- back to the loop ---- */

static void tell(void *arg)
{
    struct job *job = arg;

    job->done(job->arg, job->status);
    free(job);
}

/* The loop went first: still exactly one done. */
static void tell_dropped(void *arg)
{
    struct job *job = arg;

    job->status = PARLEY_E_CANCELLED;
    tell(job);
}

/* Someone waits for the end, so a want of memory only delays it. */
static void post_done(struct job *job)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    while (!loop_post(job->loop, tell, tell_dropped, job))
        nanosleep(&pause, NULL);
}

/* ---- lanes; the lock is held ---- */

static struct list *bucket_of(struct offload *o, const void *key)
{
    return &o->lanes[((uintptr_t)key >> 4) % LANE_BUCKETS];
}

static struct lane *lane_find(struct offload *o, const void *key)
{
    struct list *at;

    list_for_each(at, bucket_of(o, key))
    {
        struct lane *lane = list_entry(at, struct lane, entry);
        if (lane->key == key)
            return lane;
    }
    return NULL;
}

static struct lane *lane_create(struct offload *o, const void *key)
{
    struct lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return NULL;
    lane->key = key;
    list_init(&lane->jobs);
    list_append(bucket_of(o, key), &lane->entry);
    return lane;
}

/* The lane's job is over: the next one is ready, or the lane is forgotten. */
static void lane_advance(struct offload *o, struct lane *lane)
{
    if (lane == NULL)
        return;
    if (list_empty(&lane->jobs)) {
        list_remove(&lane->entry);
        free(lane);
        return;
    }
    struct list *next = lane->jobs.next;
    list_remove(next);
    list_append(&o->ready, next);
    pthread_cond_signal(&o->wake);
}

/* ---- the threads ---- */

static struct job *take_ready(struct offload *o)
{
    if (list_empty(&o->ready))
        return NULL;
    struct job *job = list_entry(o->ready.next, struct job, ready);
    list_remove(&job->ready);
    list_remove(&job->waiting);
    o->waiting_count--;
    return job;
}

static void run_job(struct offload *o, struct job *job)
{
    struct lane *lane = job->lane;

    o->running_count++;
    pthread_mutex_unlock(&o->lock);
    job->work(job->arg);
    job->status = PARLEY_OK;
    post_done(job);
    pthread_mutex_lock(&o->lock);
    o->running_count--;
    o->done_count++;
    lane_advance(o, lane);
}

static void *thread_main(void *arg)
{
    struct offload *o = arg;

    pthread_mutex_lock(&o->lock);
    while (!o->is_stopping) {
        struct job *job = take_ready(o);
        if (job != NULL)
            run_job(o, job);
        else
            pthread_cond_wait(&o->wake, &o->lock);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* Signals belong to the main thread. */
static bool start_threads(struct offload *o, const char *name, unsigned count)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&o->threads[i], NULL, thread_main, o) != 0)
            break;
        char label[16]; /* what the kernel keeps */
        (void)snprintf(label, sizeof(label), "%.10s %u", name, i % 1000);
        pthread_setname_np(o->threads[i], label);
        o->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return o->thread_count == count;
}

struct offload *offload_create(const char *name, unsigned thread_count, size_t queue_limit)
{
    struct offload *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return NULL;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->wake, NULL);
    list_init(&o->waiting);
    list_init(&o->ready);
    for (size_t i = 0; i < LANE_BUCKETS; i++)
        list_init(&o->lanes[i]);
    o->queue_limit = queue_limit;
    o->threads = calloc(thread_count, sizeof(*o->threads));
    if (o->threads == NULL || !start_threads(o, name, thread_count))
        return offload_destroy(o);
    return o;
}

static void cancel_waiting(struct offload *o)
{
    while (!list_empty(&o->waiting)) {
        struct job *job = list_entry(o->waiting.next, struct job, waiting);
        list_remove(&job->waiting);
        list_remove(&job->ready);
        job->status = PARLEY_E_CANCELLED;
        post_done(job);
    }
    for (size_t i = 0; i < LANE_BUCKETS; i++) {
        while (!list_empty(&o->lanes[i])) {
            struct lane *lane = list_entry(o->lanes[i].next, struct lane, entry);
            list_remove(&lane->entry);
            free(lane);
        }
    }
}

struct offload *offload_destroy(struct offload *o)
{
    if (o == NULL)
        return NULL;
    pthread_mutex_lock(&o->lock);
    o->is_stopping = true;
    pthread_cond_broadcast(&o->wake);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->thread_count; i++)
        pthread_join(o->threads[i], NULL);
    cancel_waiting(o);
    pthread_cond_destroy(&o->wake);
    pthread_mutex_destroy(&o->lock);
    free(o->threads);
    free(o);
    return NULL;
}

/* ---- asking ---- */

static int enqueue(struct offload *o, struct job *job, const void *key)
{
    struct lane *lane = key == NULL ? NULL : lane_find(o, key);
    struct list *queue = lane == NULL ? &o->ready : &lane->jobs;

    if (key != NULL && lane == NULL && (lane = lane_create(o, key)) == NULL)
        return PARLEY_E_NO_MEMORY;
    job->lane = lane;
    list_append(queue, &job->ready);
    list_append(&o->waiting, &job->waiting);
    o->waiting_count++;
    pthread_cond_signal(&o->wake);
    return PARLEY_OK;
}

int offload_run(struct offload *o, struct loop *loop, const void *lane, void (*work)(void *arg),
                void (*done)(void *arg, int status), void *arg)
{
    struct job *job = calloc(1, sizeof(*job));
    int r = PARLEY_E_BUSY;

    if (job == NULL)
        return PARLEY_E_NO_MEMORY;
    *job = (struct job){
        .loop = loop, .work = work, .done = done, .arg = arg, .asked_us = clock_now_us()};
    pthread_mutex_lock(&o->lock);
    if (o->is_stopping || o->waiting_count >= o->queue_limit)
        o->refused_count++;
    else
        r = enqueue(o, job, lane);
    pthread_mutex_unlock(&o->lock);
    if (r < 0)
        free(job);
    return r;
}

struct offload_stats offload_stats(struct offload *o)
{
    struct offload_stats stats = {0};
    uint64_t now_us = clock_now_us();

    pthread_mutex_lock(&o->lock);
    stats.waiting = o->waiting_count;
    stats.running = o->running_count;
    stats.done = o->done_count;
    stats.refused = o->refused_count;
    if (!list_empty(&o->waiting)) {
        const struct job *oldest = list_entry(o->waiting.next, struct job, waiting);
        stats.oldest_wait_us = now_us > oldest->asked_us ? now_us - oldest->asked_us : 0;
    }
    pthread_mutex_unlock(&o->lock);
    return stats;
}
