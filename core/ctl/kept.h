/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl sessions, as far as it is about what a store keeps: list --kept, export, delete. */
#ifndef CTL_KEPT_H
#define CTL_KEPT_H

#include "ctl/admin.h"

struct kept_options {
    const char *store;
    const char *agent;
    const char *user;
    const char *limit;
    bool is_kept; /* list what is kept, not what is live */
    bool is_sure; /* do not ask before deleting */
};

/* Is it a command of these? */
bool kept_is(const struct kept_options *k, const struct args *args);

int kept_check(const struct kept_options *k, const struct args *args, struct parley_error *err);

/* Ask and show; the exit code is *ret_code. */
int kept_run(const struct admin_options *o, const struct kept_options *k, const struct args *args,
             int *ret_code, struct parley_error *err);

#endif
