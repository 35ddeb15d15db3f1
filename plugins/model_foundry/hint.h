/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal of Azure most likely means, for the log: one line with the way out. */
#ifndef MODEL_FOUNDRY_HINT_H
#define MODEL_FOUNDRY_HINT_H

#include "config.h"

#include <stddef.h>

/* For the status of a refused handshake and the error's code ("" for none). "" when nothing is
 * known. `config`: struct foundry_config. */
void hint_write(const void *config, int http_status, const char *code, const char *message,
                char *out, size_t size);

#endif
