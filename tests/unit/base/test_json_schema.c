/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas and values, one line each, in the shapes of the official suite; then what is said of a
 * misfit, and the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json_schema.h"
#include "base/str.h"

#include <stdlib.h>

static char why[512];

static enum json_schema_verdict check_tree(json_t *schema, const json_t *value, bool hides)
{
    const struct json_schema_words words = {.name = "arguments", .hides_value = hides};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct json_schema *s = json_schema_create(schema);

    assert_non_null(s);
    enum json_schema_verdict v = json_schema_check(s, value, &words, &err);
    (void)snprintf(why, sizeof(why), "%s", err.message);
    assert_int_equal(v == JSON_SCHEMA_MISFIT, err.message[0] != '\0');
    (void)json_schema_unref(s);
    return v;
}

static enum json_schema_verdict check(const char *schema, const char *value)
{
    json_t *s = json_loads(schema, JSON_DECODE_ANY, NULL);
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);

    if (s == NULL || v == NULL)
        fail_msg("no JSON: %s %s", schema, value);
    enum json_schema_verdict verdict = check_tree(s, v, false);
    json_decref(s);
    json_decref(v);
    return verdict;
}

struct row {
    const char *schema;
    const char *value;
    enum json_schema_verdict verdict;
};

#define FITS    JSON_SCHEMA_FITS
#define MISFIT  JSON_SCHEMA_MISFIT
#define UNKNOWN JSON_SCHEMA_UNKNOWN

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (check(rows[i].schema, rows[i].value) != rows[i].verdict)
            fail_msg("%s with %s is not %d: %s", rows[i].schema, rows[i].value, rows[i].verdict,
                     why);
    }
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void types_are_told_apart(void **state)
{
    static const struct row rows[] = {
        {"true", "7", FITS},
        {"false", "7", MISFIT},
        {"{}", "null", FITS},
        {"{\"type\":\"integer\"}", "1", FITS},
        {"{\"type\":\"integer\"}", "1.0", FITS},
        {"{\"type\":\"integer\"}", "1.5", MISFIT},
        {"{\"type\":\"integer\"}", "\"1\"", MISFIT},
        {"{\"type\":\"number\"}", "1", FITS},
        {"{\"type\":\"number\"}", "null", MISFIT},
        {"{\"type\":\"string\"}", "\"\"", FITS},
        {"{\"type\":\"boolean\"}", "false", FITS},
        {"{\"type\":\"boolean\"}", "0", MISFIT},
        {"{\"type\":\"null\"}", "null", FITS},
        {"{\"type\":\"null\"}", "false", MISFIT},
        {"{\"type\":[\"string\",\"null\"]}", "null", FITS},
        {"{\"type\":[\"string\",\"null\"]}", "3", MISFIT},
        {"{\"type\":\"any\"}", "3", UNKNOWN},
        {"7", "3", UNKNOWN},
    };

    (void)state;
    CHECK(rows);
}

