/* SPDX-License-Identifier: Apache-2.0 */
/* From one INI section, by an option table (<parley/options.h>), to a filled and checked structure.
 */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "conf/conf.h"

#include <parley/options.h>

/* A table as the core or a plugin declares it. */
struct options_table {
    const struct parley_option *items;
    uint32_t count;
    uint32_t item_size;   /* sizeof(struct parley_option) of who built it */
    uint32_t config_size; /* of the structure that is filled */
    /* Keys of the same section that another table reads: known here, not filled. May be NULL. */
    const struct options_table *also;
    /* "delete_file": the keys are written "delete_file.KEY", and only those are looked at. NULL or
     * "": as they are. */
    const char *prefix;
    bool leaves_dotted; /* keys with a dot are another's to check */
};

/* A table of the core, from an array: OPTIONS_TABLE(server_options, struct server_config). */
#define OPTIONS_TABLE(array, config)                                                               \
    {                                                                                              \
        .items = (array), .count = sizeof(array) / sizeof((array)[0]),                             \
        .item_size = sizeof(struct parley_option), .config_size = sizeof(config)                   \
    }

/* Option i, with zeroes where an older builder knew no field. */
struct parley_option options_at(const struct options_table *table, uint32_t i);

/* Where a value came from. */
enum options_origin {
    OPTIONS_FROM_NOTHING, /* zero or empty: neither set nor a default */
    OPTIONS_FROM_DEFAULT,
    OPTIONS_FROM_FILE,
    OPTIONS_FROM_VARIABLE, /* the option's own; `environment` names it */
};

/* Does the table, or one behind it, have an option of that name? */
bool options_table_has(const struct options_table *table, const char *name);

/* One option's effective value, to be shown. */
struct options_setting {
    const char *name; /* as the key is written, with the table's prefix */
    const char *text; /* as it would be written in the INI; secrets as SECRET_HIDDEN */
    enum options_origin origin;
    const char *file; /* FROM_FILE */
    int line;
    const char *environment; /* the ${NAME}s that took part, "A, B"; "" for none */
    bool is_secret;
};

struct options_values; /* owns the structure and everything it points to */

/*
 * Fill a structure from the section (NULL: variables and defaults only). Every mistake goes to the
 * report: an unknown key with the nearest known one, a value of the wrong type or out of bounds, a
 * missing required key, a variable or file that is not there. Relative paths start at conf's
 * folder. PARLEY_OK and *ret_values; PARLEY_E_INVALID after mistakes; PARLEY_E_NO_MEMORY.
 */
int options_fill(const struct options_table *table, const struct conf *conf,
                 const struct conf_section *section, struct options_values **ret_values,
                 struct conf_report *report);

/* The filled structure; lives as long as the values. */
const void *options_config(const struct options_values *values);

/* The settings in the table's order. */
size_t options_count(const struct options_values *values);
struct options_setting options_setting(const struct options_values *values, size_t i);

/* Wipe and free; NULL is fine. Returns NULL. */
struct options_values *options_destroy(struct options_values *values);

/* --- The keys that every section of a plugin's instance has, beside the plugin's own. ----------
 */

struct options_instance {
    const char *plugin;
    int32_t enabled;
};

/* The table of the above, to be named as `also` in the plugin's own. */
extern const struct options_table options_instance_table;

/*
 * Read the two keys alone: the rest of a section that is not enabled is not looked at. As
 * options_fill(); the structure is a struct options_instance.
 */
int options_fill_instance(const struct conf *conf, const struct conf_section *section,
                          struct options_values **ret_values, struct conf_report *report);

#endif
