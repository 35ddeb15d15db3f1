/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_net_private.h"
#include "kit.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_OPTIONS     64
#define MAX_LIST_ITEMS  64
#define MAX_ALLOCATIONS 512

/* The shared object, and what all of its instances hang from. */
struct library {
    unsigned users;
    void *handle;
    void *plugin; /* of load() */
    bool is_loaded;
};

struct fake_plugin {
    struct library *library;
    const struct parley_plugin *descriptor;
    void *instance;
    bool is_created;
    struct parley_worker *worker;
    void *worker_instance;
    bool is_started;
    struct parley_instance_info info;
    char *name;
    unsigned char *config;
    void *owned[MAX_ALLOCATIONS]; /* what the config structure points to */
    size_t owned_count;
};

/* --- Options ------------------------------------------------------------------------------------
 */

static void *keep(struct fake_plugin *plugin, void *memory)
{
    if (memory == NULL || plugin->owned_count == MAX_ALLOCATIONS)
        abort(); /* a test's own mistake */
    plugin->owned[plugin->owned_count++] = memory;
    return memory;
}

static const char *keep_text(struct fake_plugin *plugin, const char *text, size_t len)
{
    return keep(plugin, strndup(text, len));
}

static const struct parley_option *option_at(const struct parley_plugin *descriptor, uint32_t i)
{
    return (const void *)((const char *)descriptor->options + (size_t)i * descriptor->option_size);
}

static int parse_bool(const char *value, int32_t *ret)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};

    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
            *ret = strcasecmp(value, yes[i]) == 0;
            return PARLEY_OK;
        }
    }
    return PARLEY_E_INVALID;
}

static int parse_enum(const char *values, const char *value, int32_t *ret)
{
    size_t len = strlen(value);
    int32_t index = 0;

    for (const char *at = values;; at++, index++) {
        size_t span = strcspn(at, "|");
        if (span == len && strncmp(at, value, len) == 0) {
            *ret = index;
            return PARLEY_OK;
        }
        at += span;
        if (*at == '\0')
            return PARLEY_E_INVALID;
    }
}

static int64_t unit_factor(uint32_t type, const char *unit)
{
    static const struct {
        uint32_t type;
        const char *unit;
        int64_t factor;
    } units[] = {
        {PARLEY_TYPE_DURATION, "ms", 1},     {PARLEY_TYPE_DURATION, "s", 1000},
        {PARLEY_TYPE_DURATION, "m", 60000},  {PARLEY_TYPE_DURATION, "h", 3600000},
        {PARLEY_TYPE_SIZE, "k", 1024},       {PARLEY_TYPE_SIZE, "m", 1024 * 1024},
        {PARLEY_TYPE_SIZE, "g", 1073741824},
    };

    if (*unit == '\0')
        return 1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].type == type && strcmp(units[i].unit, unit) == 0)
            return units[i].factor;
    }
    return 0;
}

static int parse_integer(const struct parley_option *option, const char *value, int64_t *ret)
{
    char *end = NULL;

    errno = 0;
    long long number = strtoll(value, &end, 10);
    int64_t factor = unit_factor(option->type, end);
    if (errno != 0 || end == value || factor == 0)
        return PARLEY_E_INVALID;
    if (option->min < option->max &&
        (number * factor < option->min || number * factor > option->max))
        return PARLEY_E_INVALID;
    *ret = number * factor;
    return PARLEY_OK;
}

static int parse_number(const char *value, double *ret)
{
    char *end = NULL;
    double number = strtod(value, &end);

    if (end == value || *end != '\0')
        return PARLEY_E_INVALID;
    *ret = number;
    return PARLEY_OK;
}

static void add_item(struct fake_plugin *plugin, struct parley_list *list, const char *text,
                     size_t len)
{
    if (list->items == NULL)
        list->items = keep(plugin, calloc(MAX_LIST_ITEMS, sizeof(char *)));
    if (list->count == MAX_LIST_ITEMS)
        abort();
    ((const char **)list->items)[list->count++] = keep_text(plugin, text, len);
}

static void add_words(struct fake_plugin *plugin, struct parley_list *list, const char *value)
{
    for (const char *at = value; *at != '\0';) {
        size_t span = strcspn(at, ",");
        size_t len = span;
        const char *start = at;
        for (; len > 0 && isspace((unsigned char)*start); len--)
            start++;
        while (len > 0 && isspace((unsigned char)start[len - 1]))
            len--;
        if (len > 0)
            add_item(plugin, list, start, len);
        at += span + (at[span] == ',');
    }
}

