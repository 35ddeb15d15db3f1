/* SPDX-License-Identifier: Apache-2.0 */
/* A library that one plugin needs, and that is not where its copy looks for it. */
#include <parley/plugin.h>

PARLEY_EXPORT int absent_number(void);
PARLEY_EXPORT int absent_number(void)
{
    return 0;
}
