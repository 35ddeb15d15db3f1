/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A first load of a plugin in a child process: what crashes there, ends the process or never comes
 * back would do so here, with every conversation of this process.
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include <parley/host.h>

/*
 * Open the file, check it, call load() and unload(), all in a child. PARLEY_E_INVALID, with the
 * file and the step that it died in, when the child did not come through. PARLEY_OK in all other
 * cases, also when the plugin is refused: loader_open() says why. Waits for the child, at most for
 * PROBE_LIMIT_S. Thread: main.
 */
int probe_load(const char *path, const struct parley_host *host, struct parley_error *err);

#define PROBE_LIMIT_S 10

#endif
