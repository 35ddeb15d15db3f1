/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/model_dir.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <unistd.h>

/* build/core/parleyctl is 2 below the top; tests are a little deeper. */
#define MAX_CLIMB 4

static bool join(char ret_dir[PATH_MAX], const char *base, const char *below)
{
    int len = snprintf(ret_dir, PATH_MAX, "%s%s", base, below);

    return len > 0 && len < PATH_MAX;
}

static bool has_meson_mark(const char *dir)
{
    char mark[PATH_MAX];

    return join(mark, dir, "/meson-info") && access(mark, F_OK) == 0;
}

/* The top of the build tree that this program lies in. */
static bool build_tree(char ret_dir[PATH_MAX])
{
    char at[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", at, sizeof(at) - 1);

    if (len <= 0)
        return false;
    at[len] = '\0';
    for (int i = 0; i < MAX_CLIMB; i++) {
        char *slash = strrchr(at, '/');
        if (slash == NULL || slash == at)
            return false;
        *slash = '\0';
        if (has_meson_mark(at))
            return join(ret_dir, at, "/models");
    }
    return false;
}

static bool home(char ret_dir[PATH_MAX])
{
    const char *data_home = getenv("XDG_DATA_HOME");
    const char *user_home = getenv("HOME");

    if (data_home != NULL && data_home[0] == '/')
        return join(ret_dir, data_home, "/parley/models");
    if (user_home != NULL && user_home[0] == '/')
        return join(ret_dir, user_home, "/.local/share/parley/models");
    return false;
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

int model_dir_choose(const char *given, char ret_dir[PATH_MAX], const char **ret_why,
                     struct parley_error *err)
{
    const char *from_environment = getenv("PARLEY_MODEL_DIR");
    bool is_found = false;

    if (is_set(given)) {
        *ret_why = "given by --dir";
        is_found = join(ret_dir, given, "");
    } else if (is_set(from_environment)) {
        *ret_why = "from PARLEY_MODEL_DIR";
        is_found = join(ret_dir, from_environment, "");
    } else if (build_tree(ret_dir)) {
        *ret_why = "of this build";
        is_found = true;
    } else if (geteuid() == 0) {
        *ret_why = "of this machine";
        is_found = join(ret_dir, "/var/lib/parley/models", "");
    } else {
        *ret_why = "of this user";
        is_found = home(ret_dir);
    }
    return is_found ? PARLEY_OK
                    : parley_fail(err, PARLEY_E_INVALID,
                                  "no folder for models: name one by --dir or PARLEY_MODEL_DIR");
}
