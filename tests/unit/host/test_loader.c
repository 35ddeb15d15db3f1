/* SPDX-License-Identifier: Apache-2.0 */
/* Each test takes a descriptor that is right and makes one thing wrong. */
#include "host_fixture.h"

#include <string.h>

struct config {
    const char *url;
    int64_t count;
    int32_t mode;
};

static void attach(void *wi, const struct parley_tools_host *host)
{
    (void)wi;
    (void)host;
}

static int list(void *wi, struct parley_tool_list *ret, struct parley_error *err)
{
    (void)wi;
    (void)ret;
    (void)err;
    return PARLEY_OK;
}

static int call(void *wi, const struct parley_tool_call *c, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)c;
    (void)op;
    (void)err;
    return PARLEY_OK;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret,
                        struct parley_error *err)
{
    (void)instance;
    (void)worker;
    (void)ret;
    (void)err;
    return PARLEY_OK;
}

static int loads, unloads;

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)host;
    (void)ret_plugin;
    (void)err;
    loads++;
    return PARLEY_OK;
}

static int load_fails(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)host;
    (void)ret_plugin;
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "the library libweather is not installed");
}

static void unload(void *plugin)
{
    (void)plugin;
    unloads++;
}

static struct parley_tools_vtable table;
static struct parley_role role;
static struct parley_option options[3];
static struct parley_plugin d;
static struct parley_host host;
static struct plugin *plugin;

static int setup(void **state)
{
    static const struct parley_option good[] = {
        PARLEY_STRING(struct config, url, .help = "Where."),
        PARLEY_INT(struct config, count, .default_value = "3", .min = 1, .max = 5,
                   .help = "How many."),
        PARLEY_ENUM(struct config, mode, .values = "a|b", .default_value = "b", .help = "Which."),
    };

    (void)state;
    loads = unloads = 0;
    memcpy(options, good, sizeof(options));
    table = (struct parley_tools_vtable){
        .size = sizeof(table), .attach = attach, .list = list, .call = call};
    role = (struct parley_role){PARLEY_ROLE_TOOLS, &table};
    d = (struct parley_plugin)FIXTURE_PLUGIN("tools_x", PARLEY_ROLE_TOOLS, &table);
    d.roles = &role;
    d.options = options;
    d.option_count = 3;
    d.option_size = sizeof(options[0]);
    d.config_size = sizeof(struct config);
    host = fixture_host;
    plugin = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    plugin = loader_close(plugin);
    return 0;
}

