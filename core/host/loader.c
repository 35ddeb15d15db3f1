/* SPDX-License-Identifier: Apache-2.0 */
#include "host/loader.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "host/guard.h"
#include "host/option_check.h"
#include "host/shared_object.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUIDE "docs/plugin-guide.md shows a plugin that loads"

/* Bytes of the descriptor that every host and plugin agree on for all time. */
#define HEAD_SIZE SIZE_THROUGH(struct parley_plugin, version)

/* What interface 1.0 had; a smaller descriptor or role was never built by its headers. */
#define FIRST_SIZE      SIZE_THROUGH(struct parley_plugin, worker_stop)
#define FIRST_ROLE_SIZE SIZE_THROUGH(struct parley_role, vtable)

#define MAX_STRUCT_SIZE                                                                            \
    65536 /* of a descriptor or role table: more is not a size but a mistake                       \
           */
#define MAX_ROLES 32
#define MAX_NAME  64

/* Put the file's name before what is wrong with it. */
static int blame(const char *path, int status, struct parley_error *err)
{
    char message[sizeof(err->message)];

    if (err == NULL)
        return status;
    view_copy(message, sizeof(message), view_of(err->message));
    return parley_fail(err, status, "%s: %s", path, message);
}

/* The error tells the rule, too, by name: docs/abi.md lists them. */
static int named(struct parley_error *err, const char *rule, int status)
{
    if (err != NULL)
        (void)snprintf(err->code, sizeof(err->code), "%s", rule);
    return status;
}

#define broken(err, rule, status, ...) named(err, rule, parley_fail(err, status, __VA_ARGS__))

/* ---- the descriptor ---- */

static int check_head(const struct parley_plugin *d, const struct parley_host *host,
                      struct parley_error *err)
{
    if (d->size < HEAD_SIZE || d->size > MAX_STRUCT_SIZE)
        return parley_fail(err, PARLEY_E_INVALID,
                           "its descriptor says size %u, which is no size of a struct "
                           "parley_plugin; set .size = sizeof(struct parley_plugin)",
                           d->size);
    if (d->abi_major != PARLEY_ABI_MAJOR)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "it is built for interface %u.x and this host has %u.%u; build it with "
                           "the headers of this parley (%s)",
                           d->abi_major, PARLEY_ABI_MAJOR, host->minor, host->version);
    if (d->needs_minor > host->minor)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "it needs interface %u.%u and this host (parley %s) has %u.%u; update "
                           "parley, or use an older version of the plugin",
                           d->abi_major, d->needs_minor, host->version, PARLEY_ABI_MAJOR,
                           host->minor);
    if (d->size < FIRST_SIZE)
        return parley_fail(err, PARLEY_E_INVALID,
                           "its descriptor says size %u, smaller than that of interface 1.0 (%zu); "
                           "set .size = sizeof(struct parley_plugin)",
                           d->size, FIRST_SIZE);
    return PARLEY_OK;
}

static bool is_name(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= MAX_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* "/usr/lib/parley/plugins/tools_weather.so" -> "tools_weather" */
static struct parley_view name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct parley_view name = view_of(slash == NULL ? path : slash + 1);

    if (view_ends_with(name, VIEW(".so")))
        name.len -= 3;
    return name;
}

static int check_name(struct plugin *p, struct parley_error *err)
{
    const char *name = p->about.name;
    struct parley_view expected = name_of_path(p->path);

    if (name == NULL || name[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID, "name is missing; set .name = \"%.*s\"",
                           (int)expected.len, expected.data);
    if (!is_name(name))
        return parley_fail(
            err, PARLEY_E_INVALID,
            "name \"%.70s\" is not a plugin's name: a lower-case letter, then at most "
            "%d lower-case letters, digits and _",
            name, MAX_NAME - 1);
    if (!view_is(expected, name))
        return parley_fail(err, PARLEY_E_INVALID,
                           "it calls itself \"%s\"; rename the file to %s.so or set .name = "
                           "\"%.*s\"",
                           name, name, (int)expected.len, expected.data);
    return PARLEY_OK;
}

static int check_words(struct plugin *p, struct parley_error *err)
{
    const struct {
        const char *name;
        const char *value;
    } words[] = {{"version", p->about.version},
                 {"summary", p->about.summary},
                 {"licence", p->about.licence}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].value == NULL || words[i].value[0] == '\0')
            return parley_fail(err, PARLEY_E_INVALID, "%s is missing from its descriptor",
                               words[i].name);
    }
    return PARLEY_OK;
}

