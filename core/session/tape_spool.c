/* SPDX-License-Identifier: Apache-2.0 */
#include "session/tape_spool.h"

#include "base/str.h"
#include "session/timeline.h"

#include <stdlib.h>

struct spool {
    struct spool_config config;
    char *path;
    char *comment;
    struct list waiting; /* struct tape_block */
    size_t bytes;        /* held, waiting, and in a job */
    struct loop_timer retry;
    struct spool_job *job;  /* under way, or NULL */
    struct tape_file *file; /* the job's while there is one */
    uint64_t length;        /* once it is finishing */
    bool is_finishing;
    bool is_finished;
    bool is_dead;
    bool is_abandoned; /* and a job is still under way */
};

/* On its way through the pool; of the spool it reads path, comment and limit, which stay. */
struct spool_job {
    struct spool *spool;
    struct tape_file *file;
    struct list blocks;
    size_t bytes;
    uint64_t length;
    bool finishes;
    bool is_dead;
    uint64_t lost_frames;
    struct parley_error err; /* the first */
};

/* ---- on the pool ---- */

static void lose(struct spool_job *j, const struct tape_block *b, const struct parley_error *err)
{
    if (!b->is_silence)
        j->lost_frames += timeline_frames(b->format, b->bytes);
    if (j->err.status == PARLEY_OK)
        j->err = *err;
}

static void lose_all(struct spool_job *j, const struct parley_error *err)
{
    struct list *at;

    list_for_each(at, &j->blocks)
    {
        lose(j, list_entry(at, struct tape_block, entry), err);
    }
}

static void write_blocks(struct spool_job *j)
{
    struct list *at;

    list_for_each(at, &j->blocks)
    {
        const struct tape_block *b = list_entry(at, struct tape_block, entry);
        struct parley_error err = PARLEY_ERROR_INIT;
        if (tape_file_write(j->file, b, &err) < 0)
            lose(j, b, &err);
    }
}

static void work(void *arg)
{
    struct spool_job *j = arg;
    const struct spool *s = j->spool;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (j->file == NULL && !j->is_dead)
        j->is_dead =
            tape_file_create(s->path, s->comment, s->config.max_frames, &j->file, &err) < 0;
    if (j->file == NULL) {
        lose_all(j, &err);
        return;
    }
    write_blocks(j);
    if (!j->finishes)
        return;
    if (tape_file_finish(j->file, j->length, &err) < 0 && j->err.status == PARLEY_OK)
        j->err = err;
    j->file = tape_file_close(j->file);
}

/* ---- back on the worker ---- */

static void count(struct spool *s, size_t bytes)
{
    s->bytes -= bytes;
    s->config.budget->bytes -= bytes;
}

static void blocks_free(struct list *blocks)
{
    while (!list_empty(blocks))
        tape_block_free(list_entry(blocks->next, struct tape_block, entry));
}

struct spool_budget *spool_budget_create(void)
{
    return calloc(1, sizeof(struct spool_budget));
}

static void budget_release(struct spool_budget *b)
{
    if (b->is_left && b->late == 0)
        free(b);
}

struct spool_budget *spool_budget_leave(struct spool_budget *b)
{
    if (b != NULL) {
        b->is_left = true;
        budget_release(b);
    }
    return NULL;
}

static void spool_free(struct spool *s)
{
    blocks_free(&s->waiting);
    (void)tape_file_close(s->file);
    free(s->path);
    free(s->comment);
    free(s);
}

static void job_free(struct spool_job *j)
{
    blocks_free(&j->blocks);
    free(j);
}

static void tell(struct spool *s, struct spool_job *j)
{
    const struct spool_config *c = &s->config;

    if (j->lost_frames > 0 || j->err.status < 0)
        c->events->on_failed(c->ctx, j->lost_frames, &j->err);
    s->is_finished = j->finishes;
    if (s->is_finished)
        c->events->on_finished(c->ctx);
    else
        spool_send(s);
}

