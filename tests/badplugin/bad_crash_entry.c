/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes when it is asked for its descriptor. */
#include "bad.h"

const struct parley_plugin *parley_plugin_v1(void)
{
    volatile uintptr_t nowhere = 16;

    return *(const struct parley_plugin *const *)nowhere;
}
