/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/options.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "conf/expand.h"
#include "conf/nearest.h"
#include "conf/parse.h"
#include "conf/secret.h"
#include "conf/variable.h"

/* Memory of the values; wiped when freed, whatever it holds. */
struct block {
    struct block *next;
    size_t len;
    max_align_t bytes[];
};

struct options_values {
    void *config;
    struct block *blocks;
    struct options_setting *settings;
    size_t count;
};

/* One option on its way from the section to the structure. */
struct filling {
    const struct options_table *table;
    const struct conf *conf;
    const struct conf_section *section;
    struct options_values *values;
    struct conf_report *report;
    struct parley_option option;
    const char *written;            /* its key, with the table's prefix */
    const struct conf_key *key;     /* NULL: its default */
    const struct conf_value *value; /* the occurrence at hand, for messages */
    struct options_setting *setting;
    struct buf names; /* of the variables that took part */
    /* While the option's own variable is tried: its text is taken as it is, and a mistake is no
     * error. */
    bool is_trial;
    char fault[256];
};

struct parley_option options_at(const struct options_table *table, uint32_t i)
{
    struct parley_option option = {0};
    size_t len = table->item_size < sizeof(option) ? table->item_size : sizeof(option);

    memcpy(&option, (const char *)table->items + (size_t)i * table->item_size, len);
    return option;
}

static void *block_alloc(struct options_values *values, size_t len)
{
    struct block *b = calloc(1, sizeof(*b) + len);

    if (b == NULL)
        return NULL;
    b->len = len;
    b->next = values->blocks;
    values->blocks = b;
    return b->bytes;
}

static char *block_dup(struct options_values *values, struct parley_view text)
{
    char *copy = block_alloc(values, text.len + 1);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

struct options_values *options_destroy(struct options_values *values)
{
    if (values == NULL)
        return NULL;
    while (values->blocks != NULL) {
        struct block *b = values->blocks;
        values->blocks = b->next;
        secret_wipe(b->bytes, b->len);
        free(b);
    }
    free(values->settings);
    free(values);
    return NULL;
}

const void *options_config(const struct options_values *values)
{
    return values->config;
}

size_t options_count(const struct options_values *values)
{
    return values->count;
}

struct options_setting options_setting(const struct options_values *values, size_t i)
{
    return values->settings[i];
}

static struct conf_place place(const struct filling *f)
{
    struct conf_place at = {.section = f->section, .key = f->written};

    if (f->value != NULL) {
        at.file = f->value->file;
        at.line = f->value->line;
    } else if (f->section != NULL) {
        at.file = f->section->file;
        at.line = f->section->line;
    }
    return at;
}

static int fail_option(struct filling *f, const char *message)
{
    if (f->is_trial) {
        (void)snprintf(f->fault, sizeof(f->fault), "%s", message);
        return PARLEY_E_INVALID;
    }
    conf_report_error(f->report, place(f), "%s", message);
    return PARLEY_E_INVALID;
}

static size_t field_size(uint32_t type)
{
    switch (type) {
    case PARLEY_TYPE_STRING:
    case PARLEY_TYPE_SECRET:
    case PARLEY_TYPE_TEXT:
    case PARLEY_TYPE_PATH:
        return sizeof(const char *);
    case PARLEY_TYPE_INT:
    case PARLEY_TYPE_DURATION:
    case PARLEY_TYPE_SIZE:
        return sizeof(int64_t);
    case PARLEY_TYPE_NUMBER:
        return sizeof(double);
    case PARLEY_TYPE_BOOL:
    case PARLEY_TYPE_ENUM:
        return sizeof(int32_t);
    case PARLEY_TYPE_LIST:
    case PARLEY_TYPE_LINES:
        return sizeof(struct parley_list);
    default:
        return 0;
    }
}

static bool is_string(uint32_t type)
{
    return field_size(type) == sizeof(const char *) && type <= PARLEY_TYPE_PATH;
}

static bool is_list(uint32_t type)
{
    return type == PARLEY_TYPE_LIST || type == PARLEY_TYPE_LINES;
}

static void set_field(struct filling *f, const void *value)
{
    memcpy((char *)f->values->config + f->option.offset, value, field_size(f->option.type));
}

static int expand(struct filling *f, const char *text, struct buf *out)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (f->is_trial)
        buf_append_str(out, text);
    else if (expand_variables(&f->conf->env, text, out, &f->names, &err) < 0)
        return fail_option(f, err.message);
    return PARLEY_OK;
}

