/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl reload: a running server reads its configuration again. */
#include "base/json.h"
#include "ctl/admin.h"
#include "ctl/command.h"
#include "ctl/term.h"

static const char help[] =
    "usage: parleyctl reload [options]\n"
    "\n"
    "Asks a running parleyd to read its configuration again. New sessions get the new one; "
    "running\n"
    "conversations keep the old one until they end. A configuration with mistakes changes "
    "nothing,\n"
    "and the mistakes are shown.\n"
    "\n" ADMIN_HELP "\n"
    "  parleyctl reload -c etc/parley.ini\n"
    "\n"
    "Without the admin API, kill -HUP of the process does the same; its log says how it went.\n"
    "Exit code: 0 taken in, 1 refused, 2 wrong usage, 3 no server answers.\n";

static int run(int argc, char **argv)
{
    struct admin_options o = {0};
    const struct arg table[] = {ADMIN_ARGS(o), {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;
    json_t *answer = NULL;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK && args.count > 0)
        r = parley_fail(&err, PARLEY_E_INVALID, "reload takes no words, but there is \"%.60s\"",
                        args.words[0]);
    if (r < 0)
        return command_usage_error(&command_reload, &err);
    r = admin_ask(&o, "POST", "/admin/v1/reload", &answer, &err);
    if (r < 0)
        return command_failed(&command_reload, &err);
    if (o.is_json) {
        term_json(answer);
        return CTL_DONE;
    }
    json_decref(answer);
    (void)printf("The new configuration is in use for new sessions; the server's log names what "
                 "takes a restart.\n");
    return CTL_DONE;
}

const struct command command_reload = {
    .name = "reload",
    .summary = "let a running server read its configuration again",
    .help = help,
    .run = run,
};
