/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a program needs to find its way; parley's own environment holds keys that are not for it. */
static const char *const passed_on[] = {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "USER"};

#define PASSED_COUNT (sizeof(passed_on) / sizeof(passed_on[0]))

extern char **environ;

/* ---- words ---- */

static char **make_words(const struct child_command *command)
{
    char **words = calloc(command->args->count + 2, sizeof(*words));

    if (words == NULL)
        return NULL;
    words[0] = (char *)(uintptr_t)command->command;
    for (size_t i = 0; i < command->args->count; i++)
        words[i + 1] = (char *)(uintptr_t)command->args->items[i];
    return words;
}

static bool is_set(const struct parley_list *env, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
            return true;
    }
    return false;
}

/* The variable of our own environment as NAME=value; NULL: none. "()" begins a shell's function. */
static char *inherited(const char *name)
{
    size_t len = strlen(name);

    for (char **at = environ; *at != NULL; at++) {
        if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
            return strncmp(*at + len + 1, "()", 2) == 0 ? NULL : *at;
    }
    return NULL;
}

static char **make_environment(const struct parley_list *env)
{
    char **all = calloc(env->count + PASSED_COUNT + 1, sizeof(*all));
    size_t count = 0;

    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < PASSED_COUNT; i++) {
        char *variable = is_set(env, passed_on[i]) ? NULL : inherited(passed_on[i]);
        if (variable != NULL)
            all[count++] = variable;
    }
    for (size_t i = 0; i < env->count; i++)
        all[count++] = (char *)(uintptr_t)env->items[i];
    return all;
}

/* ---- pipes ---- */

static void close_all(int fds[6])
{
    for (int i = 0; i < 6; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

/* fds: read and write end of standard input, output, error. Ours do not block. */
static bool open_pipes(int fds[6])
{
    for (int i = 0; i < 6; i++)
        fds[i] = -1;
    for (int i = 0; i < 3; i++) {
        if (pipe2(&fds[2 * i], O_CLOEXEC) < 0)
            return false;
    }
    return fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0 && fcntl(fds[2], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(fds[4], F_SETFL, O_NONBLOCK) == 0;
}

/* ---- the start ---- */

static int plan_descriptors(posix_spawn_file_actions_t *actions, const int fds[6])
{
    int r = posix_spawn_file_actions_adddup2(actions, fds[0], STDIN_FILENO);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, fds[3], STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, fds[5], STDERR_FILENO);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (r == 0) /* what a library opened without close-on-exec */
        r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
    return r;
}

/* Its own group, so that a wrapper's children hear signals, too; signals as after a fresh start. */
static int plan_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &all);
    (void)posix_spawnattr_setpgroup(attr, 0);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const struct child_command *command, const int fds[6], pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char **words = make_words(command);
    char **environment = make_environment(command->env);
    int r = words == NULL || environment == NULL ? ENOMEM : 0;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attr);
    if (r == 0)
        r = plan_descriptors(&actions, fds);
    if (r == 0)
        r = plan_signals(&attr);
    if (r == 0)
        r = posix_spawnp(ret_pid, command->command, &actions, &attr, words, environment);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(words);
    free(environment);
    return r;
}

int child_start(const struct child_command *command, struct child *ret, struct parley_error *err)
{
    int fds[6];
    pid_t pid = 0;
    int r = open_pipes(fds) ? spawn(command, fds, &pid) : errno;

    if (r != 0) {
        close_all(fds);
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "command %s cannot be started: %s",
                           command->command, strerror(r));
    }
    *ret = (struct child){.pid = pid, .in = fds[1], .out = fds[2], .err = fds[4]};
    fds[1] = fds[2] = fds[4] = -1;
    close_all(fds);
    return PARLEY_OK;
}
