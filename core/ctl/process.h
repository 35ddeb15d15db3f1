/* SPDX-License-Identifier: Apache-2.0 */
/* Runs another program and waits for it; no shell is involved. */
#ifndef CTL_PROCESS_H
#define CTL_PROCESS_H

#include "base/buf.h"

#include <parley/error.h>

struct process_result {
    int exit_status; /* 128 + signal when a signal ended it */
    struct buf said; /* the last of what it wrote to standard output and error */
};

/*
 * Run argv (ended by NULL; argv[0] is looked up in PATH) in the folder `dir` with no input.
 * PARLEY_E_NOT_FOUND when there is no such program; PARLEY_OK once it has ended, however it ended.
 * The caller frees `said` with buf_done(). A signal that this program has a handler for (one
 * without SA_RESTART) ends the other program too.
 */
int process_run(const char *const *argv, const char *dir, struct process_result *ret_result,
                struct parley_error *err);

#endif
