/* SPDX-License-Identifier: Apache-2.0 */
#include "host/option_check.h"

#include "base/cleanup.h"

#include <string.h>

static const struct {
    size_t size;
    size_t align;
} fields[] = {
    [PARLEY_TYPE_STRING] = {sizeof(char *), _Alignof(char *)},
    [PARLEY_TYPE_SECRET] = {sizeof(char *), _Alignof(char *)},
    [PARLEY_TYPE_TEXT] = {sizeof(char *), _Alignof(char *)},
    [PARLEY_TYPE_PATH] = {sizeof(char *), _Alignof(char *)},
    [PARLEY_TYPE_INT] = {sizeof(int64_t), _Alignof(int64_t)},
    [PARLEY_TYPE_NUMBER] = {sizeof(double), _Alignof(double)},
    [PARLEY_TYPE_BOOL] = {sizeof(int32_t), _Alignof(int32_t)},
    [PARLEY_TYPE_ENUM] = {sizeof(int32_t), _Alignof(int32_t)},
    [PARLEY_TYPE_DURATION] = {sizeof(int64_t), _Alignof(int64_t)},
    [PARLEY_TYPE_SIZE] = {sizeof(int64_t), _Alignof(int64_t)},
    [PARLEY_TYPE_LIST] = {sizeof(struct parley_list), _Alignof(struct parley_list)},
    [PARLEY_TYPE_LINES] = {sizeof(struct parley_list), _Alignof(struct parley_list)},
};

