/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/rules.h"
#include "realtime/schema.h"

static const char *const words[] = {"red", "blue", NULL};
static const struct rt_rule text = {.is = RT_IS_STRING, .max = 5};
static const struct rt_rule circle[] = {
    RT_STR("type"),
    RT_MEMBER("radius", RT_IS_NUMBER | RT_REQUIRED, .min = 0.5, .max = 2),
    RT_RULES_END,
};
static const struct rt_variant shapes[] = {{"circle", circle}, {NULL, NULL}};

static int check_even(const json_t *value, const struct rt_path *path, struct rt_error *fault)
{
    if (json_integer_value(value) % 2 == 0)
        return PARLEY_OK;
    return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, path, "not even");
}

static const struct rt_rule members[] = {
    RT_NEED_STR("name"),
    RT_STR_NULL("colour", .words = words),
    RT_MEMBER("names", RT_IS_ARRAY, .max = 2, .element = &text),
    RT_MEMBER("count", RT_IS_INT | RT_IS_STRING, .min = 1, .max = 10, .words = words),
    RT_MEMBER("shape", RT_IS_OBJECT, .variants = shapes, .default_type = "circle"),
    RT_MEMBER("even", RT_IS_INT, .check = check_even),
    RT_MOVED("title", "thing.name"),
    RT_MOVED("mood", ""),
    RT_RULES_END,
};

static int check(const char *json, struct rt_error *fault)
{
    json_t *tree = wire_tree(json);
    const struct rt_path here = {NULL, "thing", 0};

    memset(fault, 0, sizeof(*fault));
    int r = rt_schema_members(tree, members, &here, fault);
    json_decref(tree);
    return r;
}

static void what_fits_passes(void **state)
{
    struct rt_error fault;

    (void)state;
    assert_int_equal(check("{'name':'n','colour':null,'names':['a','b'],'count':'red','shape':"
                           "{'radius':1},'even':4}",
                           &fault),
                     PARLEY_OK);
    assert_int_equal(check("{'name':'','count':10,'shape':{'type':'circle','radius':0.5}}", &fault),
                     PARLEY_OK);
}

static void each_fault_has_its_code_and_path(void **state)
{
    static const struct {
        const char *json;
        const char *code;
        const char *param;
    } table[] = {
        {"{}", "missing_required_parameter", "thing.name"},
        {"{'name':1}", "invalid_type", "thing.name"},
        {"{'name':null}", "invalid_type", "thing.name"},
        {"{'name':'n','nane':1}", "unknown_parameter", "thing.nane"},
        {"{'name':'n','title':1}", "unknown_parameter", "thing.title"},
        {"{'name':'n','mood':1}", "unknown_parameter", "thing.mood"},
        {"{'name':'n','colour':'green'}", "invalid_value", "thing.colour"},
        {"{'name':'n','names':['a','abcdef']}", "string_above_max_length", "thing.names[1]"},
        {"{'name':'n','names':['a','b','c']}", "array_above_max_length", "thing.names"},
        {"{'name':'n','count':0}", "integer_below_min_value", "thing.count"},
        {"{'name':'n','count':11}", "integer_above_max_value", "thing.count"},
        {"{'name':'n','count':1.5}", "invalid_type", "thing.count"},
        {"{'name':'n','count':'green'}", "invalid_value", "thing.count"},
        {"{'name':'n','shape':{}}", "missing_required_parameter", "thing.shape.radius"},
        {"{'name':'n','shape':{'radius':0.1}}", "decimal_below_min_value", "thing.shape.radius"},
        {"{'name':'n','shape':{'radius':3}}", "decimal_above_max_value", "thing.shape.radius"},
        {"{'name':'n','shape':{'type':'square'}}", "invalid_value", "thing.shape.type"},
        {"{'name':'n','shape':{'type':7}}", "invalid_type", "thing.shape.type"},
        {"{'name':'n','even':3}", "invalid_value", "thing.even"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct rt_error fault;
        assert_int_equal(check(table[i].json, &fault), PARLEY_E_INVALID);
        wire_assert_fault(&fault, table[i].code, table[i].param);
    }
}

static void an_unknown_member_is_told_the_known_ones(void **state)
{
    struct rt_error fault;

    (void)state;
    (void)check("{'name':'n','nane':1}", &fault);
    assert_non_null(strstr(fault.message, "'name', 'colour', 'names', 'count', 'shape', 'even'."));
    assert_null(strstr(fault.message, "'title'"));
    (void)check("{'name':'n','title':1}", &fault);
    assert_non_null(strstr(fault.message, "use 'thing.name'"));
}

static void a_length_is_counted_in_characters(void **state)
{
    struct rt_error fault;

    (void)state;
    assert_int_equal(
        check("{'name':'n','names':['\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9']}", &fault),
        PARLEY_OK);
}

static void a_long_path_is_cut_and_not_overrun(void **state)
{
    static char name[300];
    const struct rt_path outer = {NULL, name, 0};
    const struct rt_path inner = {&outer, NULL, 12};
    const struct rt_path last = {&inner, "x", 0};
    char out[40];

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    rt_path_write(&last, out, sizeof(out));
    assert_int_equal(strlen(out), sizeof(out) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_passes),
        cmocka_unit_test(each_fault_has_its_code_and_path),
        cmocka_unit_test(an_unknown_member_is_told_the_known_ones),
        cmocka_unit_test(a_length_is_counted_in_characters),
        cmocka_unit_test(a_long_path_is_cut_and_not_overrun),
    };
    return cmocka_run_group_tests_name("realtime/schema", tests, NULL, NULL);
}
