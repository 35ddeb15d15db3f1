/* SPDX-License-Identifier: Apache-2.0 */
/* What a shared object says of itself, without opening it. Thread: any. */
#ifndef HOST_SHARED_OBJECT_H
#define HOST_SHARED_OBJECT_H

#include <parley/error.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * Is it for this kind of machine (else PARLEY_E_UNSUPPORTED), and is all of the file there that its
 * own head promises? PARLEY_E_INVALID when it is cut off; the linker would map what is missing, and
 * the process would die of a bus error. PARLEY_OK also for what is no shared object at all:
 * dlopen() says that in better words.
 */
int shared_object_check(const char *path, struct parley_error *err);

/*
 * Does it export anything but the entry of a plugin? Its name, cut to size, in ret_name. What
 * compilers and sanitizers add (it begins with two underscores) does not count. False also for a
 * file that cannot be read.
 */
bool shared_object_other_export(const char *path, char *ret_name, size_t size);

#endif