static bool is_key(const char *name)
{
    return name[0] != '\0' && strlen(name) <= CONF_MAX_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static int check_words(const struct parley_option *o, uint32_t place, struct parley_error *err)
{
    if (o->name == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "option %u of its table has no name", place + 1);
    if (!is_key(o->name))
        return parley_fail(err, PARLEY_E_INVALID,
                           "option %u is called \"%.60s\"; a name has 1 to %d lower-case letters, "
                           "digits and _",
                           place + 1, o->name, CONF_MAX_NAME);
    if (strcmp(o->name, "plugin") == 0 || strcmp(o->name, "enabled") == 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "option %s: this key belongs to parley; choose another name", o->name);
    if (o->help == NULL || o->help[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID, "option %s: help is missing; give one sentence",
                           o->name);
    return PARLEY_OK;
}

static int check_place(const struct options_table *table, const struct parley_option *o,
                       struct parley_error *err)
{
    if (o->type < PARLEY_TYPE_STRING || o->type >= ARRAY_LEN(fields))
        return parley_fail(err, PARLEY_E_INVALID,
                           "option %s: type %u is unknown to this host; it knows 1 to %zu", o->name,
                           o->type, ARRAY_LEN(fields) - 1);
    if (o->offset > table->config_size || table->config_size - o->offset < fields[o->type].size)
        return parley_fail(err, PARLEY_E_INVALID,
                           "option %s: its field of %zu bytes at offset %u does not lie within "
                           "config_size %u; build the table with the PARLEY_... macros",
                           o->name, fields[o->type].size, o->offset, table->config_size);
    if (o->offset % fields[o->type].align != 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "option %s: offset %u is not aligned for its type", o->name, o->offset);
    return PARLEY_OK;
}

static int check_values(const struct parley_option *o, struct parley_error *err)
{
    if (o->type == PARLEY_TYPE_ENUM && (o->values == NULL || o->values[0] == '\0'))
        return parley_fail(err, PARLEY_E_INVALID,
                           "option %s: an ENUM needs values, such as \"auto|yes|no\"", o->name);
    if (o->min > o->max)
        return parley_fail(err, PARLEY_E_INVALID, "option %s: min %lld is above max %lld", o->name,
                           (long long)o->min, (long long)o->max);
    return PARLEY_OK;
}

static int check_pair(const struct parley_option *a, const struct parley_option *b,
                      struct parley_error *err)
{
    if (strcmp(a->name, b->name) == 0)
        return parley_fail(err, PARLEY_E_INVALID, "option %s is in the table twice", a->name);
    if (a->offset < b->offset + fields[b->type].size &&
        b->offset < a->offset + fields[a->type].size)
        return parley_fail(err, PARLEY_E_INVALID, "options %s and %s fill the same field", b->name,
                           a->name);
    return PARLEY_OK;
}

/* Types whose default the reader can judge without opening a file. */
static bool has_plain_default(const struct parley_option *o)
{
    return o->default_value != NULL && o->type >= PARLEY_TYPE_INT;
}

/* The default is read exactly as the configuration would: alone, into a structure of its own. */
static int check_default(const struct parley_option *o, const struct conf *empty,
                         struct parley_error *err)
{
    struct parley_option alone = *o;
    struct options_values *values = NULL;
    struct conf_report report = {0};

    if (!has_plain_default(o))
        return PARLEY_OK;
    alone.offset = 0;
    alone.flags &= ~PARLEY_OPTION_REQUIRED;
    const struct options_table table = {.items = &alone,
                                        .count = 1,
                                        .item_size = sizeof(alone),
                                        .config_size = (uint32_t)fields[o->type].size};
    int r = options_fill(&table, empty, NULL, &values, &report);
    if (r < 0)
        r = parley_fail(err, PARLEY_E_INVALID, "option %s: its own default \"%.60s\" is wrong: %s",
                        o->name, o->default_value,
                        report.count > 0 ? report.items[0].text : "it cannot be read");
    conf_report_done(&report);
    options_destroy(values);
    return r;
}

static const char *no_variables(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static int check_defaults(const struct options_table *table, struct parley_error *err)
{
    const struct conf_env env = {.get = no_variables};
    struct conf *empty = conf_create("/", &env);
    int r = empty == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory") : PARLEY_OK;

    for (uint32_t i = 0; r == PARLEY_OK && i < table->count; i++) {
        const struct parley_option o = options_at(table, i);
        r = check_default(&o, empty, err);
    }
    conf_destroy(empty);
    return r;
}

static int check_option(const struct options_table *table, uint32_t i, struct parley_error *err)
{
    const struct parley_option o = options_at(table, i);
    int r = check_words(&o, i, err);

    if (r == PARLEY_OK)
        r = check_place(table, &o, err);
    if (r == PARLEY_OK)
        r = check_values(&o, err);
    for (uint32_t j = 0; r == PARLEY_OK && j < i; j++) {
        const struct parley_option other = options_at(table, j);
        r = check_pair(&o, &other, err);
    }
    return r;
}

static int check_table(const struct options_table *table, struct parley_error *err)
{
    const size_t least = SIZE_THROUGH(struct parley_option, reserved);

    if (table->items == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "option_count is %u but options is NULL",
                           table->count);
    if (table->count > CONF_MAX_KEYS)
        return parley_fail(err, PARLEY_E_INVALID, "option_count %u is above %d", table->count,
                           CONF_MAX_KEYS);
    if (table->item_size < least || table->item_size % _Alignof(struct parley_option) != 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "option_size %u is not sizeof(struct parley_option) of any interface "
                           "version; the first has %zu",
                           table->item_size, least);
    return PARLEY_OK;
}

int option_check(const struct options_table *table, struct parley_error *err)
{
    if (table->config_size > OPTION_CHECK_MAX_CONFIG)
        return parley_fail(err, PARLEY_E_INVALID, "config_size %u is above %d", table->config_size,
                           OPTION_CHECK_MAX_CONFIG);
    if (table->count == 0)
        return PARLEY_OK;
    int r = check_table(table, err);
    for (uint32_t i = 0; r == PARLEY_OK && i < table->count; i++)
        r = check_option(table, i, err);
    return r == PARLEY_OK ? check_defaults(table, err) : r;
}
