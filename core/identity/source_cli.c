/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/source_cli.h"

#include "base/clock.h"
#include "base/str.h"
#include "conf/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS   10000
#define MAX_OUTPUT (64 * 1024)
#define WHO        "az account get-access-token"

extern char **environ;

static bool is_there(const struct credential *c)
{
    char path[4096];
    struct parley_view rest = view_of(source_or_env("", "PATH")), folder;

    (void)c;
    while (view_split(&rest, ':', &folder)) {
        (void)snprintf(path, sizeof(path), "%.*s/az", (int)folder.len, folder.data);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* What the CLI would take for an option, or a shell for more, is no resource. */
static bool is_resource(struct parley_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/",
                   v.data[i]) == NULL)
            return false;
    }
    return v.len > 0 && v.len < 512 && v.data[0] != '-';
}

/* The child's standard output, from a pipe; its standard error goes nowhere: it may hold names. */
static int start(const char *resource, pid_t *ret_pid, int *ret_fd)
{
    char *const argv[] = {"az",   "account",    "get-access-token",          "--output",
                          "json", "--resource", (char *)(uintptr_t)resource, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int pipe_fds[2];

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 1);
    (void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int r = posix_spawnp(ret_pid, "az", &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(pipe_fds[1]);
    if (r == 0)
        *ret_fd = pipe_fds[0];
    else
        (void)close(pipe_fds[0]);
    return r == 0 ? 0 : -1;
}

/* Until its end, the limit in time or that in bytes. False for one of the limits. */
static bool read_all(int fd, struct buf *out)
{
    int64_t end_ms = clock_now_ms() + LIMIT_MS;
    char bytes[4096];

    while (out->len < MAX_OUTPUT) {
        int64_t left_ms = end_ms - clock_now_ms();
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || (poll(&watched, 1, (int)left_ms) <= 0 && errno != EINTR))
            return false;
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n == 0)
            return true;
        if (n > 0)
            buf_append(out, bytes, (size_t)n);
        else if (errno != EINTR)
            return false;
    }
    return false;
}

static void read_outcome(bool is_whole, int state, const struct buf *out, struct source_answer *ret)
{
    if (!is_whole)
        source_fail(ret, SOURCE_FAILED, PARLEY_E_TIMEOUT, WHO " did not end within %d seconds",
                    LIMIT_MS / 1000);
    else if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        source_fail(ret, SOURCE_FAILED, PARLEY_E_DENIED, WHO " failed; is `az login` needed?");
    else
        source_read_token(ret, WHO, buf_view(out));
}

void source_cli_run(const char *scope, struct source_answer *ret)
{
    struct parley_view v = source_resource(scope);
    struct buf out = {0};
    char resource[512];
    pid_t pid = 0;
    int fd = -1, state = 0;

    if (!is_resource(v)) {
        source_fail(ret, SOURCE_FAILED, PARLEY_E_INVALID, "the scope %.100s is none for the CLI",
                    scope);
        return;
    }
    view_copy(resource, sizeof(resource), v);
    if (start(resource, &pid, &fd) < 0) {
        source_fail(ret, SOURCE_FAILED, PARLEY_E_NOT_FOUND,
                    "the Azure CLI (az) cannot be started; is it installed?");
        return;
    }
    bool is_whole = read_all(fd, &out);
    (void)close(fd);
    if (!is_whole)
        (void)kill(-pid, SIGKILL);
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        continue;
    read_outcome(is_whole, state, &out, ret);
    secret_buf_done(&out);
}

const struct source source_cli = {.name = "azure-cli", .is_there = is_there, .is_command = true};
