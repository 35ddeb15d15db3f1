/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of an answer, as parley.http/1 gives them. */
#ifndef PARTS_HEADER_H
#define PARTS_HEADER_H

#include <parley/types.h>

/* The value of the first header of this name, which is in lower case; empty when there is none. */
struct parley_view header_value(struct parley_view headers, const char *name);

#endif
