/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of parcels that could not be delivered, one file each, named by when it was written and
 * how many items it holds. A file is written aside and renamed, and is readable by its owner only.
 * Whoever sends one holds a lock on it, so that several processes may share a folder; the lock ends
 * with the process. Thread: [offload], these functions wait for the disk; but for shelf_open() and
 * shelf_close(), which are [main].
 */
#ifndef AZURE_MONITOR_SHELF_H
#define AZURE_MONITOR_SHELF_H

#include "parcel.h"

#include <parley/error.h>

#define SHELF_NAME   80
#define SHELF_REASON 200

struct shelf {
    char *folder; /* of this resource, within the one that was configured */
    int64_t max_bytes;
    int64_t max_age_ms;
};

/* A file that is being sent. Zeroed but for fd = -1: none. */
struct shelf_file {
    char name[SHELF_NAME];
    int fd; /* holds the lock */
    uint32_t items;
};

/* Items that were thrown away, and why. */
struct shelf_loss {
    uint64_t too_old;
    uint64_t unreadable;
};

/* Make the folder and see whether it can be written. key: of the resource. */
int shelf_open(struct shelf *ret, const char *root, const char *key, struct parley_error *err);
void shelf_close(struct shelf *s);

enum shelf_result { SHELF_OK, SHELF_FULL, SHELF_EMPTY, SHELF_FAILED };

/* Lay a parcel down. unique: some number that no other file has. reason: of a failure. */
enum shelf_result shelf_store(const struct shelf *s, const struct parcel *parcel, int64_t unix_ms,
                              uint64_t unique, char reason[SHELF_REASON]);

/* Lock the oldest file that nobody sends, and read it. Throws away what is too old or damaged. */
enum shelf_result shelf_take(const struct shelf *s, int64_t unix_ms, struct parcel *ret_parcel,
                             struct shelf_file *ret_file, struct shelf_loss *loss,
                             char reason[SHELF_REASON]);

/* It is delivered, or given up. */
void shelf_remove(const struct shelf *s, struct shelf_file *file);
/* A part of it is left, and goes behind the others. */
enum shelf_result shelf_replace(const struct shelf *s, struct shelf_file *file,
                                const struct parcel *rest, int64_t unix_ms, uint64_t unique,
                                char reason[SHELF_REASON]);
/* It stays. [any] */
void shelf_release(struct shelf_file *file);

#endif
