/* SPDX-License-Identifier: Apache-2.0 */
#include "elicit.h"

#include <string.h>

static json_t *decline(void)
{
    return json_pack("{s:s}", "action", "decline");
}

static json_t *defaults_of(json_t *properties)
{
    json_t *content = json_object();
    const char *name;
    json_t *schema;

    json_object_foreach(properties, name, schema)
    {
        json_t *value = json_object_get(schema, "default");
        if (value != NULL)
            (void)json_object_set(content, name, value);
    }
    return content;
}

static bool has_all(const json_t *content, const json_t *required)
{
    json_t *name;
    size_t i;

    json_array_foreach(required, i, name)
    {
        if (!json_is_string(name) || json_object_get(content, json_string_value(name)) == NULL)
            return false;
    }
    return true;
}

json_t *elicit_answer(const json_t *params, bool accepts_defaults)
{
    const char *mode = json_string_value(json_object_get(params, "mode"));
    const json_t *schema = json_object_get(params, "requestedSchema");

    if (mode != NULL && strcmp(mode, "form") != 0)
        return NULL;
    if (!accepts_defaults)
        return decline();
    json_t *content = defaults_of(json_object_get(schema, "properties"));
    if (has_all(content, json_object_get(schema, "required")))
        return json_pack("{s:s, s:o}", "action", "accept", "content", content);
    json_decref(content);
    return decline();
}
