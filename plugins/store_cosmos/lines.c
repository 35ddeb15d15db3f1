/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void lines_add(struct lines *l, const char *format, ...)
{
    char *line = NULL;
    va_list args;

    va_start(args, format);
    int len = l->count < LINES_MAX ? vasprintf(&line, format, args) : -1;
    va_end(args);
    if (len < 0)
        l->failed = true;
    else
        l->items[l->count++] = line;
}

void lines_done(struct lines *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        char *line = (char *)l->items[i];
        OPENSSL_cleanse(line, strlen(line));
        free(line);
    }
}
