/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for every plugin: its descriptor, its life, its memory, its neighbours. */
#include "kit.h"

#include "host/shared_object.h"

#include <stdio.h>
#include <string.h>

#define CYCLES 3

static void check_word(const char *field, const char *word)
{
    if (word == NULL || word[0] == '\0')
        kit_broken("%s is missing from its descriptor", field);
    if (!kit_is_utf8(kit_view(word)))
        kit_broken("%s is not UTF-8", field);
}

static void check_option(const struct parley_option *o)
{
    check_word("the name of an option", o->name);
    if (strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(o->name))
        kit_broken("the option \"%s\" is no INI key: lower-case letters, digits and _", o->name);
    if (o->help == NULL || o->help[0] == '\0')
        kit_broken("the option %s has no help; it is what operators read", o->name);
}

static void descriptor(void)
{
    struct fake_plugin *plugin = kit_open();
    const struct parley_plugin *d = fake_plugin_descriptor(plugin);

    check_word("name", d->name);
    if (strcmp(d->name, kit_plugin_name()) != 0)
        kit_broken("it calls itself \"%s\" and its file is %s.so", d->name, kit_plugin_name());
    check_word("version", d->version);
    check_word("summary", d->summary);
    check_word("licence", d->licence);
    if ((d->worker_start == NULL) != (d->worker_stop == NULL))
        kit_broken("worker_start and worker_stop come both or not at all");
    if (d->role_count == 0)
        kit_broken("it plays no role");
    for (uint32_t i = 0; i < d->option_count; i++)
        check_option((const void *)((const char *)d->options + (size_t)i * d->option_size));
    kit_close(plugin);
}

static void one_symbol(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char name[128];

    if (shared_object_other_export(kit_subject()->path, name, sizeof(name)))
        kit_broken("it exports \"%s\" beside %s; build it with -fvisibility=hidden and make "
                   "functions static",
                   name, PARLEY_ENTRY_NAME);
    if (shared_object_check(kit_subject()->path, &err) < 0)
        kit_broken("%s", err.message);
}

static void again_and_again(void)
{
    for (int i = 0; i < CYCLES; i++)
        kit_close(kit_open());
}

/* One life after another; the first ones fill caches of libraries, which stay. */
static void no_leak(void)
{
    long live[CYCLES + 2] = {0};

    if (!kit_memory_counts())
        kit_skip("another allocator does not let it count");
    for (size_t i = 0; i < KIT_COUNT(live); i++) {
        kit_close(kit_open());
        live[i] = kit_memory_live();
    }
    long grown = live[CYCLES + 1] - live[CYCLES];
    if (grown > 0 && grown == live[CYCLES] - live[CYCLES - 1])
        kit_fail("frees-what-it-took",
                 "%ld blocks more after each life from load() to unload() than before", grown);
}

static void two_generations(void)
{
    struct fake_plugin *first = kit_open();
    struct fake_plugin *second = kit_open_beside(first);

    kit_settle();
    kit_close(first);
    kit_settle();
    struct fake_plugin *third = kit_open_beside(second);
    kit_close(second);
    kit_settle();
    kit_close(third);
}

static void without_services(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    fake_host_refuse_services(true);
    struct fake_plugin *plugin = kit_try_open(&err);
    if (plugin == NULL && err.message[0] == '\0')
        kit_fail("refusal-explains-itself",
                 "without services it does not open, and does not say which one it needs");
    kit_close(plugin);
}

static void out_of_memory(void)
{
    for (unsigned n = 1; n < KIT_MAX_ALLOCATIONS; n = kit_memory_next(n)) {
        struct parley_error err = PARLEY_ERROR_INIT;
        kit_memory_fail_at(n);
        struct fake_plugin *plugin = kit_try_open(&err);
        bool was_reached = kit_memory_has_failed();
        kit_memory_fail_at(0);
        if (plugin == NULL && err.message[0] == '\0')
            kit_fail("refusal-explains-itself",
                     "when allocation %u failed it refused without a message", n);
        kit_close(plugin);
        if (!was_reached)
            return;
    }
}

static const struct kit_case cases[] = {
    {"life.descriptor", "says who it is, and each option what it is for", descriptor},
    {"life.one-symbol", "exports parley_plugin_v1 and nothing else", one_symbol},
    {"life.again", "is loaded, started, stopped and gone, several times", again_and_again},
    {"life.no-leak", "frees what it took", no_leak},
    {"life.two-generations", "has two instances side by side, as in a reload", two_generations},
    {"life.without-services", "opens or says why not when the host has no service",
     without_services},
    {"life.out-of-memory", "starts or says why not when any allocation fails", out_of_memory},
};

const struct kit_suite kit_suite_life = {NULL, cases, KIT_COUNT(cases)};
