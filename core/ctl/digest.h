/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of files. */
#ifndef CTL_DIGEST_H
#define CTL_DIGEST_H

#include <parley/error.h>

#define DIGEST_HEX_SIZE 65

/* The SHA-256 of a regular file, in lower case. Links are not followed. PARLEY_E_NOT_FOUND when it
 * is not there. */
int digest_file(const char *path, char ret_hex[DIGEST_HEX_SIZE], struct parley_error *err);

#endif
