/* SPDX-License-Identifier: Apache-2.0 */
/* The type of an event without a tree: audio passes as bytes. */
#ifndef MODEL_FOUNDRY_SCAN_H
#define MODEL_FOUNDRY_SCAN_H

#include <parley/types.h>

/* The value of the outermost object's `type`, between the quotes; NULL data when there is none, or
 * it is no plain string. Not a check: what is no JSON may have one. */
struct parley_view scan_type(struct parley_view event);

#endif
