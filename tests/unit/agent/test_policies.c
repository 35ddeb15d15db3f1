/* SPDX-License-Identifier: Apache-2.0 */
/* What is written about tools in their own section and in the agent's, and which of it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/policies.h"
#include "base/log.h"
#include "base/str.h"
#include "host/host.h"

#include <parley/plugin.h>
#include <parley/tools.h>

struct own_config {
    int64_t timeout_ms;
    const char *on_duplicate; /* not what parley means by it */
};

static const struct parley_option own_options[] = {
    PARLEY_DURATION_MS(struct own_config, timeout_ms, .min = 100, .max = 600000,
                       .help = "Its limit."),
    PARLEY_STRING(struct own_config, on_duplicate, .help = "Its own affair."),
};

static int create(void *plugin, const struct parley_instance_info *info, void **ret,
                  struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)err;
    *ret = NULL;
    return PARLEY_OK;
}

static void destroy(void *instance)
{
    (void)instance;
}

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
    return PARLEY_E_INTERNAL;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = attach, .list = list, .call = call};
static const struct parley_role role = {PARLEY_ROLE_TOOLS, &table};
static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "tools_test",
    .version = "1",
    .summary = "A test.",
    .licence = "Apache-2.0",
    .options = own_options,
    .option_count = 2,
    .option_size = sizeof(own_options[0]),
    .config_size = sizeof(struct own_config),
    .role_count = 1,
    .roles = &role,
    .role_size = sizeof(role),
    .instance_create = create,
    .instance_destroy = destroy,
};

static struct fixture {
    struct registry *registry;
    struct conf *conf;
    struct conf_report report;
    struct instances *set;
    struct agent_policies *policies;
} f;

static const char *const used[] = {"crm", "files.read"};
static const struct agent_config agent = {.tools = {used, 2}};

/* [tools crm] with these lines, then [agent a] with those. */
static int read_both(const char *crm, const char *of_agent)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *p = NULL;
    char text[1024];

    f = (struct fixture){.registry = registry_create(services_host(), "/nowhere"),
                         .conf = conf_create("/", NULL)};
    assert_int_equal(loader_adopt(&plugin, "/x/tools_test.so", services_host(), &p, &err), 0);
    assert_int_equal(registry_add(f.registry, p, &err), 0);
    (void)snprintf(text, sizeof(text),
                   "[tools crm]\nplugin = tools_test\n%s\n[tools files]\nplugin = tools_test\n"
                   "[tools idle]\nplugin = tools_test\n[agent a]\n%s\n",
                   crm, of_agent);
    assert_true(conf_add_layer(f.conf, view_of(text), "x.ini", &f.report));
    int r = instances_create(f.registry, f.conf, &f.set, &f.report);
    if (r == PARLEY_OK)
        r = agent_policies_read(f.conf, conf_find(f.conf, "agent", "a"), &agent, f.set, &f.policies,
                                &f.report);
    return r;
}

static void done(void)
{
    f.policies = agent_policies_destroy(f.policies);
    f.set = instances_unref(f.set);
    conf_report_done(&f.report);
    conf_destroy(f.conf);
    (void)registry_destroy(f.registry);
}

static struct tool_policy policy(const char *instance, const char *function, uint32_t flags)
{
    const struct instance *i = instances_find(f.set, INSTANCE_TOOLS, instance);

    return tool_policy_of(i->policies, agent_policies_find(f.policies, instance), instance,
                          function, flags);
}

static void assert_report(size_t place, const char *text)
{
    assert_true(place < f.report.count);
    if (strcmp(f.report.items[place].text, text) != 0)
        fail_msg("%s", f.report.items[place].text);
}

static void what_is_not_written_follows_from_the_hints(void **state)
{
    (void)state;
    assert_int_equal(read_both("", ""), PARLEY_OK);
    struct tool_policy p = policy("crm", "book", 0);
    assert_true(p.side_effects);
    assert_int_equal(p.on_interrupt, TOOL_INTERRUPT_KEEP);
    assert_int_equal(p.on_duplicate, TOOL_DUPLICATE_REJECT);
    assert_int_equal(p.approval, TOOL_APPROVAL_NEVER);
    assert_int_equal(p.timeout_ms, 0);
    assert_string_equal(p.filler, "");
    p = policy("crm", "look", PARLEY_TOOL_READ_ONLY);
    assert_false(p.side_effects);
    assert_int_equal(p.on_interrupt, TOOL_INTERRUPT_CANCEL);
    assert_int_equal(p.on_duplicate, TOOL_DUPLICATE_ALLOW);
    assert_false(policy("crm", "put", PARLEY_TOOL_IDEMPOTENT).side_effects);
    done();
}

