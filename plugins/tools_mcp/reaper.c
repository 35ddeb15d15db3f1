/* SPDX-License-Identifier: Apache-2.0 */
#include "reaper.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define TERM_AFTER_MS 2000
#define KILL_AFTER_MS 4000
#define GONE_AFTER_MS 5000 /* of orphans: a process that not even SIGKILL ends */
#define LOOK_MS       20

struct leaving {
    struct leaving *next;
    pid_t pid;
    int64_t waited_ms;
};

struct orphans {
    pthread_mutex_t lock;
    struct leaving *first;
};

struct reaper {
    struct surroundings around;
    struct orphans *orphans;
    struct parley_timer *timer;
    struct leaving *first;
};

/* ---- one step of each ---- */

/* A signal for the whole group: a wrapper such as npx has the server as its child. */
static void remind(const struct leaving *l)
{
    if (l->waited_ms == TERM_AFTER_MS)
        (void)kill(-l->pid, SIGTERM);
    else if (l->waited_ms == KILL_AFTER_MS)
        (void)kill(-l->pid, SIGKILL);
}

static bool is_gone(const struct leaving *l)
{
    return waitpid(l->pid, NULL, WNOHANG) != 0; /* -1: somebody else has waited for it */
}

/* What it started and left behind in its group goes with it. */
static void bury(struct leaving *l)
{
    (void)kill(-l->pid, SIGTERM);
    free(l);
}

/* LOOK_MS have passed. */
static void step(struct leaving **first)
{
    for (struct leaving **at = first; *at != NULL;) {
        struct leaving *l = *at;
        l->waited_ms += LOOK_MS;
        remind(l);
        if (is_gone(l)) {
            *at = l->next;
            bury(l);
        } else {
            at = &l->next;
        }
    }
}

/* ---- of a worker ---- */

static void on_look(void *ctx)
{
    struct reaper *r = ctx;

    step(&r->first);
    if (r->first != NULL)
        r->around.timer->start(r->timer, LOOK_MS);
}

struct reaper *reaper_create(const struct surroundings *around, struct orphans *orphans)
{
    struct reaper *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->around = *around;
    r->orphans = orphans;
    r->timer = around->timer->create(around->worker, on_look, r);
    if (r->timer != NULL)
        return r;
    free(r);
    return NULL;
}

void reaper_take(struct reaper *r, pid_t pid)
{
    struct leaving *l = calloc(1, sizeof(*l));

    if (l == NULL) { /* no memory to be patient */
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, NULL, WNOHANG);
        return;
    }
    l->pid = pid;
    l->next = r->first;
    r->first = l;
    r->around.timer->start(r->timer, LOOK_MS);
}

void reaper_destroy(struct reaper *r)
{
    if (r == NULL)
        return;
    r->around.timer->destroy(r->timer);
    (void)pthread_mutex_lock(&r->orphans->lock);
    while (r->first != NULL) {
        struct leaving *l = r->first;
        r->first = l->next;
        l->next = r->orphans->first;
        r->orphans->first = l;
    }
    (void)pthread_mutex_unlock(&r->orphans->lock);
    free(r);
}

/* ---- of an instance ---- */

struct orphans *orphans_create(void)
{
    struct orphans *o = calloc(1, sizeof(*o));

    if (o != NULL)
        (void)pthread_mutex_init(&o->lock, NULL);
    return o;
}

void orphans_destroy(struct orphans *o)
{
    const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

    if (o == NULL)
        return;
    for (int waited = 0; o->first != NULL && waited < GONE_AFTER_MS; waited += LOOK_MS) {
        step(&o->first);
        if (o->first != NULL)
            (void)nanosleep(&look, NULL);
    }
    while (o->first != NULL) {
        struct leaving *l = o->first;
        o->first = l->next;
        free(l);
    }
    (void)pthread_mutex_destroy(&o->lock);
    free(o);
}