static int missing(const char *callback, struct parley_error *err)
{
    return parley_fail(err, PARLEY_E_INVALID,
                       "the callback '%s' is missing from its descriptor; " GUIDE, callback);
}

static int check_callbacks(struct plugin *p, struct parley_error *err)
{
    const struct parley_plugin *d = &p->about;

    if (d->instance_create == NULL)
        return missing("instance_create", err);
    if (d->instance_destroy == NULL)
        return missing("instance_destroy", err);
    if (d->worker_start != NULL && d->worker_stop == NULL)
        return missing("worker_stop", err);
    if (d->worker_start == NULL && d->worker_stop != NULL)
        return missing("worker_start", err);
    return PARLEY_OK;
}

/* ---- roles ---- */

static void *role_table(struct plugin *p, enum role role)
{
    void *const tables[ROLE_COUNT] = {
        [ROLE_MODEL] = &p->model, [ROLE_CHAT] = &p->chat,   [ROLE_SPEECH] = &p->speech,
        [ROLE_TOOLS] = &p->tools, [ROLE_STORE] = &p->store, [ROLE_EXPORTER] = &p->exporter,
    };

    return tables[role];
}

/* Copy no more than the plugin declared: what it does not know stays zero. */
static int copy_role(struct plugin *p, enum role role, const void *table, struct parley_error *err)
{
    uint32_t size = 0;

    if (table == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "role %s: its vtable is NULL", role_id(role));
    memcpy(&size, table, sizeof(size));
    if (size < sizeof(size) || size > MAX_STRUCT_SIZE)
        return parley_fail(err, PARLEY_E_INVALID,
                           "role %s: its vtable says size %u; set .size = sizeof of the table",
                           role_id(role), size);
    if ((p->roles & 1u << role) != 0)
        return parley_fail(err, PARLEY_E_INVALID, "role %s is there twice", role_id(role));
    size_t known = role_table_size(role);
    memcpy(role_table(p, role), table, size < known ? size : known);
    p->roles |= 1u << role;
    return role_check(role, role_table(p, role), err);
}

/* A role that this host does not know is left alone: the plugin may play it elsewhere. */
static int read_role(struct plugin *p, const struct parley_role *r, uint32_t place,
                     struct parley_error *err)
{
    if (r->id == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "role %u has no id", place + 1);
    enum role role = role_by_id(r->id);
    return role == ROLE_COUNT ? PARLEY_OK : copy_role(p, role, r->vtable, err);
}

static int read_roles(struct plugin *p, struct parley_error *err)
{
    const struct parley_plugin *d = &p->about;
    const char *first = NULL;

    if (d->role_count == 0 || d->roles == NULL || d->role_count > MAX_ROLES)
        return parley_fail(err, PARLEY_E_INVALID,
                           "it lists %u roles; a plugin plays 1 to %d, such as %s",
                           d->roles == NULL ? 0 : d->role_count, MAX_ROLES, PARLEY_ROLE_TOOLS);
    if (d->role_size < FIRST_ROLE_SIZE || d->role_size > MAX_STRUCT_SIZE)
        return parley_fail(err, PARLEY_E_INVALID,
                           "role_size %u is not sizeof(struct parley_role), which is %zu",
                           d->role_size, sizeof(struct parley_role));
    const size_t role_size =
        d->role_size < sizeof(struct parley_role) ? d->role_size : sizeof(struct parley_role);
    for (uint32_t i = 0; i < d->role_count; i++) {
        struct parley_role role = {0};
        memcpy(&role, (const char *)d->roles + (size_t)i * d->role_size, role_size);
        int r = read_role(p, &role, i, err);
        if (r < 0)
            return r;
        first = i == 0 ? role.id : first;
    }
    if (p->roles == 0)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "it plays no role that this host knows (its first is \"%.60s\"); update "
                           "parley, or use another version of the plugin",
                           first);
    return PARLEY_OK;
}

/* ---- the whole ---- */