static void values_are_equal_as_json_has_it(void **state)
{
    static const struct row rows[] = {
        {"{\"const\":1}", "1.0", FITS},
        {"{\"const\":false}", "0", MISFIT},
        {"{\"const\":{\"a\":[1,{\"b\":2}]}}", "{\"a\":[1.0,{\"b\":2}]}", FITS},
        {"{\"const\":null}", "null", FITS},
        {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", FITS},
        {"{\"enum\":[1,\"a\",[]]}", "[]", FITS},
        {"{\"enum\":[1,\"a\",[]]}", "{}", MISFIT},
        {"{\"enum\":[]}", "1", MISFIT},
        {"{\"uniqueItems\":true}", "[1,2,\"1\",true]", FITS},
        {"{\"uniqueItems\":true}", "[1,2,1.0]", MISFIT},
        {"{\"uniqueItems\":true}", "[0,-0.0]", MISFIT},
        {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":[]},{\"b\":[],\"a\":1}]", MISFIT},
        {"{\"uniqueItems\":true}", "[[1],[true],[\"1\"],[null]]", FITS},
        {"{\"uniqueItems\":false}", "[1,1]", FITS},
    };

    (void)state;
    CHECK(rows);
}

static void numbers_have_bounds(void **state)
{
    static const struct row rows[] = {
        {"{\"maximum\":3}", "3", FITS},
        {"{\"maximum\":3}", "3.01", MISFIT},
        {"{\"maximum\":3}", "\"x\"", FITS},
        {"{\"minimum\":-2}", "-2", FITS},
        {"{\"minimum\":-2}", "-3", MISFIT},
        {"{\"minimum\":9007199254740993}", "9007199254740992", MISFIT},
        {"{\"exclusiveMaximum\":3}", "3", MISFIT},
        {"{\"exclusiveMaximum\":3}", "2.9", FITS},
        {"{\"exclusiveMinimum\":3}", "3", MISFIT},
        {"{\"$schema\":\"http://json-schema.org/"
         "draft-04/schema#\",\"minimum\":3,\"exclusiveMinimum\":true}",
         "3", MISFIT},
        {"{\"multipleOf\":2}", "4", FITS},
        {"{\"multipleOf\":2}", "5", MISFIT},
        {"{\"multipleOf\":0.01}", "19.99", FITS},
        {"{\"multipleOf\":0.01}", "19.995", MISFIT},
        {"{\"multipleOf\":0.0001}", "0.0075", FITS},
        {"{\"multipleOf\":1e-8}", "12391239123", FITS},
        {"{\"multipleOf\":0.123456789}", "1e308", MISFIT},
        {"{\"multipleOf\":0}", "1", FITS},
    };

    (void)state;
    CHECK(rows);
}

static void strings_are_measured_in_characters_and_matched(void **state)
{
    static const struct row rows[] = {
        {"{\"maxLength\":2}", "\"\xF0\x9F\x92\xA9\xF0\x9F\x92\xA9\"", FITS},
        {"{\"maxLength\":2}", "\"abc\"", MISFIT},
        {"{\"minLength\":2}", "\"\xC3\xA4\"", MISFIT},
        {"{\"minLength\":2}", "12345", FITS},
        {"{\"pattern\":\"^a*$\"}", "\"aaa\"", FITS},
        {"{\"pattern\":\"^a*$\"}", "\"aab\"", MISFIT},
        {"{\"pattern\":\"a+\"}", "\"xxaayy\"", FITS},
        {"{\"pattern\":\"^\\\\d{3}-\\\\w+$\"}", "\"123-abc\"", FITS},
        {"{\"pattern\":\"^\\\\d+$\"}", "\"\xD9\xA3\"", MISFIT}, /* an Arabic three */
        {"{\"pattern\":\"^\\\\u00e4$\"}", "\"\xC3\xA4\"", FITS},
        {"{\"pattern\":\"^\\\\p{Letter}+$\"}", "\"x\"", UNKNOWN},
        {"{\"pattern\":\"^abc$\"}", "\"abc\\n\"", MISFIT},
        {"{\"pattern\":\"((\"}", "\"x\"", UNKNOWN},
        {"{\"pattern\":\"(*LIMIT_MATCH=1)a\"}", "\"x\"", UNKNOWN},
        {"{\"format\":\"email\"}", "\"no address\"", FITS},
    };

    (void)state;
    CHECK(rows);
}

static void objects_have_members_that_fit(void **state)
{
    static const struct row rows[] = {
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":1,\"b\":2}", FITS},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":\"1\"}", MISFIT},
        {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "[]", FITS},
        {"{\"required\":[\"a\"]}", "{\"a\":null}", FITS},
        {"{\"required\":[\"a\"]}", "{}", MISFIT},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"b\":1}", MISFIT},
        {"{\"additionalProperties\":{\"type\":\"boolean\"}}", "{\"b\":1}", MISFIT},
        {"{\"additionalProperties\":{\"type\":\"boolean\"}}", "{\"b\":true}", FITS},
        {"{\"patternProperties\":{\"^x-\":{}},\"additionalProperties\":false}", "{\"x-b\":1}",
         FITS},
        {"{\"patternProperties\":{\"^x-\":{\"type\":\"string\"}}}", "{\"x-b\":1}", MISFIT},
        {"{\"patternProperties\":{\"((\":{}},\"additionalProperties\":false}", "{\"b\":1}",
         UNKNOWN},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", FITS},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}", MISFIT},
        {"{\"minProperties\":1}", "{}", MISFIT},
        {"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", MISFIT},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", MISFIT},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", FITS},
        {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}", MISFIT},
        {"{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1,\"b\":2}", FITS},
        {"{\"dependencies\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1,\"b\":2}", MISFIT},
    };

    (void)state;
    CHECK(rows);
}

