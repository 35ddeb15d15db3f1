/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl config show: the effective configuration, with the source of each value. */
#include "agent/policies.h"
#include "agent/prices.h"
#include "base/cleanup.h"
#include "conf/show.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/term.h"
#include "daemon/settings.h"
#include "identity/identity.h"

#include <string.h>

static const char help[] =
    "usage: parleyctl config show -c FILE [-e ENVIRONMENT] [--all] [--json]\n"
    "\n"
    "Shows what a configuration comes to: every value with the file and line, or the environment\n"
    "variable, that it came from. Secrets are hidden. A configuration with mistakes is not shown;\n"
    "the mistakes are.\n"
    "\n"
    "  -c, --config FILE      the INI file\n"
    "  -e, --environment ENV  with FILE.ENV's values over it, as parleyd -e ENV\n"
    "      --all              also what is left at its default\n"
    "      --json             one JSON object: {\"sections\": {TITLE: {KEY: {\"value\", "
    "\"source\", ...}}}}\n"
    "\n"
    "  parleyctl config show -c etc/quickstart.ini\n"
    "  parleyctl config show -c parley.ini -e production --all\n"
    "\n"
    "Next: parleyd -c FILE --check says the same of mistakes; parleyctl reload takes it in.\n"
    "Exit code: 0 shown, 2 mistakes in the arguments or the configuration.\n";

/* Takes each section in turn. */
struct sink {
    bool with_defaults;
    struct buf *text; /* or */
    json_t *json;
};

/* What a section says of its tools, behind its own keys. A key that the plugin has, too, is shown
 * with those already. */
static void show_policies(const struct sink *sink, json_t *section, const struct tool_policies *p,
                          const struct options_values *shown)
{
    for (size_t i = 0; p != NULL && i < p->count; i++) {
        if (section == NULL)
            show_set_text(sink->text, p->scopes[i].values, shown);
        else
            (void)show_set_json(section, p->scopes[i].values);
    }
}

static void show(struct sink *sink, const char *title, const struct options_values *values)
{
    if (values == NULL)
        return;
    if (sink->json == NULL) {
        show_values_text(sink->text, title, values, sink->with_defaults);
        buf_append_char(sink->text, '\n');
        return;
    }
    json_t *section = json_object();
    if (section != NULL && show_values_json(section, values))
        json_object_set(sink->json, title, section);
    json_decref(section);
}

/* The keys of an instance are in two tables, which are shown as the one section they are. */
static void show_instance(struct sink *sink, const struct instance *i)
{
    _cleanup_(buf_done) struct buf own = {0};

    if (sink->json != NULL) {
        json_t *section = json_object();
        if (section != NULL && show_values_json(section, i->common) &&
            show_values_json(section, i->values)) {
            show_policies(sink, section, i->policies, i->values);
            json_object_set(sink->json, i->title, section);
        }
        json_decref(section);
        return;
    }
    show_values_text(sink->text, i->title, i->common, sink->with_defaults);
    show_values_text(&own, i->title, i->values, sink->with_defaults);
    const char *line = strchr(buf_view(&own).data, '\n'); /* behind the title */
    buf_append_str(sink->text, line == NULL ? "" : line + 1);
    show_policies(sink, NULL, i->policies, i->values);
    buf_append_char(sink->text, '\n');
}

static void show_agent(struct sink *sink, const struct agent *a,
                       const struct options_values *values)
{
    char title[80];
    json_t *section = sink->json == NULL ? NULL : json_object();
    const struct tool_policies *p;

    (void)snprintf(title, sizeof(title), "agent %s", a->name);
    if (sink->json == NULL)
        show_values_text(sink->text, title, values, sink->with_defaults);
    else
        (void)show_values_json(section, values);
    for (size_t i = 0; (p = agent_policies_at(a->policies, i)) != NULL; i++)
        show_policies(sink, section, p, NULL);
    if (sink->json == NULL)
        buf_append_char(sink->text, '\n');
    else
        json_object_set_new(sink->json, title, section);
}

