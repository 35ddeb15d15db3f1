/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"

#include "agent/recordings.h"
#include "daemon/otel_variables.h"
#include "host/services.h"
#include "telemetry/redact.h"
#include "telemetry/resource.h"
#include "transport/http.h"
#include "transport/listener.h"

#include "base/cleanup.h"

#include <string.h>

/* Stands in for one of these that is not there: variables may fill it, and mistakes name it. */
static const struct conf_section *absent(const char *kind)
{
    static char server[] = "server", telemetry[] = "telemetry", nameless[] = "";
    static const struct conf_section sections[] = {{.kind = server, .name = nameless},
                                                   {.kind = telemetry, .name = nameless}};

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (strcmp(sections[i].kind, kind) == 0)
            return &sections[i];
    }
    return NULL;
}

static struct conf_place place_in(const struct conf *c, const char *kind, const char *key)
{
    const struct conf_section *s = conf_find(c, kind, "");
    const struct conf_key *k = s == NULL ? NULL : conf_key(s, key);

    if (s == NULL)
        return (struct conf_place){.file = c->files[0], .section = absent(kind), .key = key};
    if (k == NULL)
        return (struct conf_place){s->file, s->line, s, key};
    return (struct conf_place){k->values->file, k->values->line, s, key};
}

/* NULL values when the section is not there and not required. */
static int fill(const struct conf *c, const char *kind, const struct options_table *table,
                bool always, struct options_values **ret, struct conf_report *report)
{
    const struct conf_section *section = conf_find(c, kind, "");

    if (section == NULL && !always)
        return PARLEY_OK;
    return options_fill(table, c, section == NULL ? absent(kind) : section, ret, report);
}

static int fill_sections(const struct conf *c, struct settings *s, struct conf_report *report)
{
    const struct options_table auth = {.items = auth_options,
                                       .count = (uint32_t)auth_option_count,
                                       .item_size = sizeof(struct parley_option),
                                       .config_size = sizeof(struct auth_config)};
    bool known = conf_check_sections(c, server_sections, server_section_count, report);
    int server = fill(c, "server", &server_options, true, &s->server_values, report);
    int admin = fill(c, "admin", &admin_options, false, &s->admin_values, report);
    int telemetry =
        fill(c, "telemetry", &telemetry_options_table, true, &s->telemetry_values, report);
    int keys = fill(c, "auth", &auth, false, &s->auth_values, report);

    if (!known || server < 0 || admin < 0 || telemetry < 0 || keys < 0)
        return PARLEY_E_INVALID;
    s->server = options_config(s->server_values);
    s->admin = s->admin_values == NULL ? NULL : options_config(s->admin_values);
    s->telemetry = options_config(s->telemetry_values);
    if (s->telemetry->enabled)
        otel_variables_check(c, report);
    return PARLEY_OK;
}

static int make_auth(const struct conf *c, struct settings *s, struct conf_report *report)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *key = "keys";
    int r = auth_create(TAKE(s->auth_values), &s->auth, &key, &err);

    if (r < 0)
        conf_report_error(report, place_in(c, "auth", key), "%s", err.message);
    return r;
}

static void check_listen(const struct conf *c, const char *address, bool has_keys,
                         struct conf_report *report)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (listener_check(address, &err) < 0)
        conf_report_error(report, place_in(c, "server", "listen"), "%s", err.message);
    else if (!has_keys && !listener_is_loopback(address))
        conf_report_error(report, place_in(c, "server", "listen"),
                          "%s is reached from other machines, and there is no [auth] section; "
                          "add one with keys, or listen on 127.0.0.1",
                          address);
}

static void check_admin(const struct conf *c, const struct admin_config *admin,
                        struct conf_report *report)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (listener_check(admin->listen, &err) < 0)
        conf_report_error(report, place_in(c, "admin", "listen"), "%s", err.message);
    else if (admin->token[0] == '\0' && !listener_is_loopback(admin->listen))
        conf_report_error(report, place_in(c, "admin", "listen"),
                          "%s is reached from other machines, and there is no token; add one, or "
                          "listen on 127.0.0.1",
                          admin->listen);
}

static void check_tls(const struct conf *c, const struct server_config *server,
                      struct conf_report *report)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    bool has_cert = server->tls_cert[0] != '\0';

    if (has_cert != (server->tls_key[0] != '\0'))
        conf_report_error(report, place_in(c, "server", has_cert ? "tls_cert" : "tls_key"),
                          "needs %s as well", has_cert ? "tls_key" : "tls_cert");
    else if (has_cert && http_server_check_tls(server->tls_cert, server->tls_key, &err) < 0)
        conf_report_error(report, place_in(c, "server", "tls_cert"), "%s", err.message);
}

static void check_telemetry(const struct conf *c, const struct telemetry_options *t,
                            struct conf_report *report)
{
    for (size_t i = 0; i < t->always_keep.count; i++) {
        const char *word = t->always_keep.items[i];
        if (strcmp(word, TELEMETRY_KEEP_ERRORS) != 0 && strcmp(word, TELEMETRY_KEEP_SLOW) != 0)
            conf_report_error(report, place_in(c, "telemetry", "always_keep"),
                              "\"%s\" is not known; write errors, slow, both or nothing", word);
    }
    struct parley_error err = PARLEY_ERROR_INIT;
    struct redact *redact = NULL;

    if (redact_create(t->redact, &redact, &err) < 0)
        conf_report_error(report, place_in(c, "telemetry", "redact"), "%s", err.message);
    redact_destroy(redact);
}