static void arrays_have_items_that_fit(void **state)
{
    static const struct row rows[] = {
        {"{\"items\":{\"type\":\"integer\"}}", "[1,2]", FITS},
        {"{\"items\":{\"type\":\"integer\"}}", "[1,\"2\"]", MISFIT},
        {"{\"items\":false}", "[]", FITS},
        {"{\"items\":false}", "[1]", MISFIT},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}",
         "[\"a\",1,2]", FITS},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\",1]", MISFIT},
        {"{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[\"a\",1]", MISFIT},
        {"{\"items\":[{\"type\":\"string\"}]}", "[\"a\",1]", FITS},
        {"{\"minItems\":1}", "[]", MISFIT},
        {"{\"maxItems\":1}", "[1,2]", MISFIT},
        {"{\"contains\":{\"minimum\":5}}", "[1,5]", FITS},
        {"{\"contains\":{\"minimum\":5}}", "[1,2]", MISFIT},
        {"{\"contains\":{\"minimum\":5}}", "[]", MISFIT},
        {"{\"contains\":{\"minimum\":5},\"minContains\":0}", "[]", FITS},
        {"{\"contains\":{\"minimum\":5},\"maxContains\":1}", "[5,6]", MISFIT},
        {"{\"contains\":{\"minimum\":5},\"minContains\":2}", "[5,6]", FITS},
    };

    (void)state;
    CHECK(rows);
}

static void schemas_are_combined(void **state)
{
    static const struct row rows[] = {
        {"{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "2", FITS},
        {"{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1", MISFIT},
        {"{\"anyOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "2.5", FITS},
        {"{\"anyOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1.5", MISFIT},
        {"{\"anyOf\":[{\"pattern\":\"((\"},{\"maxLength\":1}]}", "\"xx\"", UNKNOWN},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1", FITS},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "3", MISFIT},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1.1", MISFIT},
        {"{\"not\":{\"type\":\"integer\"}}", "\"a\"", FITS},
        {"{\"not\":{\"type\":\"integer\"}}", "1", MISFIT},
        {"{\"not\":{\"pattern\":\"((\"}}", "\"a\"", UNKNOWN},
        {"{\"if\":{\"maximum\":0},\"then\":{\"minimum\":-9},\"else\":{\"multipleOf\":2}}", "-1",
         FITS},
        {"{\"if\":{\"maximum\":0},\"then\":{\"minimum\":-9},\"else\":{\"multipleOf\":2}}", "-10",
         MISFIT},
        {"{\"if\":{\"maximum\":0},\"then\":{\"minimum\":-9},\"else\":{\"multipleOf\":2}}", "3",
         MISFIT},
        {"{\"then\":false}", "3", FITS},
        {"{\"if\":false}", "3", FITS},
    };

    (void)state;
    CHECK(rows);
}

#define TREE                                                                                       \
    "{\"$defs\":{\"node\":{\"type\":\"object\",\"required\":[\"v\"],\"properties\":{\"v\":{"       \
    "\"type\":\"integer\"},\"below\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/node\"}}}"  \
    "}},\"$ref\":\"#/$defs/node\"}"

static void references_lead_within_the_document(void **state)
{
    static const struct row rows[] = {
        {TREE, "{\"v\":1,\"below\":[{\"v\":2,\"below\":[]}]}", FITS},
        {TREE, "{\"v\":1,\"below\":[{\"v\":2,\"below\":[{}]}]}", MISFIT},
        {"{\"definitions\":{\"a/b%~\":{\"type\":\"null\"}},\"properties\":{\"x\":{\"$ref\":\"#/"
         "definitions/a~1b%25~0\"}}}",
         "{\"x\":1}", MISFIT},
        {"{\"properties\":{\"x\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
         "{\"x\":{\"x\":{\"y\":1}}}", MISFIT},
        {"{\"$defs\":{\"a\":{\"$anchor\":\"here\",\"type\":\"null\"}},\"$ref\":\"#here\"}", "1",
         MISFIT},
        {"{\"$id\":\"https://example.com/s\",\"$defs\":{\"a\":{\"type\":\"null\"}},\"$ref\":"
         "\"https://example.com/s#/$defs/a\"}",
         "1", MISFIT},
        {"{\"prefixItems\":[true,{\"type\":\"null\"}],\"properties\":{\"a\":{\"$ref\":"
         "\"#/prefixItems/1\"}}}",
         "{\"a\":1}", MISFIT},
        {"{\"$ref\":\"#/$defs/gone\"}", "1", UNKNOWN},
        {"{\"$ref\":\"https://example.com/other\"}", "1", UNKNOWN},
        {"{\"$ref\":\"https://example.com/other\",\"type\":\"string\"}", "1", MISFIT},
        {"{\"$dynamicRef\":\"#node\"}", "1", UNKNOWN},
        {"{\"$defs\":{\"a\":{\"$id\":\"x\",\"type\":\"null\"}},\"$ref\":\"#/$defs/a\"}", "1",
         UNKNOWN},
        {"{\"$ref\":\"#\"}", "1", UNKNOWN},
        {"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":"
         "\"#/$defs/a\"}",
         "1", UNKNOWN},
        /* Before 2019-09 a reference stands alone. */
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"definitions\":{\"a\":{}},"
         "\"$ref\":\"#/definitions/a\",\"type\":\"string\"}",
         "1", FITS},
        {"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$defs\":{\"a\":{}},"
         "\"$ref\":\"#/$defs/a\",\"type\":\"string\"}",
         "1", MISFIT},
    };

    (void)state;
    CHECK(rows);
}

