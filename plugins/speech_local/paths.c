/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How far below the build folder's top a program may lie: build/tests/plugin/test_x is 2. */
#define MAX_CLIMB 4

static void add(struct paths *paths, const char *base, const char *below)
{
    if (paths->count == PATHS_MAX)
        return;
    char *dir = paths->dirs[paths->count];
    int len = snprintf(dir, PATH_MAX, "%s%s", base, below);
    if (len > 0 && len < PATH_MAX)
        paths->count++;
}

static bool is_build_top(const char *dir)
{
    char mark[PATH_MAX + 16];

    snprintf(mark, sizeof(mark), "%s/meson-info", dir);
    return access(mark, F_OK) == 0;
}

/* Meson marks the top of its build folders; a program that lies in one uses the models beside it.
 */
static void add_build_tree(struct paths *paths)
{
    char at[PATH_MAX];

    ssize_t len = readlink("/proc/self/exe", at, sizeof(at) - 1);
    if (len <= 0)
        return;
    at[len] = '\0';
    for (int i = 0; i < MAX_CLIMB; i++) {
        char *slash = strrchr(at, '/');
        if (slash == NULL || slash == at)
            return;
        *slash = '\0';
        if (is_build_top(at)) {
            add(paths, at, "/models");
            return;
        }
    }
}

static void add_home(struct paths *paths)
{
    const char *data_home = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (data_home != NULL && data_home[0] == '/')
        add(paths, data_home, "/parley/models");
    else if (home != NULL && home[0] == '/')
        add(paths, home, "/.local/share/parley/models");
}

void paths_init(struct paths *paths, const char *model_dir)
{
    const char *from_environment = getenv("PARLEY_MODEL_DIR");

    paths->count = 0;
    if (model_dir[0] != '\0') {
        add(paths, model_dir, "");
    } else if (from_environment != NULL && from_environment[0] != '\0') {
        add(paths, from_environment, "");
    } else {
        add_build_tree(paths);
        add_home(paths);
        add(paths, "/var/lib/parley/models", "");
        add(paths, PARLEY_DATADIR, "/parley/models");
    }
}

bool paths_find(const struct paths *paths, const char *name, char *ret_path, size_t size)
{
    for (size_t i = 0; i < paths->count; i++) {
        snprintf(ret_path, size, "%s/%s", paths->dirs[i], name);
        if (access(ret_path, R_OK) == 0)
            return true;
    }
    snprintf(ret_path, size, "%s/%s", paths->count > 0 ? paths->dirs[0] : ".", name);
    return false;
}
