/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/stereo_file.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_FRAMES      8192
#define MAX_COMMENT_BYTES 512

struct stereo_file {
    int fd;
    uint64_t frames;
    size_t head_bytes;
    char *comment;
    char *path;
};

static int failed(const struct stereo_file *f, const char *what, struct parley_error *err)
{
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s: %s: %s", f->path, what, strerror(errno));
}

/* ---- the head ---- */

static void put32(struct buf *out, uint32_t value)
{
    unsigned char b[4] = {value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff, value >> 24};

    buf_append(out, b, sizeof(b));
}

static void put16(struct buf *out, uint32_t value)
{
    unsigned char b[2] = {value & 0xff, value >> 8 & 0xff};

    buf_append(out, b, sizeof(b));
}

/* The comment as RIFF has it: NUL-terminated, and of an even length. */
static void put_comment(struct buf *out, const char *comment)
{
    uint32_t len = (uint32_t)strlen(comment) + 1;
    uint32_t even = len + (len & 1);

    buf_append_str(out, "LIST");
    put32(out, 12 + even);
    buf_append_str(out, "INFOICMT");
    put32(out, len);
    buf_append(out, comment, len);
    if (even > len)
        buf_append_char(out, '\0');
}

static void put_head(struct buf *out, const struct stereo_file *f)
{
    uint32_t bytes = (uint32_t)(f->frames * STEREO_FRAME_BYTES);

    buf_append_str(out, "RIFF");
    put32(out, (uint32_t)f->head_bytes - 8 + bytes);
    buf_append_str(out, "WAVEfmt ");
    put32(out, 16);
    put16(out, 1);
    put16(out, 2);
    put32(out, STEREO_RATE_HZ);
    put32(out, STEREO_RATE_HZ * STEREO_FRAME_BYTES);
    put16(out, STEREO_FRAME_BYTES);
    put16(out, 16);
    put_comment(out, f->comment);
    buf_append_str(out, "data");
    put32(out, bytes);
}

static int write_all(const struct stereo_file *f, const void *bytes, size_t len, off_t at,
                     struct parley_error *err)
{
    const char *from = bytes;

    while (len > 0) {
        ssize_t n = pwrite(f->fd, from, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(f, "it cannot be written", err);
        from += n;
        at += n;
        len -= (size_t)n;
    }
    return PARLEY_OK;
}

static int write_head(const struct stereo_file *f, struct parley_error *err)
{
    _cleanup_(buf_done) struct buf head = {0};

    put_head(&head, f);
    if (head.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", f->path);
    return write_all(f, head.data, head.len, 0, err);
}

/* The data is there first, and the head says so then. */
static int grow_to(struct stereo_file *f, uint64_t frames, struct parley_error *err)
{
    uint64_t before = f->frames;

    if (frames <= f->frames)
        return PARLEY_OK;
    f->frames = frames;
    int r = write_head(f, err);
    if (r < 0)
        f->frames = before;
    return r;
}

/* ---- creating ---- */

/* One folder; that it is there already is fine. */
static void make_folder(const char *path, size_t len)
{
    char folder[4096];

    if (len == 0 || len >= sizeof(folder))
        return;
    view_copy(folder, sizeof(folder), (struct parley_view){path, len});
    (void)mkdir(folder, 0700); /* open() says what is wrong */
}

static size_t folder_len(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

static int open_new(const char *path)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, 0600);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    size_t folder = folder_len(path, strlen(path));
    make_folder(path, folder_len(path, folder));
    make_folder(path, folder);
    return open(path, flags, 0600);
}

int stereo_create(const char *path, const char *comment, struct stereo_file **ret,
                  struct parley_error *err)
{
    struct stereo_file *f = calloc(1, sizeof(*f));
    _cleanup_(buf_done) struct buf head = {0};
    size_t len = strlen(comment);

