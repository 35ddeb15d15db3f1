/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands behind a value as it is written: ${NAME} and ${NAME:-default} from the environment
 * ($$ is a dollar sign), and files. A prefix (file:, @) counts only where it is written in the INI,
 * not where a variable brings it.
 */
#ifndef CONF_EXPAND_H
#define CONF_EXPAND_H

#include "base/buf.h"
#include "conf/conf.h"

#include <parley/error.h>

#define EXPAND_MAX_BYTES        (1024 * 1024) /* of one value after its variables */
#define EXPAND_MAX_SECRET_BYTES (64 * 1024)
#define EXPAND_MAX_TEXT_BYTES   (1024 * 1024)

/*
 * Append text with its variables replaced; the names that took part are appended to `names` as
 * "A, B" (may be NULL). PARLEY_OK, or a failure that names the variable and never its value.
 */
int expand_variables(const struct conf_env *env, const char *text, struct buf *out,
                     struct buf *names, struct parley_error *err);

/* Path, made to start at dir when it is relative. */
void expand_path(const char *dir, const char *path, struct buf *out);

/*
 * Append the content of a regular file of at most `limit` bytes. *ret_world_readable (may be NULL)
 * says whether everyone may read it.
 */
int expand_file(const char *path, size_t limit, struct buf *out, bool *ret_world_readable,
                struct parley_error *err);

#endif