/* A variable that cannot be read does not keep parley from starting; a key does. */
static void check_resource(const struct conf *c, const struct settings *s,
                           struct conf_report *report)
{
    static const char hint[] =
        "is no key=value; percent-encode what is neither a letter nor a digit";
    struct conf_place at = place_in(c, "telemetry", "resource");
    bool is_variable = at.section == NULL || conf_key(at.section, "resource") == NULL;

    for (size_t i = 0; i < s->telemetry->resource.count; i++) {
        const char *pair = s->telemetry->resource.items[i];
        if (resource_is_pair(pair))
            continue;
        if (is_variable)
            conf_report_warning(report, at,
                                "of the variable OTEL_RESOURCE_ATTRIBUTES this is left out: "
                                "\"%.60s\" %s",
                                pair, hint);
        else
            conf_report_error(report, at, "\"%.60s\" %s", pair, hint);
    }
}

/* What one option alone cannot be checked for. */
static int check_server(const struct conf *c, const struct settings *s, struct conf_report *report)
{
    size_t before = report->errors;

    for (size_t i = 0; i < s->server->listen.count; i++)
        check_listen(c, s->server->listen.items[i], conf_find(c, "auth", "") != NULL, report);
    if (server_worker_count(s->server) == 0)
        conf_report_error(report, place_in(c, "server", "workers"),
                          "\"%s\" is neither auto nor a number from 1 to %d", s->server->workers,
                          SERVER_MAX_WORKERS);
    check_tls(c, s->server, report);
    if (s->server->client_queue_limit_bytes < s->server->client_queue_bytes)
        conf_report_error(report, place_in(c, "server", "client_queue_limit_bytes"),
                          "is below client_queue_bytes; make it larger");
    if (s->admin != NULL)
        check_admin(c, s->admin, report);
    check_telemetry(c, s->telemetry, report);
    check_resource(c, s, report);
    return report->errors == before ? PARLEY_OK : PARLEY_E_INVALID;
}

/* A recording needs its folder when somebody speaks: too late to be told. */
static int check_recordings(const struct conf *c, const struct settings *s,
                            struct conf_report *report)
{
    const struct agent *a;
    int result = PARLEY_OK;

    for (size_t i = 0; (a = generation_agent_at(s->generation, i)) != NULL; i++) {
        const struct conf_section *section = conf_find(c, "agent", a->name);
        const struct conf_key *k = section == NULL ? NULL : conf_key(section, "record_dir");
        struct parley_error err = PARLEY_ERROR_INIT;
        if (a->config->record == 0 || k == NULL)
            continue;
        int r = recordings_check(a->config->record_dir, &err);
        if (r < 0)
            conf_report_error(
                report,
                (struct conf_place){k->values->file, k->values->line, section, "record_dir"}, "%s",
                err.message);
        result = r < 0 ? r : result;
    }
    return result;
}

static int check_default_agent(const struct conf *c, const struct settings *s,
                               struct conf_report *report)
{
    const char *name = s->server->default_agent;
    struct parley_view view = {name, strlen(name)};

    if (generation_agent_at(s->generation, 0) == NULL)
        conf_report_warning(report, (struct conf_place){.file = c->files[0]},
                            "there is no [agent NAME] section, so no client can connect");
    if (name[0] == '\0' || generation_agent(s->generation, view) != NULL)
        return PARLEY_OK;
    conf_report_error(report, place_in(c, "server", "default_agent"),
                      "there is no [agent %s] section", name);
    return PARLEY_E_INVALID;
}

int settings_read(const struct settings_source *source, struct registry **registry, uint64_t number,
                  struct settings *ret, struct conf_report *report)
{
    struct settings s = {0};
    struct conf *c = NULL;

    int r = conf_load(source->path, source->environment, NULL, &c, report);
    if (r < 0)
        return r;
    r = fill_sections(c, &s, report);
    /* Go on after mistakes in the core's sections, to show those of the others as well. */
    bool is_good = r == PARLEY_OK;
    if (is_good) {
        int keys = make_auth(c, &s, report);
        int server = check_server(c, &s, report);
        is_good = keys == PARLEY_OK && server == PARLEY_OK;
    }
    if (*registry == NULL)
        *registry = registry_create(services_host(), s.server == NULL ? "" : s.server->plugin_dir);
    else if (s.server != NULL)
        (void)registry_set_dir(*registry, s.server->plugin_dir);
    if (*registry == NULL) {
        conf_destroy(c);
        settings_free(&s);
        return PARLEY_E_NO_MEMORY;
    }
    if (source->is_attended)
        registry_set_attended(*registry);
    r = generation_create(c, *registry, number, &s.generation, report);
    if (r == PARLEY_OK && is_good)
        r = check_default_agent(generation_conf(s.generation), &s, report);
    if (r == PARLEY_OK && source->serves)
        r = check_recordings(generation_conf(s.generation), &s, report);
    if (r < 0 || !is_good) {
        settings_free(&s);
        return r < 0 ? r : PARLEY_E_INVALID;
    }
    *ret = s;
    return PARLEY_OK;
}

void settings_free(struct settings *s)
{
    (void)auth_destroy(s->auth);
    (void)generation_unref(s->generation);
    (void)options_destroy(s->server_values);
    (void)options_destroy(s->admin_values);
    (void)options_destroy(s->telemetry_values);
    (void)options_destroy(s->auth_values);
    *s = (struct settings){0};
}
