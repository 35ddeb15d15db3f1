/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 16

static struct kit_report own_report;
struct kit_report *kit_report = &own_report;

/* Threads of the plugin's own are in none of its callbacks. */
static _Thread_local struct {
    struct {
        const char *callback;
        enum kit_thread thread;
    } frames[MAX_DEPTH];
    unsigned depth;
    unsigned paused;
} now;

void kit_enter(const char *callback, enum kit_thread thread)
{
    if (now.depth >= MAX_DEPTH)
        kit_fail("no-recursion", "the plugin and the host call each other without end");
    now.frames[now.depth].callback = callback;
    now.frames[now.depth].thread = thread;
    now.depth++;
    (void)snprintf(kit_report->callback, sizeof(kit_report->callback), "%s", callback);
}

void kit_leave(void)
{
    now.depth--;
}

bool kit_in_plugin(void)
{
    return now.depth > 0 && now.paused == 0;
}

enum kit_thread kit_thread_now(void)
{
    return now.depth == 0 ? KIT_MAIN : now.frames[now.depth - 1].thread;
}

void kit_pause(void)
{
    now.paused++;
}

void kit_resume(void)
{
    now.paused--;
}

/* Not exit(): the plugin's state is not to be trusted any more. */
_Noreturn static void end_rule(void)
{
    if (kit_report->is_child)
        _exit(1);
    fprintf(stderr, "the plugin broke the rule \"%s\" in %s(): %s\n", kit_report->rule,
            kit_report->callback, kit_report->message);
    abort();
}

static void tell(const char *format, va_list args)
{
    kit_pause();
    (void)vsnprintf(kit_report->message, sizeof(kit_report->message), format, args);
    kit_report->is_broken = true;
}

_Noreturn void kit_fail(const char *rule, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(format, args);
    va_end(args);
    (void)snprintf(kit_report->rule, sizeof(kit_report->rule), "%s", rule);
    end_rule();
}

_Noreturn void kit_broken(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(format, args);
    va_end(args);
    end_rule();
}

_Noreturn void kit_skip(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(format, args);
    va_end(args);
    kit_report->is_broken = false;
    kit_report->is_skipped = true;
    end_rule();
}
