/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <stdlib.h>
#include <string.h>

#include "words.h"

#define WEIGHT_NAME     3
#define WEIGHT_ENUM     2
#define WEIGHT_ONE      1
#define MAX_ENUM_VALUES 50

/* --- Terms --------------------------------------------------------------------------------------
 */

static uint32_t hash_of(const char *stem)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *stem != '\0'; stem++)
        hash = (hash ^ (unsigned char)*stem) * 16777619u;
    return hash;
}

static struct term *find_term(const struct tool *tool, const char *stem)
{
    uint32_t hash = hash_of(stem);

    for (size_t i = 0; i < tool->term_count; i++) {
        if (tool->terms[i].hash == hash && strcmp(tool->terms[i].stem, stem) == 0)
            return (struct term *)&tool->terms[i];
    }
    return NULL;
}

static void add_term(struct tool *tool, const char *stem, float weight, bool is_anchor,
                     bool is_name)
{
    struct term *term = find_term(tool, stem);

    if (term == NULL) {
        if (tool->term_count == CATALOG_MAX_TERMS)
            return;
        term = &tool->terms[tool->term_count++];
        *term = (struct term){.hash = hash_of(stem)};
        memcpy(term->stem, stem, strlen(stem) + 1);
    }
    term->weight += weight;
    term->is_anchor = term->is_anchor || is_anchor;
    term->is_name = term->is_name || is_name;
    tool->weight_sum += weight;
}

static void add_terms(struct tool *tool, const struct utterance *u, float weight, bool is_anchor,
                      bool is_name)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct token *token = &u->tokens[i];
        if (!token->is_number && (!token->is_stop || (is_name && !token->is_sign)))
            add_term(tool, token->stem, weight, is_anchor, is_name);
    }
}

static struct parley_view text_of(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    return (struct parley_view){json_is_string(value) ? json_string_value(value) : "",
                                json_string_length(value)};
}

const struct term *tool_term(const struct tool *tool, const char *stem)
{
    return find_term(tool, stem);
}

const struct term *tool_term_like(const struct tool *tool, const char *stem)
{
    const char *like[WORD_MAX_SYNONYMS];
    const struct term *best = find_term(tool, stem);
    size_t count = word_synonyms(stem, like);

    for (size_t i = 0; i < count && (best == NULL || !best->is_anchor); i++) {
        const struct term *term = find_term(tool, like[i]);
        if (best == NULL || (term != NULL && term->is_anchor))
            best = term;
    }
    return best;
}

/* --- Kinds of parameters ------------------------------------------------------------------------
 */

/* What the text of a parameter says about the words that fill it; the first match counts. */
static const struct {
    const char *words;
    enum slot_kind kind;
    bool in_description; /* the description's words count, too */
} kinds[] = {
    {"expression formula equation arithmetic", SLOT_EXPRESSION, true},
    {"city town place location country destination region timezone zone airport room area",
     SLOT_PLACE, true},
    {"file filename path document", SLOT_FILE, true},
    {"recipient contact person to whom addressee callee friend", SLOT_PERSON, false},
    {"date day", SLOT_DATE, false},
    {"time hour clock", SLOT_TIME, false},
    {"id code reference number ref sku ticket invoice", SLOT_ID, false},
    {"key", SLOT_KEY, false},
    {"value", SLOT_VALUE, false},
    {"title label name", SLOT_NAME, false},
    {"recipient contact addressee", SLOT_PERSON, true},
};

static bool says_any(const struct utterance *u, const char *words)
{
    for (size_t i = 0; i < u->count; i++) {
        if (word_in(words, u->tokens[i].word))
            return true;
    }
    return false;
}

static enum slot_kind kind_of_string(const struct utterance *name,
                                     const struct utterance *description)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (says_any(name, kinds[i].words))
            return kinds[i].kind;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].in_description && says_any(description, kinds[i].words))
            return kinds[i].kind;
    }
    return SLOT_TEXT;
}