static void refused(const char *part)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_true(loader_adopt(&d, "/p/tools_x.so", &host, &plugin, &err) < 0);
    assert_null(plugin);
    assert_memory_equal(err.message, "/p/tools_x.so: ", 15);
    if (strstr(err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
}

static void accepted(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (loader_adopt(&d, "/p/tools_x.so", &host, &plugin, &err) < 0)
        fail_msg("%s", err.message);
}

static void good_plugin_is_loaded_and_unloaded(void **state)
{
    (void)state;
    d.load = load;
    d.unload = unload;
    accepted();
    assert_true(plugin_has_role(plugin, ROLE_TOOLS));
    assert_false(plugin_has_role(plugin, ROLE_STORE));
    plugin = loader_close(plugin);
    assert_int_equal(loads, 1);
    assert_int_equal(unloads, 1);
}

static void failing_load_is_told_and_not_unloaded(void **state)
{
    (void)state;
    d.load = load_fails;
    d.unload = unload;
    refused("libweather is not installed");
    assert_int_equal(unloads, 0);
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    d.size = 0;
    refused("size 0");
    d.size = 10000000;
    refused("size 10000000");
    d.size = 64;
    refused("smaller than that of interface 1.0");
}

static void other_major_is_refused_naming_both(void **state)
{
    (void)state;
    d.abi_major = 2;
    refused("it is built for interface 2.x and this host has 1.");
}

static void newer_minor_is_refused_naming_both(void **state)
{
    (void)state;
    host.minor = 2;
    d.needs_minor = 3;
    refused("it needs interface 1.3 and this host (parley 0.0.0-test) has 1.2");
    host.minor = 3;
    accepted();
}

static void wrong_names_are_refused(void **state)
{
    (void)state;
    d.name = NULL;
    refused("set .name = \"tools_x\"");
    d.name = "Tools-X";
    refused("\"Tools-X\" is not a plugin's name");
    d.name = "tools_y";
    refused("it calls itself \"tools_y\"; rename the file to tools_y.so");
}

static void missing_words_are_refused(void **state)
{
    (void)state;
    d.version = NULL;
    refused("version is missing");
    d.version = "1";
    d.summary = "";
    refused("summary is missing");
    d.summary = "s";
    d.licence = NULL;
    refused("licence is missing");
}

static void missing_callbacks_are_named(void **state)
{
    (void)state;
    d.instance_create = NULL;
    refused("'instance_create' is missing");
    d.instance_create = fixture_instance_create;
    d.instance_destroy = NULL;
    refused("'instance_destroy' is missing");
    d.instance_destroy = fixture_instance_destroy;
    d.worker_start = worker_start;
    refused("'worker_stop' is missing");
    d.worker_start = NULL;
    d.worker_stop = fixture_instance_destroy;
    refused("'worker_start' is missing");
}

static void roles_must_be_there_and_whole(void **state)
{
    (void)state;
    table.call = NULL;
    refused("role parley.tools/1: the function 'call' is missing");
    table.call = call;
    table.size = 0;
    refused("its vtable says size 0");
    table.size = sizeof(table);
    role.vtable = NULL;
    refused("its vtable is NULL");
    role.id = NULL;
    refused("role 1 has no id");
    role.id = "parley.telepathy/1";
    refused("it plays no role that this host knows (its first is \"parley.telepathy/1\")");
    d.role_count = 0;
    refused("it lists 0 roles");
    d.role_count = 1;
    d.role_size = 3;
    refused("role_size 3");
}

static void unknown_role_beside_a_known_one_is_left_alone(void **state)
{
    const struct parley_role both[] = {{"parley.telepathy/1", &table}, {PARLEY_ROLE_TOOLS, &table}};

    (void)state;
    d.roles = both;
    d.role_count = 2;
    accepted();
    assert_int_equal(plugin->roles, 1u << ROLE_TOOLS);
}

static void same_role_twice_is_refused(void **state)
{
    const struct parley_role twice[] = {{PARLEY_ROLE_TOOLS, &table}, {PARLEY_ROLE_TOOLS, &table}};

    (void)state;
    d.roles = twice;
    d.role_count = 2;
    refused("role parley.tools/1 is there twice");
}

static void no_more_is_copied_than_the_table_declares(void **state)
{
    (void)state;
    table.size = offsetof(struct parley_tools_vtable, cancel);
    table.cancel = (void (*)(void *, parley_op))(uintptr_t)1; /* beyond its size: not ours */
    accepted();
    assert_null(plugin->tools.cancel);
}

static void options_must_be_consistent(void **state)
{
    (void)state;
    options[1].offset = 1000;
    refused("option count: its field of 8 bytes at offset 1000 does not lie within config_size");
    options[1].offset = UINT32_MAX;
    refused("option count");
    options[1].offset = 4;
    refused("offset 4 is not aligned");
    options[1].offset = 0;
    refused("options url and count fill the same field");
    setup(NULL);
    options[1].name = NULL;
    refused("option 2 of its table has no name");
    options[1].name = "Count!";
    refused("option 2 is called \"Count!\"");
    options[1].name = "plugin";
    refused("this key belongs to parley");
    options[1].name = "url";
    refused("option url is in the table twice");
    setup(NULL);
    options[0].help = NULL;
    refused("help is missing");
    setup(NULL);
    options[0].type = 99;
    refused("type 99 is unknown");
    setup(NULL);
    options[2].values = NULL;
    refused("an ENUM needs values");
    setup(NULL);
    options[1].min = 9;
    refused("min 9 is above max 5");
}

static void wrong_defaults_are_refused(void **state)
{
    (void)state;
    options[1].default_value = "three";
    refused("option count: its own default \"three\" is wrong");
    options[1].default_value = "9";
    refused("option count: its own default \"9\" is wrong");
    setup(NULL);
    options[2].default_value = "c";
    refused("option mode: its own default \"c\" is wrong");
}

static void option_table_must_be_whole(void **state)
{
    (void)state;
    d.options = NULL;
    refused("option_count is 3 but options is NULL");
    d.options = options;
    d.option_size = 8;
    refused("option_size 8");
    d.option_size = sizeof(options[0]);
    d.option_count = 100000;
    refused("option_count 100000 is above");
    d.option_count = 3;
    d.config_size = 1u << 30;
    refused("config_size 1073741824 is above");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(good_plugin_is_loaded_and_unloaded),
        T(failing_load_is_told_and_not_unloaded),
        T(wrong_sizes_are_refused),
        T(other_major_is_refused_naming_both),
        T(newer_minor_is_refused_naming_both),
        T(wrong_names_are_refused),
        T(missing_words_are_refused),
        T(missing_callbacks_are_named),
        T(roles_must_be_there_and_whole),
        T(unknown_role_beside_a_known_one_is_left_alone),
        T(same_role_twice_is_refused),
        T(no_more_is_copied_than_the_table_declares),
        T(options_must_be_consistent),
        T(wrong_defaults_are_refused),
        T(option_table_must_be_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