static int set_option(struct fake_plugin *plugin, const struct parley_option *option,
                      const char *value)
{
    void *field = plugin->config + option->offset;

    switch (option->type) {
    case PARLEY_TYPE_STRING:
    case PARLEY_TYPE_SECRET:
    case PARLEY_TYPE_TEXT:
    case PARLEY_TYPE_PATH:
        *(const char **)field = keep_text(plugin, value, strlen(value));
        return PARLEY_OK;
    case PARLEY_TYPE_INT:
    case PARLEY_TYPE_DURATION:
    case PARLEY_TYPE_SIZE:
        return parse_integer(option, value, field);
    case PARLEY_TYPE_NUMBER:
        return parse_number(value, field);
    case PARLEY_TYPE_BOOL:
        return parse_bool(value, field);
    case PARLEY_TYPE_ENUM:
        return parse_enum(option->values, value, field);
    case PARLEY_TYPE_LIST:
        add_words(plugin, field, value);
        return PARLEY_OK;
    case PARLEY_TYPE_LINES:
        add_item(plugin, field, value, strlen(value));
        return PARLEY_OK;
    default:
        return PARLEY_E_UNSUPPORTED;
    }
}

/* Lists start empty, so that the first value given replaces the default. */
static int set_default(struct fake_plugin *plugin, const struct parley_option *option,
                       struct parley_error *err)
{
    const char *value = option->default_value;

    if (value == NULL && option->type > PARLEY_TYPE_PATH)
        return PARLEY_OK;
    if (set_option(plugin, option, value != NULL ? value : "") < 0)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: its own default '%s' is not valid",
                           option->name, value);
    return PARLEY_OK;
}

/* Give the option every value it has in `options`; *ret_given tells whether there was one. */
static int set_given(struct fake_plugin *plugin, const struct parley_option *option,
                     const char *const *options, bool *ret_given, struct parley_error *err)
{
    size_t len = strlen(option->name);

    *ret_given = false;
    for (; options != NULL && *options != NULL; options++) {
        if (strncmp(*options, option->name, len) != 0 || (*options)[len] != '=')
            continue;
        if (set_option(plugin, option, *options + len + 1) < 0)
            return parley_fail(err, PARLEY_E_INVALID, "%s: '%s' is not a valid value", option->name,
                               *options + len + 1);
        *ret_given = true;
    }
    return PARLEY_OK;
}

static int fill_option(struct fake_plugin *plugin, const struct parley_option *option,
                       const char *const *options, struct parley_error *err)
{
    bool is_given = false;

    int r = set_given(plugin, option, options, &is_given, err);
    if (r < 0 || is_given)
        return r;
    if ((option->flags & PARLEY_OPTION_REQUIRED) != 0)
        return parley_fail(err, PARLEY_E_INVALID, "%s: is required", option->name);
    return set_default(plugin, option, err);
}

static int check_known(const struct parley_plugin *descriptor, const char *given,
                       struct parley_error *err)
{
    size_t len = strcspn(given, "=");

    for (uint32_t i = 0; i < descriptor->option_count; i++) {
        const char *name = option_at(descriptor, i)->name;
        if (strlen(name) == len && strncmp(name, given, len) == 0 && given[len] == '=')
            return PARLEY_OK;
    }
    return parley_fail(err, PARLEY_E_INVALID, "%s: the plugin %s has no such option", given,
                       descriptor->name);
}

static int fill_config(struct fake_plugin *plugin, const char *const *options,
                       struct parley_error *err)
{
    const struct parley_plugin *descriptor = plugin->descriptor;

