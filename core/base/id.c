/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define POOL_BYTES   1024
#define RANDOM_CHARS 20

/* A system call per id would cost more than the id; a block is drawn per thread instead. */
static _Thread_local unsigned char pool[POOL_BYTES];
static _Thread_local size_t pool_left;

static void fill(void *bytes, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = getrandom((char *)bytes + got, len - got, 0);
        if (n < 0 && errno != EINTR)
            abort(); /* no random source: nothing that follows would be safe */
        got += n < 0 ? 0 : (size_t)n;
    }
}

void id_random_bytes(void *bytes, size_t len)
{
    if (len > POOL_BYTES) {
        fill(bytes, len);
        return;
    }
    if (pool_left < len) {
        fill(pool, POOL_BYTES);
        pool_left = POOL_BYTES;
    }
    pool_left -= len;
    memcpy(bytes, pool + pool_left, len);
    memset(pool + pool_left, 0, len);
}

void id_random(char *out, size_t len)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    for (size_t i = 0; i < len;) {
        unsigned char byte;
        id_random_bytes(&byte, 1);
        if (byte < 248) /* 4 * 62: every character equally likely */
            out[i++] = chars[byte % 62];
    }
    out[len] = '\0';
}

void id_make(char out[ID_SIZE], const char *prefix)
{
    size_t len = strlen(prefix);

    if (len > ID_SIZE - 1 - RANDOM_CHARS)
        len = ID_SIZE - 1 - RANDOM_CHARS;
    memcpy(out, prefix, len);
    id_random(out + len, RANDOM_CHARS);
}
