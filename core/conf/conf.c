/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "conf/expand.h"
#include "conf/nearest.h"
#include "conf/secret.h"

#include <stdio.h>
#include <unistd.h>

static const char *process_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

struct conf *conf_create(const char *dir, const struct conf_env *env)
{
    struct conf *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->env = env != NULL ? *env : (struct conf_env){.get = process_env};
    c->dir = strdup(dir);
    if (c->dir == NULL)
        return conf_destroy(c);
    return c;
}

void conf_clear_values(struct conf_key *k)
{
    while (k->values != NULL) {
        struct conf_value *v = k->values;
        k->values = v->next;
        secret_free(v->text);
        free(v);
    }
    k->value_count = 0;
}

static void section_free(struct conf_section *s)
{
    while (s->keys != NULL) {
        struct conf_key *k = s->keys;
        s->keys = k->next;
        conf_clear_values(k);
        free(k->name);
        free(k);
    }
    free(s->kind);
    free(s->name);
    free(s);
}

struct conf *conf_destroy(struct conf *c)
{
    if (c == NULL)
        return NULL;
    while (c->sections != NULL) {
        struct conf_section *s = c->sections;
        c->sections = s->next;
        section_free(s);
    }
    for (size_t i = 0; i < c->file_count; i++)
        free(c->files[i]);
    free(c->dir);
    free(c);
    return NULL;
}

struct conf_section *conf_append_section(struct conf *c, struct parley_view kind,
                                         struct parley_view name)
{
    struct conf_section *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->kind = view_dup(kind);
    s->name = view_dup(name);
    if (s->kind == NULL || s->name == NULL) {
        section_free(s);
        return NULL;
    }
    struct conf_section **end = &c->sections;
    while (*end != NULL)
        end = &(*end)->next;
    *end = s;
    c->section_count++;
    return s;
}

struct conf_key *conf_append_key(struct conf_section *s, struct parley_view name)
{
    struct conf_key *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->name = view_dup(name);
    if (k->name == NULL) {
        free(k);
        return NULL;
    }
    struct conf_key **end = &s->keys;
    while (*end != NULL)
        end = &(*end)->next;
    *end = k;
    s->key_count++;
    return k;
}

struct conf_value *conf_append_value(struct conf_key *k, struct parley_view text)
{
    struct conf_value *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->text = view_dup(text);
    if (v->text == NULL) {
        free(v);
        return NULL;
    }
    struct conf_value **end = &k->values;
    while (*end != NULL)
        end = &(*end)->next;
    *end = v;
    k->value_count++;
    return v;
}