    if (f == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
    f->fd = -1;
    f->path = view_dup(view_of(path));
    f->comment =
        view_dup((struct parley_view){comment, len < MAX_COMMENT_BYTES ? len : MAX_COMMENT_BYTES});
    int r = PARLEY_OK;
    if (f->path == NULL || f->comment == NULL)
        r = parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
    if (r == PARLEY_OK && (f->fd = open_new(path)) < 0)
        r = parley_fail(err, errno == EEXIST ? PARLEY_E_CONFLICT : PARLEY_E_UNAVAILABLE,
                        "%s: it cannot be created: %s", path, strerror(errno));
    if (r == PARLEY_OK) {
        put_head(&head, f);
        f->head_bytes = head.len;
        r = write_head(f, err);
    }
    if (r < 0) {
        (void)stereo_close(f);
        return r;
    }
    *ret = f;
    return PARLEY_OK;
}

/* ---- samples ---- */

static off_t place_of(const struct stereo_file *f, uint64_t frame)
{
    return (off_t)(f->head_bytes + frame * STEREO_FRAME_BYTES);
}

/* What lies there; beyond the end it is silent. */
static int read_frames(const struct stereo_file *f, uint64_t frame, unsigned char *bytes,
                       size_t len, struct parley_error *err)
{
    size_t got = 0;

    memset(bytes, 0, len);
    while (frame < f->frames && got < len) {
        ssize_t n = pread(f->fd, bytes + got, len - got, place_of(f, frame) + (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(f, "it cannot be read", err);
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return PARLEY_OK;
}

/* samples NULL: silence. */
static int put_piece(struct stereo_file *f, enum stereo_side side, uint64_t frame,
                     const int16_t *samples, size_t count, struct parley_error *err)
{
    unsigned char bytes[PIECE_FRAMES * STEREO_FRAME_BYTES];
    int r = read_frames(f, frame, bytes, count * STEREO_FRAME_BYTES, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        unsigned char *to = bytes + i * STEREO_FRAME_BYTES + (side == STEREO_RIGHT ? 2 : 0);
        uint16_t value = samples == NULL ? 0 : (uint16_t)samples[i];
        to[0] = (unsigned char)(value & 0xff);
        to[1] = (unsigned char)(value >> 8);
    }
    return write_all(f, bytes, count * STEREO_FRAME_BYTES, place_of(f, frame), err);
}

int stereo_write(struct stereo_file *f, enum stereo_side side, uint64_t frame,
                 const int16_t *samples, size_t count, struct parley_error *err)
{
    int r = PARLEY_OK;

    if (count == 0 || frame >= STEREO_MAX_FRAMES)
        return PARLEY_OK;
    if (count > STEREO_MAX_FRAMES - frame)
        count = (size_t)(STEREO_MAX_FRAMES - frame);
    for (size_t at = 0; at < count && r == PARLEY_OK; at += PIECE_FRAMES) {
        size_t n = count - at < PIECE_FRAMES ? count - at : PIECE_FRAMES;
        r = put_piece(f, side, frame + at, samples + at, n, err);
    }
    return r < 0 ? r : grow_to(f, frame + count, err);
}

int stereo_erase(struct stereo_file *f, enum stereo_side side, uint64_t from, uint64_t until,
                 struct parley_error *err)
{
    int r = PARLEY_OK;

    if (until > f->frames)
        until = f->frames;
    for (uint64_t at = from; at < until && r == PARLEY_OK; at += PIECE_FRAMES) {
        size_t n = until - at < PIECE_FRAMES ? (size_t)(until - at) : PIECE_FRAMES;
        r = put_piece(f, side, at, NULL, n, err);
    }
    return r;
}

int stereo_set_length(struct stereo_file *f, uint64_t frames, struct parley_error *err)
{
    uint64_t before = f->frames;

    if (frames > STEREO_MAX_FRAMES)
        frames = STEREO_MAX_FRAMES;
    /* The shorter of the two is true in between. */
    if (frames > before && ftruncate(f->fd, place_of(f, frames)) != 0)
        return failed(f, "it cannot be made longer", err);
    f->frames = frames;
    int r = write_head(f, err);
    if (r < 0) {
        f->frames = before;
        return r;
    }
    if (frames < before && ftruncate(f->fd, place_of(f, frames)) != 0)
        return failed(f, "it cannot be cut", err);
    return PARLEY_OK;
}

uint64_t stereo_length(const struct stereo_file *f)
{
    return f->frames;
}

struct stereo_file *stereo_close(struct stereo_file *f)
{
    if (f == NULL)
        return NULL;
    if (f->fd >= 0)
        (void)close(f->fd); /* all is written; nobody could do anything about it */
    free(f->path);
    free(f->comment);
    free(f);
    return NULL;
}
