/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin. */
#include <parley/plugin.h>

PARLEY_EXPORT int something_else(void);

int something_else(void)
{
    return 1;
}
