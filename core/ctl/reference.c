/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl reference: every option and all telemetry of this build; docs/reference/ is its output.
 */
#include "agent/agent.h"
#include "agent/prices.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "conf/show.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/term.h"
#include "daemon/server_options.h"
#include "host/instance.h"
#include "host/registry.h"
#include "host/services.h"
#include "identity/credential.h"
#include "net/auth.h"
#include "telemetry/describe.h"

#include <string.h>

static const char help[] =
    "usage: parleyctl reference options|telemetry [--plugin-dir DIR] [--json]\n"
    "\n"
    "  options    every section and key of the INI file, of parley and of all plugins that are\n"
    "             there\n"
    "  telemetry  every metric, span and attribute\n"
    "\n"
    "      --plugin-dir DIR  where the plugins are (default: the build tree's or the installed\n"
    "                        folder)\n"
    "      --json            for programs; otherwise Markdown, as in docs/reference/\n"
    "\n"
    "  parleyctl reference options | less\n"
    "  parleyctl reference options > docs/reference/options.md\n"
    "\n"
    "Next: parleyctl plugins describe NAME shows one plugin.\n"
    "Exit code: 0 shown, 1 a plugin could not be loaded, 2 wrong usage.\n";

struct section {
    const char *title;
    const char *about;
    struct options_table table;
};

#define CORE_SECTIONS 7

/* The sections of parley itself, in the order in which people meet them. */
static void core_sections(struct section out[CORE_SECTIONS])
{
    const struct options_table agent = {.items = agent_options,
                                        .count = (uint32_t)agent_option_count,
                                        .item_size = sizeof(struct parley_option),
                                        .config_size = sizeof(struct agent_config)};
    const struct options_table auth = {.items = auth_options,
                                       .count = (uint32_t)auth_option_count,
                                       .item_size = sizeof(struct parley_option),
                                       .config_size = sizeof(struct auth_config)};

    out[0] = (struct section){"server", "What parleyd serves, and its limits.", server_options};
    out[1] = (struct section){"auth", "Who may connect. Without it only this machine may.", auth};
    out[2] = (struct section){
        "admin", "The API of operators and parleyctl, on an address of its own.", admin_options};
    out[3] = (struct section){"telemetry", "What is recorded for the exporters.",
                              telemetry_options_table};
    out[4] = (struct section){
        "agent NAME", "An agent: what a client gets that connects with `?model=NAME`.", agent};
    out[5] = (struct section){
        "credential NAME",
        "How parley proves who it is; instances name it by `credential = NAME`. The names "
        "managed-identity, workload-identity, environment, azure-cli and default need no section.",
        credential_options};
    out[6] = (struct section){"price NAME",
                              "What tokens of a model cost. With it turns and sessions tell their "
                              "cost (exporters.md).",
                              price_options};
}

static const char introduction[] =
    "Every section and key of the INI file. `parleyd -c FILE --check` holds a file against it, "
    "`parleyctl config show -c FILE`\n"
    "tells what a file comes to.\n"
    "\n"
    "| type | is written as |\n"
    "|---|---|\n"
    "| string | text; in quotes when it begins or ends with a space |\n"
    "| text | text, or `@PATH` for the content of a file |\n"
    "| secret | text, or `file:PATH` for the content of a file; never shown |\n"
    "| path | a path; a relative one starts at the INI file's folder |\n"
    "| integer, number | a number |\n"
    "| yes/no | `yes` or `no` |\n"
    "| choice | one of the words |\n"
    "| duration | `250ms`, `5s`, `2m`, `1h`; a bare number is milliseconds |\n"
    "| size | bytes: `4096`, `64k`, `15m`, `1g` |\n"
    "| list | words between commas; the key may be repeated |\n"
    "| lines | the key repeated, one item each |\n"
    "\n"
    "`${NAME}` and `${NAME:-default}` stand for variables of the environment, in every value.\n"
    "\n"
    "## parley\n";

static const char on_plugins[] =
    "\n"
    "## Plugins\n"
    "\n"
    "A section `[model NAME]`, `[speech NAME]`, `[tools NAME]`, `[store NAME]` or `[exporter "
    "NAME]` "
    "configures one instance\n"
    "of a plugin; there may be several of one plugin. All have these keys, and those of their "
    "plugin.\n"
    "\n";

/* The kind of section that a plugin is for. */
static const char *section_kind(const struct plugin *p)
{
    static const struct {
        enum role role;
        enum instance_kind kind;
    } table[] = {
        {ROLE_MODEL, INSTANCE_MODEL},   {ROLE_CHAT, INSTANCE_MODEL},
        {ROLE_SPEECH, INSTANCE_SPEECH}, {ROLE_TOOLS, INSTANCE_TOOLS},
        {ROLE_STORE, INSTANCE_STORE},   {ROLE_EXPORTER, INSTANCE_EXPORTER},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (plugin_has_role(p, table[i].role))
            return instance_kind_name(table[i].kind);
    }
    return "?";
}

/* ---- the options ---- */