static void cut_line_end(struct buf *text)
{
    while (text->len > 0 &&
           (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == '\r'))
        text->data[--text->len] = '\0';
}

/* The content of the file that `text` (after its prefix) names. */
static int from_file(struct filling *f, const char *text, size_t limit, struct buf *out)
{
    _cleanup_(buf_done) struct buf name = {0};
    _cleanup_(buf_done) struct buf path = {0};
    struct parley_error err = PARLEY_ERROR_INIT;
    bool world_readable = false;

    if (expand(f, text, &name) < 0)
        return PARLEY_E_INVALID;
    if (name.len == 0)
        return fail_option(f, "names no file; write its path behind the prefix");
    expand_path(f->conf->dir, name.data, &path);
    if (path.failed)
        return fail_option(f, "no memory");
    if (expand_file(path.data, limit, out, &world_readable, &err) < 0)
        return fail_option(f, err.message);
    cut_line_end(out);
    if (out->len > 0 && (!utf8_valid(out->data, out->len) || strlen(out->data) != out->len)) {
        conf_report_error(f->report, place(f), "%s: not UTF-8 text", path.data);
        return PARLEY_E_INVALID;
    }
    if (world_readable && f->option.type == PARLEY_TYPE_SECRET)
        conf_report_warning(f->report, place(f), "%s: everyone may read this secret; use chmod o-r",
                            path.data);
    return PARLEY_OK;
}

/* The text of one occurrence, with everything that stands behind it. */
static int resolve(struct filling *f, const char *text, struct buf *out)
{
    _cleanup_(buf_done) struct buf path = {0};

    if (f->is_trial)
        return expand(f, text, out);
    switch (f->option.type) {
    case PARLEY_TYPE_SECRET:
        if (strncmp(text, "file:", 5) == 0)
            return from_file(f, text + 5, EXPAND_MAX_SECRET_BYTES, out);
        return expand(f, text, out);
    case PARLEY_TYPE_TEXT:
        if (text[0] == '@' && text[1] != '@')
            return from_file(f, text + 1, EXPAND_MAX_TEXT_BYTES, out);
        return expand(f, text[0] == '@' ? text + 1 : text, out); /* @@ is a written @ */
    case PARLEY_TYPE_PATH:
        if (expand(f, text, &path) < 0)
            return PARLEY_E_INVALID;
        expand_path(f->conf->dir, buf_view(&path).data, out);
        return out->failed ? fail_option(f, "no memory") : PARLEY_OK;
    default:
        return expand(f, text, out);
    }
}

static int set_string(struct filling *f, struct parley_view text)
{
    const char *copy = block_dup(f->values, text);

    if (copy == NULL)
        return fail_option(f, "no memory");
    if (text.len == 0 && (f->option.flags & PARLEY_OPTION_REQUIRED) != 0)
        return fail_option(f, "is required, and empty here");
    set_field(f, &copy);
    return PARLEY_OK;
}

static int set_scalar(struct filling *f, const char *text)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    int64_t whole = 0;
    int32_t word = 0;
    double number = 0;
    const void *value = &whole;
    int r;

    switch (f->option.type) {
    case PARLEY_TYPE_NUMBER:
        r = parse_number(&f->option, text, &number, &err);
        value = &number;
        break;
    case PARLEY_TYPE_BOOL:
        r = parse_bool(text, &word, &err);
        value = &word;
        break;
    case PARLEY_TYPE_ENUM:
        r = parse_enum(&f->option, text, &word, &err);
        value = &word;
        break;
    default:
        r = parse_whole(&f->option, text, &whole, &err);
        break;
    }
    if (r < 0)
        return fail_option(f, err.message);
    set_field(f, value);
    return PARLEY_OK;
}

