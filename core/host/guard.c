/* SPDX-License-Identifier: Apache-2.0 */
#include "host/guard.h"

#include "base/cleanup.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Thread_local struct guard now;

static struct {
    char *name;
    size_t size;
} mirror;

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static struct sigaction before[ARRAY_LEN(fatal)];
static const char *program = "parley";

static void show(void)
{
    if (mirror.name != NULL)
        (void)snprintf(mirror.name, mirror.size, "%s", now.whose == NULL ? "" : now.callback);
}

void guard_enter(struct guard *g, const char *whose, const char *callback)
{
    *g = now;
    now = (struct guard){.whose = whose, .callback = callback};
    show();
}

void guard_leave(const struct guard *g)
{
    now = *g;
    show();
}

void guard_mirror(char *name, size_t size)
{
    mirror.name = name;
    mirror.size = size;
}

/* ---- crashes: nothing here but what a signal handler may do ---- */

static void put(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));

    (void)written; /* nobody is left to be told */
}

static void put_number(int number)
{
    char text[12];
    size_t at = sizeof(text) - 1;

    text[at] = '\0';
    do
        text[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0 && at > 0);
    put(text + at);
}

static void put_name(int number)
{
    static const char *const names[] = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"};

    for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
        if (fatal[i] == number)
            put(names[i]);
    }
}

static void tell(int number)
{
    put(program);
    put(now.whose == NULL ? ": dies of signal "
                          : ": a plugin crashed, and takes the process with it signal=");
    put_number(number);
    put(" ");
    put_name(number);
    if (now.whose != NULL) {
        put(" plugin=\"");
        put(now.whose);
        put("\" callback=");
        put(now.callback);
        put(" fix=\"leave the plugin out, or use another version of it\"");
    }
    put("\n");
}

/* Whoever handled it before (the kernel's core dump, a sanitizer) does so after us. */
static void on_fatal(int number, siginfo_t *info, void *context)
{
    (void)context;
    tell(number);
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
        if (fatal[i] == number)
            (void)sigaction(number, &before[i], NULL);
    }
    if (info->si_code <= 0) /* sent, not struck: it does not come again by itself */
        (void)raise(number);
}

void guard_name_crashes(const char *name)
{
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    program = name;
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        (void)sigaction(fatal[i], &action, &before[i]);
}

void guard_forget_crashes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        (void)signal(fatal[i], SIG_DFL);
}
