/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose code runs on this thread: around every call into a plugin, so that what kills the process
 * there can be named. Costs two stores to memory of the thread.
 */
#ifndef HOST_GUARD_H
#define HOST_GUARD_H

#include <stddef.h>

/* One call into a plugin. */
struct guard {
    const char *whose;    /* "tools files", or a file that is being loaded; NULL: no plugin */
    const char *callback; /* "call" */
};

/* Keep what runs now in g for guard_leave(). Both texts live until then. Thread: any. */
void guard_enter(struct guard *g, const char *whose, const char *callback);
void guard_leave(const struct guard *g);

/*
 * From now on a signal that ends the process (a crash, abort()) is told on standard error with the
 * plugin and the callback that it struck, before it takes its course. Thread: main, once.
 */
void guard_name_crashes(const char *program);

/* --- For probe.c -------------------------------------------------------------------------------
 */

/* A copy of the callback's name is kept here, too, for who watches from outside; NULL: no more. */
void guard_mirror(char *name, size_t size);

/* Crashes take their course in silence again, as a child wants it whose parent tells them. */
void guard_forget_crashes(void);

#endif
