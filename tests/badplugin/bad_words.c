/* SPDX-License-Identifier: Apache-2.0 */
/* Does not say what it is for, nor under which licence. */
#include "bad.h"

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {GOOD("bad_words", &role), .summary = NULL,
                                                .licence = ""};
ENTRY(descriptor)