/* What `config show` says. Long texts are shown as they are written, secrets not at all. */
static int keep_text(struct filling *f, const char *written, struct parley_view effective)
{
    bool is_file = f->option.type == PARLEY_TYPE_TEXT && written[0] == '@';

    if (f->option.type == PARLEY_TYPE_SECRET)
        effective = view_of(effective.len == 0 ? "" : SECRET_HIDDEN);
    else if (is_file)
        effective = view_of(written);
    f->setting->text = block_dup(f->values, effective);
    f->setting->environment = block_dup(f->values, buf_view(&f->names));
    return f->setting->text == NULL || f->setting->environment == NULL ? fail_option(f, "no memory")
                                                                       : PARLEY_OK;
}

static int fill_one(struct filling *f, const char *written)
{
    _cleanup_(secret_buf_done) struct buf text = {0};

    if (resolve(f, written, &text) < 0)
        return PARLEY_E_INVALID;
    int r = is_string(f->option.type) ? set_string(f, buf_view(&text))
                                      : set_scalar(f, buf_view(&text).data);
    return r < 0 ? r : keep_text(f, written, buf_view(&text));
}

/* Items of one occurrence, each followed by a NUL. */
static int split_items(struct filling *f, const char *written, struct buf *items, size_t *count)
{
    _cleanup_(buf_done) struct buf text = {0};

    if (expand(f, written, &text) < 0)
        return PARLEY_E_INVALID;
    struct parley_view rest = buf_view(&text);
    while (rest.len > 0) {
        struct parley_view item = rest;
        if (f->option.type == PARLEY_TYPE_LIST)
            view_split(&rest, ',', &item);
        else
            rest.len = 0;
        item = view_trim(item);
        if (item.len == 0)
            continue;
        buf_append_view(items, item);
        buf_append_char(items, '\0');
        *count += 1;
        if (*count > CONF_MAX_VALUES)
            return fail_option(f, "too many items");
    }
    return PARLEY_OK;
}

static int set_list(struct filling *f, const struct buf *items, size_t count)
{
    _cleanup_(buf_done) struct buf shown = {0};
    const char *separator = f->option.type == PARLEY_TYPE_LIST ? ", " : "\n";
    const char **pointers = block_alloc(f->values, count * sizeof(*pointers));
    char *bytes = block_dup(f->values, buf_view(items));

    if (items->failed || pointers == NULL || bytes == NULL)
        return fail_option(f, "no memory");
    if (count == 0 && (f->option.flags & PARLEY_OPTION_REQUIRED) != 0)
        return fail_option(f, "is required, and empty here");
    for (size_t i = 0; i < count; i++) {
        pointers[i] = bytes;
        buf_append_str(&shown, i == 0 ? "" : separator);
        buf_append_str(&shown, bytes);
        bytes += strlen(bytes) + 1;
    }
    set_field(f, &(struct parley_list){.items = pointers, .count = count});
    return keep_text(f, "", buf_view(&shown));
}

/* text: instead of a key's occurrences. */
static int fill_list(struct filling *f, const char *text)
{
    _cleanup_(buf_done) struct buf items = {0};
    size_t count = 0;
    int r = PARLEY_OK;

    if (f->key == NULL)
        r = split_items(f, text, &items, &count);
    for (; f->value != NULL && r == PARLEY_OK; f->value = f->value->next)
        r = split_items(f, f->value->text, &items, &count);
    if (f->key != NULL)
        f->value = f->key->values;
    return r < 0 ? r : set_list(f, &items, count);
}

static int note_origin(struct filling *f)
{
    f->setting->origin = f->key != NULL                    ? OPTIONS_FROM_FILE
                         : f->option.default_value != NULL ? OPTIONS_FROM_DEFAULT
                                                           : OPTIONS_FROM_NOTHING;
    f->setting->file = "";
    if (f->value == NULL)
        return PARLEY_OK;
    /* Copied, because the values may outlive the conf. */
    f->setting->file = block_dup(f->values, view_of(f->value->file));
    f->setting->line = f->value->line;
    return f->setting->file == NULL ? fail_option(f, "no memory") : PARLEY_OK;
}

static int fill_from(struct filling *f, const char *text)
{
    return is_list(f->option.type) ? fill_list(f, text) : fill_one(f, text);
}

static bool is_set(const struct filling *f, const char *name)
{
    const struct conf_key *k =
        f->section == NULL || name == NULL ? NULL : conf_key(f->section, name);

    return k != NULL && k->values != NULL;
}

