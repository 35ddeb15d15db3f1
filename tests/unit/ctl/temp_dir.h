/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for each test, and small files and programs in it. */
#ifndef TEST_TEMP_DIR_H
#define TEST_TEMP_DIR_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temp_dir[PATH_MAX / 4];

static inline int temp_dir_make(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(temp_dir, sizeof(temp_dir), "%s/parley-test-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(temp_dir) == NULL ? -1 : 0;
}

static inline int temp_dir_remove_one(const char *path, const struct stat *info, int type,
                                      struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int temp_dir_remove(void **state)
{
    (void)state;
    return nftw(temp_dir, temp_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Below the folder; the result is good until the eighth call after it. */
static inline const char *temp_path(const char *name)
{
    static char paths[8][PATH_MAX];
    static size_t next;
    char *path = paths[next++ % 8];

    snprintf(path, PATH_MAX, "%s/%s", temp_dir, name);
    return path;
}

static inline void temp_write(const char *name, const char *text, mode_t mode)
{
    const char *path = temp_path(name);
    FILE *file = fopen(path, "wbe");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) < 0)
        abort();
}

static inline int temp_exists(const char *name)
{
    return access(temp_path(name), F_OK) == 0;
}

/* How many entries the folder `name` has, hidden ones too; 0 when there is none. */
static inline size_t temp_entries(const char *name)
{
    char command[2 * PATH_MAX];
    size_t count = 0;

    snprintf(command, sizeof(command), "ls -A '%s' 2>/dev/null | wc -l", temp_path(name));
    FILE *pipe = popen(command, "r");
    if (pipe == NULL || fscanf(pipe, "%zu", &count) != 1)
        abort();
    pclose(pipe);
    return count;
}

#endif
