/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every host offers every plugin: the log, the clocks, and a door to the optional services.
 * The table is constant and outlives the plugin; all of it may be called from any thread unless its
 * comment says otherwise.
 */
#ifndef PARLEY_HOST_H
#define PARLEY_HOST_H

#include <parley/error.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thread with one event loop, as the plugin sees it: the handle that services and calls need.
 */
struct parley_worker;

/*
 * An operation that the host started and the plugin must end, by the end function of its role,
 * exactly once. A number, not a pointer: ending it twice or too late is noticed and harmless.
 * 0 is never a valid operation.
 */
typedef uint64_t parley_op;

#define PARLEY_LOG_ERROR 0 /* someone must act */
#define PARLEY_LOG_WARN  1 /* handled, but odd */
#define PARLEY_LOG_INFO  2 /* lifecycle */
#define PARLEY_LOG_DEBUG 3 /* the rest */

struct parley_host {
    uint32_t size;
    uint32_t minor;      /* the minor version of the interface that this host implements */
    const char *version; /* of the host, for logs: "0.1.0" */

    /*
     * Write one log line: what happened, then key=value fields. `instance` is the handle given in
     * struct parley_instance_info, or NULL. Never pass secrets, audio or user text.
     */
    void (*log)(const void *instance, int level, const char *format, ...);

    /* Microseconds that only go forward. In tests the clock is moved by hand. */
    uint64_t (*now_us)(void);

    /* Microseconds since 1970 in UTC. */
    uint64_t (*unix_us)(void);

    /* Fill `len` bytes from the system's random source. */
    void (*random)(void *bytes, size_t len);

    /*
     * A service by id, such as PARLEY_SERVICE_WS: a constant table, described in the header of the
     * same name under parley/service/. NULL when this host does not have it.
     */
    const void *(*service)(const char *id);
};

#ifdef __cplusplus
}
#endif

#endif
