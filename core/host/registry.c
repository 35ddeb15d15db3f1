/* SPDX-License-Identifier: Apache-2.0 */
#include "host/registry.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "conf/nearest.h"
#include "host/probe.h"
#include "host/shared_object.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DIRS      2
#define MAX_DIR_NAMES 4096 /* entries looked at in one folder */

struct registry {
    const struct parley_host *host;
    char *dirs[MAX_DIRS];
    size_t dir_count;
    struct map plugins; /* struct plugin by name */
    bool is_attended;
};

void registry_set_attended(struct registry *r)
{
    r->is_attended = true;
}

bool registry_is_attended(const struct registry *r)
{
    return r->is_attended;
}

/* ---- where to look ---- */

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* "BUILD/core/parleyd" -> "BUILD/plugins"; false when there is no such folder. */
static bool build_tree_dir(char *out, size_t size)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (len <= 0)
        return false;
    program[len] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return (size_t)snprintf(out, size, "%s/plugins", program) < size && is_dir(out);
}

static void forget_dirs(struct registry *r)
{
    for (size_t i = 0; i < r->dir_count; i++)
        free(r->dirs[i]);
    r->dir_count = 0;
}

static bool add_dir(struct registry *r, const char *dir)
{
    r->dirs[r->dir_count] = strdup(dir);
    return r->dirs[r->dir_count] != NULL && ++r->dir_count > 0;
}

bool registry_set_dir(struct registry *r, const char *plugin_dir)
{
    char dir[PATH_MAX];

    forget_dirs(r);
    if (plugin_dir != NULL && plugin_dir[0] != '\0')
        return add_dir(r, plugin_dir);
    if (build_tree_dir(dir, sizeof(dir)) && !add_dir(r, dir))
        return false;
    return add_dir(r, PARLEY_PLUGIN_DIR);
}

void registry_dirs(struct registry *r, struct buf *out)
{
    for (size_t i = 0; i < r->dir_count; i++)
        buf_printf(out, "%s\n", r->dirs[i]);
}

/* The plugin's file in one folder, flat or in a folder of its own. */
static bool file_in_dir(const char *dir, const char *name, char *out, size_t size)
{
    if ((size_t)snprintf(out, size, "%s/%s.so", dir, name) < size && is_file(out))
        return true;
    return (size_t)snprintf(out, size, "%s/%s/%s.so", dir, name, name) < size && is_file(out);
}

static bool find_file(struct registry *r, const char *name, char *out, size_t size)
{
    for (size_t i = 0; i < r->dir_count; i++) {
        if (file_in_dir(r->dirs[i], name, out, size))
            return true;
    }
    return false;
}

/* ---- what is there ---- */

typedef void (*on_name)(void *ctx, const char *name);

static void offer_entry(const char *dir, const char *entry, on_name offer, void *ctx)
{
    char name[NAME_MAX + 1];
    char path[PATH_MAX];
    struct parley_view view = view_of(entry);

    if (entry[0] == '.')
        return;
    if (view_ends_with(view, VIEW(".so")))
        view.len -= 3;
    view_copy(name, sizeof(name), view);
    if (file_in_dir(dir, name, path, sizeof(path)))
        offer(ctx, name);
}

static void each_name(struct registry *r, on_name offer, void *ctx)
{
    for (size_t i = 0; i < r->dir_count; i++) {
        DIR *dir = opendir(r->dirs[i]);
        if (dir == NULL)
            continue;
        int count = 0;
        for (struct dirent *e; (e = readdir(dir)) != NULL && count < MAX_DIR_NAMES; count++)
            offer_entry(r->dirs[i], e->d_name, offer, ctx);
        closedir(dir);
    }
}

struct names {
    char **items;
    size_t count;
    size_t cap;
};

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

static void collect(void *ctx, const char *name)
{
    struct names *names = ctx;

    if (has_name(names, name))
        return;
    if (names->count == names->cap) {
        size_t cap = names->cap == 0 ? 16 : names->cap * 2;
        char **items = realloc(names->items, cap * sizeof(*items));
        if (items == NULL)
            return;
        names->items = items;
        names->cap = cap;
    }
    char *copy = strdup(name);
    if (copy != NULL)
        names->items[names->count++] = copy;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void registry_names(struct registry *r, struct buf *out)
{
    struct names names = {0};

    each_name(r, collect, &names);
    if (names.count > 0)
        qsort(names.items, names.count, sizeof(*names.items), compare_names);
    for (size_t i = 0; i < names.count; i++) {
        buf_printf(out, "%s\n", names.items[i]);
        free(names.items[i]);
    }
    free(names.items);
}

/* ---- getting one ---- */

static int refuse_unknown(struct registry *r, const char *name, struct parley_error *err)
{
    char hint[128];
    struct names names = {0};
    struct nearest nearest = nearest_to(name);
    _cleanup_(buf_done) struct buf dirs = {0};

    each_name(r, collect, &names);
    for (size_t i = 0; i < names.count; i++)
        nearest_offer(&nearest, names.items[i]);
    for (size_t i = 0; i < r->dir_count; i++)
        buf_printf(&dirs, "%s%s", i == 0 ? "" : " and ", r->dirs[i]);
    int status = parley_fail(
        err, PARLEY_E_NOT_FOUND,
        "there is no plugin \"%.80s\" in %s; [server] plugin_dir says where plugins are%s%s", name,
        dirs.data == NULL ? "" : dirs.data,
        view_ends_with(view_of(name), VIEW(".so"))
            ? ", and a file is named by a path such as ./x.so"
            : "",
        nearest_hint(&nearest, hint, sizeof(hint)));
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i]);
    free(names.items);
    return status;
}

