/* SPDX-License-Identifier: Apache-2.0 */
/* Model files on this disk: what is there, whether it is right, and putting it there. */
#ifndef CTL_INSTALL_H
#define CTL_INSTALL_H

#include "ctl/catalogue.h"

#include <parley/error.h>

enum model_state {
    MODEL_ABSENT,     /* no file of it */
    MODEL_INCOMPLETE, /* some files are missing */
    MODEL_DAMAGED,    /* a file is not what it should be */
    MODEL_INSTALLED,
};

/* "absent", "incomplete", "damaged" or "installed". */
const char *model_state_name(enum model_state state);

/* By the sizes of the files: quick. */
enum model_state install_look(const struct model *model, const char *models_dir);

/* By the checksums. Unless installed, err says which file and why. */
enum model_state install_verify(const struct model *model, const char *models_dir,
                                struct parley_error *err);

/*
 * Check the members that lie below `stage` (as the package has them) and move them to their places;
 * all of them are checked before the first one is moved. PARLEY_E_NOT_FOUND when a member is not
 * there, PARLEY_E_INVALID when one is not what it should be.
 */
int install_from(const struct model *model, const char *stage, const char *models_dir,
                 struct parley_error *err);

#endif