static void unknown_dialects_decide_nothing(void **state)
{
    static const struct row rows[] = {
        {"{\"$schema\":\"http://json-schema.org/draft-03/schema#\",\"type\":\"string\"}", "1",
         UNKNOWN},
        {"{\"$schema\":\"https://example.com/my-own\",\"type\":\"string\"}", "1", UNKNOWN},
        {"{\"$schema\":7,\"type\":\"string\"}", "1", UNKNOWN},
        {"{\"$schema\":\"http://json-schema.org/draft-06/schema\",\"type\":\"string\"}", "1",
         MISFIT},
        {"{\"$schema\":\"https://json-schema.org/draft/2019-09/schema#\",\"type\":\"string\"}", "1",
         MISFIT},
    };

    (void)state;
    CHECK(rows);
}

static void unevaluated_members_and_items_are_found(void **state)
{
    static const struct row rows[] = {
        {"{\"properties\":{\"a\":{}},\"unevaluatedProperties\":false}", "{\"a\":1}", FITS},
        {"{\"properties\":{\"a\":{}},\"unevaluatedProperties\":false}", "{\"b\":1}", MISFIT},
        {"{\"allOf\":[{\"properties\":{\"a\":{}}}],\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":2}", MISFIT},
        {"{\"allOf\":[{\"properties\":{\"a\":{}}}],\"unevaluatedProperties\":false}", "{\"a\":1}",
         FITS},
        {"{\"$defs\":{\"x\":{\"properties\":{\"a\":{}}}},\"$ref\":\"#/$defs/"
         "x\",\"unevaluatedProperties\":false}",
         "{\"a\":1}", FITS},
        {"{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},{\"properties\":{"
         "\"b\":{\"const\":2}},\"required\":[\"b\"]}],\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":2}", FITS},
        {"{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},{\"properties\":{"
         "\"b\":{\"const\":2}},\"required\":[\"b\"]}],\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":3}", MISFIT},
        {"{\"if\":{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},\"then\":{"
         "\"properties\":{\"b\":{}}},\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":2}", FITS},
        {"{\"if\":{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},\"then\":{"
         "\"properties\":{\"b\":{}}},\"unevaluatedProperties\":false}",
         "{\"a\":2,\"b\":2}", MISFIT},
        {"{\"not\":{\"not\":{\"properties\":{\"a\":{}}}},\"unevaluatedProperties\":false}",
         "{\"a\":1}", MISFIT},
        {"{\"unevaluatedProperties\":{\"type\":\"string\"}}", "{\"a\":1}", MISFIT},
        {"{\"allOf\":[{\"unevaluatedProperties\":true}],\"unevaluatedProperties\":false}",
         "{\"a\":1}", FITS},
        {"{\"properties\":{\"a\":{}},\"allOf\":[{\"unevaluatedProperties\":false}]}", "{\"a\":1}",
         MISFIT},
        {"{\"allOf\":[{\"patternProperties\":{\"((\":{}}}],\"unevaluatedProperties\":false}",
         "{\"a\":1}", UNKNOWN},
        {"{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1,2]", MISFIT},
        {"{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1]", FITS},
        {"{\"contains\":{\"const\":2},\"prefixItems\":[true],\"unevaluatedItems\":false}", "[1,2]",
         FITS},
        {"{\"allOf\":[{\"prefixItems\":[true,true]}],\"unevaluatedItems\":{\"type\":\"string\"}}",
         "[1,2,\"x\"]", FITS},
    };

    (void)state;
    CHECK(rows);
}

