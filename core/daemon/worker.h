/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker: a thread with its loop, its sockets, its sessions and its instances of the current
 * generation. It is told things by posting to its loop, and tells main in the same way.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "agent/worker_generation.h"
#include "net/net.h"
#include "session/worker_env.h"

struct worker;

/* How a worker reaches what is above it. Thread: the worker's; the implementer posts to main. */
struct worker_hub {
    /* A generation has stopped here: its reference is handed back. */
    void (*generation_gone)(void *ctx, struct generation *take);
    /* The keys that were replaced are not used here any more. */
    void (*auth_gone)(void *ctx, struct auth *old);
    /* The worker has one session or connection more, or less. */
    void (*counts_changed)(void *ctx);
    bool (*is_ready)(void *ctx);
    void (*describe_sessions)(void *ctx, struct loop *loop, const char *id,
                              void (*done)(void *arg, json_t *take_all), void *arg);
    void (*visit)(void *ctx, struct loop *loop, struct net_visit *v);
    void (*reload)(void *ctx, struct loop *loop, void (*done)(void *arg, const char *fault),
                   void *arg);
    void (*metrics)(void *ctx, struct buf *out);
    void *ctx;
};

struct worker_config {
    unsigned index; /* from 0 */
    unsigned count; /* of all workers */
    const char *host_name;
    const struct net_config *net;
    struct client_secrets *secrets;
    struct admission *admission;
    struct offload *offload;
    struct offload *tools;
    struct offload *heavy;
    struct offload *disk;
    const struct silero_weights *weights; /* or NULL */
    struct telemetry_recorder *recorder;
    struct generation *generation; /* referenced by the worker */
    struct auth *auth;             /* borrowed until auth_gone */
    const int *first_ports;        /* NULL for the first worker */
    struct worker_hub hub;
};

/* Start the thread and wait until it serves, or has failed. */
int worker_start(const struct worker_config *config, struct worker **ret, struct parley_error *err);

const int *worker_ports(const struct worker *w);
int worker_admin_port(const struct worker *w);
/* Thread of these two: any. */
size_t worker_session_count(const struct worker *w);
size_t worker_connection_count(const struct worker *w);

/* New sessions use this generation and these keys. Thread: any; the reference is taken. */
void worker_use(struct worker *w, struct generation *take, struct auth *auth);

/* Take no new connections; sessions end when their turn does, at the latest after grace_ms. */
void worker_drain(struct worker *w, int64_t grace_ms);

/* Describe sessions on the worker's thread; `done` runs there, once, with an array or NULL when the
 * worker has stopped. */
void worker_describe(struct worker *w, const char *id, void (*done)(void *arg, json_t *take),
                     void *arg);

/* Run fn there with the worker's sessions, NULL when it has stopped (then on any thread). */
void worker_post(struct worker *w, void (*fn)(void *arg, struct worker_sessions *sessions),
                 void *arg);

/* Begin to end everything. */
void worker_stop(struct worker *w);

/* Return when its thread has ended. What is posted to its loop now is dropped by the next. */
void worker_wait(struct worker *w);

/* Free it, when no other thread can reach its loop any more. Returns NULL. */
struct worker *worker_destroy(struct worker *w);

#endif