static int read_options(struct plugin *p, struct parley_error *err)
{
    p->options = (struct options_table){
        .items = p->about.options,
        .count = p->about.option_count,
        .item_size = p->about.option_size,
        .config_size = p->about.config_size,
        .also = &options_instance_table,
    };
    return option_check(&p->options, err);
}

static const struct {
    const char *rule;
    int (*keeps)(struct plugin *p, struct parley_error *err);
} rules[] = {
    {"name", check_name},      {"words", check_words}, {"callbacks", check_callbacks},
    {"options", read_options}, {"roles", read_roles},
};

static int read_head(struct plugin *p, const struct parley_plugin *d,
                     const struct parley_host *host, struct parley_error *err)
{
    int r = check_head(d, host, err);

    if (r < 0)
        return named(err, "interface", r);
    memcpy(&p->about, d, d->size < sizeof(p->about) ? d->size : sizeof(p->about));
    return PARLEY_OK;
}

static int check(struct plugin *p, const struct parley_plugin *d, const struct parley_host *host,
                 struct parley_error *err)
{
    int r = read_head(p, d, host, err);

    for (size_t i = 0; r == PARLEY_OK && i < ARRAY_LEN(rules); i++)
        r = named(err, rules[i].rule, rules[i].keeps(p, err));
    if (r == PARLEY_OK)
        (void)named(err, "", r);
    return r;
}

static int load(struct plugin *p, const struct parley_host *host, struct parley_error *err)
{
    if (p->about.load != NULL) {
        struct guard guard;
        guard_enter(&guard, p->path, "load");
        int r = p->about.load(host, &p->ctx, err);
        guard_leave(&guard);
        if (r < 0)
            return r;
    }
    p->is_loaded = true;
    return PARLEY_OK;
}

static struct plugin *plugin_create(const char *path)
{
    struct plugin *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->path = strdup(path);
    return p->path == NULL ? loader_close(p) : p;
}

/* Takes p; on failure it is gone and err begins with the path. */
static int finish(struct plugin *p, const struct parley_plugin *descriptor,
                  const struct parley_host *host, struct plugin **ret_plugin,
                  struct parley_error *err)
{
    int r = check(p, descriptor, host, err);

    if (r == PARLEY_OK) {
        r = load(p, host, err);
        (void)named(err, r < 0 ? "load" : "", r);
    }
    if (r < 0) {
        r = blame(p->path, r, err);
        loader_close(p);
        return r;
    }
    *ret_plugin = p;
    return PARLEY_OK;
}

/* What dlopen() says, without the path where it repeats it. */
static const char *open_reason(const char *path)
{
    const char *reason = dlerror();
    size_t len = strlen(path);

    if (reason == NULL)
        return "unknown reason";
    return strncmp(reason, path, len) == 0 && strncmp(reason + len, ": ", 2) == 0 ? reason + len + 2
                                                                                  : reason;
}

/* "libfoo.so.9: cannot open shared object file: No such file or directory" */
static int refuse_open(const char *path, const char *reason, struct parley_error *err)
{
    static const char missing_library[] = ": cannot open shared object file";
    static const char missing_symbol[] = "undefined symbol: ";
    const char *library = strstr(reason, missing_library);
    const char *symbol = strstr(reason, missing_symbol);

    if (library != NULL)
        return broken(err, "libraries", PARLEY_E_INVALID,
                      "%s: it needs the library %.*s, which is not installed, or not where "
                      "libraries are looked for",
                      path, (int)(library - reason), reason);
    if (symbol != NULL)
        return broken(err, "libraries", PARLEY_E_INVALID,
                      "%s: it uses \"%.80s\", which none of its libraries has; link them, or "
                      "install the version it was built with",
                      path, symbol + sizeof(missing_symbol) - 1);
    return broken(err, "shared-object", PARLEY_E_INVALID,
                  "%s: cannot be opened: %s; a plugin is a shared object for this machine with "
                  "all its libraries installed",
                  path, reason);
}

static int open_library(struct plugin *p, struct parley_error *err)
{
    struct guard guard;

    int r = shared_object_check(p->path, err);
    if (r < 0)
        return named(err, "shared-object", r);
    guard_enter(&guard, p->path, "its constructors");
    p->library = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
    guard_leave(&guard);
    return p->library == NULL ? refuse_open(p->path, open_reason(p->path), err) : PARLEY_OK;
}

