/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/command.h"
#include "host/guard.h"

int main(int argc, char **argv)
{
    guard_name_crashes("parleyctl");
    return command_main(argc, argv);
}
