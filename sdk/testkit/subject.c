/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin that is looked at: opened, opened again, closed, and what it left behind. */
#include "kit.h"
#include "runner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_OPTIONS 64

static const struct testkit_subject *subject;
static char plugin_name[80];
static char *filled[MAX_OPTIONS + 1]; /* the options, with the folder in them */
static unsigned open_plugins;

void subject_set(const struct testkit_subject *s)
{
    const char *slash = strrchr(s->path, '/');

    subject = s;
    (void)snprintf(plugin_name, sizeof(plugin_name), "%s", slash == NULL ? s->path : slash + 1);
    size_t len = strlen(plugin_name);
    if (len > 3 && strcmp(plugin_name + len - 3, ".so") == 0)
        plugin_name[len - 3] = '\0';
}

const struct testkit_subject *kit_subject(void)
{
    static const struct testkit_subject none;

    return subject == NULL ? &none : subject;
}

const char *kit_plugin_name(void)
{
    return plugin_name;
}

/* ---- the folder of a rule ---- */

const char *kit_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = kit_report->folder;

    if (folder[0] != '\0')
        return folder;
    if (base == NULL || base[0] == '\0')
        base = "/tmp";
    (void)snprintf(folder, sizeof(kit_report->folder), "%.200s/parley_testkit_XXXXXX", base);
    if (mkdtemp(folder) == NULL)
        kit_fail("kit", "no folder can be made in %s", base);
    return folder;
}

void kit_folder_remove(void)
{
    char path[sizeof(kit_report->folder) + 300];
    char *folder = kit_report->folder;

    if (folder[0] == '\0')
        return;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)unlink(path); /* "." and ".." stay */
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(folder);
    folder[0] = '\0';
}

/* "path=@/store.db" -> "path=/tmp/.../store.db" */
static char *with_folder(const char *option)
{
    const char *at = strstr(option, "=@/");
    char *text = NULL;

    if (at == NULL)
        return strdup(option);
    return asprintf(&text, "%.*s=%s/%s", (int)(at - option), option, kit_folder(), at + 3) < 0
               ? NULL
               : text;
}

static const char *const *options(void)
{
    for (size_t i = 0; subject->options != NULL && subject->options[i] != NULL; i++) {
        if (i == MAX_OPTIONS)
            kit_fail("kit", "more than %d options", MAX_OPTIONS);
        if (filled[i] == NULL)
            filled[i] = with_folder(subject->options[i]);
    }
    return (const char *const *)filled;
}

/* ---- opening ---- */

struct fake_plugin *kit_try_open(struct parley_error *err)
{
    struct fake_plugin *plugin = fake_plugin_open(subject->path, "main", options(), err);

    open_plugins += plugin != NULL;
    return plugin;
}

struct fake_plugin *kit_open(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct fake_plugin *plugin = kit_try_open(&err);

    if (plugin == NULL)
        kit_broken("it does not open: %s", err.message[0] == '\0' ? "(no reason)" : err.message);
    return plugin;
}

struct fake_plugin *kit_open_beside(struct fake_plugin *first)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct fake_plugin *plugin = fake_plugin_open_beside(first, "main", options(), &err);

    if (plugin == NULL)
        kit_fail("two-generations",
                 "a second instance does not open while the first one lives, as in a reload: %s",
                 err.message);
    open_plugins++;
    return plugin;
}

/* ---- closing ---- */

/* Of all instances: the fake host does not know whose a timer is. */
static void look_for_leftovers(void)
{
    if (fake_host_timers_made() > 0)
        kit_fail("leaves-nothing", "%zu timers are not destroyed when worker_stop() has returned",
                 fake_host_timers_made());
    if (fake_host_watches() > 0)
        kit_fail("leaves-nothing",
                 "%zu descriptors are still watched when worker_stop() has returned",
                 fake_host_watches());
    if (fake_host_jobs() > 0)
        kit_fail("leaves-nothing", "worker_stop() has offloaded %zu jobs, which nobody waits for",
                 fake_host_jobs());
}

/* A log that holds a secret is read by more people than the secret is for. */
static void look_for_secrets(const struct parley_plugin *d)
{
    for (uint32_t i = 0; i < d->option_count; i++) {
        const struct parley_option *o =
            (const void *)((const char *)d->options + (size_t)i * d->option_size);
        size_t len = strlen(o->name);
        for (char **at = filled; o->type == PARLEY_TYPE_SECRET && *at != NULL; at++) {
            if (strncmp(*at, o->name, len) != 0 || (*at)[len] != '=' || strlen(*at) < len + 5)
                continue;
            if (fake_host_logged(*at + len + 1))
                kit_fail("no-secrets-in-log", "the value of the option %s is in the log", o->name);
        }
    }
}

void kit_close(struct fake_plugin *plugin)
{
    if (plugin == NULL)
        return;
    look_for_secrets(fake_plugin_descriptor(plugin));
    fake_plugin_close(plugin);
    if (--open_plugins > 0)
        return;
    look_for_leftovers();
}

void subject_done(void)
{
    for (char **at = filled; *at != NULL; at++) {
        free(*at);
        *at = NULL;
    }
    kit_folder_remove();
}