static void one_function_beats_all_and_the_agent_beats_the_instance(void **state)
{
    (void)state;
    assert_int_equal(
        read_both("approval = always\nfind.approval = never\nfind.filler = One moment.",
                  "crm.timeout_ms = 7s\ncrm.find.filler = Just a second.\n"
                  "crm.approval = never"),
        PARLEY_OK);
    assert_int_equal(policy("crm", "book", 0).approval, TOOL_APPROVAL_NEVER);
    assert_int_equal(policy("crm", "find", 0).approval, TOOL_APPROVAL_NEVER);
    assert_string_equal(policy("crm", "find", 0).filler, "Just a second.");
    assert_string_equal(policy("crm", "book", 0).filler, "");
    assert_int_equal(policy("crm", "book", 0).timeout_ms, 7000);
    assert_int_equal(policy("files", "book", 0).timeout_ms, 0);
    done();
}

static void what_protects_one_function_is_not_lifted_by_a_word_for_all(void **state)
{
    (void)state;
    assert_int_equal(read_both("delete.approval = always", "crm.approval = never"), PARLEY_OK);
    assert_int_equal(policy("crm", "delete", 0).approval, TOOL_APPROVAL_ALWAYS);
    done();
    assert_int_equal(read_both("delete.approval = always", "crm.delete.approval = never"),
                     PARLEY_OK);
    assert_int_equal(policy("crm", "delete", 0).approval, TOOL_APPROVAL_NEVER);
    done();
}

static void a_function_may_be_called_by_what_follows_its_instance(void **state)
{
    (void)state;
    assert_int_equal(read_both("delete.approval = always\ncrm_delete.timeout_ms = 3s\n"
                               "delete.timeout_ms = 4s",
                               ""),
                     PARLEY_OK);
    assert_int_equal(policy("crm", "crm_delete", 0).approval, TOOL_APPROVAL_ALWAYS);
    assert_int_equal(policy("crm", "crm_delete", 0).timeout_ms, 3000);
    assert_int_equal(policy("crm", "undelete", 0).approval, TOOL_APPROVAL_NEVER);
    done();
}

static void side_effects_decide_what_an_interruption_does(void **state)
{
    (void)state;
    assert_int_equal(
        read_both("look.side_effects = yes\nbook.side_effects = no\nwait.on_interrupt = detach",
                  ""),
        PARLEY_OK);
    assert_int_equal(policy("crm", "look", PARLEY_TOOL_READ_ONLY).on_interrupt,
                     TOOL_INTERRUPT_KEEP);
    assert_int_equal(policy("crm", "book", 0).on_interrupt, TOOL_INTERRUPT_CANCEL);
    assert_int_equal(policy("crm", "wait", 0).on_interrupt, TOOL_INTERRUPT_DETACH);
    done();
}

static void an_option_of_the_plugin_with_the_same_type_is_both(void **state)
{
    (void)state;
    assert_int_equal(read_both("timeout_ms = 9s\non_duplicate = whatever", ""), PARLEY_OK);
    const struct instance *i = instances_find(f.set, INSTANCE_TOOLS, "crm");
    const struct own_config *own = options_config(i->values);
    assert_int_equal(own->timeout_ms, 9000);
    assert_int_equal(policy("crm", "book", 0).timeout_ms, 9000);
    assert_string_equal(own->on_duplicate, "whatever");
    assert_int_equal(policy("crm", "book", 0).on_duplicate, TOOL_DUPLICATE_REJECT);
    done();
    assert_int_equal(read_both("", "crm.on_duplicate = replace"), PARLEY_OK);
    assert_int_equal(policy("crm", "book", 0).on_duplicate, TOOL_DUPLICATE_REPLACE);
    done();
}

