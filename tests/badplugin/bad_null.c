/* SPDX-License-Identifier: Apache-2.0 */
/* Has the entry, but nothing behind it. */
#include <parley/plugin.h>

const struct parley_plugin *parley_plugin_v1(void)
{
    return NULL;
}