/* Another option has the same variable, and comes first: what is wrong with it is told there. */
static bool is_told_already(const struct filling *f)
{
    for (uint32_t i = 0; f->option.variable_unless != NULL && i < f->table->count; i++) {
        struct parley_option other = options_at(f->table, i);
        if (strcmp(other.name, f->option.variable_unless) == 0)
            return other.variable != NULL && strcmp(other.variable, f->option.variable) == 0;
    }
    return false;
}

/* Take the option's own variable, if there is one that can be read. */
static bool fill_from_variable(struct filling *f)
{
    _cleanup_(secret_buf_done) struct buf text = {0};
    struct parley_error err = PARLEY_ERROR_INIT;
    char name[VARIABLE_NAME_SIZE] = "";

    if (is_set(f, f->option.variable_unless))
        return false;
    int r = variable_read(&f->option, &f->conf->env, name, &text, &err);
    if (r == 0)
        return false;
    f->is_trial = true;
    buf_append_str(&f->names, name);
    if (r < 0)
        (void)fail_option(f, err.message);
    else
        r = fill_from(f, buf_view(&text).data);
    f->is_trial = false;
    if (r == PARLEY_OK) {
        f->setting->origin = OPTIONS_FROM_VARIABLE;
        return true;
    }
    if (!is_told_already(f))
        conf_report_warning(f->report, place(f), "the variable %s is left out: %s", name, f->fault);
    buf_clear(&f->names);
    return false;
}

static int fill_option(struct filling *f)
{
    static const char *const nothing = "";
    size_t size = field_size(f->option.type);

    if (size == 0 || f->written == NULL || f->option.offset > f->table->config_size ||
        size > f->table->config_size - f->option.offset ||
        (f->option.type == PARLEY_TYPE_ENUM && f->option.values == NULL))
        return fail_option(f, "its entry in the option table is broken; that is a fault of the "
                              "plugin, not of this file");
    if (is_string(f->option.type))
        set_field(f, &nothing);
    if (note_origin(f) < 0)
        return PARLEY_E_INVALID;
    if (f->key != NULL && f->key->value_count > 1 && !is_list(f->option.type)) {
        int first = f->value->line;
        f->value = f->value->next;
        conf_report_error(f->report, place(f), "is set twice, first in line %d; keep one", first);
        return PARLEY_E_INVALID;
    }
    if (f->key == NULL && fill_from_variable(f))
        return PARLEY_OK;
    if (f->key == NULL && f->option.default_value == NULL) {
        if ((f->option.flags & PARLEY_OPTION_REQUIRED) == 0)
            return PARLEY_OK;
        conf_report_error(f->report, place(f), "is required and missing. %s",
                          f->option.help == NULL ? "" : f->option.help);
        return PARLEY_E_INVALID;
    }
    return fill_from(f, f->value != NULL ? f->value->text : f->option.default_value);
}

bool options_table_has(const struct options_table *table, const char *name)
{
    for (; table != NULL; table = table->also) {
        for (uint32_t i = 0; i < table->count; i++) {
            if (strcmp(options_at(table, i).name, name) == 0)
                return true;
        }
    }
    return false;
}

static bool has_prefix(const struct options_table *table)
{
    return table->prefix != NULL && table->prefix[0] != '\0';
}

/* The option that a key is written for: behind the table's prefix. NULL when it is not the table's
 * to judge. */
static const char *option_of_key(const struct options_table *table, const char *key)
{
    if (has_prefix(table)) {
        size_t len = strlen(table->prefix);
        if (strncmp(key, table->prefix, len) != 0 || key[len] != '.')
            return NULL;
        key += len + 1;
        return strchr(key, '.') == NULL ? key : NULL;
    }
    return table->leaves_dotted && strchr(key, '.') != NULL ? NULL : key;
}