static void mistakes_in_a_tools_section_are_told_with_the_nearest_name(void **state)
{
    (void)state;
    assert_int_equal(read_both("aproval = always", ""), PARLEY_E_INVALID);
    assert_report(0, "x.ini:3: [tools crm] aproval: unknown key; did you mean \"approval\"?");
    done();
    assert_int_equal(read_both("find.aproval = always\nfind.approval = maybe\na.b.filler = x", ""),
                     PARLEY_E_INVALID);
    assert_report(0, "x.ini:3: [tools crm] find.aproval: unknown key; did you mean \"approval\"?");
    assert_report(1, "x.ini:4: [tools crm] find.approval: \"maybe\" is not one of never|always");
    assert_non_null(strstr(f.report.items[2].text, "[tools crm] a.b.filler: \"a.b\" is no name"));
    done();
}

static void mistakes_in_an_agent_are_told_with_the_nearest_name(void **state)
{
    (void)state;
    assert_int_equal(
        read_both("", "crn.approval = always\ncrn.filler = x\ncrm.find.on_interupt = keep"),
        PARLEY_E_INVALID);
    assert_int_equal(f.report.errors, 2);
    assert_report(0, "x.ini:9: [agent a] crn.approval: there is no enabled [tools crn] section "
                     "whose policy it could be; did you mean \"crm\"?");
    assert_report(1, "x.ini:11: [agent a] crm.find.on_interupt: unknown key; did you mean "
                     "\"on_interrupt\"?");
    done();
}

static void a_policy_of_what_the_agent_does_not_use_is_warned_about(void **state)
{
    (void)state;
    assert_int_equal(read_both("", "idle.approval = always\nfiles.read.approval = always"),
                     PARLEY_OK);
    assert_int_equal(f.report.warnings, 1);
    assert_report(0, "x.ini:9: [agent a] idle.approval: idle is not among the tools of this agent, "
                     "so this says nothing");
    done();
}

static void a_long_filler_is_refused(void **state)
{
    char line[600] = "find.filler = ";

    (void)state;
    memset(line + strlen(line), 'a', 501);
    assert_int_equal(read_both(line, ""), PARLEY_E_INVALID);
    assert_report(0, "x.ini:3: [tools crm] find.filler: 501 bytes are more than 500; something "
                     "short is wanted");
    done();
}

static char logged[512];

static void note_log(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    if (level <= LOG_LEVEL_WARN)
        (void)snprintf(logged, sizeof(logged), "%s", line);
}

static void a_function_that_is_not_listed_is_warned_about_once(void **state)
{
    struct tools_function listed[] = {{.name = (char *)"crm_find"}, {.name = (char *)"book"}};

    (void)state;
    assert_int_equal(read_both("find.approval = always\nboook.approval = always", ""), PARLEY_OK);
    const struct instance *i = instances_find(f.set, INSTANCE_TOOLS, "crm");
    log_set_sink(note_log, NULL);
    tool_policies_warn(i->policies, i->title, i->name, listed,
                       0); /* a peer that is not there yet */
    assert_string_equal(logged, "");
    tool_policies_warn(i->policies, i->title, i->name, listed, 2);
    assert_non_null(strstr(logged, "x.ini:4: [tools crm] boook: [tools crm] has no function of "
                                   "that name; did you mean \"book\"?"));
    logged[0] = '\0';
    tool_policies_warn(i->policies, i->title, i->name, listed, 2);
    assert_string_equal(logged, "");
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_written_follows_from_the_hints),
        cmocka_unit_test(one_function_beats_all_and_the_agent_beats_the_instance),
        cmocka_unit_test(what_protects_one_function_is_not_lifted_by_a_word_for_all),
        cmocka_unit_test(a_function_may_be_called_by_what_follows_its_instance),
        cmocka_unit_test(side_effects_decide_what_an_interruption_does),
        cmocka_unit_test(an_option_of_the_plugin_with_the_same_type_is_both),
        cmocka_unit_test(mistakes_in_a_tools_section_are_told_with_the_nearest_name),
        cmocka_unit_test(mistakes_in_an_agent_are_told_with_the_nearest_name),
        cmocka_unit_test(a_policy_of_what_the_agent_does_not_use_is_warned_about),
        cmocka_unit_test(a_long_filler_is_refused),
        cmocka_unit_test(a_function_that_is_not_listed_is_warned_about_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
