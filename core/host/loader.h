/* SPDX-License-Identifier: Apache-2.0 */
/* One shared object: opened, checked against the contract of <parley/plugin.h>, and loaded. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include "conf/options.h"
#include "host/roles.h"

#include <parley/chat.h>
#include <parley/exporter.h>
#include <parley/model.h>
#include <parley/plugin.h>
#include <parley/speech.h>
#include <parley/store.h>
#include <parley/tools.h>

/* A loaded plugin. Its tables are the host's own copies: what an older plugin did not have is zero.
 */
struct plugin {
    char *path;
    void *library;              /* of dlopen(); NULL for one that is linked in */
    struct parley_plugin about; /* roles and options below, not here */
    struct options_table options;
    unsigned roles; /* bits 1u << enum role */
    struct parley_model_vtable model;
    struct parley_chat_vtable chat;
    struct parley_speech_vtable speech;
    struct parley_tools_vtable tools;
    struct parley_store_vtable store;
    struct parley_exporter_vtable exporter;
    void *ctx; /* what load() returned */
    bool is_loaded;
};

/*
 * Open the file, check everything that can be checked without an instance, call load(). A refusal
 * names the file, what is wrong and the way out (in err->code: the rule), and leaves nothing
 * behind. Thread: main.
 */
int loader_open(const char *path, const struct parley_host *host, struct plugin **ret_plugin,
                struct parley_error *err);

/*
 * Everything that is wrong with the file, each fault with the name of its rule (docs/abi.md); none
 * is told when it would load. probe_load() comes first: the file runs in this process. Thread:
 * main.
 */
typedef void (*loader_fault)(void *ctx, const char *rule, const char *text);
void loader_examine(const char *path, const struct parley_host *host, loader_fault on_fault,
                    void *ctx);

/* loader_open() for a descriptor that is linked in; `path` stands for it in messages. For tests. */
int loader_adopt(const struct parley_plugin *descriptor, const char *path,
                 const struct parley_host *host, struct plugin **ret_plugin,
                 struct parley_error *err);

/* Call unload(), close the file; NULL is fine. No instance may be left. Returns NULL. */
struct plugin *loader_close(struct plugin *p);

/* Does the plugin play the role? */
bool plugin_has_role(const struct plugin *p, enum role role);

#endif
