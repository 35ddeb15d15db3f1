/* SPDX-License-Identifier: Apache-2.0 */
/* Has an option whose field lies outside its structure. */
#include "bad.h"

static const struct parley_option options[] = {
    {.name = "url", .help = "Where.", .type = PARLEY_TYPE_STRING, .offset = 4096}};
static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = good_attach, .list = good_list, .call = good_call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin descriptor = {
    GOOD("bad_option_offset", &role), .options = options, .option_count = 1,
    .option_size = sizeof(options[0]), .config_size = 16};
ENTRY(descriptor)
