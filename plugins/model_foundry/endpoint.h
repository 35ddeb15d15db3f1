/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a service from what an operator copies out of the portal, with the usual mistakes
 * told apart. */
#ifndef MODEL_FOUNDRY_ENDPOINT_H
#define MODEL_FOUNDRY_ENDPOINT_H

#include "config.h"

#include <parley/error.h>

#define ENDPOINT_SIZE 2048

/* PARLEY_E_INVALID: the message names the option, the value and how to write it. */
int endpoint_make(const struct foundry_config *c, char out[ENDPOINT_SIZE],
                  struct parley_error *err);

#endif
