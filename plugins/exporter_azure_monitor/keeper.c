/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper.h"

#include <stdlib.h>

struct job {
    const struct keeper_config *keeper;
    void (*work)(struct job *job);
    struct parcel parcel;
    struct shelf_file file;
    struct shelf_loss loss;
    int64_t unix_ms;
    uint64_t unique;
    enum shelf_result result;
    char reason[SHELF_REASON];
    keeper_on_done on_done; /* NULL: nobody asks */
    void *ctx;
};

static struct job *job_create(const struct keeper_config *k, void (*work)(struct job *job),
                              keeper_on_done on_done, void *ctx)
{
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return NULL;
    *job = (struct job){.keeper = k,
                        .work = work,
                        .file = {.fd = -1},
                        .unix_ms = (int64_t)(k->host->unix_us() / 1000),
                        .result = SHELF_FAILED,
                        .reason = "the pool is stopping",
                        .on_done = on_done,
                        .ctx = ctx};
    k->host->random(&job->unique, sizeof(job->unique));
    return job;
}

static void job_free(struct job *job)
{
    parcel_done(&job->parcel);
    shelf_release(&job->file);
    free(job);
}

/* [offload] */
static void on_pool(void *arg)
{
    struct job *job = arg;

    job->work(job);
}

/* What the work left behind counts, not the pool's status. */
static void on_done(void *arg, int status)
{
    struct job *job = arg;
    const struct keeper_result result = {.result = job->result,
                                         .parcel = &job->parcel,
                                         .file = &job->file,
                                         .loss = job->loss,
                                         .reason = job->reason};

    (void)status;
    if (job->on_done != NULL)
        job->on_done(job->ctx, &result);
    job_free(job);
}

static bool run(struct job *job)
{
    const struct keeper_config *k = job->keeper;

    return k->offload->run(k->worker, k->shelf, on_pool, on_done, job) == PARLEY_OK;
}

/* ---- the jobs [offload] ---- */

static void store(struct job *job)
{
    job->result =
        shelf_store(job->keeper->shelf, &job->parcel, job->unix_ms, job->unique, job->reason);
}

static void take(struct job *job)
{
    job->result = shelf_take(job->keeper->shelf, job->unix_ms, &job->parcel, &job->file, &job->loss,
                             job->reason);
}

static void replace(struct job *job)
{
    job->result = shelf_replace(job->keeper->shelf, &job->file, &job->parcel, job->unix_ms,
                                job->unique, job->reason);
}

static void remove_file(struct job *job)
{
    shelf_remove(job->keeper->shelf, &job->file);
}

/* ---- asking ---- */

bool keeper_store(const struct keeper_config *k, struct parcel *parcel, keeper_on_done done,
                  void *ctx)
{
    struct job *job = job_create(k, store, done, ctx);

    if (job == NULL)
        return false;
    job->parcel = *parcel;
    if (run(job)) {
        *parcel = (struct parcel){0};
        return true;
    }
    job->parcel = (struct parcel){0};
    job_free(job);
    return false;
}

bool keeper_take(const struct keeper_config *k, keeper_on_done done, void *ctx)
{
    struct job *job = job_create(k, take, done, ctx);

    if (job == NULL)
        return false;
    if (run(job))
        return true;
    job_free(job);
    return false;
}

bool keeper_replace(const struct keeper_config *k, struct shelf_file *file, struct parcel *rest,
                    keeper_on_done done, void *ctx)
{
    struct job *job = job_create(k, replace, done, ctx);

    if (job != NULL) {
        job->parcel = *rest;
        job->file = *file;
        if (run(job)) {
            *rest = (struct parcel){0};
            *file = (struct shelf_file){.fd = -1};
            return true;
        }
        job->parcel = (struct parcel){0};
        job->file.fd = -1;
        job_free(job);
    }
    keeper_remove(k, file);
    return false;
}

void keeper_remove(const struct keeper_config *k, struct shelf_file *file)
{
    struct job *job = job_create(k, remove_file, NULL, NULL);

    if (job != NULL) {
        job->file = *file;
        if (run(job)) {
            *file = (struct shelf_file){.fd = -1};
            return;
        }
        job->file.fd = -1;
        job_free(job);
    }
    /* The pool takes nothing: better a moment here than to send it twice. */
    shelf_remove(k->shelf, file);
}
