/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets do not stay in freed memory and are never shown. */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include "base/buf.h"

#include <stddef.h>

#define SECRET_HIDDEN "********" /* stands for a secret wherever values are shown */

/* Overwrite in a way that the compiler keeps. */
void secret_wipe(void *bytes, size_t len);

/* Wipe and free a NUL-terminated string; NULL is fine. */
void secret_free(char *text);

/* Wipe and free a buffer; a cleanup guard. */
void secret_buf_done(struct buf *b);

/* What may be shown instead: SECRET_HIDDEN, or "" when there is none. */
const char *secret_shown(const char *text);

#endif
