/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of a recording on their way to the disk.
 *
 *     put --> waiting --the pool is free--> in a job --done--> freed
 *
 * One job of a spool is under way at a time and takes all that waits, so that a slow disk is met
 * with fewer, larger jobs. What is in memory is counted against a limit of its own and one of the
 * worker. Thread: the worker's.
 */
#ifndef SESSION_TAPE_SPOOL_H
#define SESSION_TAPE_SPOOL_H

#include "base/loop.h"
#include "host/offload.h"
#include "session/tape_file.h"

#include <parley/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_MAX_BYTES    (4u << 20)  /* of one session, in memory */
#define SPOOL_WORKER_BYTES (64u << 20) /* of all sessions of a worker */
#define SPOOL_RETRY_MS     1000        /* after the pool was full */

struct spool;

/* What the worker's sessions have in memory for recordings, and what those had that were abandoned
 * while a job was under way. */
struct spool_budget {
    size_t bytes;
    size_t late; /* such jobs */
    bool is_left;
};

struct spool_budget *spool_budget_create(void);
/* Freed when the last job that counts on it ends. NULL is fine. Returns NULL. */
struct spool_budget *spool_budget_leave(struct spool_budget *b);

struct spool_events {
    /* So much could not be written, for this reason. */
    void (*on_failed)(void *ctx, uint64_t lost_frames, const struct parley_error *err);
    /* All is written after spool_finish(), as far as it can be. The last call. */
    void (*on_finished)(void *ctx);
};

struct spool_config {
    struct loop *loop;
    struct offload *pool;
    struct spool_budget *budget; /* not left before spool_abandon() */
    const char *path;            /* copied, as is the comment */
    const char *comment;
    uint64_t max_frames;
    const struct spool_events *events;
    void *ctx;
};

/* The file is created with the first block. NULL without memory. */
struct spool *spool_create(const struct spool_config *config);

/* May so much more be kept in memory? */
bool spool_has_room(const struct spool *s, size_t bytes);
/* It is, in a block that is not put yet. */
void spool_hold(struct spool *s, size_t bytes);
/* What is held at present. */
size_t spool_held(const struct spool *s);
/* Frames of sound that were put and are not known to be written. */
uint64_t spool_unwritten(const struct spool *s);

/* Put a block behind the others, whose text was held. Takes it. */
void spool_put(struct spool *s, struct tape_block *take);
/* Write what waits, as soon as the pool is free. */
void spool_send(struct spool *s);

/* The last block was put: write all, and make the file at most so long. */
void spool_finish(struct spool *s, uint64_t frames);

/* The file could not be created: nothing will be written. */
bool spool_is_dead(const struct spool *s);

const char *spool_path(const struct spool *s);

/* Nothing is called any more; what waits is dropped, and a job that is under way ends: so long its
 * bytes are counted, since a disk that hangs keeps them in memory. NULL is fine. Returns NULL. */
struct spool *spool_abandon(struct spool *s);

#endif
