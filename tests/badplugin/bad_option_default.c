/* SPDX-License-Identifier: Apache-2.0 */
/* Has an option whose default is no number. */
#include "bad.h"

struct config {
    int64_t count;
};
static const struct parley_option options[] = {
    PARLEY_INT(struct config, count, .default_value = "many", .help = "How many.")};
static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {
    GOOD("bad_option_default", &role), .options = options, .option_count = 1,
    .option_size = sizeof(options[0]), .config_size = sizeof(struct config)};
ENTRY(descriptor)
