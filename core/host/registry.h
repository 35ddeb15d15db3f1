/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugins of this process, by name. A plugin is loaded when the first section names it and
 * stays until the registry goes: generations of the configuration share it. Thread: main.
 */
#ifndef HOST_REGISTRY_H
#define HOST_REGISTRY_H

#include "base/buf.h"
#include "host/loader.h"

struct registry;

/*
 * plugin_dir: where NAME.so or NAME/NAME.so is looked for; NULL or "": in ../plugins/NAME/ beside
 * the program's folder when there is such a folder (a build tree), then in the installed one. The
 * host table must outlive the registry. NULL without memory.
 */
struct registry *registry_create(const struct parley_host *host, const char *plugin_dir);

/* Unload all; every instance must be gone. Returns NULL. */
struct registry *registry_destroy(struct registry *r);

/* Look in another folder from now on (a reload); what is loaded stays. False without memory. */
bool registry_set_dir(struct registry *r, const char *plugin_dir);

/* A person waits at this process's terminal: instances are told so. */
void registry_set_attended(struct registry *r);
bool registry_is_attended(const struct registry *r);

/*
 * The plugin of that name, loaded when it is not yet, after a first try in a child (probe.h). A
 * name with a slash is a file; relative ones start at `dir`. NOT_FOUND lists where was looked and
 * the nearest name that is there.
 */
int registry_get(struct registry *r, const char *name, const char *dir, struct plugin **ret_plugin,
                 struct parley_error *err);

/* The file that registry_get() would load; the same errors when there is none. */
int registry_file(struct registry *r, const char *name, const char *dir, char *ret_path,
                  size_t size, struct parley_error *err);

/* Take over a plugin that loader_adopt() made. */
int registry_add(struct registry *r, struct plugin *take_plugin, struct parley_error *err);

/* Names of the plugins that could be loaded, sorted, each ended by '\n'. */
void registry_names(struct registry *r, struct buf *out);

/* The folders that are searched, each ended by '\n'. */
void registry_dirs(struct registry *r, struct buf *out);

#endif
