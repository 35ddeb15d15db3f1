/* SPDX-License-Identifier: Apache-2.0 */
#include "shelf.h"

#include "shelf_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define END           ".parcel"
#define ASIDE         "."  /* begins the name of a file that is being written */
#define ASIDE_AGE_S   3600 /* a writer that takes longer is gone */
#define FNV_START     UINT64_C(14695981039346656037)
#define FNV_PRIME     UINT64_C(1099511628211)
#define TRIES_OF_TAKE 64 /* files that others hold or that are bad, in one call */

/* ---- the folder ---- */

/* The key is for no eyes, and a folder's name is seen. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = FNV_START;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
    return hash;
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return -1;
}

static int try_to_write(const char *folder)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/" ASIDE "try-%ld", folder, (long)getpid());

    if (len < 0 || (size_t)len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    bool is_lockable = flock(fd, LOCK_EX | LOCK_NB) == 0;
    int lock_errno = errno;
    (void)unlink(path);
    (void)close(fd);
    errno = lock_errno;
    return is_lockable ? 0 : -1;
}

int shelf_open(struct shelf *ret, const char *root, const char *key, struct parley_error *err)
{
    char *folder = NULL;

    if (asprintf(&folder, "%s/%016" PRIx64, root, hash_of(key)) < 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "storage_dir: no memory");
    if (make_folder(root) < 0 || make_folder(folder) < 0 || try_to_write(folder) < 0) {
        int r = parley_fail(err, PARLEY_E_DENIED, "storage_dir: %s: %s", root, strerror(errno));
        free(folder);
        return r;
    }
    ret->folder = folder;
    return PARLEY_OK;
}

void shelf_close(struct shelf *s)
{
    free(s->folder);
    *s = (struct shelf){0};
}

/* Made again, should someone have cleared it away. */
static int open_folder(const struct shelf *s)
{
    int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && make_folder(s->folder) == 0)
        fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

static enum shelf_result failed(const char *what, char reason[SHELF_REASON])
{
    (void)snprintf(reason, SHELF_REASON, "%s: %s", what, strerror(errno));
    return SHELF_FAILED;
}

/* ---- names ---- */

struct name {
    int64_t unix_ms;
    uint32_t items;
};

/* "01767603600000-0123456789abcdef-123.parcel": in the order of their times. */
static bool read_name(const char *text, struct name *ret)
{
    long long ms;
    unsigned long long unique;
    unsigned items;
    int used = 0;

    if (sscanf(text, "%14lld-%16llx-%9u" END "%n", &ms, &unique, &items, &used) != 3 || used == 0 ||
        text[used] != '\0' || ms < 0)
        return false;
    *ret = (struct name){.unix_ms = ms, .items = items};
    return true;
}

static void write_name(char out[SHELF_NAME], int64_t unix_ms, uint64_t unique, uint32_t items)
{
    (void)snprintf(out, SHELF_NAME, "%014lld-%016llx-%u" END, (long long)unix_ms,
                   (unsigned long long)unique, (unsigned)items);
}

/* ---- storing ---- */

/* Bytes of all files; what a writer left behind long ago is removed. */
static int64_t bytes_in(int folder)
{
    int copy = dup(folder);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    int64_t bytes = 0;
    struct dirent *entry;
    struct stat info;

    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return -1;
    }
    rewinddir(dir); /* the copy shares its place with others */
    while ((entry = readdir(dir)) != NULL) {
        if (fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(info.st_mode))
            continue;
        bytes += info.st_size;
        if (entry->d_name[0] == ASIDE[0] && time(NULL) - info.st_mtime > ASIDE_AGE_S)
            (void)unlinkat(folder, entry->d_name, 0);
    }
    (void)closedir(dir);
    return bytes;
}

/* Write aside, then take the name at once. */
static enum shelf_result place(int folder, const char *name, const struct shelf_bytes *bytes,
                               char reason[SHELF_REASON])
{
    char aside[SHELF_NAME + 4];

    (void)snprintf(aside, sizeof(aside), ASIDE "%s", name);
    int fd = openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed("open", reason);
    bool good = shelf_bytes_write(bytes, fd) && fsync(fd) == 0;
    int saved = errno;
    good = close(fd) == 0 && good;
    if (!good || renameat(folder, aside, folder, name) < 0) {
        saved = good ? errno : saved;
        (void)unlinkat(folder, aside, 0);
        errno = saved;
        return failed("write", reason);
    }
    (void)fsync(folder); /* not every file system can; the file is whole either way */
    return SHELF_OK;
}

static enum shelf_result store(const struct shelf *s, int folder, const struct parcel *parcel,
                               const char *name, char reason[SHELF_REASON])
{
    struct shelf_bytes bytes = {0};
    int64_t there = bytes_in(folder);

    if (there < 0)
        return failed("read the folder", reason);
    if (!shelf_bytes_pack(&bytes, parcel)) {
        errno = ENOMEM;
        return failed("compress", reason);
    }
    enum shelf_result r = SHELF_FULL;
    if (there + (int64_t)bytes.len <= s->max_bytes)
        r = place(folder, name, &bytes, reason);
    else
        (void)snprintf(reason, SHELF_REASON, "the folder holds storage_bytes already");
    shelf_bytes_done(&bytes);
    return r;
}