const struct conf_section *conf_find(const struct conf *c, const char *kind, const char *name)
{
    for (const struct conf_section *s = c->sections; s != NULL; s = s->next) {
        if (strcmp(s->kind, kind) == 0 && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

const struct conf_section *conf_next(const struct conf *c, const char *kind,
                                     const struct conf_section *after)
{
    for (const struct conf_section *s = after == NULL ? c->sections : after->next; s != NULL;
         s = s->next) {
        if (strcmp(s->kind, kind) == 0)
            return s;
    }
    return NULL;
}

const struct conf_key *conf_key(const struct conf_section *s, const char *name)
{
    for (const struct conf_key *k = s->keys; k != NULL; k = k->next) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

const char *conf_section_title(const struct conf_section *s, char *out, size_t out_size)
{
    (void)snprintf(out, out_size, s->name[0] == '\0' ? "%s" : "%s %s", s->kind, s->name);
    return out;
}

static bool check_section(const struct conf_section *s, const struct conf_kind *kinds, size_t count,
                          struct conf_report *report)
{
    struct conf_place at = {.file = s->file, .line = s->line, .section = s};
    struct nearest near = nearest_to(s->kind);
    char hint[80];

    for (size_t i = 0; i < count; i++) {
        const struct conf_kind *k = &kinds[i];
        if (strcmp(k->kind, s->kind) != 0) {
            nearest_offer(&near, k->kind);
            continue;
        }
        if (k->is_named == (s->name[0] != '\0'))
            return true;
        if (k->is_named)
            conf_report_error(report, at, "has no name; write [%s NAME]", k->kind);
        else
            conf_report_error(report, at, "takes no name; write [%s]", k->kind);
        return false;
    }
    conf_report_error(report, at, "unknown section%s", nearest_hint(&near, hint, sizeof(hint)));
    return false;
}

bool conf_check_sections(const struct conf *c, const struct conf_kind *kinds, size_t count,
                         struct conf_report *report)
{
    bool good = true;

    for (const struct conf_section *s = c->sections; s != NULL; s = s->next)
        good &= check_section(s, kinds, count, report);
    return good;
}

/* "etc/parley.ini", "production" -> "etc/parley.production.ini" */
static void layer_path(const char *path, const char *environment, struct buf *out)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(path, '.');
    size_t stem = dot != NULL && (slash == NULL || dot > slash + 1) && dot != path
                      ? (size_t)(dot - path)
                      : strlen(path);

    buf_append(out, path, stem);
    buf_append_char(out, '.');
    buf_append_str(out, environment);
    buf_append_str(out, path + stem);
}

/* An environment is part of a file name, so it must not leave the folder. */
static bool environment_is_name(const char *environment)
{
    size_t len = strspn(environment, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-");
    return len > 0 && len <= CONF_MAX_NAME && environment[len] == '\0';
}

static bool read_layer(struct conf *c, const char *path, struct conf_report *report)
{
    _cleanup_(secret_buf_done) struct buf text = {0};
    struct parley_error err = PARLEY_ERROR_INIT;

    if (expand_file(path, CONF_MAX_FILE_BYTES, &text, NULL, &err) < 0) {
        conf_report_error(report, (struct conf_place){0}, "%s", err.message);
        return false;
    }
    return conf_add_layer(c, buf_view(&text), path, report);
}

/* The absolute folder of a file. Links are kept as they are: a folder that is replaced through a
 * link (as Kubernetes does) must still be found under its old name at a reload. */
static int absolute_dir(const char *path, struct buf *out)
{
    const char *slash = strrchr(path, '/');

    if (path[0] != '/') {
        _cleanup_free_ char *cwd = getcwd(NULL, 0);
        if (cwd == NULL)
            return PARLEY_E_INVALID;
        buf_append_str(out, cwd);
        if (slash != NULL)
            buf_append_char(out, '/');
    }
    if (slash != NULL)
        buf_append(out, path, slash == path ? 1 : (size_t)(slash - path));
    return out->failed ? PARLEY_E_NO_MEMORY : PARLEY_OK;
}

static bool load_layers(struct conf *c, const char *path, const char *environment,
                        struct conf_report *report)
{
    _cleanup_(buf_done) struct buf second = {0};

    if (!read_layer(c, path, report))
        return false;
    if (environment == NULL || environment[0] == '\0')
        return true;
    if (!environment_is_name(environment)) {
        conf_report_error(report, (struct conf_place){0},
                          "\"%s\" is no name of an environment; use letters, digits, - and _",
                          environment);
        return false;
    }
    layer_path(path, environment, &second);
    if (second.failed) {
        conf_report_error(report, (struct conf_place){0}, "no memory for the environment's path");
        return false;
    }
    return read_layer(c, second.data, report);
}

int conf_load(const char *path, const char *environment, const struct conf_env *env,
              struct conf **ret_conf, struct conf_report *report)
{
    _cleanup_(buf_done) struct buf dir = {0};
    struct conf *c = NULL;

    if (absolute_dir(path, &dir) == PARLEY_OK)
        c = conf_create(dir.data, env);
    if (c == NULL) {
        conf_report_error(report, (struct conf_place){.file = path}, "its folder cannot be found");
        return PARLEY_E_INVALID;
    }
    if (!load_layers(c, path, environment, report)) {
        conf_destroy(c);
        return PARLEY_E_INVALID;
    }
    *ret_conf = c;
    return PARLEY_OK;
}
