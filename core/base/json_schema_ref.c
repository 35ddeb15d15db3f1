/* SPDX-License-Identifier: Apache-2.0 */
/* A schema as a document: its dialect, its anchors, and where a `$ref` leads. */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define MAX_REF  512
#define MAX_SCAN 256 /* levels of a document that are looked through for anchors */

/* ---- the dialect ---- */

/* "https://json-schema.org/draft/2020-12/schema#" without its ends. */
static enum schema_dialect dialect_of(const json_t *root)
{
    static const struct {
        const char *name;
        enum schema_dialect dialect;
    } known[] = {
        {"json-schema.org/draft/2020-12/schema", SCHEMA_2020},
        {"json-schema.org/schema", SCHEMA_2020},
        {"json-schema.org/draft/2019-09/schema", SCHEMA_2019},
        {"json-schema.org/draft-07/schema", SCHEMA_DRAFT7},
        {"json-schema.org/draft-06/schema", SCHEMA_DRAFT7},
        {"json-schema.org/draft-04/schema", SCHEMA_DRAFT4},
    };
    const json_t *said = json_object_get(root, "$schema");
    struct parley_view name = json_view(said);

    if (said == NULL)
        return SCHEMA_2020;
    if (view_ends_with(name, VIEW("#")))
        name.len--;
    size_t scheme = view_starts_with(name, VIEW("https://"))  ? 8
                    : view_starts_with(name, VIEW("http://")) ? 7
                                                              : 0;
    name = (struct parley_view){name.data + scheme, name.len - scheme};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (view_is(name, known[i].name))
            return known[i].dialect;
    }
    return SCHEMA_OTHER;
}

/* ---- anchors ---- */

static bool holds_values(const char *key)
{
    return strcmp(key, "enum") == 0 || strcmp(key, "const") == 0 || strcmp(key, "default") == 0 ||
           strcmp(key, "examples") == 0;
}

/* The first of a name counts. */
static bool add_anchor(struct json_schema *s, struct parley_view name, json_t *place)
{
    return name.len == 0 || name.len > MAX_REF || map_get(&s->anchors, name) != NULL ||
           map_set(&s->anchors, name, place);
}

static bool scan_names(struct json_schema *s, json_t *at)
{
    static const char *const keys[] = {"$anchor", "$dynamicAnchor"};
    struct parley_view id = json_get_view(at, s->dialect == SCHEMA_DRAFT4 ? "id" : "$id");

    for (size_t i = 0; i < 2; i++) {
        if (!add_anchor(s, json_get_view(at, keys[i]), at))
            return false;
    }
    if (id.len > 1 && id.data[0] == '#')
        return add_anchor(s, (struct parley_view){id.data + 1, id.len - 1}, at);
    s->has_other_bases = s->has_other_bases || (id.len > 0 && at != s->root);
    return true;
}

static bool scan(struct json_schema *s, json_t *at, unsigned depth)
{
    const char *key;
    json_t *below;
    size_t i;

    if (depth > MAX_SCAN)
        return true;
    if (json_is_object(at) && !scan_names(s, at))
        return false;
    json_array_foreach(at, i, below)
    {
        if (!scan(s, below, depth + 1))
            return false;
    }
    json_object_foreach(at, key, below)
    {
        if (!holds_values(key) && !scan(s, below, depth + 1))
            return false;
    }
    return true;
}

/* ---- life ---- */

struct json_schema *json_schema_create(json_t *schema)
{
    struct json_schema *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->refs = 1;
    s->root = json_incref(schema);
    s->dialect = dialect_of(schema);
    s->id = json_get_str(schema, "$id", "");
    return scan(s, s->root, 0) ? s : json_schema_unref(s);
}

struct json_schema *json_schema_ref(struct json_schema *s)
{
    if (s != NULL)
        s->refs++;
    return s;
}

struct json_schema *json_schema_unref(struct json_schema *s)
{
    if (s == NULL || --s->refs > 0)
        return NULL;
    map_done(&s->anchors);
    json_decref(s->root);
    free(s);
    return NULL;
}

/* ---- where a reference leads ---- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %25 is %. False when the fragment is too long or holds a NUL. */
static bool decode(const char *text, char out[MAX_REF + 1])
{
    size_t len = 0;

    for (; *text != '\0'; text++) {
        int high = *text == '%' ? hex_of(text[1]) : -1;
        int low = high >= 0 ? hex_of(text[2]) : -1;
        if (len == MAX_REF || (low >= 0 && high * 16 + low == 0))
            return false;
        out[len++] = low >= 0 ? (char)(high * 16 + low) : *text;
        text += low >= 0 ? 2 : 0;
    }
    out[len] = '\0';
    return true;
}

/* ~1 is /, ~0 is ~; in place. */
static void unescape(char *token)
{
    char *to = token;

    for (const char *from = token; *from != '\0'; from++) {
        bool is_escape = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = !is_escape ? *from : from[1] == '1' ? '/' : '~';
        from += is_escape;
    }
    *to = '\0';
}

static const json_t *step(const json_t *at, const char *token)
{
    int64_t index;

    if (json_is_object(at))
        return json_object_get(at, token);
    if (!json_is_array(at) || !view_to_int64(view_of(token), &index) || index < 0)
        return NULL;
    return json_array_get(at, (size_t)index);
}

static const json_t *follow(const json_t *root, char *pointer)
{
    const json_t *at = root;
    char *rest = pointer + 1;

    while (at != NULL && rest != NULL) {
        char *token = strsep(&rest, "/");
        unescape(token);
        at = step(at, token);
    }
    return at;
}

/* The part after # of a reference to this document, or NULL. */
static const char *fragment_of(const struct json_schema *s, const char *ref)
{
    size_t own = strcspn(s->id, "#");

    if (own > 0 && strncmp(ref, s->id, own) == 0)
        ref += own;
    if (ref[0] == '\0')
        return "";
    return ref[0] == '#' ? ref + 1 : NULL;
}

const json_t *schema_resolve(const struct json_schema *s, const char *ref)
{
    const char *fragment = s->has_other_bases ? NULL : fragment_of(s, ref);
    char text[MAX_REF + 1];

    if (fragment == NULL || !decode(fragment, text))
        return NULL;
    if (text[0] == '\0')
        return s->root;
    return text[0] == '/' ? follow(s->root, text) : map_get(&s->anchors, view_of(text));
}
