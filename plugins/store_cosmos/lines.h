/* SPDX-License-Identifier: Apache-2.0 */
/* The header lines of one request. */
#ifndef STORE_COSMOS_LINES_H
#define STORE_COSMOS_LINES_H

#include <stdbool.h>
#include <stdint.h>

#define LINES_MAX 24

struct lines {
    const char *items[LINES_MAX];
    uint32_t count;
    bool failed; /* no memory, or more lines than expected */
};

/* One line, formatted. */
__attribute__((format(printf, 2, 3))) void lines_add(struct lines *l, const char *format, ...);

/* Overwrite and free; they may hold signatures. */
void lines_done(struct lines *l);

#endif
