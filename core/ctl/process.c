/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/process.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is kept of a program's words: messages come last. */
#define KEEP_BYTES 8192

extern char **environ;

static int fill_actions(posix_spawn_file_actions_t *actions, const char *dir, int out)
{
    int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, out, STDERR_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(actions, dir);
    return r;
}

static int spawn(const char *const *argv, const char *dir, int out, pid_t *ret_pid,
                 struct parley_error *err)
{
    posix_spawn_file_actions_t actions;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory to start it", argv[0]);
    int r = fill_actions(&actions, dir, out);
    if (r == 0)
        r = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r == ENOENT)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: no such program in PATH", argv[0]);
    if (r != 0)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: cannot be started: %s", argv[0],
                           strerror(r));
    return PARLEY_OK;
}

/* A signal that this program catches ends the other one too. */
static void read_all(int in, pid_t pid, struct buf *said)
{
    char chunk[4096];

    for (;;) {
        ssize_t len = read(in, chunk, sizeof(chunk));
        if (len < 0 && errno == EINTR) {
            (void)kill(pid, SIGTERM); /* it may have ended by itself */
            continue;
        }
        if (len <= 0)
            return;
        buf_append(said, chunk, (size_t)len);
        if (said->len > KEEP_BYTES)
            buf_consume(said, said->len - KEEP_BYTES);
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_run(const char *const *argv, const char *dir, struct process_result *ret_result,
                struct parley_error *err)
{
    struct process_result result = {0};
    int ends[2];
    pid_t pid = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return parley_fail(err, PARLEY_E_INTERNAL, "%s: no pipe: %s", argv[0], strerror(errno));
    int r = spawn(argv, dir, ends[1], &pid, err);
    close(ends[1]);
    if (r == PARLEY_OK) {
        read_all(ends[0], pid, &result.said);
        result.exit_status = wait_for(pid);
        *ret_result = result;
    }
    close(ends[0]);
    return r;
}
