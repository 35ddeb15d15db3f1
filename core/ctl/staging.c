/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/staging.h"

#include "base/cleanup.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPARE_BYTES (1u << 20)

static int make_folder(const char *path, struct parley_error *err)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_DENIED,
                       "%s: cannot be made: %s; choose another folder by --dir or "
                       "PARLEY_MODEL_DIR",
                       path, strerror(errno));
}

int make_folders_for(const char *path, struct parley_error *err)
{
    char part[PATH_MAX];

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if ((size_t)(slash - path) >= sizeof(part))
            return parley_fail(err, PARLEY_E_INVALID, "%.200s...: the path is too long", path);
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        int r = make_folder(part, err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

static int check_space(const char *dir, uint64_t bytes, struct parley_error *err)
{
    struct statvfs disk;

    if (statvfs(dir, &disk) < 0)
        return PARLEY_OK; /* then writing will tell */
    uint64_t available = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (available < bytes + SPARE_BYTES)
        return parley_fail(err, PARLEY_E_TOO_LARGE,
                           "%s: the disk is full: %.1f MB are free, %.1f MB are needed; make room "
                           "or choose another folder by --dir",
                           dir, (double)available / 1e6, (double)(bytes + SPARE_BYTES) / 1e6);
    return PARLEY_OK;
}

int staging_init(struct staging *staging, const char *models_dir, uint64_t bytes,
                 struct parley_error *err)
{
    char path[PATH_MAX];

    staging->dir[0] = '\0';
    int len = snprintf(path, sizeof(path), "%s/.get-XXXXXX", models_dir);
    if (len < 0 || len >= (int)sizeof(path))
        return parley_fail(err, PARLEY_E_INVALID, "%.200s...: the path is too long", models_dir);
    int r = make_folders_for(path, err);
    if (r == PARLEY_OK)
        r = check_space(models_dir, bytes, err);
    if (r < 0)
        return r;
    if (mkdtemp(path) == NULL)
        return parley_fail(err, PARLEY_E_DENIED,
                           "%s: cannot be written: %s; choose another folder by --dir or "
                           "PARLEY_MODEL_DIR",
                           models_dir, strerror(errno));
    if (realpath(path, staging->dir) == NULL) /* absolute: other programs run in it */
        memcpy(staging->dir, path, sizeof(path));
    return PARLEY_OK;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    (void)remove(path); /* what cannot go stays; the folder's name says what it is */
    return 0;
}

void staging_done(struct staging *staging)
{
    if (staging->dir[0] != '\0')
        (void)nftw(staging->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    staging->dir[0] = '\0';
}
