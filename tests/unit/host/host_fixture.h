/* SPDX-License-Identifier: Apache-2.0 */
/* A worker with a clock that is moved by hand, and one instance of a plugin that the test itself
 * is.
 */
#ifndef HOST_FIXTURE_H
#define HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/host.h"

struct host_fixture {
    struct loop *loop;
    struct offload *offload;
    struct parley_worker worker;
    struct registry *registry;
    struct conf *conf;
    struct conf_report report;
    struct instances *set;
    struct worker_instance *wi;
    bool is_stopped;
};

/* A descriptor with one role and no options; `name` gives the section's kind and the plugin's. */
#define FIXTURE_PLUGIN(plugin_name, role_id_text, table)                                           \
    {                                                                                              \
        .size = sizeof(struct parley_plugin), .abi_major = PARLEY_ABI_MAJOR, .name = plugin_name,  \
        .version = "1", .summary = "A test.", .licence = "Apache-2.0", .role_count = 1,            \
        .roles = &(const struct parley_role){role_id_text, table},                                 \
        .role_size = sizeof(struct parley_role), .instance_create = fixture_instance_create,       \
        .instance_destroy = fixture_instance_destroy                                               \
    }

int fixture_instance_create(void *plugin, const struct parley_instance_info *info,
                            void **ret_instance, struct parley_error *err);
void fixture_instance_destroy(void *instance);

/* The host table that fixture plugins get: minor 0, no services. */
extern const struct parley_host fixture_host;

/* A fake clock, a loop, a worker; no instance yet. */
void fixture_open(struct host_fixture *f);

/* The plugin, then `[KIND x] plugin = NAME`, then its worker instance. */
void fixture_start(struct host_fixture *f, const struct parley_plugin *descriptor,
                   const char *kind);

/* Run everything that is due, then move the clock and run again. */
void fixture_turn(struct host_fixture *f);
void fixture_advance_ms(struct host_fixture *f, uint64_t ms);

/* With real threads of a pool: run the loop until the flag is set. */
void fixture_run_until(struct host_fixture *f, const bool *flag);

/* Give the worker a pool of real threads. */
void fixture_start_pool(struct host_fixture *f);

/* Stop the instance (when it is there) and all the rest. */
void fixture_close(struct host_fixture *f);

#endif
