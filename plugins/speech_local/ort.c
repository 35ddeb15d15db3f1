/* SPDX-License-Identifier: Apache-2.0 */
#include "ort.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/*
 * The oldest interface that has all that is used here. Asking for it instead of the header's own
 * lets older libraries serve: the table only grows at its end.
 */
#define ORT_OLDEST_API 16

/* What distributions call it, the newest first. */
static const char *const system_names[] = {"libonnxruntime.so.1", "libonnxruntime.so.1.23",
                                           "libonnxruntime.so.1.21", "libonnxruntime.so"};

/* NODELETE: the library does not like to be unmapped, and a reload needs it again at once. */
static void *open_library(const char *name)
{
    return name[0] == '\0' ? NULL : dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

bool ort_available(const char *path, char *ret_path, size_t size)
{
    void *library = open_library(path);

    snprintf(ret_path, size, "%s", path);
    for (size_t i = 0; library == NULL && i < sizeof(system_names) / sizeof(*system_names); i++) {
        library = open_library(system_names[i]);
        snprintf(ret_path, size, "%s", system_names[i]);
    }
    if (library == NULL)
        return false;
    dlclose(library);
    return true;
}

int ort_check(const struct ort *ort, OrtStatus *status, const char *what, struct parley_error *err)
{
    if (status == NULL)
        return PARLEY_OK;
    int r = parley_fail(err, PARLEY_E_INTERNAL, "%s: ONNX Runtime: %.300s", what,
                        ort->api->GetErrorMessage(status));
    ort->api->ReleaseStatus(status);
    return r;
}

static int find_api(struct ort *ort, const char *path, struct parley_error *err)
{
    const OrtApiBase *(*base)(void) = NULL;

    void *symbol = dlsym(ort->library, "OrtGetApiBase");
    if (symbol == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "%s: is not an ONNX Runtime library", path);
    memcpy(&base, &symbol, sizeof(base)); /* ISO C has no cast for it */
    ort->api = base()->GetApi(ORT_OLDEST_API);
    if (ort->api == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "%s: is ONNX Runtime %s; 1.%d or newer is needed", path,
                           base()->GetVersionString(), ORT_OLDEST_API);
    return PARLEY_OK;
}

int ort_open(const char *path, struct ort *ret_ort, struct parley_error *err)
{
    struct ort ort = {.library = open_library(path)};

    if (ort.library == NULL) {
        const char *why = dlerror();
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, why == NULL ? "no name" : why);
    }
    int r = find_api(&ort, path, err);
    if (r == PARLEY_OK)
        r = ort_check(&ort, ort.api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "parley", &ort.env), path,
                      err);
    if (r == PARLEY_OK)
        r = ort_check(
            &ort, ort.api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &ort.memory),
            path, err);
    if (r < 0) {
        ort_close(&ort);
        return r;
    }
    *ret_ort = ort;
    return PARLEY_OK;
}

void ort_close(struct ort *ort)
{
    if (ort->memory != NULL)
        ort->api->ReleaseMemoryInfo(ort->memory);
    if (ort->env != NULL)
        ort->api->ReleaseEnv(ort->env);
    if (ort->library != NULL)
        dlclose(ort->library);
    *ort = (struct ort){0};
}

/* One thread a run: two cost more than twice the CPU here and were no faster. */
static OrtStatus *set_options(const OrtApi *api, OrtSessionOptions *options)
{
    OrtStatus *status = api->SetIntraOpNumThreads(options, 1);

    if (status == NULL)
        status = api->SetInterOpNumThreads(options, 1);
    if (status == NULL)
        status = api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL);
    return status;
}

int ort_load(const struct ort *ort, const char *path, OrtSession **ret_session,
             struct parley_error *err)
{
    OrtSessionOptions *options = NULL;

    int r = ort_check(ort, ort->api->CreateSessionOptions(&options), path, err);
    if (r < 0)
        return r;
    r = ort_check(ort, set_options(ort->api, options), path, err);
    if (r == PARLEY_OK)
        r = ort_check(ort, ort->api->CreateSession(ort->env, path, options, ret_session), path,
                      err);
    ort->api->ReleaseSessionOptions(options);
    return r;
}
