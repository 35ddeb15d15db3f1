/* SPDX-License-Identifier: Apache-2.0 */
/* Equality of JSON values as JSON Schema has it: 1 and 1.0 are the same number, the order of
 * members does not count. */
#ifndef BASE_JSON_SAME_H
#define BASE_JSON_SAME_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both walk at most *work nodes and take them off it; when none are left the answer means nothing.
 */
bool json_is_same(const json_t *a, const json_t *b, size_t *work);

/* Equal for values that are the same. */
uint64_t json_hash_of(const json_t *value, size_t *work);

#endif