static void report_unknown(const struct filling *f, const struct conf_key *key, const char *option)
{
    struct nearest near = nearest_to(option);
    char hint[CONF_MAX_NAME + 32];

    for (const struct options_table *t = f->table; t != NULL; t = t->also) {
        for (uint32_t i = 0; i < t->count; i++)
            nearest_offer(&near, options_at(t, i).name);
    }
    conf_report_error(f->report,
                      (struct conf_place){.file = key->values->file,
                                          .line = key->values->line,
                                          .section = f->section,
                                          .key = key->name},
                      "unknown key%s", nearest_hint(&near, hint, sizeof(hint)));
}

static bool check_keys(const struct filling *f)
{
    bool good = true;

    if (f->section == NULL)
        return true;
    for (const struct conf_key *k = f->section->keys; k != NULL; k = k->next) {
        const char *option = option_of_key(f->table, k->name);
        if (k->values == NULL || option == NULL || options_table_has(f->table, option))
            continue;
        report_unknown(f, k, option);
        good = false;
    }
    return good;
}

/* The option's key as it is written in the file; NULL without memory. */
static const char *written_key(const struct filling *f)
{
    char text[CONF_MAX_KEY + 1];

    if (!has_prefix(f->table) || f->option.name == NULL)
        return f->option.name;
    (void)snprintf(text, sizeof(text), "%s.%s", f->table->prefix, f->option.name);
    return block_dup(f->values, view_of(text));
}

static bool fill_all(struct filling *f)
{
    bool good = true;

    for (uint32_t i = 0; i < f->table->count; i++) {
        f->option = options_at(f->table, i);
        f->setting = &f->values->settings[i];
        f->written = written_key(f);
        *f->setting = (struct options_setting){.name = f->written,
                                               .text = "",
                                               .environment = "",
                                               .is_secret = f->option.type == PARLEY_TYPE_SECRET};
        f->key = f->section == NULL || f->written == NULL ? NULL : conf_key(f->section, f->written);
        if (f->key != NULL && f->key->values == NULL)
            f->key = NULL;
        f->value = f->key == NULL ? NULL : f->key->values;
        buf_clear(&f->names);
        good &= fill_option(f) == PARLEY_OK;
    }
    buf_done(&f->names);
    return good;
}

static struct options_values *values_create(const struct options_table *table)
{
    struct options_values *values = calloc(1, sizeof(*values));

    if (values == NULL)
        return NULL;
    values->settings = calloc(table->count + 1, sizeof(*values->settings));
    values->config = block_alloc(values, table->config_size);
    values->count = table->count;
    if (values->settings == NULL || values->config == NULL)
        return options_destroy(values);
    return values;
}

int options_fill(const struct options_table *table, const struct conf *conf,
                 const struct conf_section *section, struct options_values **ret_values,
                 struct conf_report *report)
{
    struct filling f = {.table = table, .conf = conf, .section = section, .report = report};

    f.values = values_create(table);
    if (f.values == NULL) {
        conf_report_error(report, place(&f), "no memory");
        return PARLEY_E_NO_MEMORY;
    }
    bool good = check_keys(&f);
    good &= fill_all(&f);
    if (!good) {
        options_destroy(f.values);
        return PARLEY_E_INVALID;
    }
    *ret_values = f.values;
    return PARLEY_OK;
}

static const struct parley_option instance_options[] = {
    PARLEY_STRING(struct options_instance, plugin, .flags = PARLEY_OPTION_REQUIRED,
                  .example = "model_openai", .help = "The plugin that serves this section."),
    PARLEY_BOOL(struct options_instance, enabled, .default_value = "yes",
                .help = "no leaves the section out, for example in one environment."),
};

const struct options_table options_instance_table =
    OPTIONS_TABLE(instance_options, struct options_instance);

int options_fill_instance(const struct conf *conf, const struct conf_section *section,
                          struct options_values **ret_values, struct conf_report *report)
{
    /* The section without the keys that only the plugin knows. */
    struct conf_section own = *section;
    struct conf_key keys[ARRAY_LEN(instance_options)];
    size_t count = 0;

    own.keys = NULL;
    for (size_t i = 0; i < ARRAY_LEN(instance_options); i++) {
        const struct conf_key *k = conf_key(section, instance_options[i].name);
        if (k == NULL)
            continue;
        keys[count] = *k;
        keys[count].next = own.keys;
        own.keys = &keys[count++];
    }
    return options_fill(&options_instance_table, conf, &own, ret_values, report);
}
