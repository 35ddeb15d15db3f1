/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/install.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "ctl/digest.h"
#include "ctl/staging.h"
#include "ctl/vocabulary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

const char *model_state_name(enum model_state state)
{
    static const char *const names[] = {"absent", "incomplete", "damaged", "installed"};

    return names[state];
}

/* Both parts come from argument and catalogue; what is longer than a path can be is not there. */
static void join(char ret_path[PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(ret_path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
        ret_path[0] = '\0';
}

/* --- What is there -------------------------------------------------------------------------------
 */

struct count {
    size_t files, missing, wrong;
};

static enum model_state state_of(const struct count *count)
{
    if (count->missing == count->files)
        return MODEL_ABSENT;
    if (count->missing > 0)
        return MODEL_INCOMPLETE;
    return count->wrong > 0 ? MODEL_DAMAGED : MODEL_INSTALLED;
}

enum model_state install_look(const struct model *model, const char *models_dir)
{
    struct count count = {0};

    for (size_t i = 0; i < model_file_count(model); i++) {
        char path[PATH_MAX];
        struct stat info;
        if (model->files[i].is_text)
            continue;
        join(path, models_dir, model->files[i].path);
        count.files++;
        if (stat(path, &info) < 0)
            count.missing++;
        else if ((uint64_t)info.st_size != model->files[i].size)
            count.wrong++;
    }
    return state_of(&count);
}

static int check_digest(const char *path, const char *expected, struct parley_error *err)
{
    char found[DIGEST_HEX_SIZE];

    int r = digest_file(path, found, err);
    if (r < 0)
        return r;
    if (strcmp(found, expected) != 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%.200s: wrong checksum: expected SHA-256 %s, found %s", path, expected,
                           found);
    return PARLEY_OK;
}

enum model_state install_verify(const struct model *model, const char *models_dir,
                                struct parley_error *err)
{
    struct count count = {0};

    for (size_t i = 0; i < model_file_count(model); i++) {
        char path[PATH_MAX];
        if (model->files[i].is_text)
            continue;
        join(path, models_dir, model->files[i].path);
        bool is_first = count.missing + count.wrong == 0;
        int r = check_digest(path, model->files[i].sha256, is_first ? err : NULL);
        count.files++;
        count.missing += r == PARLEY_E_NOT_FOUND;
        count.wrong += r < 0 && r != PARLEY_E_NOT_FOUND;
    }
    return state_of(&count);
}

/* --- Making files --------------------------------------------------------------------------------
 */

static int write_error(const char *path, int number, struct parley_error *err)
{
    return parley_fail(err, number == ENOSPC ? PARLEY_E_TOO_LARGE : PARLEY_E_DENIED,
                       "%s: cannot be written: %s; nothing was changed", path, strerror(number));
}

static int read_file(const char *path, uint64_t size, struct buf *out, struct parley_error *err)
{
    FILE *file = fopen(path, "rbe");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: %s", path, strerror(errno));
    if (buf_reserve(out, size))
        out->len += fread(out->data + out->len, 1, size, file);
    fclose(file);
    return out->len == size ? PARLEY_OK
                            : parley_fail(err, PARLEY_E_INTERNAL, "%s: cannot be read", path);
}

static int write_file(const char *path, struct parley_view bytes, struct parley_error *err)
{
    FILE *file = fopen(path, "wbe");

    if (file == NULL)
        return write_error(path, errno, err);
    size_t written = fwrite(bytes.data, 1, bytes.len, file);
    int number = errno;
    if (fclose(file) != 0 || written != bytes.len)
        return write_error(path, number, err);
    return PARLEY_OK;
}

/* The tokenizer's pieces as plain text; `made` is the member's path and becomes the new one's. */
static int convert(const struct model_file *file, char made[PATH_MAX], struct parley_error *err)
{
    _cleanup_(buf_done) struct buf source = {0};
    _cleanup_(buf_done) struct buf text = {0};
    struct parley_error why = PARLEY_ERROR_INIT;

    int r = read_file(made, file->member_size, &source, err);
    if (r < 0)
        return r;
    r = vocabulary_extract(buf_view(&source), &text, &why);
    if (r < 0)
        return parley_fail(err, r, "%s: %s", made, why.message);
    if (strlen(made) + sizeof(".txt") > PATH_MAX)
        return parley_fail(err, PARLEY_E_INVALID, "%.200s...: the path is too long", made);
    strcat(made, ".txt");
    r = write_file(made, buf_view(&text), err);
    return r < 0 ? r : check_digest(made, file->sha256, err);
}

static int check_member(const struct model_file *file, const char *stage, char ret_made[PATH_MAX],
                        struct parley_error *err)
{
    join(ret_made, stage, file->member);
    int r = check_digest(ret_made, model_file_member_sha256(file), err);
    if (r < 0)
        return r;
    return file->member_sha256 != NULL ? convert(file, ret_made, err) : PARLEY_OK;
}

/* On the disk, not only in its cache, before the name leads to it. */
static int sync_file(const char *path, struct parley_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return write_error(path, errno, err);
    int r = fchmod(fd, 0644) < 0 || fsync(fd) < 0 ? write_error(path, errno, err) : PARLEY_OK;
    close(fd);
    return r;
}

static int move(const char *made, const char *models_dir, const char *name,
                struct parley_error *err)
{
    char path[PATH_MAX];

    join(path, models_dir, name);
    int r = sync_file(made, err);
    if (r == PARLEY_OK)
        r = make_folders_for(path, err);
    if (r == PARLEY_OK && rename(made, path) < 0)
        r = write_error(path, errno, err);
    return r;
}

/* Fill made[] with what is to be moved; "" for a licence that was not brought. */
static int check_members(const struct model *model, const char *stage, char made[][PATH_MAX],
                         struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    for (size_t i = 0; i < model_file_count(model); i++) {
        const struct model_file *file = &model->files[i];
        int r = check_member(file, stage, made[i], &why);
        if (r == PARLEY_E_NOT_FOUND && file->is_text)
            made[i][0] = '\0';
        else if (r == PARLEY_E_NOT_FOUND)
            return parley_fail(err, r, "%s is not there", file->member);
        else if (r < 0)
            return parley_fail(err, r, "%.420s; nothing was changed", why.message);
    }
    return PARLEY_OK;
}

int install_from(const struct model *model, const char *stage, const char *models_dir,
                 struct parley_error *err)
{
    char made[CATALOGUE_MAX_FILES][PATH_MAX];

    int r = check_members(model, stage, made, err);
    for (size_t i = 0; r == PARLEY_OK && i < model_file_count(model); i++) {
        if (made[i][0] != '\0')
            r = move(made[i], models_dir, model->files[i].path, err);
    }
    return r;
}
