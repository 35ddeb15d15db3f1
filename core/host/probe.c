/* SPDX-License-Identifier: Apache-2.0 */
#include "host/probe.h"

#include "host/guard.h"
#include "host/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child leaves behind, in memory of both. */
struct trace {
    bool is_through;
    char step[64]; /* the callback that runs */
};

/* What it writes it will write again when it is loaded here. */
static void be_silent(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null < 0)
        return;
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(null, STDERR_FILENO);
}

static _Noreturn void run_in_child(const char *path, const struct parley_host *host,
                                   struct trace *trace)
{
    struct plugin *plugin = NULL;

    guard_forget_crashes();
    guard_mirror(trace->step, sizeof(trace->step));
    be_silent();
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(PROBE_LIMIT_S);
    if (loader_open(path, host, &plugin, NULL) == PARLEY_OK)
        loader_close(plugin);
    trace->is_through = true;
    _exit(0);
}

static int tell_death(const char *path, const struct trace *trace, int status,
                      struct parley_error *err)
{
    char how[80];

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        (void)snprintf(how, sizeof(how), "does not come back within %d seconds", PROBE_LIMIT_S);
    else if (WIFSIGNALED(status))
        (void)snprintf(how, sizeof(how), "crashes (%s)", strsignal(WTERMSIG(status)));
    else
        (void)snprintf(how, sizeof(how), "ends the process with exit code %d", WEXITSTATUS(status));
    return parley_fail(err, PARLEY_E_INVALID,
                       "%s: it %s in %s; parley was spared because it tries a plugin in a child "
                       "process first",
                       path, how, trace->step[0] == '\0' ? "its constructors" : trace->step);
}

static pid_t wait_for(pid_t child, int *ret_status)
{
    pid_t pid;

    do
        pid = waitpid(child, ret_status, 0);
    while (pid < 0 && errno == EINTR);
    return pid;
}

int probe_load(const char *path, const struct parley_host *host, struct parley_error *err)
{
    struct trace *trace =
        mmap(NULL, sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    int r = PARLEY_OK;

    if (trace == MAP_FAILED)
        return PARLEY_OK; /* then without a net */
    pid_t child = fork();
    if (child == 0)
        run_in_child(path, host, trace);
    if (child > 0 && wait_for(child, &status) == child && !trace->is_through)
        r = tell_death(path, trace, status, err);
    (void)munmap(trace, sizeof(*trace));
    return r;
}
