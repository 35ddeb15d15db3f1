/* SPDX-License-Identifier: Apache-2.0 */
/* Which folder holds the speech models. */
#ifndef CTL_MODEL_DIR_H
#define CTL_MODEL_DIR_H

#include <parley/error.h>

#include <limits.h>

/*
 * The folder that `parleyctl models` works on, and a word on why: `given` (may be NULL), else the
 * environment's PARLEY_MODEL_DIR, else BUILD/models when the program runs from its build tree, else
 * /var/lib/parley/models for root, else $XDG_DATA_HOME/parley/models or
 * ~/.local/share/parley/models. Need not exist.
 */
int model_dir_choose(const char *given, char ret_dir[PATH_MAX], const char **ret_why,
                     struct parley_error *err);

#endif