enum shelf_result shelf_store(const struct shelf *s, const struct parcel *parcel, int64_t unix_ms,
                              uint64_t unique, char reason[SHELF_REASON])
{
    char name[SHELF_NAME];
    int folder = open_folder(s);

    if (folder < 0)
        return failed(s->folder, reason);
    write_name(name, unix_ms, unique, parcel->count);
    enum shelf_result r = store(s, folder, parcel, name, reason);
    (void)close(folder);
    return r;
}

/* ---- taking ---- */

/* The first name behind `after`; empty: there is none. */
static bool next_name(int folder, const char *after, char out[SHELF_NAME])
{
    int copy = dup(folder);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    struct name parsed;

    out[0] = '\0';
    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return false;
    }
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strlen(entry->d_name) < SHELF_NAME && read_name(entry->d_name, &parsed) &&
            strcmp(entry->d_name, after) > 0 && (out[0] == '\0' || strcmp(entry->d_name, out) < 0))
            (void)strcpy(out, entry->d_name);
    }
    (void)closedir(dir);
    return true;
}

/* Locked, and still there: between opening and locking another may have sent and removed it. */
static bool lock(int folder, const char *name, struct shelf_file *ret)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;

    if (fd < 0)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &info) < 0 || info.st_nlink == 0 ||
        !S_ISREG(info.st_mode)) {
        (void)close(fd);
        return false;
    }
    ret->fd = fd;
    (void)strcpy(ret->name, name);
    return true;
}

static void throw_away(int folder, struct shelf_file *file)
{
    (void)unlinkat(folder, file->name, 0);
    shelf_release(file);
}

/* One file: SHELF_EMPTY when it is not to be had. */
static enum shelf_result take(const struct shelf *s, int folder, const char *name, int64_t unix_ms,
                              struct parcel *ret, struct shelf_file *file, struct shelf_loss *loss)
{
    struct name parsed = {0};

    if (!read_name(name, &parsed) || !lock(folder, name, file))
        return SHELF_EMPTY;
    file->items = parsed.items;
    if (unix_ms - parsed.unix_ms > s->max_age_ms) {
        loss->too_old += parsed.items;
        throw_away(folder, file);
        return SHELF_EMPTY;
    }
    switch (shelf_bytes_unpack(file->fd, ret)) {
    case SHELF_READ_GOOD:
        return SHELF_OK;
    case SHELF_READ_BAD:
        loss->unreadable += parsed.items;
        throw_away(folder, file);
        return SHELF_EMPTY;
    default: /* no memory, or the disk does not answer: another time */
        shelf_release(file);
        return SHELF_EMPTY;
    }
}

enum shelf_result shelf_take(const struct shelf *s, int64_t unix_ms, struct parcel *ret_parcel,
                             struct shelf_file *ret_file, struct shelf_loss *loss,
                             char reason[SHELF_REASON])
{
    char name[SHELF_NAME] = "", after[SHELF_NAME];
    enum shelf_result r = SHELF_EMPTY;
    int folder = open_folder(s);

    if (folder < 0)
        return failed(s->folder, reason);
    for (int i = 0; i < TRIES_OF_TAKE && r == SHELF_EMPTY; i++) {
        (void)strcpy(after, name);
        if (!next_name(folder, after, name)) {
            r = failed(s->folder, reason);
            break;
        }
        if (name[0] == '\0')
            break;
        r = take(s, folder, name, unix_ms, ret_parcel, ret_file, loss);
    }
    (void)close(folder);
    return r;
}

/* ---- and what becomes of it ---- */

void shelf_release(struct shelf_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* and with it the lock */
    *file = (struct shelf_file){.fd = -1};
}

void shelf_remove(const struct shelf *s, struct shelf_file *file)
{
    int folder = open_folder(s);

    if (folder >= 0) {
        (void)unlinkat(folder, file->name, 0);
        (void)close(folder);
    }
    shelf_release(file);
}

/* The file goes first: most of it is accepted, and must not be sent again whatever happens. */
enum shelf_result shelf_replace(const struct shelf *s, struct shelf_file *file,
                                const struct parcel *rest, int64_t unix_ms, uint64_t unique,
                                char reason[SHELF_REASON])
{
    char name[SHELF_NAME];
    int folder = open_folder(s);

    if (folder < 0)
        return failed(s->folder, reason);
    write_name(name, unix_ms, unique, rest->count);
    (void)unlinkat(folder, file->name, 0);
    enum shelf_result r = store(s, folder, rest, name, reason);
    (void)close(folder);
    shelf_release(file);
    return r;
}
