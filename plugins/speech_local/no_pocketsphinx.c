/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for pocketsphinx.c where the library was missing when the plugin was built. */
#include "ears.h"

int pocketsphinx_ears_create(size_t workers, struct ears **ret_ears, struct parley_error *err)
{
    (void)workers;
    (void)ret_ears;
    return parley_fail(err, PARLEY_E_UNSUPPORTED,
                       "this build has no PocketSphinx: install libpocketsphinx-dev and build "
                       "again");
}
