/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files of `parleyctl models get` are. The first of these that is set is the only place:
 * the option model_dir, the environment's PARLEY_MODEL_DIR. Otherwise each file is looked for in
 *     BUILD/models                      when the program runs from its build tree
 *     $XDG_DATA_HOME/parley/models      or ~/.local/share/parley/models
 *     /var/lib/parley/models
 *     DATADIR/parley/models             of the installation
 */
#ifndef SPEECH_LOCAL_PATHS_H
#define SPEECH_LOCAL_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PATHS_MAX 4

struct paths {
    char dirs[PATHS_MAX][PATH_MAX];
    size_t count;
};

/* The places in their order. `model_dir` is the option, "" when unset. */
void paths_init(struct paths *paths, const char *model_dir);

/* Write the path of the first readable file "DIR/name". When there is none: false, and the path in
 * the first place, for messages. */
bool paths_find(const struct paths *paths, const char *name, char *ret_path, size_t size);

#endif
