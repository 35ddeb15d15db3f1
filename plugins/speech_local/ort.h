/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX Runtime, opened by name at run time: parley neither links to it nor needs it. Thread: any;
 * one runtime serves several threads at once.
 */
#ifndef SPEECH_LOCAL_ORT_H
#define SPEECH_LOCAL_ORT_H

#include <onnxruntime_c_api.h>

#include <parley/error.h>
#include <stdbool.h>

struct ort {
    void *library;
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *memory; /* the CPU's */
};

/*
 * True when a runtime can be opened: the file at `path`, or else the system's own. `path` may be ""
 * or lead nowhere. Writes what was found.
 */
bool ort_available(const char *path, char *ret_path, size_t size);

/* Open the runtime that ort_available() found. */
int ort_open(const char *path, struct ort *ret_ort, struct parley_error *err);

/* Zeroed and half-opened ones too. */
void ort_close(struct ort *ort);

/* Read a model for runs on one thread each. The caller releases the session. */
int ort_load(const struct ort *ort, const char *path, OrtSession **ret_session,
             struct parley_error *err);

/* Turn a status of the runtime, which is consumed, into a parley status. NULL is PARLEY_OK. */
int ort_check(const struct ort *ort, OrtStatus *status, const char *what, struct parley_error *err);

#endif