static int find_descriptor(struct plugin *p, const struct parley_plugin **ret,
                           struct parley_error *err)
{
    parley_plugin_entry entry = NULL;
    struct guard guard;

    int r = open_library(p, err);
    if (r < 0)
        return r;
    void *symbol = dlsym(p->library, PARLEY_ENTRY_NAME);
    if (symbol == NULL)
        return broken(err, "entry", PARLEY_E_INVALID,
                      "%s: it is a shared object but exports no function %s; " GUIDE, p->path,
                      PARLEY_ENTRY_NAME);
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast for it */
    guard_enter(&guard, p->path, PARLEY_ENTRY_NAME);
    *ret = entry();
    guard_leave(&guard);
    if (*ret == NULL)
        return broken(err, "entry", PARLEY_E_INVALID,
                      "%s: %s() returned NULL; it returns the address of a constant descriptor",
                      p->path, PARLEY_ENTRY_NAME);
    return PARLEY_OK;
}

int loader_open(const char *path, const struct parley_host *host, struct plugin **ret_plugin,
                struct parley_error *err)
{
    const struct parley_plugin *descriptor = NULL;
    struct plugin *p = plugin_create(path);

    if (p == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
    int r = find_descriptor(p, &descriptor, err);
    if (r < 0) {
        loader_close(p);
        return r;
    }
    return finish(p, descriptor, host, ret_plugin, err);
}

int loader_adopt(const struct parley_plugin *descriptor, const char *path,
                 const struct parley_host *host, struct plugin **ret_plugin,
                 struct parley_error *err)
{
    struct plugin *p = plugin_create(path);

    if (p == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", path);
    return finish(p, descriptor, host, ret_plugin, err);
}

static void unload(struct plugin *p)
{
    struct guard guard;

    guard_enter(&guard, p->path, "unload");
    p->about.unload(p->ctx);
    guard_leave(&guard);
}

static void close_library(struct plugin *p)
{
    struct guard guard;

    guard_enter(&guard, p->path, "its destructors");
    (void)dlclose(p->library);
    guard_leave(&guard);
}

struct plugin *loader_close(struct plugin *p)
{
    if (p == NULL)
        return NULL;
    if (p->is_loaded && p->about.unload != NULL)
        unload(p);
    if (p->library != NULL)
        close_library(p);
    free(p->path);
    free(p);
    return NULL;
}

bool plugin_has_role(const struct plugin *p, enum role role)
{
    return (p->roles & 1u << role) != 0;
}

/* ---- all that is wrong with one ---- */

static void examine_file(struct plugin *p, loader_fault on_fault, void *ctx)
{
    char symbol[128];
    char text[256];

    if (!shared_object_other_export(p->path, symbol, sizeof(symbol)))
        return;
    (void)snprintf(text, sizeof(text),
                   "it exports \"%.100s\" beside " PARLEY_ENTRY_NAME
                   "; build it with -fvisibility=hidden and make functions static",
                   symbol);
    on_fault(ctx, "one-symbol", text);
}

static unsigned examine_rules(struct plugin *p, loader_fault on_fault, void *ctx)
{
    unsigned faults = 0;

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        if (rules[i].keeps(p, &err) < 0) {
            on_fault(ctx, rules[i].rule, err.message);
            faults++;
        }
    }
    return faults;
}

static void examine_load(struct plugin *p, const struct parley_host *host, loader_fault on_fault,
                         void *ctx)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (load(p, host, &err) < 0)
        on_fault(ctx, "load",
                 err.message[0] == '\0' ? "load() refused without a reason" : err.message);
}

void loader_examine(const char *path, const struct parley_host *host, loader_fault on_fault,
                    void *ctx)
{
    const struct parley_plugin *descriptor = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *p = plugin_create(path);

    if (p == NULL) {
        on_fault(ctx, "", "no memory");
        return;
    }
    examine_file(p, on_fault, ctx);
    int r = find_descriptor(p, &descriptor, &err);
    if (r == PARLEY_OK)
        r = read_head(p, descriptor, host, &err);
    if (r < 0)
        on_fault(ctx, err.code, err.message);
    else if (examine_rules(p, on_fault, ctx) == 0)
        examine_load(p, host, on_fault, ctx);
    loader_close(p);
}
