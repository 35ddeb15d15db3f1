/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a Realtime server from its base URL and the model's name. */
#ifndef MODEL_OPENAI_ADDRESS_H
#define MODEL_OPENAI_ADDRESS_H

#include <parley/error.h>

#define ADDRESS_SIZE 1024

/*
 * "https://host/v1", "gpt-realtime" -> "wss://host/v1/realtime?model=gpt-realtime".
 * PARLEY_E_INVALID with err when the base URL is none, or does not end in /v1.
 */
int address_make(const char *base_url, const char *model, char out[ADDRESS_SIZE],
                 struct parley_error *err);

#endif
