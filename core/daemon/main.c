/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli.h"
#include "daemon/server.h"
#include "host/guard.h"

int main(int argc, char **argv)
{
    struct cli cli;
    int code;

    guard_name_crashes("parleyd");
    if (!cli_parse(argc, argv, &cli, &code))
        return code;
    return cli.checks_only ? server_check(&cli.source) : server_run(&cli.source);
}