/* ---- words ---- */

static void assert_says(const char *schema, const char *value, const char *wanted)
{
    assert_int_equal(check(schema, value), JSON_SCHEMA_MISFIT);
    assert_string_equal(why, wanted);
}

static void misfit_is_told_with_its_place_and_the_way_out(void **state)
{
    (void)state;
    assert_says("{\"properties\":{\"items\":{\"items\":{\"properties\":{\"count\":{\"maximum\":3}}}"
                "}}}",
                "{\"items\":[{},{},{\"count\":5}]}",
                "arguments.items[2].count: 5 is above the maximum 3");
    assert_says("{\"type\":\"object\"}", "[]", "arguments: it is an array; it must be an object");
    assert_says("{\"properties\":{\"a b\":{\"type\":[\"integer\",\"null\"]}}}", "{\"a b\":\"x\"}",
                "arguments[\"a b\"]: \"x\" is a string; it must be an integer or null");
    assert_says("{\"properties\":{\"path\":{\"type\":\"string\"}},\"required\":[\"path\"]}", "{}",
                "arguments.path: it is missing; it must be a string");
    assert_says("{\"properties\":{\"path\":{},\"tail\":{}},\"additionalProperties\":false}",
                "{\"paht\":1}", "arguments.paht: it is not allowed; there is only path, tail");
    assert_says("{\"properties\":{\"unit\":{\"enum\":[\"km\",\"mi\",3]}}}", "{\"unit\":\"m\"}",
                "arguments.unit: \"m\" is not allowed; it must be \"km\", \"mi\" or 3");
    assert_says("{\"properties\":{\"a\":{\"minLength\":3}}}", "{\"a\":\"x\"}",
                "arguments.a: it has 1 characters, which is below the minimum 3");
    assert_says("{\"pattern\":\"^a\"}", "\"b\"", "arguments: \"b\" does not match the pattern ^a");
    assert_says("{\"uniqueItems\":true}", "[1,2,1]",
                "arguments: items 0 and 2 are the same; each must be different");
}

static void alternatives_are_told_by_the_one_that_came_nearest(void **state)
{
    static const char shapes[] =
        "{\"anyOf\":[{\"properties\":{\"kind\":{\"const\":\"circle\"},\"r\":{\"type\":\"number\"}},"
        "\"required\":[\"kind\",\"r\"]},{\"properties\":{\"kind\":{\"const\":\"box\"},\"w\":{"
        "\"type\":\"number\"}},\"required\":[\"kind\",\"w\"]}]}";

    (void)state;
    assert_says("{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}}}",
                "{\"a\":5}", "arguments.a: 5 is an integer; it must be a string or null");
    assert_says(shapes, "{\"kind\":\"box\"}", "arguments.w: it is missing; it must be a number");
    assert_says(shapes, "{\"kind\":\"circle\",\"r\":\"1\"}",
                "arguments.r: \"1\" is a string; it must be a number");
    assert_says("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", "1",
                "arguments: it fits alternatives 1 and 2; it must fit exactly one");
}

static void value_can_be_kept_out_of_the_message(void **state)
{
    json_t *schema = json_pack("{s:s}", "type", "integer");
    json_t *value = json_string("my secret");

    (void)state;
    assert_int_equal(check_tree(schema, value, true), JSON_SCHEMA_MISFIT);
    assert_string_equal(why, "arguments: it is a string; it must be an integer");
    json_decref(schema);
    json_decref(value);
}

/* ---- bounds ---- */

