/* SPDX-License-Identifier: Apache-2.0 */
#include "shelf_file.h"

#include "parts/otlp/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16)

bool shelf_bytes_pack(struct shelf_bytes *ret, const struct parcel *parcel)
{
    struct body body = {.bytes = malloc(parcel->lines.len + 1), .len = parcel->lines.len};

    if (body.bytes == NULL)
        return false;
    memcpy(body.bytes, parcel->lines.data, parcel->lines.len);
    if (!gzip_body(&body)) {
        free(body.bytes);
        return false;
    }
    *ret = (struct shelf_bytes){body.bytes, body.len};
    return true;
}

void shelf_bytes_done(struct shelf_bytes *b)
{
    free(b->bytes);
    *b = (struct shelf_bytes){0};
}

bool shelf_bytes_write(const struct shelf_bytes *b, int fd)
{
    for (size_t done = 0; done < b->len;) {
        ssize_t n = write(fd, b->bytes + done, b->len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool read_all(int fd, uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, bytes + done, len - done, (off_t)done);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Into memory that grows up to what a parcel may be. */
static enum shelf_read inflate_all(const struct shelf_bytes *packed, struct json *out)
{
    z_stream z = {.next_in = packed->bytes, .avail_in = (uInt)packed->len};
    size_t room = PARCEL_BYTES / 2;
    int r = inflateInit2(&z, GZIP_WINDOW);

    while (r == Z_OK && out->len <= PARCEL_MAX_BYTES) {
        char *data = realloc(out->data, out->len + room);
        if (data == NULL) {
            r = Z_MEM_ERROR;
            break;
        }
        out->data = data;
        z.next_out = (uint8_t *)data + out->len;
        z.avail_out = (uInt)room;
        r = inflate(&z, Z_NO_FLUSH);
        out->len += room - z.avail_out;
        if (r == Z_BUF_ERROR || (r == Z_OK && z.avail_in == 0 && z.avail_out > 0))
            r = Z_DATA_ERROR; /* it ends too early */
    }
    bool is_whole = r == Z_STREAM_END && z.avail_in == 0;
    (void)inflateEnd(&z); /* reports only a stream that was never begun */
    if (r == Z_MEM_ERROR)
        return SHELF_READ_FAILED;
    return is_whole ? SHELF_READ_GOOD : SHELF_READ_BAD;
}

enum shelf_read shelf_bytes_unpack(int fd, struct parcel *ret)
{
    struct stat info;
    struct json lines = {0};

    if (fstat(fd, &info) < 0)
        return SHELF_READ_FAILED;
    if (info.st_size <= 0 || info.st_size > (off_t)PARCEL_MAX_BYTES)
        return SHELF_READ_BAD;
    struct shelf_bytes packed = {malloc((size_t)info.st_size), (size_t)info.st_size};
    if (packed.bytes == NULL)
        return SHELF_READ_FAILED;
    enum shelf_read r = SHELF_READ_BAD;
    if (read_all(fd, packed.bytes, packed.len))
        r = inflate_all(&packed, &lines);
    shelf_bytes_done(&packed);
    if (r != SHELF_READ_GOOD) {
        json_done(&lines);
        return r;
    }
    return parcel_read(ret, lines.data, lines.len) ? SHELF_READ_GOOD : SHELF_READ_BAD;
}
