/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/str.h"
#include "cascade/cascade.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_NAME "silero-vad/silero_vad.onnx"

/* How far below the build folder's top a program may lie: build/tests/unit/x/test is 4. */
#define MAX_CLIMB 5

/* Load FOLDER/silero-vad/silero_vad.onnx; PARLEY_E_NOT_FOUND says to look on. */
static int try_folder(const char *folder, const char *below, struct silero_weights **ret,
                      struct parley_error *err)
{
    char path[PATH_MAX];

    if (folder == NULL || folder[0] == '\0' ||
        snprintf(path, sizeof(path), "%s%s/" FILE_NAME, folder, below) >= (int)sizeof(path))
        return PARLEY_E_NOT_FOUND;
    return silero_weights_load(path, ret, err);
}

/* Meson marks the top of its build folders; a program that lies in one uses the models beside it.
 */
static int try_build_tree(struct silero_weights **ret, struct parley_error *err)
{
    char at[PATH_MAX], mark[PATH_MAX + 16];
    ssize_t len = readlink("/proc/self/exe", at, sizeof(at) - 1);

    at[len > 0 ? len : 0] = '\0';
    for (int i = 0; i < MAX_CLIMB; i++) {
        char *slash = strrchr(at, '/');
        if (slash == NULL || slash == at)
            break;
        *slash = '\0';
        snprintf(mark, sizeof(mark), "%s/meson-info", at);
        if (access(mark, F_OK) == 0)
            return try_folder(at, "/models", ret, err);
    }
    return PARLEY_E_NOT_FOUND;
}

static int try_home(struct silero_weights **ret, struct parley_error *err)
{
    const char *data_home = getenv("XDG_DATA_HOME");

    if (data_home != NULL && data_home[0] == '/')
        return try_folder(data_home, "/parley/models", ret, err);
    return try_folder(getenv("HOME"), "/.local/share/parley/models", ret, err);
}

int cascade_load_weights(const char *model_dir, struct silero_weights **ret,
                         struct parley_error *err)
{
    const char *from_environment = getenv("PARLEY_MODEL_DIR");

    if (model_dir != NULL && model_dir[0] != '\0')
        return try_folder(model_dir, "", ret, err);
    if (from_environment != NULL && from_environment[0] != '\0')
        return try_folder(from_environment, "", ret, err);

    int r = try_build_tree(ret, err);
    if (r == PARLEY_E_NOT_FOUND)
        r = try_home(ret, err);
    if (r == PARLEY_E_NOT_FOUND)
        r = try_folder("/var/lib/parley/models", "", ret, err);
    if (r == PARLEY_E_NOT_FOUND)
        r = try_folder(PARLEY_DATADIR, "/parley/models", ret, err);
    if (r == PARLEY_E_NOT_FOUND)
        return parley_fail(err, r,
                           "no " FILE_NAME " beside the build tree, in the user's data folder, in "
                           "/var/lib/parley/models or in " PARLEY_DATADIR "/parley/models");
    return r;
}