static void long_words_are_cut_between_characters(void **state)
{
    json_t *schema = json_pack("{s:{s:s}}", "additionalProperties", "type", "integer");
    json_t *value = json_object();
    char name[2001] = {0};

    (void)state;
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(name + i, "\xC3\xA4", 2);
    json_object_set_new(value, name, json_string(name));
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_MISFIT);
    json_t *again = json_string(why); /* NULL when it is not UTF-8 */
    assert_non_null(again);
    assert_non_null(strstr(why, "it must be an integer"));
    json_decref(again);
    json_decref(schema);
    json_decref(value);
}

static json_t *nested(size_t depth)
{
    json_t *value = json_object();

    for (size_t i = 0; i < depth; i++)
        value = json_pack("{s:o}", "x", value);
    return value;
}

static void depth_beyond_the_limit_decides_nothing(void **state)
{
    json_t *schema =
        json_pack("{s:{s:{s:s}}, s:s}", "properties", "x", "$ref", "#", "type", "object");
    json_t *value = nested(2000);

    (void)state;
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_UNKNOWN);
    json_decref(value);
    value = nested(20);
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_FITS);
    json_decref(schema);
    json_decref(value);
}

/* 2^40 ways through the alternatives. */
static void work_beyond_the_limit_decides_nothing(void **state)
{
    json_t *defs = json_pack("{s:{s:s}}", "0", "type", "null");
    char name[8], ref[24];

    (void)state;
    for (int i = 1; i <= 40; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        (void)snprintf(ref, sizeof(ref), "#/$defs/%d", i - 1);
        json_object_set_new(defs, name,
                            json_pack("{s:[{s:s},{s:s}]}", "anyOf", "$ref", ref, "$ref", ref));
    }
    json_t *schema = json_pack("{s:o, s:s}", "$defs", defs, "$ref", "#/$defs/40");
    json_t *value = json_integer(1);
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_UNKNOWN);
    json_decref(schema);
    json_decref(value);
}

static void pattern_that_would_try_for_ever_decides_nothing(void **state)
{
    char text[64] = "\"";

    (void)state;
    memset(text + 1, 'a', 40);
    memcpy(text + 41, "!\"", 3);
    assert_int_equal(check("{\"pattern\":\"^(a+)+$\"}", text), JSON_SCHEMA_UNKNOWN);
}

static void long_string_is_not_counted_for_every_alternative(void **state)
{
    json_t *any = json_array();
    char *text = calloc(1, 4000001);

    (void)state;
    memset(text, 'x', 4000000);
    for (int i = 0; i < 1000; i++)
        json_array_append_new(any, json_pack("{s:i}", "maxLength", 1));
    json_t *schema = json_pack("{s:o}", "anyOf", any);
    json_t *value = json_string(text);
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_UNKNOWN);
    json_decref(schema);
    json_decref(value);
    free(text);
}

static void many_items_are_compared_without_comparing_all_pairs(void **state)
{
    json_t *schema = json_pack("{s:b}", "uniqueItems", 1);
    json_t *value = json_array();

    (void)state;
    for (int i = 0; i < 20000; i++)
        json_array_append_new(value, json_integer(i));
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_FITS);
    json_array_append_new(value, json_integer(4711));
    assert_int_equal(check_tree(schema, value, false), JSON_SCHEMA_MISFIT);
    json_decref(schema);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(values_are_equal_as_json_has_it),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(strings_are_measured_in_characters_and_matched),
        cmocka_unit_test(objects_have_members_that_fit),
        cmocka_unit_test(arrays_have_items_that_fit),
        cmocka_unit_test(schemas_are_combined),
        cmocka_unit_test(references_lead_within_the_document),
        cmocka_unit_test(unknown_dialects_decide_nothing),
        cmocka_unit_test(unevaluated_members_and_items_are_found),
        cmocka_unit_test(misfit_is_told_with_its_place_and_the_way_out),
        cmocka_unit_test(alternatives_are_told_by_the_one_that_came_nearest),
        cmocka_unit_test(value_can_be_kept_out_of_the_message),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(depth_beyond_the_limit_decides_nothing),
        cmocka_unit_test(work_beyond_the_limit_decides_nothing),
        cmocka_unit_test(pattern_that_would_try_for_ever_decides_nothing),
        cmocka_unit_test(long_string_is_not_counted_for_every_alternative),
        cmocka_unit_test(many_items_are_compared_without_comparing_all_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
