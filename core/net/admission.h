/* SPDX-License-Identifier: Apache-2.0 */
/* How many sessions each key has open, over all workers. Used when sessions begin and end. Thread:
 * any. */
#ifndef NET_ADMISSION_H
#define NET_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct admission;

struct admission *admission_create(void);
struct admission *admission_destroy(struct admission *a);

/* One more for the key; false, and nothing counted, when it has `most` already (0: no limit). */
bool admission_enter(struct admission *a, const char *key, int64_t most);

/* One less. */
void admission_leave(struct admission *a, const char *key);

#endif
