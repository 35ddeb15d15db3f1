/* SPDX-License-Identifier: Apache-2.0 */
/* A schema and a value, both of strangers: `[schema, value]`. Whatever they are, a check ends, and
 * a misfit is told in UTF-8. */
#include "fuzz.h"

#include "base/json.h"
#include "base/json_schema.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static void check(json_t *schema, const json_t *value, bool hides)
{
    const struct json_schema_words words = {.name = "arguments", .hides_value = hides};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct json_schema *s = json_schema_create(schema);

    enum json_schema_verdict v = json_schema_check(s, value, &words, &err);
    if ((v == JSON_SCHEMA_MISFIT) != (err.message[0] != '\0') ||
        !utf8_valid(err.message, strlen(err.message)))
        abort();
    (void)json_schema_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *pair = json_parse((struct parley_view){(const char *)data, size}, &err);

    if (json_array_size(pair) == 2) {
        check(json_array_get(pair, 0), json_array_get(pair, 1), false);
        check(json_array_get(pair, 0), json_array_get(pair, 1), true);
    }
    json_decref(pair);
    return 0;
}
