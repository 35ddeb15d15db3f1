/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private folder inside the folder of models, where files are brought and checked before they
 * take their place by a rename: whoever reads models never sees half a file.
 */
#ifndef CTL_STAGING_H
#define CTL_STAGING_H

#include <parley/error.h>

#include <limits.h>
#include <stdint.h>

struct staging {
    char dir[PATH_MAX]; /* "" when there is none */
};

/* Make the folder of models (and those above it) and a fresh folder in it; `bytes` must fit on the
 * disk. */
int staging_init(struct staging *staging, const char *models_dir, uint64_t bytes,
                 struct parley_error *err);

/* Remove it with all that is in it. */
void staging_done(struct staging *staging);

/* Make the folders above the file `path`. */
int make_folders_for(const char *path, struct parley_error *err);

#endif