static double unit_of(const struct utterance *name, const struct utterance *description)
{
    for (size_t i = 0; i < name->count; i++) {
        double unit = word_time_unit(name->tokens[i].word);
        if (unit > 0 && name->tokens[i].end - name->tokens[i].start > 1)
            return unit;
    }
    for (size_t i = 0; i < description->count; i++) {
        double unit = word_time_unit(description->tokens[i].word);
        if (unit > 0 && description->tokens[i].end - description->tokens[i].start > 1)
            return unit;
    }
    return 0;
}

/* A schema's type; of ["string", "null"] the first. */
static const char *type_of(json_t *schema)
{
    json_t *type = json_object_get(schema, "type");

    if (json_is_array(type))
        type = json_array_get(type, 0);
    return json_is_string(type) ? json_string_value(type) : "string";
}

static bool has_format(json_t *schema, const char *format)
{
    json_t *value = json_object_get(schema, "format");

    return json_is_string(value) && strcmp(json_string_value(value), format) == 0;
}

static enum slot_kind kind_of(json_t *schema, const struct utterance *name,
                              const struct utterance *description)
{
    const char *type = type_of(schema);

    if (strcmp(type, "boolean") == 0)
        return SLOT_BOOL;
    if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0)
        return SLOT_NUMBER;
    if (strcmp(type, "array") == 0)
        return SLOT_LIST;
    if (strcmp(type, "object") == 0)
        return SLOT_OTHER;
    if (has_format(schema, "date"))
        return SLOT_DATE;
    if (has_format(schema, "time"))
        return SLOT_TIME;
    return kind_of_string(name, description);
}

/* --- Reading ------------------------------------------------------------------------------------
 */

