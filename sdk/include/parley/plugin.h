/* SPDX-License-Identifier: Apache-2.0 */
/*
 * START HERE. A parley plugin is a shared object that exports one function,
 *
 *     const struct parley_plugin *parley_plugin_v1(void);
 *
 * which returns a constant descriptor: who the plugin is, what options it takes, which roles it
 * plays (model, chat, speech, tools, store, exporter) and how it starts and stops.
 *
 * The life of a plugin, and the thread of each step:
 *
 *     load                         [main]    once, before anything else; may be NULL
 *       instance_create            [main]    once per INI section that names the plugin
 *         worker_start             [worker]  once per worker that uses the instance; may be NULL
 *           ... role callbacks     [worker]  as the role's header says
 *         worker_stop              [worker]  all operations have ended
 *       instance_destroy           [main]
 *     unload                       [main]    may be NULL
 *
 * On a reload the new generation's instances are created before the old ones are destroyed, so a
 * plugin keeps no global state: everything hangs from the four contexts plugin, instance, worker
 * instance, session.
 *
 * Thread tags in these headers: [main] configuration thread; [worker] the thread of the worker that
 * was passed, which must never block; [offload] a pool thread that may block; [any].
 *
 * Contract: an accepted operation ends exactly once; cancel is a request, the end still comes; host
 * functions never call back on the stack of the plugin's own call (but for model.h, which says so);
 * borrowed memory (every view and pointer passed to a callback) is valid until that callback
 * returns unless its comment says more; no memory is freed across the boundary.
 */
#ifndef PARLEY_PLUGIN_H
#define PARLEY_PLUGIN_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/options.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ABI_MAJOR 1u
#define PARLEY_ABI_MINOR 1u

/* One role that the plugin plays: its id and the table that the role's header describes. */
struct parley_role {
    const char *id;     /* PARLEY_ROLE_MODEL, PARLEY_ROLE_TOOLS ... */
    const void *vtable; /* constant; starts with its own size */
};

/* A person waits at this process's terminal, such as for parleyctl, and may be asked to open a
 * page. In a server nobody does. */
#define PARLEY_INSTANCE_ATTENDED (1u << 0)

/* What an instance is told when it is created. Everything is borrowed until instance_destroy. */
struct parley_instance_info {
    uint32_t size;
    uint32_t reserved;
    const void *handle;     /* for host->log */
    const char *name;       /* the INI section's name: "openai" in [model openai] */
    const char *config_dir; /* folder of the INI file, for paths of the plugin's own */
    const void *config;     /* the structure that the option table describes, filled and checked */
    uint32_t flags;         /* PARLEY_INSTANCE_...; since 1.1 */
    uint32_t reserved2;
};

struct parley_plugin {
    /* The head: frozen for all time, so that any host can read it and refuse politely. */
    uint32_t size;        /* sizeof(struct parley_plugin) of the header it was built with */
    uint32_t abi_major;   /* PARLEY_ABI_MAJOR */
    uint32_t needs_minor; /* least minor that the host must have; usually 0 */
    uint32_t reserved;
    const char *name;    /* the file's name without .so: "tools_weather" */
    const char *version; /* of the plugin: "1.0.2" */

    const char *summary; /* one sentence for `parleyctl plugins list` */
    const char *licence; /* SPDX expression */

    const struct parley_option *options;
    uint32_t option_count;
    uint32_t option_size; /* sizeof(struct parley_option) */
    uint32_t config_size; /* of the structure that the options fill */
    uint32_t role_count;
    const struct parley_role *roles;
    uint32_t role_size; /* sizeof(struct parley_role) */
    uint32_t reserved2;

    /* [main] Keep `host`; prepare libraries. Returns 0 and *ret_plugin (may be NULL), or a status.
     */
    int (*load)(const struct parley_host *host, void **ret_plugin, struct parley_error *err);

    /* [main] The last call. No thread of the plugin may run after it. */
    void (*unload)(void *plugin);

    /*
     * [main] Check what the option table cannot, and prepare. Must not connect or block: `--check`
     * creates and destroys every instance. `plugin` is what load returned. Required.
     */
    int (*instance_create)(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err);

    /* [main] All its workers have stopped. Required. */
    void (*instance_destroy)(void *instance);

    /*
     * [worker] State of one worker; role callbacks get it. NULL: they get the instance instead, and
     * then worker_stop is NULL, too. When it fails, jobs that it has offloaded still run to their
     * end and are told; worker_stop is not called.
     */
    int (*worker_start)(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err);

    /*
     * [worker] Every session is closed and every operation ended or cancelled before this call;
     * what is still open counts as ended with PARLEY_E_CANCELLED. Offloaded jobs are over. HTTP
     * requests and connections that the plugin left open are given up without a further callback;
     * timers are to be destroyed and descriptors no longer watched when this returns. Nothing new
     * can be offloaded from here.
     */
    void (*worker_stop)(void *worker_instance);
};

typedef const struct parley_plugin *(*parley_plugin_entry)(void);

#define PARLEY_ENTRY_NAME "parley_plugin_v1"

#if defined(__GNUC__)
#define PARLEY_EXPORT __attribute__((visibility("default")))
#else
#define PARLEY_EXPORT
#endif

/* The plugin's only exported function. */
PARLEY_EXPORT const struct parley_plugin *parley_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