static void done(void *arg, int status)
{
    struct spool_job *j = arg;
    struct spool *s = j->spool;
    struct parley_error err = PARLEY_ERROR_INIT;

    s->job = NULL;
    s->file = j->file;
    s->is_dead = j->is_dead;
    count(s, j->bytes);
    if (status < 0) { /* the server stops, and it did not run */
        (void)parley_fail(&err, status, "%s: the server is stopping", s->path);
        lose_all(j, &err);
    }
    if (s->is_abandoned) {
        s->config.budget->late--;
        budget_release(s->config.budget);
        spool_free(s);
    } else {
        tell(s, j);
    }
    job_free(j);
}

/* ---- sending ---- */

static struct spool_job *make_job(struct spool *s)
{
    struct spool_job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->spool = s;
    j->file = s->file;
    j->is_dead = s->is_dead;
    j->length = s->length;
    j->finishes = s->is_finishing;
    j->err = (struct parley_error)PARLEY_ERROR_INIT;
    list_init(&j->blocks);
    while (!list_empty(&s->waiting)) {
        struct list *at = s->waiting.next;
        list_remove(at);
        list_append(&j->blocks, at);
        j->bytes += list_entry(at, struct tape_block, entry)->text.len;
    }
    return j;
}

static void on_retry(void *ctx)
{
    spool_send(ctx);
}

static void send_later(struct spool *s)
{
    loop_timer_start(s->config.loop, &s->retry, SPOOL_RETRY_MS, on_retry, s);
}

/* The pool took it not: all waits again. */
static void unmake_job(struct spool *s, struct spool_job *j)
{
    while (!list_empty(&j->blocks)) {
        struct list *at = j->blocks.next;
        list_remove(at);
        list_append(&s->waiting, at);
    }
    job_free(j);
    send_later(s);
}

void spool_send(struct spool *s)
{
    if (s->job != NULL || s->is_finished || (list_empty(&s->waiting) && !s->is_finishing))
        return;
    struct spool_job *j = make_job(s);
    if (j == NULL) {
        send_later(s);
        return;
    }
    if (offload_run(s->config.pool, s->config.loop, NULL, work, done, j) == PARLEY_OK)
        s->job = j;
    else
        unmake_job(s, j);
}

void spool_put(struct spool *s, struct tape_block *take)
{
    list_append(&s->waiting, &take->entry);
}

void spool_finish(struct spool *s, uint64_t frames)
{
    s->is_finishing = true;
    s->length = frames;
    spool_send(s);
}

/* ---- memory ---- */

bool spool_has_room(const struct spool *s, size_t bytes)
{
    return s->bytes + bytes <= SPOOL_MAX_BYTES &&
           s->config.budget->bytes + bytes <= SPOOL_WORKER_BYTES;
}

void spool_hold(struct spool *s, size_t bytes)
{
    s->bytes += bytes;
    s->config.budget->bytes += bytes;
}

size_t spool_held(const struct spool *s)
{
    return s->bytes;
}

static uint64_t sound_of(const struct list *blocks)
{
    uint64_t frames = 0;
    struct list *at;

    list_for_each(at, blocks)
    {
        const struct tape_block *b = list_entry(at, struct tape_block, entry);
        frames += b->is_silence ? 0 : timeline_frames(b->format, b->bytes);
    }
    return frames;
}

/* The pool only reads the blocks of a job, too. */
uint64_t spool_unwritten(const struct spool *s)
{
    return sound_of(&s->waiting) + (s->job == NULL ? 0 : sound_of(&s->job->blocks));
}

/* ---- life ---- */

struct spool *spool_create(const struct spool_config *config)
{
    struct spool *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    list_init(&s->waiting);
    s->config = *config;
    s->path = view_dup(view_of(config->path));
    s->comment = view_dup(view_of(config->comment));
    if (s->path != NULL && s->comment != NULL)
        return s;
    spool_free(s);
    return NULL;
}

bool spool_is_dead(const struct spool *s)
{
    return s->is_dead;
}

const char *spool_path(const struct spool *s)
{
    return s->path;
}

struct spool *spool_abandon(struct spool *s)
{
    if (s == NULL)
        return NULL;
    loop_timer_stop(&s->retry);
    blocks_free(&s->waiting);
    count(s, s->bytes - (s->job == NULL ? 0 : s->job->bytes));
    if (s->job == NULL) {
        spool_free(s);
        return NULL;
    }
    s->is_abandoned = true;
    s->config.budget->late++;
    return NULL;
}
