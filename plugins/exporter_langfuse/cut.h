/* SPDX-License-Identifier: Apache-2.0 */
/* A stretch of a recording as a WAV file of its own. Blocks; for an offload pool. */
#ifndef EXPORTER_LANGFUSE_CUT_H
#define EXPORTER_LANGFUSE_CUT_H

#include <parley/error.h>

#include <stddef.h>
#include <stdint.h>

#define CUT_MAX_MS      120000 /* the beginning of what is longer: 11.5 MB */
#define CUT_SHA256_TEXT 45     /* 44 characters of base64 and the NUL */

struct cut {
    char *bytes; /* a whole file, to be freed */
    size_t len;
    char sha256[CUT_SHA256_TEXT]; /* of it, as Langfuse wants it */
};

/*
 * From a recording of parley (docs/recording.md), which may still grow. NOT_FOUND: there is no such
 * file, or nothing of the stretch is in it; INVALID: it is no recording.
 */
int cut_read(const char *path, int64_t from_ms, int64_t until_ms, struct cut *ret,
             struct parley_error *err);

void cut_done(struct cut *c);

#endif
