/* SPDX-License-Identifier: Apache-2.0 */
/* The shelf, by jobs of the offload pool: one after another, in order. Thread: the worker's. */
#ifndef AZURE_MONITOR_KEEPER_H
#define AZURE_MONITOR_KEEPER_H

#include "shelf.h"

#include <parley/host.h>
#include <parley/service/offload.h>

struct keeper_config {
    const struct parley_host *host;
    const struct parley_service_offload *offload;
    struct parley_worker *worker;
    const struct shelf *shelf;
};

/* What a job has come to; all of it is borrowed but what is taken out. */
struct keeper_result {
    enum shelf_result result;
    struct parcel *parcel;   /* what was not stored, or what was taken */
    struct shelf_file *file; /* what was taken */
    struct shelf_loss loss;
    const char *reason;
};

/* Never on the stack of the function that asked. */
typedef void (*keeper_on_done)(void *ctx, const struct keeper_result *result);

/* False, and nothing happens, when the pool takes no job. Else the parcel is taken (zeroed). */
bool keeper_store(const struct keeper_config *k, struct parcel *take, keeper_on_done on_done,
                  void *ctx);
bool keeper_take(const struct keeper_config *k, keeper_on_done on_done, void *ctx);
/* The rest of a file that was delivered in part; the file is taken, too, and goes in any case. */
bool keeper_replace(const struct keeper_config *k, struct shelf_file *file, struct parcel *take,
                    keeper_on_done on_done, void *ctx);

/* Takes the file. Nothing is told of it. */
void keeper_remove(const struct keeper_config *k, struct shelf_file *take);

#endif