    plugin->config = calloc(1, descriptor->config_size + 1);
    if (plugin->config == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for the options");
    for (size_t i = 0; options != NULL && options[i] != NULL; i++) {
        int r = check_known(descriptor, options[i], err);
        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < descriptor->option_count; i++) {
        int r = fill_option(plugin, option_at(descriptor, i), options, err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int find_descriptor(const struct library *library, const char *path,
                           const struct parley_plugin **ret, struct parley_error *err)
{
    parley_plugin_entry entry = NULL;
    void *symbol = dlsym(library->handle, PARLEY_ENTRY_NAME);

    if (symbol == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "%s: does not export %s", path,
                           PARLEY_ENTRY_NAME);
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast for it */
    const struct parley_plugin *descriptor = KIT_CALL(PARLEY_ENTRY_NAME, KIT_MAIN, entry());
    if (descriptor == NULL || descriptor->abi_major != PARLEY_ABI_MAJOR)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "%s: not a plugin for interface %u", path,
                           PARLEY_ABI_MAJOR);
    *ret = descriptor;
    return PARLEY_OK;
}

static int open_library(struct fake_plugin *plugin, const char *path, struct parley_error *err)
{
    struct library *library = calloc(1, sizeof(*library));

    if (library == NULL)
        abort();
    plugin->library = library;
    library->users = 1;
    /* NODELETE: a leak reported at exit still has its function names. */
    library->handle =
        KIT_CALL("its constructors", KIT_MAIN, dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
    if (library->handle == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, dlerror());
    return find_descriptor(library, path, &plugin->descriptor, err);
}

static int load(struct fake_plugin *plugin, struct parley_error *err)
{
    struct library *library = plugin->library;

    if (plugin->descriptor->load != NULL) {
        int r = KIT_CALL("load", KIT_MAIN,
                         plugin->descriptor->load(fake_host_table(), &library->plugin, err));
        if (r < 0)
            return r;
    }
    library->is_loaded = true;
    return PARLEY_OK;
}

static void close_library(struct fake_plugin *plugin)
{
    struct library *library = plugin->library;

    if (library == NULL || --library->users > 0)
        return;
    if (library->is_loaded && plugin->descriptor->unload != NULL)
        KIT_DO("unload", KIT_MAIN, plugin->descriptor->unload(library->plugin));
    if (library->handle != NULL)
        dlclose(library->handle);
    free(library);
}

static int create_instance(struct fake_plugin *plugin, const char *name, struct parley_error *err)
{
    const struct parley_plugin *descriptor = plugin->descriptor;

    plugin->name = strdup(name);
    plugin->info = (struct parley_instance_info){
        .size = sizeof(plugin->info),
        .handle = plugin,
        .name = plugin->name,
        .config_dir = ".",
        .config = plugin->config,
    };
    int r = KIT_CALL("instance_create", KIT_MAIN,
                     descriptor->instance_create(plugin->library->plugin, &plugin->info,
                                                 &plugin->instance, err));
    if (r < 0)
        return r;
    plugin->is_created = true;
    return PARLEY_OK;
}

int fake_plugin_start_worker(struct fake_plugin *plugin, struct parley_worker *worker,
                             void **ret_worker_instance, struct parley_error *err)
{
    const struct parley_plugin *descriptor = plugin->descriptor;

    if (descriptor->worker_start == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "it has no worker instances");
    return KIT_CALL("worker_start", KIT_WORKER,
                    descriptor->worker_start(plugin->instance, worker, ret_worker_instance, err));
}

void fake_plugin_stop_worker(struct fake_plugin *plugin, struct parley_worker *worker,
                             void *worker_instance)
{
    fake_host_run(); /* offloaded jobs are over before a worker stops */
    if (plugin->descriptor->worker_stop != NULL)
        KIT_DO("worker_stop", KIT_WORKER, plugin->descriptor->worker_stop(worker_instance));
    fake_net_forget(worker);
}

static int start_worker(struct fake_plugin *plugin, struct parley_error *err)
{
    plugin->worker_instance = plugin->instance;
    if (plugin->descriptor->worker_start == NULL)
        return PARLEY_OK;
    int r = fake_plugin_start_worker(plugin, plugin->worker, &plugin->worker_instance, err);
    plugin->is_started = r >= 0;
    return r;
}

static struct fake_plugin *plugin_create(void)
{
    struct fake_plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        abort();
    return plugin;
}

struct fake_plugin *fake_plugin_open(const char *path, const char *name, const char *const *options,
                                     struct parley_error *err)
{
    struct fake_plugin *plugin = plugin_create();

    plugin->worker = fake_host_worker();
    if (open_library(plugin, path, err) < 0 || fill_config(plugin, options, err) < 0 ||
        load(plugin, err) < 0 || create_instance(plugin, name, err) < 0 ||
        start_worker(plugin, err) < 0) {
        fake_plugin_close(plugin);
        return NULL;
    }
    return plugin;
}

struct fake_plugin *fake_plugin_open_beside(struct fake_plugin *first, const char *name,
                                            const char *const *options, struct parley_error *err)
{
    struct fake_plugin *plugin = plugin_create();

    plugin->library = first->library;
    plugin->worker = fake_host_worker_at(plugin->library->users++);
    plugin->descriptor = first->descriptor;
    if (fill_config(plugin, options, err) < 0 || create_instance(plugin, name, err) < 0 ||
        start_worker(plugin, err) < 0) {
        fake_plugin_close(plugin);
        return NULL;
    }
    return plugin;
}

static void free_memory(struct fake_plugin *plugin)
{
    for (size_t i = 0; i < plugin->owned_count; i++)
        free(plugin->owned[i]);
    free(plugin->config);
    free(plugin->name);
    free(plugin);
}

void fake_plugin_close(struct fake_plugin *plugin)
{
    if (plugin == NULL)
        return;
    if (plugin->is_started)
        fake_plugin_stop_worker(plugin, plugin->worker, plugin->worker_instance);
    else
        fake_host_run();
    if (plugin->library != NULL && plugin->library->users == 1)
        kit_ops_over();
    if (plugin->is_created)
        KIT_DO("instance_destroy", KIT_MAIN,
               plugin->descriptor->instance_destroy(plugin->instance));
    close_library(plugin);
    free_memory(plugin);
}

const void *fake_plugin_role(const struct fake_plugin *plugin, const char *role_id)
{
    const struct parley_plugin *descriptor = plugin->descriptor;

    for (uint32_t i = 0; i < descriptor->role_count; i++) {
        const struct parley_role *role =
            (const void *)((const char *)descriptor->roles + (size_t)i * descriptor->role_size);
        if (strcmp(role->id, role_id) == 0)
            return role->vtable;
    }
    return NULL;
}

void *fake_plugin_worker(const struct fake_plugin *plugin)
{
    return plugin->worker_instance;
}

const struct parley_plugin *fake_plugin_descriptor(const struct fake_plugin *plugin)
{
    return plugin->descriptor;
}

void *fake_plugin_instance(const struct fake_plugin *plugin)
{
    return plugin->instance;
}

struct parley_worker *fake_plugin_on(const struct fake_plugin *plugin)
{
    return plugin->worker;
}
