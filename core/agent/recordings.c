/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recordings.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void recordings_folder(const struct agent *a, struct buf *out)
{
    buf_printf(out, "%s/%s", a->config->record_dir, a->name);
}

void recordings_path(const struct agent *a, const char *session_id, int64_t offset_ms,
                     struct buf *out)
{
    recordings_folder(a, out);
    buf_printf(out, "/%s", session_id);
    if (offset_ms > 0)
        buf_printf(out, "_at_%" PRId64, offset_ms);
    buf_append_str(out, ".wav");
}

void recordings_host(char *out, size_t size)
{
    if (gethostname(out, size) != 0)
        view_copy(out, size, VIEW("host"));
    out[size - 1] = '\0';
}

/* ---- checking ---- */

/* The nearest folder above that is there. */
static void nearest_folder(struct buf *path)
{
    while (path->len > 1 && access(path->data, F_OK) != 0 && errno == ENOENT) {
        while (path->len > 1 && path->data[path->len - 1] != '/')
            path->data[--path->len] = '\0';
        while (path->len > 1 && path->data[path->len - 1] == '/')
            path->data[--path->len] = '\0';
    }
}

int recordings_check(const char *record_dir, struct parley_error *err)
{
    _cleanup_(buf_done) struct buf path = {0};
    struct stat info;

    buf_append_str(&path, record_dir);
    if (path.failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    nearest_folder(&path);
    if (stat(path.data, &info) == 0 && !S_ISDIR(info.st_mode))
        return parley_fail(err, PARLEY_E_INVALID, "%s is no folder; name one", path.data);
    if (access(path.data, W_OK | X_OK) == 0)
        return PARLEY_OK;
    bool is_there = strcmp(path.data, record_dir) == 0;
    return parley_fail(err, PARLEY_E_DENIED,
                       "%s cannot be %s by this user: %s: %s; give the user that runs parleyd "
                       "write access, or name another folder",
                       record_dir, is_there ? "written" : "created", path.data, strerror(errno));
}

/* ---- deleting ---- */

static bool is_recording(const char *name)
{
    return view_starts_with(view_of(name), VIEW("sess_")) &&
           view_ends_with(view_of(name), VIEW(".wav"));
}

/* ID.wav and ID_at_..., and not what another id begins with. */
static bool is_of(const char *name, const char *session_id)
{
    size_t len = strlen(session_id);

    if (!is_recording(name) || strncmp(name, session_id, len) != 0)
        return false;
    return strcmp(name + len, ".wav") == 0 || strncmp(name + len, "_at_", 4) == 0;
}

static bool is_before(int folder, const char *name, int64_t before_ms)
{
    struct stat info;

    return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
           (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000 < before_ms;
}

size_t recordings_remove(const char *folder, const char *session_id, size_t *ret_left)
{
    DIR *d = opendir(folder);
    size_t count = 0;
    const struct dirent *e;

    *ret_left = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (!is_of(e->d_name, session_id))
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0)
            count++;
        else
            ++*ret_left;
    }
    if (d != NULL)
        (void)closedir(d); /* only read from */
    return count;
}

size_t recordings_expire(const char *folder, int64_t before_ms)
{
    DIR *d = opendir(folder);
    size_t count = 0;
    const struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (is_recording(e->d_name) && is_before(dirfd(d), e->d_name, before_ms))
            count += unlinkat(dirfd(d), e->d_name, 0) == 0;
    }
    if (d != NULL)
        (void)closedir(d); /* only read from */
    return count;
}