static int resolve(struct registry *r, const char *name, const char *dir, char *out, size_t size,
                   struct parley_error *err)
{
    if (strchr(name, '/') == NULL)
        return find_file(r, name, out, size) ? PARLEY_OK : refuse_unknown(r, name, err);
    bool is_as_given = name[0] == '/' || dir == NULL || strcmp(dir, ".") == 0;
    int len =
        is_as_given ? snprintf(out, size, "%s", name) : snprintf(out, size, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= size)
        return parley_fail(err, PARLEY_E_INVALID,
                           "plugin: the path \"%.80s...\" is longer than %zu bytes", name,
                           size - 1);
    if (!is_file(out))
        return parley_fail(err, PARLEY_E_NOT_FOUND, "plugin: there is no file %s", out);
    return PARLEY_OK;
}

/* "some/tools_weather.so" and "tools_weather" are both known as "tools_weather". */
static struct parley_view known_as(const char *name)
{
    const char *slash = strrchr(name, '/');
    struct parley_view v = view_of(slash == NULL ? name : slash + 1);

    if (slash != NULL && view_ends_with(v, VIEW(".so")))
        v.len -= 3;
    return v;
}

int registry_add(struct registry *r, struct plugin *take_plugin, struct parley_error *err)
{
    struct parley_view name = view_of(take_plugin->about.name);
    struct plugin *other = map_get(&r->plugins, name);

    int status = PARLEY_OK;
    if (other != NULL)
        status =
            parley_fail(err, PARLEY_E_CONFLICT,
                        "%s: a plugin of the name %s is loaded already, from %s; remove one of "
                        "the two",
                        take_plugin->path, take_plugin->about.name, other->path);
    else if (!map_set(&r->plugins, name, take_plugin))
        status = parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", take_plugin->path);
    if (status < 0)
        loader_close(take_plugin);
    return status;
}

/* A loaded plugin answers for its name; by another file's path it would be a duplicate. */
static int reuse(const struct plugin *loaded, const char *path, struct parley_error *err)
{
    struct stat a, b;

    if (stat(loaded->path, &a) == 0 && stat(path, &b) == 0 &&
        (a.st_dev != b.st_dev || a.st_ino != b.st_ino) && strcmp(loaded->path, path) != 0)
        return parley_fail(err, PARLEY_E_CONFLICT,
                           "%s: a plugin of the name %s is loaded already, from %s; remove one of "
                           "the two, or restart parleyd to change it",
                           path, loaded->about.name, loaded->path);
    return PARLEY_OK;
}

/* No reason to do without it: what it exports is seen by nobody. But by other loaders it might be.
 */
static void warn_of_exports(const struct plugin *p)
{
    char symbol[128];

    if (shared_object_other_export(p->path, symbol, sizeof(symbol)))
        log_warn("a plugin exports more than " PARLEY_ENTRY_NAME
                 " file=\"%s\" symbol=\"%s\" fix=\"build it with -fvisibility=hidden\"",
                 p->path, symbol);
}

/* Tried in a child, loaded, and known from now on. */
static int load_file(struct registry *r, const char *path, struct plugin **ret_plugin,
                     struct parley_error *err)
{
    struct plugin *p = NULL;

    int status = probe_load(path, r->host, err);
    if (status == PARLEY_OK)
        status = loader_open(path, r->host, &p, err);
    if (status == PARLEY_OK)
        status = registry_add(r, p, err);
    if (status < 0)
        return status;
    warn_of_exports(p);
    *ret_plugin = p;
    return PARLEY_OK;
}

int registry_file(struct registry *r, const char *name, const char *dir, char *ret_path,
                  size_t size, struct parley_error *err)
{
    return resolve(r, name, dir, ret_path, size, err);
}

int registry_get(struct registry *r, const char *name, const char *dir, struct plugin **ret_plugin,
                 struct parley_error *err)
{
    char path[PATH_MAX];
    struct plugin *p = map_get(&r->plugins, known_as(name));

    if (p != NULL && (strchr(name, '/') == NULL || p->library == NULL)) {
        *ret_plugin = p;
        return PARLEY_OK;
    }
    int status = resolve(r, name, dir, path, sizeof(path), err);
    if (status == PARLEY_OK && p != NULL)
        status = reuse(p, path, err);
    else if (status == PARLEY_OK)
        status = load_file(r, path, &p, err);
    if (status == PARLEY_OK)
        *ret_plugin = p;
    return status;
}

/* ---- life ---- */

struct registry *registry_create(const struct parley_host *host, const char *plugin_dir)
{
    struct registry *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->host = host;
    return registry_set_dir(r, plugin_dir) ? r : registry_destroy(r);
}

struct registry *registry_destroy(struct registry *r)
{
    struct parley_view name;
    void *value;
    size_t at = 0;

    if (r == NULL)
        return NULL;
    while (map_next(&r->plugins, &at, &name, &value))
        loader_close(value);
    map_done(&r->plugins);
    forget_dirs(r);
    free(r);
    return NULL;
}
