/* SPDX-License-Identifier: Apache-2.0 */
/* Plays no role. */
#include "bad.h"

static const struct parley_plugin descriptor = {GOOD("bad_no_role", NULL), .role_count = 0};
ENTRY(descriptor)
