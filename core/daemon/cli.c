/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
    "usage: parleyd -c FILE [-e ENVIRONMENT] [--check]\n"
    "\n"
    "Hosts realtime voice and text agents: clients speak the OpenAI Realtime protocol to it.\n"
    "\n"
    "  -c, --config FILE      the INI file; etc/parley.ini in the source tree is one to start "
    "from\n"
    "  -e, --environment ENV  read FILE with .ENV before its ending as well, its keys win:\n"
    "                         parley.ini, then parley.production.ini\n"
    "      --check            check the configuration, say what is wrong, and exit\n"
    "  -h, --help             this text\n"
    "  -V, --version          the version\n"
    "\n"
    "Signals: SIGHUP reads the configuration again, SIGTERM lets running turns finish and stops.\n"
    "Exit codes: 0 stopped or good, 1 could not start, 2 bad configuration or arguments.\n";

static bool fail(int *ret_exit, const char *what)
{
    (void)fprintf(stderr, "parleyd: %s\n\n%s", what, usage);
    *ret_exit = 2;
    return false;
}

bool cli_parse(int argc, char **argv, struct cli *ret, int *ret_exit)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"environment", required_argument, NULL, 'e'},
        {"check", no_argument, NULL, 'C'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {0},
    };
    int option;

    *ret = (struct cli){.source = {.serves = true}};
    while ((option = getopt_long(argc, argv, "c:e:hV", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            ret->source.path = optarg;
            break;
        case 'e':
            ret->source.environment = optarg;
            break;
        case 'C':
            ret->checks_only = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            *ret_exit = 0;
            return false;
        case 'V':
            (void)printf("parleyd %s\n", PARLEY_VERSION);
            *ret_exit = 0;
            return false;
        default:
            return fail(ret_exit, "see the options below");
        }
    }
    if (optind < argc)
        return fail(ret_exit, "there is an argument too many; a file is named with -c");
    if (ret->source.path == NULL)
        return fail(ret_exit, "which configuration? name one with -c FILE");
    return true;
}
