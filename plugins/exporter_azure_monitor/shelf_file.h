/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a file of the shelf: a parcel's lines in gzip, whose checksum tells damage. */
#ifndef AZURE_MONITOR_SHELF_FILE_H
#define AZURE_MONITOR_SHELF_FILE_H

#include "parcel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shelf_bytes {
    uint8_t *bytes;
    size_t len;
};

/* False without memory. */
bool shelf_bytes_pack(struct shelf_bytes *ret, const struct parcel *parcel);
void shelf_bytes_done(struct shelf_bytes *b);

/* False with errno. */
bool shelf_bytes_write(const struct shelf_bytes *b, int fd);

enum shelf_read { SHELF_READ_GOOD, SHELF_READ_BAD, SHELF_READ_FAILED };
enum shelf_read shelf_bytes_unpack(int fd, struct parcel *ret);

#endif
