/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that wait, in front of those of the C library: a plugin that calls one of them on a
 * worker holds up every conversation there. That needs no clock to be seen.
 */
#include "kit.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void waits(const char *function)
{
    if (kit_in_plugin() && kit_thread_now() == KIT_WORKER)
        kit_fail("never-blocks",
                 "%s() waits, and with it every conversation of the worker; use a timer, a "
                 "service, or the offload pool",
                 function);
}

#define REAL(name)                                                                                 \
    static __typeof__(&name) real_;                                                                \
    if (real_ == NULL) {                                                                           \
        void *symbol_ = dlsym(RTLD_NEXT, #name);                                                   \
        memcpy(&real_, &symbol_, sizeof(real_));                                                   \
    }

EXPORT int nanosleep(const struct timespec *time, struct timespec *left)
{
    REAL(nanosleep)
    waits("nanosleep");
    return real_(time, left);
}

EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left)
{
    REAL(clock_nanosleep)
    waits("clock_nanosleep");
    return real_(clock, flags, time, left);
}

EXPORT int usleep(useconds_t time)
{
    REAL(usleep)
    waits("usleep");
    return real_(time);
}

EXPORT unsigned sleep(unsigned seconds)
{
    REAL(sleep)
    waits("sleep");
    return real_(seconds);
}

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    REAL(poll)
    if (timeout_ms != 0)
        waits("poll");
    return real_(fds, count, timeout_ms);
}

EXPORT int select(int count, fd_set *read_set, fd_set *write_set, fd_set *other_set,
                  struct timeval *timeout)
{
    REAL(select)
    if (timeout == NULL || timeout->tv_sec != 0 || timeout->tv_usec != 0)
        waits("select");
    return real_(count, read_set, write_set, other_set, timeout);
}

EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret)
{
    REAL(getaddrinfo)
    waits("getaddrinfo");
    return real_(node, service, hints, ret);
}

EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
    REAL(waitpid)
    if ((options & WNOHANG) == 0)
        waits("waitpid");
    return real_(pid, status, options);
}

EXPORT int system(const char *command)
{
    REAL(system)
    waits("system");
    return real_(command);
}

void kit_blocking_watch(void)
{
    /* Being called is enough: whoever calls it has linked this file. */
}
