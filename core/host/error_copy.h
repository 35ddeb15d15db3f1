/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_ERROR_COPY_H
#define HOST_ERROR_COPY_H

#include <parley/error.h>

#include <string.h>

/*
 * What a plugin says went wrong, as this host's own structure: one built with other headers knows
 * fewer members or more, and a careless one does not end its texts. NULL: nothing is known.
 */
static inline struct parley_error error_copy(const struct parley_error *err)
{
    struct parley_error own = {0};

    if (err != NULL)
        memcpy(&own, err, err->size < sizeof(own) ? err->size : sizeof(own));
    own.size = sizeof(own);
    own.code[sizeof(own.code) - 1] = '\0';
    own.message[sizeof(own.message) - 1] = '\0';
    return own;
}

#endif