static void show_credential(struct sink *sink, const struct identity *id, size_t i)
{
    char title[80];

    (void)snprintf(title, sizeof(title), "credential %s", identity_name_at(id, i));
    show(sink, title, identity_values_at(id, i));
}

static void show_price(struct sink *sink, const struct prices *prices, size_t i)
{
    char title[80];

    (void)snprintf(title, sizeof(title), "price %s", prices_name_at(prices, i));
    show(sink, title, prices_values_at(prices, i));
}

static void show_all(struct sink *sink, const struct settings *s)
{
    struct instances *set = generation_instances(s->generation);

    show(sink, "server", s->server_values);
    show(sink, "auth", auth_section(s->auth));
    show(sink, "admin", s->admin_values);
    show(sink, "telemetry", s->telemetry_values);
    for (size_t i = 0; identity_name_at(instances_identity(set), i) != NULL; i++)
        show_credential(sink, instances_identity(set), i);
    for (size_t i = 0; prices_name_at(generation_prices(s->generation), i) != NULL; i++)
        show_price(sink, generation_prices(s->generation), i);
    for (struct instance *i = NULL; (i = instances_next(set, i)) != NULL;)
        show_instance(sink, i);
    for (size_t i = 0; generation_agent_at(s->generation, i) != NULL; i++)
        show_agent(sink, generation_agent_at(s->generation, i),
                   generation_agent_values(s->generation, i));
}

static void print_report(const struct conf_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        (void)fprintf(stderr, "%s%s%s\n",
                      report->items[i].is_warning ? "warning: " : term_style(stderr, TERM_RED),
                      report->items[i].text,
                      report->items[i].is_warning ? "" : term_style(stderr, TERM_PLAIN));
    if (report->errors > 0)
        (void)fprintf(stderr, "%zu mistake%s; nothing is shown until they are gone\n",
                      report->errors, report->errors == 1 ? "" : "s");
}

static void print_settings(const struct settings *s, bool with_defaults, bool is_json)
{
    _cleanup_(buf_done) struct buf text = {0};
    struct sink sink = {.with_defaults = with_defaults, .text = &text};

    if (is_json)
        sink.json = json_object();
    show_all(&sink, s);
    if (is_json)
        term_json(json_pack("{s:o}", "sections", sink.json));
    else
        (void)fwrite(text.data, 1, text.len, stdout);
}

static int show_config(const struct settings_source *source, bool with_defaults, bool is_json)
{
    struct registry *registry = NULL;
    struct settings settings = {0};
    struct conf_report report = {0};
    int r = settings_read(source, &registry, 1, &settings, &report);

    print_report(&report);
    if (r == PARLEY_OK)
        print_settings(&settings, with_defaults, is_json);
    settings_free(&settings);
    registry_destroy(registry);
    conf_report_done(&report);
    return r == PARLEY_OK ? CTL_DONE : CTL_USAGE;
}

static int run(int argc, char **argv)
{
    struct settings_source source = {0};
    bool with_defaults = false, is_json = false;
    const struct arg table[] = {{"--config", "-c", &source.path, NULL},
                                {"--environment", "-e", &source.environment, NULL},
                                {"--all", NULL, NULL, &with_defaults},
                                {"--json", NULL, NULL, &is_json},
                                {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK && (args.count == 0 || strcmp(args.words[0], "show") != 0))
        r = parley_fail(&err, PARLEY_E_INVALID, "say what to do: show");
    if (r == PARLEY_OK && args.count > 1)
        r = parley_fail(&err, PARLEY_E_INVALID,
                        "show takes no words, but there is \"%.60s\"; a file is named with -c",
                        args.words[1]);
    if (r == PARLEY_OK && source.path == NULL)
        r = parley_fail(&err, PARLEY_E_INVALID, "which configuration? name one with -c FILE");
    return r < 0 ? command_usage_error(&command_config, &err)
                 : show_config(&source, with_defaults, is_json);
}

const struct command command_config = {
    .name = "config",
    .summary = "show what a configuration comes to",
    .help = help,
    .run = run,
};
