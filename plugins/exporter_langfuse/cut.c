/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES  44   /* of the file that is made */
#define LOOK_BYTES  4096 /* in which a recording's data begins */
#define FRAME_BYTES 4    /* 16 bits of two voices */
#define FRAMES_MS   24
#define MAX_FROM_MS (UINT32_MAX / (FRAMES_MS * FRAME_BYTES)) /* a WAV file has no more */
#define FMT_AT      12                                       /* "fmt " comes first */
#define FMT_BYTES   24                                       /* with its own head */

static uint32_t get32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* Whole, or up to the file's end. */
static ssize_t read_at(int fd, void *bytes, size_t len, off_t at)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)bytes + done, len - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Where the samples begin, or 0. Chunks before them are small. */
static size_t data_at(const unsigned char *head, size_t len)
{
    size_t at = FMT_AT;

    if (len < FMT_AT + FMT_BYTES || memcmp(head, "RIFF", 4) != 0 ||
        memcmp(head + 8, "WAVEfmt ", 8) != 0)
        return 0;
    while (at + 8 <= len) {
        uint32_t bytes = get32(head + at + 4);
        if (memcmp(head + at, "data", 4) == 0)
            return at + 8;
        if (bytes > LOOK_BYTES)
            return 0;
        at += 8 + bytes + (bytes & 1);
    }
    return 0;
}

static void write_head(unsigned char *out, const unsigned char *fmt, size_t data_bytes)
{
    memcpy(out, "RIFF", 4);
    put32(out + 4, (uint32_t)(HEAD_BYTES - 8 + data_bytes));
    memcpy(out + 8, "WAVE", 4);
    memcpy(out + 12, fmt, FMT_BYTES);
    memcpy(out + 36, "data", 4);
    put32(out + 40, (uint32_t)data_bytes);
}

static bool digest(struct cut *c)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(c->bytes, c->len, hash, &len, EVP_sha256(), NULL) != 1)
        return false;
    (void)EVP_EncodeBlock((unsigned char *)c->sha256, hash, (int)len);
    return true;
}

static int read_open(int fd, const char *path, int64_t from_ms, int64_t until_ms, struct cut *ret,
                     struct parley_error *err)
{
    unsigned char head[LOOK_BYTES];
    ssize_t len = read_at(fd, head, sizeof(head), 0);
    size_t begin = len < 0 ? 0 : data_at(head, (size_t)len);
    size_t bytes = (size_t)(until_ms - from_ms) * FRAMES_MS * FRAME_BYTES;

    if (begin == 0)
        return parley_fail(err, PARLEY_E_INVALID, "%s is no recording of parley", path);
    ret->bytes = malloc(HEAD_BYTES + bytes);
    if (ret->bytes == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for %zu bytes of sound", bytes);
    len = read_at(fd, ret->bytes + HEAD_BYTES, bytes,
                  (off_t)begin + (off_t)from_ms * FRAMES_MS * FRAME_BYTES);
    if (len < FRAME_BYTES)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: nothing is there from %lld ms on: %s",
                           path, (long long)from_ms, len < 0 ? strerror(errno) : "it ends before");
    bytes = (size_t)len / FRAME_BYTES * FRAME_BYTES;
    write_head((unsigned char *)ret->bytes, head + FMT_AT, bytes);
    ret->len = HEAD_BYTES + bytes;
    return digest(ret) ? PARLEY_OK : parley_fail(err, PARLEY_E_INTERNAL, "no SHA-256");
}

int cut_read(const char *path, int64_t from_ms, int64_t until_ms, struct cut *ret,
             struct parley_error *err)
{
    *ret = (struct cut){0};
    if (from_ms < 0 || from_ms > MAX_FROM_MS || until_ms <= from_ms)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: from %lld to %lld ms is nothing", path,
                           (long long)from_ms, (long long)until_ms);
    if (until_ms - from_ms > CUT_MAX_MS)
        until_ms = from_ms + CUT_MAX_MS;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    int r = read_open(fd, path, from_ms, until_ms, ret, err);
    (void)close(fd);
    if (r < 0)
        cut_done(ret);
    return r;
}

void cut_done(struct cut *c)
{
    free(c->bytes);
    *c = (struct cut){0};
}
