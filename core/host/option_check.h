/* SPDX-License-Identifier: Apache-2.0 */
/* Is a plugin's option table one that the configuration can be read by? */
#ifndef HOST_OPTION_CHECK_H
#define HOST_OPTION_CHECK_H

#include "conf/options.h"

#define OPTION_CHECK_MAX_CONFIG (64 * 1024) /* bytes of the structure that options fill */

/* Names, types, places in the structure, bounds, values and defaults. The failure names the option
 * and what is wrong with it. */
int option_check(const struct options_table *table, struct parley_error *err);

#endif
