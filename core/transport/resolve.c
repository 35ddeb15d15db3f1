/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/resolve.h"

#include "base/list.h"
#include "base/loop.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What the threads share with the loop; it lives until the last of them is done. */
struct shared {
    pthread_mutex_t lock;
    struct loop *loop; /* NULL: the resolver is gone */
    int users;         /* the resolver, and each running thread */
};

struct resolver {
    struct shared *shared;
    struct list waiting; /* no free thread yet */
    struct list all;     /* every query that is not over */
    int running;
};

struct resolve {
    struct list entry;
    struct list waiting;
    struct resolver *resolver; /* NULL: cancelled, or the resolver is gone */
    struct shared *shared;
    void (*on_done)(void *ctx, const struct resolve_result *result);
    void *ctx;
    struct resolve_result result;
    int status; /* of getaddrinfo() */
    char host[256];
};

static void shared_unref(struct shared *s)
{
    pthread_mutex_lock(&s->lock);
    int users = --s->users;
    pthread_mutex_unlock(&s->lock);
    if (users > 0)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- on the thread ---- */

static void look_up(struct resolve *q)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    q->status = getaddrinfo(q->host, NULL, &hints, &found);
    if (q->status != 0)
        return;
    for (struct addrinfo *a = found; a != NULL && q->result.count < RESOLVE_ADDRESSES;
         a = a->ai_next) {
        char *text = q->result.addresses[q->result.count];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(q->result.addresses[0]), NULL, 0,
                        NI_NUMERICHOST) == 0)
            q->result.count++;
    }
    freeaddrinfo(found);
}

static void done(void *arg);

static void drop(void *arg)
{
    free(arg);
}

static void *run(void *arg)
{
    struct resolve *q = arg;
    struct shared *s = q->shared;

    look_up(q);
    pthread_mutex_lock(&s->lock);
    bool posted = s->loop != NULL && loop_post(s->loop, done, drop, q);
    pthread_mutex_unlock(&s->lock);
    if (!posted)
        free(q);
    shared_unref(s);
    return NULL;
}

static bool thread_start(struct resolve *q)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    pthread_mutex_lock(&q->shared->lock);
    q->shared->users++;
    pthread_mutex_unlock(&q->shared->lock);
    bool ok = pthread_create(&thread, &attr, run, q) == 0;
    pthread_attr_destroy(&attr);
    if (!ok)
        shared_unref(q->shared);
    return ok;
}

/* ---- on the loop ---- */

static void next(struct resolver *r)
{
    while (r->running < RESOLVE_MAX && !list_empty(&r->waiting)) {
        struct resolve *q = list_entry(r->waiting.next, struct resolve, waiting);
        list_remove(&q->waiting);
        if (thread_start(q)) {
            r->running++;
            continue;
        }
        q->status = EAI_MEMORY;
        if (!loop_post(r->shared->loop, done, drop, q))
            abort(); /* its owner would wait for ever */
        r->running++;
    }
}

static void done(void *arg)
{
    struct resolve *q = arg;
    struct resolver *r = q->resolver;

    if (r != NULL) {
        list_remove(&q->entry);
        r->running--;
        if (q->result.count == 0)
            q->result.error = q->status != 0 ? gai_strerror(q->status) : "no address";
        if (q->on_done != NULL)
            q->on_done(q->ctx, &q->result);
        next(r);
    }
    free(q);
}

struct resolver *resolver_create(struct loop *loop)
{
    struct resolver *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    list_init(&r->waiting);
    list_init(&r->all);
    r->shared = calloc(1, sizeof(*r->shared));
    if (r->shared == NULL) {
        free(r);
        return NULL;
    }
    pthread_mutex_init(&r->shared->lock, NULL);
    r->shared->loop = loop;
    r->shared->users = 1;
    return r;
}

struct resolver *resolver_destroy(struct resolver *r)
{
    if (r == NULL)
        return NULL;
    pthread_mutex_lock(&r->shared->lock);
    r->shared->loop = NULL;
    pthread_mutex_unlock(&r->shared->lock);
    while (!list_empty(&r->all)) {
        struct resolve *q = list_entry(r->all.next, struct resolve, entry);
        bool has_no_thread = !list_empty(&q->waiting);
        list_remove(&q->entry);
        q->resolver = NULL;
        if (has_no_thread) {
            list_remove(&q->waiting);
            free(q);
        }
    }
    shared_unref(r->shared);
    free(r);
    return NULL;
}

struct resolve *resolve_start(struct resolver *r, const char *host,
                              void (*on_done)(void *ctx, const struct resolve_result *result),
                              void *ctx)
{
    struct resolve *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    q->resolver = r;
    q->shared = r->shared;
    q->on_done = on_done;
    q->ctx = ctx;
    snprintf(q->host, sizeof(q->host), "%s", host);
    list_append(&r->all, &q->entry);
    list_append(&r->waiting, &q->waiting);
    next(r);
    return q;
}

void resolve_cancel(struct resolve *query)
{
    if (query != NULL)
        query->on_done = NULL;
}
