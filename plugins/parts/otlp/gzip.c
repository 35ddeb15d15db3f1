/* SPDX-License-Identifier: Apache-2.0 */
#include "gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the largest window, in gzip's wrapping */
#define MEMORY      8         /* zlib's default */

bool gzip_body(struct body *body)
{
    z_stream z = {0};
    struct body packed = {0};

    if (body->len > INT_MAX ||
        deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&z, body->len);
    packed.bytes = malloc(room);
    z.next_in = body->bytes;
    z.avail_in = (uInt)body->len;
    z.next_out = packed.bytes;
    z.avail_out = (uInt)room;
    bool good = packed.bytes != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END;
    packed.len = z.total_out;
    (void)deflateEnd(&z); /* reports only a stream that was not finished */
    if (!good) {
        free(packed.bytes);
        return false;
    }
    free(body->bytes);
    *body = packed;
    return true;
}
