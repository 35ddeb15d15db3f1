/* SPDX-License-Identifier: Apache-2.0 */
/* A worker of this process, without a server: for commands that use instances of a configuration
 * themselves. */
#ifndef CTL_LOCAL_H
#define CTL_LOCAL_H

#include "daemon/settings.h"
#include "host/worker_instance.h"

struct transport;

struct local {
    struct loop *loop;
    struct transport *transport;
    struct offload *offload;
    struct registry *registry;
    struct settings settings;
    struct parley_worker worker;
    struct worker_instances *instances;
    bool has_worker;
    bool is_done; /* what is waited for has come */
    struct loop_timer limit;
};

/*
 * Read the configuration and start its instances of the kinds in the mask (1u << enum
 * instance_kind). Mistakes of the configuration: PARLEY_E_INVALID with the first in err. The struct
 * must be closed, also after a failure.
 */
int local_open(struct local *l, const struct settings_source *source, unsigned kinds,
               struct parley_error *err);

/* Run the loop until local_done() was called or the time is over; true when it was called. */
bool local_wait(struct local *l, int64_t limit_ms);

/* What is waited for has come. */
void local_done(struct local *l);

/* Stop the instances and free everything. */
void local_close(struct local *l);

#endif
