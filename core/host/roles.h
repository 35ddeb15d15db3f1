/* SPDX-License-Identifier: Apache-2.0 */
/* The roles that this host knows: their ids, tables and required functions. */
#ifndef HOST_ROLES_H
#define HOST_ROLES_H

#include <parley/error.h>

#include <stddef.h>

enum role {
    ROLE_MODEL,
    ROLE_CHAT,
    ROLE_SPEECH,
    ROLE_TOOLS,
    ROLE_STORE,
    ROLE_EXPORTER,
    ROLE_COUNT,
};

/* "parley.tools/1" */
const char *role_id(enum role role);

/* The role of an id, or ROLE_COUNT. */
enum role role_by_id(const char *id);

/* sizeof the role's table as this host knows it. */
size_t role_table_size(enum role role);

/* Are the functions there that the role's first version requires? The failure names the first that
 * is missing. `table` is a copy of role_table_size() bytes, zero where the plugin had none. */
int role_check(enum role role, const void *table, struct parley_error *err);

#endif
