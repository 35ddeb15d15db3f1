/* SPDX-License-Identifier: Apache-2.0 */
/* What dlopen() does not survive: a shared object that is cut off. Thread: any. */
#ifndef HOST_SHARED_OBJECT_H
#define HOST_SHARED_OBJECT_H

#include <parley/error.h>

/*
 * Is all of the file there that its own head promises? PARLEY_E_INVALID when it is cut off; the
 * linker would map what is missing, and the process would die of a bus error. PARLEY_OK also for
 * what is no shared object at all: dlopen() says that in better words.
 */
int shared_object_check(const char *path, struct parley_error *err);

#endif
