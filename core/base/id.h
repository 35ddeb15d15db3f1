/* SPDX-License-Identifier: Apache-2.0 */
/* Random ids in the Realtime protocol's style: a prefix and letters and digits, at most 32
 * characters. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stddef.h>

#define ID_SIZE 33 /* 32 characters and the NUL */

/* "item_" -> "item_" and 20 random letters and digits (about 119 bits). Thread: any. */
void id_make(char out[ID_SIZE], const char *prefix);

/* `len` random letters and digits and a NUL, for secrets. Thread: any. */
void id_random(char *out, size_t len);

/* Random bytes of the system, drawn in blocks. Thread: any. */
void id_random_bytes(void *bytes, size_t len);

#endif