struct request {
    const char *plugin_dir;
    bool is_json;
    struct buf text;
    json_t *plugins;
};

static void describe_plugin(struct request *q, const struct plugin *p)
{
    if (q->is_json) {
        json_object_set_new(q->plugins, p->about.name,
                            json_pack("{s:s, s:s, s:o}", "section", section_kind(p), "summary",
                                      p->about.summary, "options", describe_json(&p->options)));
        return;
    }
    buf_printf(&q->text, "\n### %s\n\n`[%s NAME]` with `plugin = %s`. %s\n\n", p->about.name,
               section_kind(p), p->about.name, p->about.summary);
    describe_markdown(&q->text, &p->options);
}

/* Every plugin that is there, by name. */
static int describe_plugins(struct request *q, struct registry *registry)
{
    _cleanup_(buf_done) struct buf names = {0};
    int code = CTL_DONE;

    registry_names(registry, &names);
    for (struct parley_view rest = buf_view(&names), line; rest.len > 0;) {
        struct parley_error err = PARLEY_ERROR_INIT;
        struct plugin *p = NULL;
        char name[128];
        (void)view_split(&rest, '\n', &line);
        view_copy(name, sizeof(name), line);
        if (name[0] == '\0')
            continue;
        if (registry_get(registry, name, ".", &p, &err) == PARLEY_OK)
            describe_plugin(q, p);
        else
            code = command_failed(&command_reference, &err);
    }
    return code;
}

static const char on_policies[] =
    "\n"
    "### Policies of tools\n"
    "\n"
    "Every `[tools NAME]` section takes these keys beside its plugin's, for all its functions, and "
    "as "
    "`FUNCTION.KEY` for one\n"
    "(`delete_file.approval = always`). An `[agent NAME]` section takes them as `INSTANCE.KEY` and "
    "`INSTANCE.FUNCTION.KEY`\n"
    "(`crm.approval = always`, `crm.find_customer.approval = never`). What is for one function "
    "beats "
    "what is for all, and of\n"
    "two that are equal in that the agent's counts. FUNCTION is the name that the model sees, or "
    "what "
    "follows `INSTANCE_` in\n"
    "it. [tools.md](../tools.md) tells what they do.\n"
    "\n";

static void describe_core(struct request *q, json_t *core)
{
    struct section sections[CORE_SECTIONS];

    core_sections(sections);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        const struct section *s = &sections[i];
        if (q->is_json) {
            json_object_set_new(core, s->title, describe_json(&s->table));
            continue;
        }
        buf_printf(&q->text, "\n### [%s]\n\n%s\n\n", s->title, s->about);
        describe_markdown(&q->text, &s->table);
    }
}

static int options(struct request *q)
{
    struct registry *registry = registry_create(services_host(), q->plugin_dir);
    json_t *core = json_object();

    if (registry == NULL) {
        json_decref(core);
        return CTL_FAILED;
    }
    buf_append_str(&q->text, introduction);
    describe_core(q, core);
    buf_append_str(&q->text, on_plugins);
    describe_markdown(&q->text, &options_instance_table);
    buf_append_str(&q->text, on_policies);
    describe_markdown(&q->text, &tool_policy_table);
    json_object_set_new(core, "tool policies", describe_json(&tool_policy_table));
    q->plugins = json_object();
    int code = describe_plugins(q, registry);
    if (q->is_json)
        term_json(json_pack("{s:O, s:O}", "core", core, "plugins", q->plugins));
    json_decref(core);
    json_decref(q->plugins);
    (void)registry_destroy(registry);
    return code;
}

/* ---- the command ---- */

static int telemetry(struct request *q)
{
    if (q->is_json)
        term_json(telemetry_describe_json());
    else
        telemetry_describe_markdown(&q->text);
    return CTL_DONE;
}

static int describe(struct request *q, const char *what, int (*write)(struct request *q))
{
    buf_printf(&q->text,
               "<!-- Written by `parleyctl reference %s`; change the tables in the code. "
               "-->\n# %c%s\n\n",
               what, what[0] - 'a' + 'A', what + 1);
    int code = write(q);
    if (!q->is_json)
        (void)fwrite(buf_view(&q->text).data, 1, q->text.len, stdout);
    buf_done(&q->text);
    return code;
}

static int run(int argc, char **argv)
{
    struct request q = {0};
    const struct arg table[] = {
        {"--plugin-dir", NULL, &q.plugin_dir, NULL}, {"--json", NULL, NULL, &q.is_json}, {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK && args.count == 1 && strcmp(args.words[0], "options") == 0)
        return describe(&q, "options", options);
    if (r == PARLEY_OK && args.count == 1 && strcmp(args.words[0], "telemetry") == 0)
        return describe(&q, "telemetry", telemetry);
    if (r == PARLEY_OK)
        (void)parley_fail(&err, PARLEY_E_INVALID,
                          "say what to describe, in one word: options or telemetry");
    return command_usage_error(&command_reference, &err);
}

const struct command command_reference = {
    .name = "reference",
    .summary = "every option and all telemetry, for reading or for documents",
    .help = help,
    .run = run,
};
