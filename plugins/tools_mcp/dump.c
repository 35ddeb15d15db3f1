/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* As few digits as give the same number back: 19.99, not 19.989999999999998. */
static size_t digits_of(double number)
{
    char text[40];

    for (int digits = 15; digits < 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return (size_t)digits;
    }
    return 17;
}

static size_t most_digits(const json_t *tree)
{
    size_t most = 15, i;
    const char *key;
    json_t *below;

    if (json_is_real(tree))
        return digits_of(json_real_value(tree));
    json_array_foreach(tree, i, below)
    {
        size_t digits = most_digits(below);
        most = digits > most ? digits : most;
    }
    json_object_foreach((json_t *)(uintptr_t)tree, key, below)
    {
        size_t digits = most_digits(below);
        most = digits > most ? digits : most;
    }
    return most;
}

char *dump(const json_t *tree)
{
    return tree == NULL ? NULL
                        : json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY |
                                               JSON_REAL_PRECISION(most_digits(tree)));
}
