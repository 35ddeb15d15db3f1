/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include <stdlib.h>

/* json_dumps() leaves pieces out when its buffer cannot grow, and says nothing. */
static char *dump_with(const json_t *value, size_t flags)
{
    size_t len = value == NULL ? 0 : json_dumpb(value, NULL, 0, flags);
    char *text = len == 0 ? NULL : malloc(len + 1);

    if (text == NULL)
        return NULL;
    if (json_dumpb(value, text, len, flags) == len) {
        text[len] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

char *dump(const json_t *value)
{
    return dump_with(value, JSON_COMPACT);
}

char *dump_ascii(const json_t *value)
{
    return dump_with(value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
}
