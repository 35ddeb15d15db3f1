/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service parley.fdwatch/1: be told on the worker's loop when a file descriptor of the plugin's own
 * can be read or written, for example the pipes of a child process or a library's socket.
 */
#ifndef PARLEY_SERVICE_FDWATCH_H
#define PARLEY_SERVICE_FDWATCH_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_FDWATCH "parley.fdwatch/1"

#define PARLEY_FD_READ  (1u << 0) /* data, the end of it, or a fault: reading does not block */
#define PARLEY_FD_WRITE (1u << 1) /* room, or a fault: writing does not block */

struct parley_fdwatch; /* owned by the host */

struct parley_service_fdwatch {
    uint32_t size;
    uint32_t reserved;
    /*
     * [worker] Call on_ready(ctx, events) whenever one of `events` is true of fd, again and again
     * until it is not (level-triggered); never on this stack. The descriptor stays the plugin's,
     * should not block, and must stay open until unwatch(). One watch for each descriptor.
     */
    int (*watch)(struct parley_worker *worker, int fd, uint32_t events,
                 void (*on_ready)(void *ctx, uint32_t events), void *ctx,
                 struct parley_fdwatch **ret_watch, struct parley_error *err);
    /* [worker] Wait for these events from now on; 0: for none, until this is called again. */
    void (*change)(struct parley_fdwatch *watch, uint32_t events);
    /* [worker] Stop and free it, before the descriptor is closed; NULL is fine. Allowed inside its
     * own on_ready. */
    void (*unwatch)(struct parley_fdwatch *watch);
};

#ifdef __cplusplus
}
#endif

#endif