static bool is_in_array(json_t *array, const char *text)
{
    size_t index = 0;
    json_t *item = NULL;

    json_array_foreach(array, index, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

static void add_values(struct tool *tool, json_t *values, struct utterance *scratch)
{
    size_t index = 0;
    json_t *value = NULL;

    json_array_foreach(values, index, value)
    {
        if (index == MAX_ENUM_VALUES)
            return;
        if (!json_is_string(value))
            continue;
        utterance_read_name(
            scratch, (struct parley_view){json_string_value(value), json_string_length(value)});
        add_terms(tool, scratch, WEIGHT_ENUM, false, false);
    }
}

static void read_parameter(struct tool *tool, const char *name, json_t *schema, json_t *required,
                           struct utterance *words, struct utterance *description)
{
    struct parameter *parameter = &tool->parameters[tool->parameter_count++];
    struct parley_view text = text_of(schema, "description");
    json_t *values = json_object_get(schema, "enum");

    utterance_read_name(words, (struct parley_view){name, strlen(name)});
    utterance_read(description, text);
    *parameter = (struct parameter){
        .name = name,
        .schema = schema,
        .is_required = is_in_array(required, name),
        .is_integer = strcmp(type_of(schema), "integer") == 0,
        .values = json_is_array(values) && json_array_size(values) > 0 ? values : NULL,
    };
    parameter->kind = parameter->values != NULL ? SLOT_ENUM : kind_of(schema, words, description);
    if (parameter->kind == SLOT_NUMBER)
        parameter->unit_seconds = unit_of(words, description);
    parameter->wants_iso_date = has_format(schema, "date") || strstr(text.data, "YYYY") != NULL;
    if (parameter->kind == SLOT_OTHER && parameter->is_required)
        tool->is_fillable = false;
    add_terms(tool, words, WEIGHT_ONE, false, false);
    add_terms(tool, description, WEIGHT_ONE, false, false);
    add_values(tool, parameter->values, words);
}

static void read_parameters(struct tool *tool, json_t *schema, struct utterance *a,
                            struct utterance *b)
{
    json_t *required = json_object_get(schema, "required");
    json_t *properties = json_object_get(schema, "properties");
    const char *name = NULL;
    json_t *property = NULL;

    json_object_foreach(properties, name, property)
    {
        if (tool->parameter_count == CATALOG_MAX_PARAMETERS)
            break;
        read_parameter(tool, name, property, required, a, b);
    }
    size_t index = 0;
    json_array_foreach(required, index, property)
    {
        /* required, but beyond the limit or not described: no way to fill it */
        if (!json_is_string(property) || tool_parameter(tool, json_string_value(property)) == NULL)
            tool->is_fillable = false;
    }
}

/*
 * MCP: a tool that is not read-only counts as destructive unless it says otherwise. A tool that
 * says nothing at all is judged by the verb in its name.
 */
static bool is_destructive(json_t *annotations, const struct utterance *name)
{
    json_t *hint = json_object_get(annotations, "destructiveHint");
    json_t *read_only = json_object_get(annotations, "readOnlyHint");

    if (json_is_true(read_only))
        return false;
    if (json_is_boolean(hint))
        return json_is_true(hint);
    if (json_is_boolean(read_only))
        return true;
    for (size_t i = 0; i < name->count; i++) {
        if (word_is_destructive(name->tokens[i].word))
            return true;
    }
    return false;
}

static bool read_tool(struct tool *tool, json_t *json, struct utterance *a, struct utterance *b)
{
    struct parley_view name = text_of(json, "name");
    json_t *annotations = json_object_get(json, "annotations");

    if (name.len == 0 || name.len > CATALOG_MAX_NAME)
        return false;
    *tool = (struct tool){
        .name = name.data,
        .description = text_of(json, "description").data,
        .is_fillable = true,
        .is_read_only = json_is_true(json_object_get(annotations, "readOnlyHint")),
    };
    utterance_read_name(a, name);
    tool->is_destructive = is_destructive(annotations, a);
    add_terms(tool, a, WEIGHT_NAME, true, true);
    utterance_read(a, text_of(json, "description"));
    add_terms(tool, a, WEIGHT_ONE, true, false);
    read_parameters(tool, json_object_get(json, "parameters"), a, b);
    return true;
}

static bool read_tools(struct catalog *catalog, struct utterance *scratch)
{
    size_t index = 0, most = json_array_size(catalog->root);
    json_t *item = NULL;
    float sum = 0;

    most = most < CATALOG_MAX_TOOLS ? most : CATALOG_MAX_TOOLS;
    catalog->tools = calloc(most + 1, sizeof(*catalog->tools));
    if (catalog->tools == NULL)
        return false;
    json_array_foreach(catalog->root, index, item)
    {
        if (catalog->count == most)
            break;
        struct tool *tool = &catalog->tools[catalog->count];
        if (!read_tool(tool, item, &scratch[0], &scratch[1]))
            continue;
        sum += tool->weight_sum;
        catalog->count++;
    }
    catalog->mean_weight = catalog->count > 0 ? sum / (float)catalog->count : 1;
    return true;
}

bool catalog_read(struct catalog *ret_catalog, struct parley_view json)
{
    struct catalog catalog = {.root = json_loadb(json.data, json.len, 0, NULL)};
    struct utterance *scratch = calloc(2, sizeof(*scratch));

    if (catalog.root == NULL || scratch == NULL || !read_tools(&catalog, scratch)) {
        free(scratch);
        catalog_done(&catalog);
        return false;
    }
    free(scratch);
    *ret_catalog = catalog;
    return true;
}

void catalog_done(struct catalog *catalog)
{
    json_decref(catalog->root);
    free(catalog->tools);
    *catalog = (struct catalog){0};
}

const struct tool *catalog_find(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (strcmp(catalog->tools[i].name, name) == 0)
            return &catalog->tools[i];
    }
    return NULL;
}

const struct parameter *tool_parameter(const struct tool *tool, const char *name)
{
    for (size_t i = 0; i < tool->parameter_count; i++) {
        if (strcmp(tool->parameters[i].name, name) == 0)
            return &tool->parameters[i];
    }
    return NULL;
}
