/* SPDX-License-Identifier: Apache-2.0 */
/* The Azure CLI, for developers: a token of whoever is logged in. */
#ifndef IDENTITY_SOURCE_CLI_H
#define IDENTITY_SOURCE_CLI_H

#include "identity/source.h"

/* Run `az account get-access-token` and read what it says; blocks for at most ten seconds. Thread:
 * a pool's. */
void source_cli_run(const char *scope, struct source_answer *ret);

#endif
